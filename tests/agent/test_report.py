import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.episode import Decision, Episode, Failure, Record, Step
from agent.report import number_text, rate_text, summarise, wilson_interval
from agent.runner import Run
from agent.settings import Settings
from slinvit.budget import Ledger
from slinvit.tree import SearchTree


def episode(task: str, steps: int, *, solved: bool, optimal: int | None = 2) -> Episode:
    taken = tuple(Step("go", "there", 0.0, True) for _ in range(steps))
    decision = Decision("here", None, ("go",) * steps, 0, 0.0, "done", SearchTree(()), taken, False, Ledger())
    report = {} if optimal is None else {"optimal": optimal}
    ledger = Ledger(llm_calls=3, env_steps=steps)
    return Episode(task, "d", "g", 9, 0, "here", (decision,), "solved" if solved else "horizon", ledger, report)


def run_of(*records: Record) -> Run:
    return Run(Settings("toy"), Path("run"), {"value": {"oracle": False}}, records)


def test_a_summary_counts_solved_episodes_and_adds_up_what_was_spent() -> None:
    summary = summarise(
        run_of(episode("a", 2, solved=True), episode("b", 4, solved=True), episode("c", 9, solved=False))
    )
    assert (summary["episodes"], summary["successes"]) == (3, 2)
    assert summary["success_rate"] == pytest.approx(2 / 3)
    assert summary["mean_steps"] == pytest.approx((2 + 4) / 2)
    assert summary["mean_plan_ratio"] == pytest.approx((2 / 2 + 4 / 2) / 2)
    assert (summary["ledger"]["llm_calls"], summary["ledger"]["env_steps"]) == (9, 15)


def test_an_episode_that_failed_to_run_is_in_no_rate() -> None:
    summary = summarise(run_of(episode("a", 2, solved=True), Failure("b", "no")))
    assert (summary["episodes"], summary["success_rate"], summary["errors"]) == (1, 1.0, 1)


def test_what_cannot_be_known_is_null() -> None:
    summary = summarise(run_of(Failure("b", "no")))
    for key in ("success_rate", "ci95", "mean_steps", "mean_plan_ratio"):
        assert summary[key] is None
    assert rate_text(summary) == "no episode ran"
    assert summarise(run_of(episode("a", 2, solved=True, optimal=None)))["mean_plan_ratio"] is None


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_holds_every_rate_that_the_score_test_does_not_reject(counts: tuple[int, int]) -> None:
    successes, trials = counts
    low, high = wilson_interval(successes, trials)
    rate = successes / trials
    assert 0 <= low <= rate <= high <= 1
    for bound in (low, high):
        if 0 < bound < 1:
            z = (rate - bound) / math.sqrt(bound * (1 - bound) / trials)
            assert abs(z) == pytest.approx(1.959964, abs=1e-4)


@pytest.mark.parametrize(
    ("value", "text"), [(None, "-"), (2.0, "2"), (2.345, "2.35"), (12000.0, "12,000"), (0.1, "0.1")]
)
def test_numbers_are_short(value: float | None, text: str) -> None:
    assert number_text(value) == text
