from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from agent.calibration.metrics import (
    coverage,
    greedy_share,
    kendall,
    mean_over_states,
    optimal_nats,
    ratio,
    reliability,
    somers,
    spearman,
)
from slinvit.kl import kl_divergence
from slinvit.types import FloatArray

few = st.integers(-2, 2).map(float)
pairs = st.integers(2, 7).flatmap(
    lambda n: st.tuples(arrays(np.float64, n, elements=few), arrays(np.float64, n, elements=few))
)
probabilities = st.lists(st.integers(1, 4), min_size=2, max_size=5).map(lambda w: np.array(w) / sum(w))


@given(pairs)
def test_rank_correlations_are_those_of_scipy(pair: tuple[FloatArray, FloatArray]) -> None:
    scores, values = pair
    if len(set(scores)) == 1 or len(set(values)) == 1:
        assert kendall(scores, values) == spearman(scores, values) == 0
        return
    assert kendall(scores, values) == pytest.approx(stats.kendalltau(scores, values).statistic, abs=1e-12)
    assert spearman(scores, values) == pytest.approx(stats.spearmanr(scores, values).statistic, abs=1e-12)
    assert somers(scores, values) == pytest.approx(stats.somersd(values, scores).statistic, abs=1e-12)


def test_a_batch_of_scores_is_ranked_row_by_row_and_excluded_actions_come_last() -> None:
    values = np.array([0.0, 1.0, 2.0])
    batch = np.array([[-np.inf, 0.0, 1.0], [5.0, 4.0, 3.0]])
    for measure in (kendall, spearman, somers):
        assert measure(batch, values).tolist() == [1.0, -1.0]


def test_ordering_what_needs_no_order_lowers_tau_b_but_not_somers_d() -> None:
    values, strict, tied = np.array([1.0, 0, 0]), np.array([3.0, 2, 1]), np.array([3.0, 1, 1])
    assert kendall(strict, values) < kendall(tied, values) == 1
    assert somers(strict, values) == somers(tied, values) == 1


@given(probabilities, st.data())
def test_the_kl_of_the_restricted_prior_is_what_optimal_nats_says(probs: FloatArray, data: st.DataObject) -> None:
    optimal = np.array(data.draw(st.lists(st.booleans(), min_size=len(probs), max_size=len(probs)).filter(any)))
    restricted = np.where(optimal, probs, 0) / probs[optimal].sum()
    with np.errstate(divide="ignore"):
        expected = kl_divergence(np.log(restricted), np.log(probs))
    assert optimal_nats(np.log(probs), optimal) == pytest.approx(float(expected), abs=1e-12)


def test_no_probability_on_optimal_actions_is_infinitely_far() -> None:
    assert optimal_nats(np.array([0.0, -np.inf]), np.array([False, True])) == np.inf


@given(probabilities, st.integers(1, 5), st.data())
def test_coverage_is_the_mean_over_all_orders_of_equal_actions(probs: FloatArray, k: int, data: st.DataObject) -> None:
    optimal = np.array(data.draw(st.lists(st.booleans(), min_size=len(probs), max_size=len(probs)).filter(any)))
    orders = [sorted(order, key=lambda i: -probs[i]) for order in permutations(range(len(probs)))]
    expected = np.mean([optimal[order[:k]].any() for order in orders])
    assert coverage(np.log(probs), optimal, k) == pytest.approx(expected, abs=1e-12)
    assert coverage(np.log(probs), optimal, 1) == pytest.approx(float(greedy_share(np.log(probs), optimal)))


def test_reliability_compares_stated_with_observed_frequencies() -> None:
    found = reliability(np.array([0.05, 0.05, 0.92, 1.0]), np.array([False, True, True, True]))
    assert found.count == (2, 2)
    assert found.predicted == pytest.approx((0.05, 0.96))
    assert found.observed == (0.5, 1.0)
    assert found.ece == pytest.approx((2 * 0.45 + 2 * 0.04) / 4)


def test_the_bootstrap_resamples_tasks_and_repeats_itself() -> None:
    values, tasks = np.array([0.0] * 9 + [1.0]), ["a"] * 9 + ["b"]
    first, second = (mean_over_states(values, tasks, 500, np.random.default_rng(3)) for _ in range(2))
    assert first == second
    assert first.mean == pytest.approx(0.1)
    assert first.ci95 == (0.0, 1.0)  # resamples of two tasks: only a, only b, or both


def test_an_infinite_value_has_an_infinite_mean_and_no_interval() -> None:
    found = ratio(np.array([1.0, np.inf]), np.ones(2), 10, np.random.default_rng(0))
    assert found.mean == np.inf
    assert found.ci95 is None
