"""Episodes take the random numbers the contract names, and the value of a behaviour is the mean of its episodes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs.tabular import TabularMDP, garnet
from planners.linvit.behaviour import Behaviour, behaviour_value, inverse_cdf, next_planning, play
from planners.linvit.solve import evaluate, uniform


@pytest.fixture
def env() -> TabularMDP:
    return garnet(4, 3, 3, 2, seed=1, stationary=False)


def test_an_episode_takes_one_block_of_uniform_numbers(env: TabularMDP) -> None:
    rng, block = np.random.default_rng(3), np.random.default_rng(3).random(2 * env.horizon + 1)
    policy = np.exp(uniform(env))
    path = play(env, Behaviour(policy), rng)
    assert rng.random() == np.random.default_rng(3).random(2 * env.horizon + 2)[-1]
    state = env.initial_state
    for step, (here, action, successor) in enumerate(path):
        assert here == state
        assert action == np.searchsorted(np.cumsum(policy[step, state]), block[2 * step + 1], side="right")
        found, probabilities = env.successors(step, state, action)
        assert successor == found[np.searchsorted(np.cumsum(probabilities), block[2 * step + 2], side="right")]
        state = successor


def test_the_exploring_step_is_uniform_over_none_and_each(env: TabularMDP) -> None:
    policy = np.zeros(env.r.shape)
    policy[..., 0] = 1.0
    behaviour = Behaviour(policy, np.full(env.r.shape[:2], 2))
    rng, seen = np.random.default_rng(0), np.zeros(env.horizon + 1)
    for _ in range(4000):
        explored = [step for step, (_, action, _) in enumerate(play(env, behaviour, rng)) if action == 2]
        assert len(explored) <= 1
        seen[explored[0] if explored else -1] += 1
    np.testing.assert_allclose(seen / 4000, 1 / (env.horizon + 1), atol=0.03)


def test_the_value_of_a_mixture_is_the_mean_over_the_step_that_explores(env: TabularMDP) -> None:
    rng = np.random.default_rng(5)
    policy, prior = rng.dirichlet(np.ones(3), size=env.r.shape[:2]), np.log(rng.dirichlet(np.ones(3), env.r.shape[:2]))
    explore = rng.integers(3, size=env.r.shape[:2])
    found = []
    for at in range(-1, env.horizon):
        mixed = policy.copy()
        if at >= 0:
            mixed[at] = np.eye(3)[explore[at]]
        ev = evaluate(env, mixed, prior)
        found.append((ev.v[0, env.initial_state], ev.kl[0, env.initial_state]))
    np.testing.assert_allclose(
        behaviour_value(env, Behaviour(policy, explore), prior), np.mean(found, axis=0), rtol=1e-12
    )


@given(weights=st.lists(st.sampled_from([0.0, 0.2, 1.0]), min_size=1, max_size=6).filter(any), drawn=st.floats(0, 1))
def test_an_action_without_probability_is_never_drawn(weights: list[float], drawn: float) -> None:
    probabilities = np.array(weights) / sum(weights)
    assert probabilities[inverse_cdf(probabilities, drawn)] > 0


def test_planning_is_two_percent_apart_and_at_least_one_episode() -> None:
    assert [next_planning(t) for t in (0, 49, 99, 100, 5000)] == [1, 50, 100, 102, 5100]
