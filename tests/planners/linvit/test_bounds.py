"""Bounds from counts: the formulas, the rule for actions never taken, and their limits."""

import math

import numpy as np
import pytest

from envs.tabular import TabularMDP, deep_sea, garnet
from planners.linvit.behaviour import Behaviour, play
from planners.linvit.bounds import Problem, bonus, bounds, value_caps
from planners.linvit.counts import Counts
from planners.linvit.solve import solve, uniform
from slinvit.errors import InputError


def played(env: TabularMDP, episodes: int) -> Counts:
    rng, transitions = np.random.default_rng(0), np.zeros((*env.r.shape, env.num_states), dtype=np.int64)
    for _ in range(episodes):
        for step, (state, action, successor) in enumerate(play(env, Behaviour(np.exp(uniform(env))), rng)):
            transitions[step, state, action, successor] += 1
    return Counts(transitions)


@pytest.fixture
def env() -> TabularMDP:
    return garnet(4, 3, 3, 2, seed=1, stationary=False)


def test_the_bonus_is_the_formula() -> None:
    visits = np.array([[[0, 1, 7]], [[2, 3, 100]]])  # H = 2, S = 1, A = 3
    width = bonus(visits, value_caps(2), 0.1, 0.5)
    for step, action in ((0, 1), (0, 2)):
        n = visits[step, 0, action]
        wanted = 0.5 * 1.0 * math.sqrt(math.log(4 * 1 * 3 * 2 * n**2 / 0.1) / (2 * n))
        assert width[step, 0, action] == pytest.approx(wanted, rel=1e-14)
    assert width[0, 0, 0] == width[0, 0, 1]  # n = max(1, N)
    assert (width[1] == 0).all()  # nothing is earned after the last step


def test_an_action_never_taken_is_worth_its_reward_at_least_and_the_cap_at_most(env: TabularMDP) -> None:
    found = bounds(Problem.of(env, uniform(env)), Counts.empty(env), 0.5, 0.1)
    np.testing.assert_array_equal(found.q_upper, np.broadcast_to([[[3.0]], [[2.0]], [[1.0]]], env.r.shape))
    np.testing.assert_array_equal(found.q_lower, env.r)


def test_one_step_of_the_sweep_is_the_formula(env: TabularMDP) -> None:
    counts, lam = played(env, 300), 0.3
    problem = Problem.of(env, uniform(env))
    found = bounds(problem, counts, lam, 0.1, 0.25)
    width = bonus(counts.visits, problem.caps, 0.1, 0.25)
    step, state, action = 0, env.initial_state, 1
    ahead = counts.model()[step, state, action] @ found.v_upper[step + 1]
    wanted = min(env.r[step, state, action] + ahead + width[step, state, action], 3.0)
    assert found.q_upper[step, state, action] == pytest.approx(wanted, rel=1e-13)
    soft = lam * np.log(np.mean(np.exp(found.q_upper[step, state] / lam)))
    assert found.v_upper[step, state] == pytest.approx(soft, rel=1e-13)
    weights = np.exp((found.q_upper[step, state] - soft) / lam) / 3
    np.testing.assert_allclose(found.optimistic[step, state], weights, rtol=1e-12)


@pytest.mark.parametrize("lam", [0.0, 0.3])
def test_with_every_transition_known_and_no_bonus_both_bounds_are_the_solution(lam: float) -> None:
    env = deep_sea(3)
    counts = Counts(np.round(np.broadcast_to(env.dense(), (*env.r.shape, env.num_states))).astype(np.int64))
    found = bounds(Problem.of(env, uniform(env)), counts, lam, 0.1, 1e-300)
    solution = solve(env, uniform(env), lam)
    np.testing.assert_allclose(found.v_upper, solution.v, atol=1e-12)
    np.testing.assert_allclose(found.v_lower, solution.v, atol=1e-12)


def test_a_known_largest_return_caps_every_step() -> None:
    np.testing.assert_array_equal(value_caps(3), [3, 2, 1, 0])
    np.testing.assert_array_equal(value_caps(3, 1.0), [1, 1, 1, 0])
    with pytest.raises(InputError, match=r"max_return 0\.5 is below the largest reward 1"):
        Problem.of(deep_sea(3), uniform(deep_sea(3)), 0.5)
