"""Traces: what is read off them."""

import math

import numpy as np

from envs.tabular import garnet
from planners.linvit import Linvit
from planners.linvit.result import Record, Trace


def trace(gaps: list[float], certified: list[bool]) -> Trace:
    rows = [
        Record(10 * i, math.inf, 1.0, done, 0.5, 0.0, gap, 0.0, regret=2.0 + i, kl_regret=1.0)
        for i, (gap, done) in enumerate(zip(gaps, certified, strict=True))
    ]
    return Trace.of(rows)


def test_optimal_means_from_that_round_on_until_the_last() -> None:
    found = trace([0.0, 0.5, 0.1, 0.05], [False] * 4)
    assert found.episodes_to_optimal(0.1) == 20
    assert found.episodes_to_optimal(1.0) == 0
    assert found.episodes_to_optimal(0.01) is None
    assert trace([math.nan, math.nan], [False] * 2).episodes_to_optimal(1.0) is None


def test_the_first_certified_round_counts() -> None:
    assert trace([0.0] * 4, [False, False, True, False]).episodes_to_certificate() == 20
    assert trace([0.0], [False]).episodes_to_certificate() is None


def test_regret_is_summed_over_the_episodes_between_rounds() -> None:
    found = trace([0.0] * 3, [False] * 3)
    np.testing.assert_array_equal(found.cumulative_regret, [0, 20, 50])
    np.testing.assert_array_equal(found.cumulative_kl_regret, [0, 10, 20])


def test_rows_are_the_records() -> None:
    found = trace([0.0, 0.5], [False, True])
    assert found.rows()[1] == Record(10, math.inf, 1.0, True, 0.5, 0.0, 0.5, 0.0, 3.0, 1.0)


def test_a_result_counts_the_cost_in_episodes_and_steps() -> None:
    env = garnet(3, 2, 4, 2, seed=0)
    result = Linvit(0.4, 0.1, lam=1.0, stop=False, oracle=False).run(env, 30, np.random.default_rng(0))
    assert (result.episodes, result.env_steps) == (30, 120)
    assert result.episodes_to_optimal is None
    assert result.trace.episode[-1] == 30
