"""Every lemma of docs/theory.md §3 and §5, on real MDPs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.tabular import TabularMDP, deep_sea, garnet, river_swim
from planners.linvit import Linvit, at_kl, optimal, solve, trajectory_kl, uniform
from planners.linvit.bounds import bonus, value_caps
from planners.linvit.lemmas import (
    convexity_slack,
    expected_sum,
    fast_rate_bound,
    gap_recursion_slack,
    largest_kl,
    local_divergences,
    local_losses,
    sandwich_violation,
    shortfall,
    smoothness_slack,
    visit_sum_bound,
)
from slinvit.kl import gibbs_policy

LAMS = [0.01, 0.1, 1.0, 10.0]
ENVS = [garnet(5, 3, 4, 2, seed=2, stationary=False), river_swim(6, 12), deep_sea(4)]


@pytest.mark.parametrize("env", ENVS, ids=lambda env: env.name)
@pytest.mark.parametrize("lam", LAMS)
def test_the_performance_difference_is_the_sum_of_local_losses_and_those_are_divergences(
    env: TabularMDP, lam: float
) -> None:
    rng, prior = np.random.default_rng(0), at_kl(env, 0.5)
    solution = solve(env, prior, lam)
    policy = rng.dirichlet(np.ones(env.num_actions), size=env.r.shape[:2])
    losses = local_losses(solution, policy, prior, lam)
    assert losses.min() >= -1e-9
    np.testing.assert_allclose(losses, local_divergences(solution, policy, lam), atol=1e-9)
    difference = shortfall(env, solution, policy, prior, lam)
    assert expected_sum(env, policy, losses) == pytest.approx(difference, abs=1e-8)


@pytest.mark.parametrize("env", ENVS, ids=lambda env: env.name)
@pytest.mark.parametrize("lam", LAMS)
def test_the_loss_of_an_optimistic_policy_is_second_order_in_its_excess(env: TabularMDP, lam: float) -> None:
    rng, prior = np.random.default_rng(1), at_kl(env, 0.5)
    solution = solve(env, prior, lam)
    for scale in (0.01, 0.3, 3.0):
        excess = scale * rng.random(env.r.shape)
        policy = np.exp(gibbs_policy(solution.q + excess, prior, lam))
        assert fast_rate_bound(env, policy, excess, lam) >= shortfall(env, solution, policy, prior, lam) - 1e-9


vectors = st.lists(st.tuples(st.floats(-5, 5), st.floats(-5, 5), st.floats(0.01, 1)), min_size=1, max_size=6)


@settings(max_examples=100)
@given(rows=vectors, lam=st.floats(0.01, 10))
def test_the_soft_value_is_smooth_and_convex(rows: list[tuple[float, float, float]], lam: float) -> None:
    x, y, weights = np.array(rows).T
    prior = np.log(weights / weights.sum())
    assert smoothness_slack(x, y, prior, lam) >= -1e-9
    upper, lower = np.maximum(x, y), np.minimum(x, y)
    for slack in convexity_slack(upper, lower, prior, lam):
        assert slack >= -1e-9


def test_the_gap_recursion_holds_wherever_an_action_was_taken() -> None:
    env = garnet(5, 3, 4, 2, seed=2, stationary=False)
    result = Linvit(0.4, 0.1, lam=0.5, stop=False, oracle=False).run(env, 500, np.random.default_rng(0))
    assert result.bounds is not None
    visits = result.counts.visits
    width = bonus(visits, value_caps(env.horizon), 0.1)
    first, second = gap_recursion_slack(result.bounds, result.counts.model(), width)
    assert first[visits > 0].min() >= -1e-12
    assert second.min() >= -1e-12


@given(path=st.lists(st.integers(0, 3), min_size=1, max_size=200))
def test_inverse_visits_along_any_path_add_up_to_a_logarithm(path: list[int]) -> None:
    seen, total = np.zeros(4), 0.0
    for pair in path:
        total += 1 / max(1.0, seen[pair])
        seen[pair] += 1
    assert total <= visit_sum_bound(4, len(path)) + 1e-9


@pytest.mark.parametrize("env", ENVS, ids=lambda env: env.name)
def test_no_policy_is_further_from_the_prior_than_the_ceiling(env: TabularMDP) -> None:
    prior = at_kl(env, 3.0)
    ceiling = largest_kl(prior)
    assert trajectory_kl(env, optimal(env).policy, prior) <= ceiling
    for seed in range(20):
        policy = np.eye(env.num_actions)[np.random.default_rng(seed).integers(env.num_actions, size=env.r.shape[:2])]
        assert trajectory_kl(env, policy, prior) <= ceiling + 1e-9
    assert largest_kl(uniform(env)) == pytest.approx(env.horizon * np.log(env.num_actions))


def test_a_violation_is_how_far_the_truth_is_outside() -> None:
    env = river_swim(4, 5)
    result = Linvit(0.4, 0.1, lam=0.5, stop=False).run(env, 50, np.random.default_rng(0))
    assert result.bounds is not None
    assert sandwich_violation(env, result.bounds, solve(env, uniform(env), 0.5)) <= 1e-12
    wrong = solve(env, uniform(env), 0.5)
    wrong.q[2, 1, 0] = result.bounds.q_upper[2, 1, 0] + 0.25
    assert sandwich_violation(env, result.bounds, wrong) == pytest.approx(0.25)
