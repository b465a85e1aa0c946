import math
from statistics import fmean, stdev
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t as student

from agent.episode import Decision, Episode, Step
from agent.intervals import mean_interval
from agent.scores import grade_of, scores
from slinvit.budget import Ledger
from slinvit.tree import SearchTree


def episode(task: str, reward: float, **details: Any) -> Episode:
    steps = (Step("SELECT 1", "[(1,)]", 0.0, True), Step("submit", "[(1,)]", reward, True, details))
    taken = steps if details else steps[:1]
    decision = Decision("here", None, ("submit",), 0, 0.0, "done", SearchTree(()), taken, False, Ledger())
    stopped: Any = "solved" if reward == 1 else "terminal" if details else "no-plan"
    return Episode(task, "d", "g", 9, 0, "here", (decision,), stopped, Ledger())


GRADED = [
    episode("a", 1.0, score=1.0, iou=1.0, tau=None, corrected=1.0, empty_gold=False, error=False),
    episode("b", 1.0, score=1.0, iou=1.0, tau=0.5, corrected=0.0, empty_gold=True, error=False),
    episode("c", 0.25, score=0.25, iou=0.25, tau=-0.5, corrected=0.25, empty_gold=False, error=True),
    episode("d", 0.0),
]


def test_scores_are_null_where_nothing_is_graded() -> None:
    assert scores([GRADED[3]]) is None
    assert scores([]) is None


def test_the_mean_reward_is_over_all_episodes_and_parts_over_those_that_have_them() -> None:
    found = scores(GRADED)
    assert found is not None
    assert found["reward"] == pytest.approx(fmean([1, 1, 0.25, 0]))
    assert found["graded"] == 3
    assert found["parts"] == pytest.approx({"iou": fmean([1, 1, 0.25]), "tau": 0.0, "error": 1 / 3})


def test_the_corrected_success_counts_an_ungraded_episode_as_none() -> None:
    found = scores(GRADED)
    assert found is not None
    assert (found["corrected"]["successes"], found["corrected"]["episodes"]) == (1, 4)
    assert found["corrected"]["reward"] == pytest.approx(fmean([1, 0, 0.25, 0]))


def test_tasks_with_an_empty_gold_answer_are_counted_apart() -> None:
    found = scores(GRADED)
    assert found is not None
    assert (found["nonempty"]["successes"], found["nonempty"]["episodes"]) == (1, 2)
    only = scores([GRADED[1]])
    assert only is not None
    assert only["nonempty"] is None


def test_the_grade_of_an_episode_is_that_of_its_last_graded_step() -> None:
    assert grade_of(GRADED[3]) is None
    grade = grade_of(GRADED[2])
    assert grade is not None
    assert grade["score"] == 0.25


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=30))
def test_the_interval_of_a_mean_is_students(values: list[float]) -> None:
    found = mean_interval(values)
    assert found is not None
    half = student.ppf(0.975, len(values) - 1) * stdev(values) / math.sqrt(len(values))
    assert found == pytest.approx([fmean(values) - half, fmean(values) + half])
    assert mean_interval(values[:1]) is None
