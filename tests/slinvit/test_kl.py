import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from slinvit import InputError
from slinvit.kl import (
    gibbs_policy,
    kl_divergence,
    proposal_posterior,
    regularised_backup,
    regularised_value,
    soft_value,
)
from slinvit.types import FloatArray

sizes = st.integers(1, 6)
lams = st.floats(1e-2, 1e4)


def log_normalised(weights: Sequence[float]) -> FloatArray:
    return np.log(np.array(weights) / math.fsum(weights))


def distributions(size: int) -> st.SearchStrategy[FloatArray]:
    """Log-probabilities down to about 1e-30."""
    exponents = st.lists(st.floats(-30, 0), min_size=size, max_size=size)
    return exponents.map(lambda e: log_normalised([10**x for x in e]))


def values(size: int, largest: float = 1e3) -> st.SearchStrategy[FloatArray]:
    return arrays(np.float64, size, elements=st.floats(-largest, largest))


pairs = sizes.flatmap(lambda n: st.tuples(distributions(n), distributions(n)))
problems = sizes.flatmap(lambda n: st.tuples(values(n), distributions(n)))


def soft_value_by_formula(q: FloatArray, log_prior: FloatArray, lam: float) -> float:
    """lam log sum p exp(q / lam), around the best exponent so that fsum sees no overflow."""
    exponents = [float(p) + float(x) / lam for x, p in zip(q, log_prior, strict=True)]
    peak = max(exponents)
    return lam * (peak + math.log(math.fsum(math.exp(e - peak) for e in exponents)))


def test_the_direction_is_policy_first_prior_second() -> None:
    p, q = np.log([0.9, 0.1]), np.log([0.5, 0.5])
    assert kl_divergence(p, q) == pytest.approx(0.368064, abs=1e-6)
    assert kl_divergence(q, p) == pytest.approx(0.510826, abs=1e-6)
    assert kl_divergence(p, q) == pytest.approx(0.9 * math.log(0.9 / 0.5) + 0.1 * math.log(0.1 / 0.5))


@given(pairs)
def test_kl_follows_its_formula_and_is_never_negative(pair: tuple[FloatArray, FloatArray]) -> None:
    p, q = pair
    expected = math.fsum(math.exp(a) * (a - b) for a, b in zip(p, q, strict=True))
    assert kl_divergence(p, q) >= 0
    assert kl_divergence(p, q) == pytest.approx(expected, rel=1e-9, abs=1e-12)
    assert kl_divergence(p, p) == 0


def test_kl_is_infinite_exactly_where_the_second_excludes_what_the_first_allows() -> None:
    half, first = np.log([0.5, 0.5]), np.array([0.0, -np.inf])
    assert kl_divergence(half, first) == np.inf
    assert kl_divergence(first, half) == pytest.approx(math.log(2))
    assert kl_divergence(first, first) == 0
    assert kl_divergence([0.0, -800.0], first) == np.inf


@given(problems, lams)
def test_soft_value_follows_its_formula(problem: tuple[FloatArray, FloatArray], lam: float) -> None:
    q, prior = problem
    assert soft_value(q, prior, lam) == pytest.approx(soft_value_by_formula(q, prior, lam), rel=1e-9, abs=1e-9)


@given(problems, lams)
def test_the_gibbs_policy_is_normalised_and_follows_its_formula(
    problem: tuple[FloatArray, FloatArray], lam: float
) -> None:
    q, prior = problem
    policy = gibbs_policy(q, prior, lam)
    normaliser = soft_value_by_formula(q, prior, lam)
    assert np.logaddexp.reduce(policy) == pytest.approx(0, abs=1e-9)
    assert policy == pytest.approx(prior + (q - normaliser) / lam, rel=1e-9, abs=1e-8)


@given(problems, lams, st.floats(-1e3, 1e3))
def test_a_shift_of_all_values_shifts_the_soft_value_and_leaves_the_policy_alone(
    problem: tuple[FloatArray, FloatArray], lam: float, shift: float
) -> None:
    q, prior = problem
    assert soft_value(q + shift, prior, lam) == pytest.approx(soft_value(q, prior, lam) + shift, abs=1e-8)
    assert np.exp(gibbs_policy(q + shift, prior, lam)) == pytest.approx(np.exp(gibbs_policy(q, prior, lam)), abs=1e-6)


@given(sizes.flatmap(lambda n: st.tuples(values(n), distributions(n), distributions(n))), lams)
def test_no_policy_beats_the_gibbs_policy_and_the_loss_is_lam_times_the_divergence(
    case: tuple[FloatArray, FloatArray, FloatArray], lam: float
) -> None:
    q, prior, other = case
    best = soft_value(q, prior, lam)
    gibbs = gibbs_policy(q, prior, lam)
    tolerance = 1e-9 * (1e3 + 100 * lam)
    assert regularised_value(q, gibbs, prior, lam) == pytest.approx(float(best), abs=tolerance)
    loss = lam * float(kl_divergence(other, gibbs))
    assert regularised_value(q, other, prior, lam) == pytest.approx(float(best) - loss, rel=1e-9, abs=tolerance)


@given(problems, lams)
def test_the_soft_value_lies_between_the_prior_mean_and_the_best(
    problem: tuple[FloatArray, FloatArray], lam: float
) -> None:
    q, prior = problem
    value = float(soft_value(q, prior, lam))
    assert float(soft_value(q, prior, math.inf)) - 1e-8 <= value <= q.max() + 1e-8
    assert value >= float((q + lam * prior).max()) - 1e-8
    assert value <= float(soft_value(q, prior, lam / 2)) + 1e-8


@given(problems)
def test_the_limits_of_lam_are_the_best_action_and_the_prior(problem: tuple[FloatArray, FloatArray]) -> None:
    q, prior = problem
    q = np.round(q)
    assert soft_value(q, prior, 0) == q.max()
    assert soft_value(q, prior, 1e-3) == pytest.approx(q.max(), abs=0.1)
    assert soft_value(q, prior, math.inf) == pytest.approx(float((np.exp(prior) * q).sum()), abs=1e-9)
    assert gibbs_policy(q, prior, math.inf) == pytest.approx(prior, abs=1e-12)
    restricted = np.where(q == q.max(), prior, -np.inf)
    expected = restricted - np.logaddexp.reduce(restricted)
    assert gibbs_policy(q, prior, 0) == pytest.approx(expected, abs=1e-9)
    assert np.exp(gibbs_policy(q, prior, 1e-3)) == pytest.approx(np.exp(expected), abs=1e-9)


@pytest.mark.parametrize("lam", [1e-300, 1e-3, 1.0])
def test_values_of_a_thousand_nats_and_priors_of_1e_minus_30_stay_finite(lam: float) -> None:
    prior = log_normalised([1.0, 1e-30])
    q = np.array([0.0, 1e3 * max(lam, 1e-3)])
    assert np.exp(gibbs_policy(q, prior, lam)) == pytest.approx([0.0, 1.0])
    assert soft_value(q, prior, lam) == pytest.approx(q[1] + lam * math.log(1e-30))
    assert soft_value(-q, prior, lam) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("lam", [0.0, 0.3, math.inf])
def test_actions_outside_the_support_are_never_chosen_and_their_values_do_not_matter(lam: float) -> None:
    prior = np.array([math.log(0.25), -np.inf, math.log(0.75)])
    for excluded in (1e6, -np.inf, 0.0):
        q = np.array([1.0, excluded, 2.0])
        inside = [0, 2]
        assert gibbs_policy(q, prior, lam)[1] == -np.inf
        assert gibbs_policy(q, prior, lam)[inside] == pytest.approx(gibbs_policy(q[inside], prior[inside], lam))
        assert soft_value(q, prior, lam) == pytest.approx(float(soft_value(q[inside], prior[inside], lam)))
        policy = np.array([math.log(0.5), -np.inf, math.log(0.5)])
        if lam < math.inf:
            assert np.isfinite(regularised_value(q, policy, prior, lam))


@given(st.integers(1, 4), sizes, st.data(), st.sampled_from([0.0, 0.3, 10.0, math.inf]))
def test_rows_of_a_batch_do_not_influence_each_other(rows: int, size: int, data: st.DataObject, lam: float) -> None:
    q = np.stack([data.draw(values(size)) for _ in range(rows)])
    prior = np.stack([data.draw(distributions(size)) for _ in range(rows)])
    for row in range(rows):
        assert np.array_equal(gibbs_policy(q, prior, lam)[row], gibbs_policy(q[row], prior[row], lam))
        assert soft_value(q, prior, lam)[row] == soft_value(q[row], prior[row], lam)
        assert kl_divergence(prior, prior[::-1])[row] == kl_divergence(prior[row], prior[rows - 1 - row])


@pytest.mark.parametrize("lam", [0.0, 0.5, math.inf])
def test_one_prior_serves_a_batch_of_values(lam: float) -> None:
    q, prior = np.array([[1.0, 2.0], [3.0, -1.0]]), np.log([0.4, 0.6])
    assert gibbs_policy(q, prior, lam).shape == (2, 2)
    assert soft_value(q, prior, lam).shape == (2,)


def test_the_regularised_backup_is_the_soft_value_of_rewards_plus_expected_values() -> None:
    rng = np.random.default_rng(0)
    rewards, next_values = rng.random((3, 2)), rng.random(3)
    transitions = rng.dirichlet(np.ones(3), size=(3, 2))
    prior = np.log(rng.dirichlet(np.ones(2), size=3))
    q, v = regularised_backup(rewards, transitions, next_values, prior, 0.7)
    for state in range(3):
        for action in range(2):
            mean = math.fsum(p * w for p, w in zip(transitions[state, action], next_values, strict=True))
            assert q[state, action] == pytest.approx(rewards[state, action] + mean)
        assert v[state] == pytest.approx(soft_value_by_formula(q[state], prior[state], 0.7))


def test_the_posterior_over_many_proposals_is_the_gibbs_policy() -> None:
    prior, q, lam = np.array([0.5, 0.3, 0.2]), np.array([0.0, 1.0, -1.0]), 0.7
    counts = np.random.default_rng(1).multinomial(200_000, prior)
    assert np.exp(proposal_posterior(q, counts, lam)) == pytest.approx(
        np.exp(gibbs_policy(q, np.log(prior), lam)), abs=5e-3
    )


def test_the_posterior_weighs_proposals_by_count_and_exponential_value() -> None:
    weights = [3 * math.exp(1 / 0.5), 0.0, 1 * math.exp(2 / 0.5)]
    expected = [weight / math.fsum(weights) for weight in weights]
    assert np.exp(proposal_posterior([1.0, 9.0, 2.0], [3, 0, 1], 0.5)) == pytest.approx(expected)


@pytest.mark.parametrize("counts", [[0, 0], [-1, 2]])
def test_impossible_proposal_counts_are_refused(counts: list[int]) -> None:
    with pytest.raises(InputError, match="counts must be 0 or more"):
        proposal_posterior([0.0, 1.0], counts, 1.0)


@pytest.mark.parametrize("lam", [-0.1, math.nan])
def test_a_lam_below_zero_is_refused(lam: float) -> None:
    with pytest.raises(InputError, match="lam must be 0 or more"):
        soft_value([0.0], [0.0], lam)


def test_a_prior_without_support_is_refused() -> None:
    with pytest.raises(InputError, match="excludes every action"):
        gibbs_policy([[0.0, 1.0], [0.0, 1.0]], [[0.0, -np.inf], [-np.inf, -np.inf]], 1.0)


@pytest.mark.parametrize("q", [[math.nan, 0.0], [math.inf, 0.0]])
def test_values_that_are_no_values_are_refused(q: list[float]) -> None:
    with pytest.raises(InputError, match="below infinity"):
        gibbs_policy(q, np.log([0.5, 0.5]), 1.0)


def test_the_regularised_value_of_the_prior_at_infinite_lam_is_the_mean_of_q() -> None:
    log_prior = np.log([0.25, 0.75])
    assert regularised_value([1.0, 3.0], log_prior, log_prior, math.inf) == pytest.approx(2.5)
    assert regularised_value([1.0, 3.0], np.log([0.5, 0.5]), log_prior, math.inf) == -math.inf
