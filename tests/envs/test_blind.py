"""Worlds without a simulator, and further trials in them."""

import pytest

from envs.blind import Blind, NoSimulator, Trials
from envs.toy import GraphWorld
from slinvit import Budget, Environment, InputError, Simulator

EDGES = {"a": {"go": ("b", 0.0), "stay": ("a", 0.0)}, "b": {"go": ("c", 1.0), "back": ("a", 0.0)}}


def world(horizon: int = 2) -> GraphWorld:
    return GraphWorld(EDGES, "a", frozenset({"c"}), horizon)


def test_a_blind_world_tells_the_same_and_carries_no_snapshots() -> None:
    blind, open_eyed = Blind(world()), world()
    assert isinstance(blind, Environment)
    shown, known = blind.reset(), open_eyed.reset()
    for action in ("stay", "go"):
        assert shown.snapshot is None
        assert shown.visited == ()
        assert (shown.observation, shown.history, shown.actions) == (known.observation, known.history, known.actions)
        shown, known = blind.step(action).state, open_eyed.step(action).state
    assert shown.truncated
    blind.close()


def test_a_simulator_that_is_not_there_says_what_works_without_it() -> None:
    assert isinstance(NoSimulator(), Simulator)
    with pytest.raises(InputError, match=r"no simulator \(--simulator none\).*--planner reactive"):
        NoSimulator().step([world().reset()], ["go"], budget=Budget())


def test_a_failed_trial_is_followed_by_another_that_remembers_it() -> None:
    trials = Trials(Blind(world()), 3)
    state = trials.reset()
    assert state.task.horizon == 6
    for action in ("stay", "stay"):
        state = trials.step(action).state
    assert not state.over
    assert state.observation == "a\n\nTrial 2 of 3 begins.\n\na"
    assert [action for action, _ in state.history] == ["stay", "stay"]
    assert state.history[-1][1] == state.observation
    state = trials.step("go").state
    transition = trials.step("go")
    assert transition.state.solved
    assert transition.reward == 1
    assert [action for action, _ in transition.state.history] == ["stay", "stay", "go", "go"]


def test_the_last_failed_trial_ends_the_episode() -> None:
    trials = Trials(Blind(world()), 2)
    state = trials.reset()
    for steps in range(1, 5):
        assert not state.over
        state = trials.step("stay").state
        assert len(state.history) == steps
    assert state.truncated
    assert trials.reset().history == ()
    trials.close()
