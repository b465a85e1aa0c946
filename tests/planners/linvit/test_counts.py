"""Counts are frozen, complete, and say when they cannot be used."""

import numpy as np
import pytest

from envs.tabular import garnet
from planners.linvit.counts import Counts, resumed
from slinvit.errors import InputError


def two_episodes() -> Counts:
    transitions = np.zeros((2, 2, 2, 2), dtype=np.int64)
    transitions[0, 0, 1, 1] = 2
    transitions[1, 1, 0, 0] = 1
    transitions[1, 1, 0, 1] = 1
    return Counts(transitions)


def test_episodes_steps_visits_and_the_model_are_read_off_the_transitions() -> None:
    counts = two_episodes()
    assert (counts.episodes, counts.env_steps) == (2, 4)
    assert counts.visits[1, 1, 0] == 2
    np.testing.assert_allclose(counts.model()[1, 1, 0], [0.5, 0.5])
    assert counts.model()[0, 1].sum() == 0  # never visited


def test_counts_cannot_be_written_to() -> None:
    with pytest.raises(ValueError, match="read-only"):
        two_episodes().transitions[0, 0, 0, 0] = 1


def test_planning_with_more_than_was_seen_is_refused() -> None:
    seen = two_episodes().transitions
    with pytest.raises(InputError, match="more was planned"):
        Counts(seen, seen + 1)


@pytest.mark.parametrize("table", [np.zeros((2, 2, 2)), np.full((1, 1, 1, 1), -1), np.zeros((1, 1, 1, 1))])
def test_what_is_no_count_is_refused(table: np.ndarray) -> None:
    with pytest.raises(InputError, match="whole numbers"):
        Counts(table)


def test_counts_of_another_mdp_are_refused() -> None:
    env = garnet(3, 2, 2, 2, seed=0)
    with pytest.raises(InputError, match=r"needs \[H, S, A, S\] = \[2, 3, 2, 3\]"):
        resumed(env, two_episodes())
    assert resumed(env, None).episodes == 0
