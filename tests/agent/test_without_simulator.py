"""Runs in which planners may not simulate, and runs of several trials."""

from pathlib import Path

import pytest

from agent.bench import attempt, load_instances
from agent.episode import Episode
from agent.report import summarise
from agent.runner import Run, Workers, run
from agent.settings import Settings
from slinvit.errors import InputError, UnknownName


def settings(**more: object) -> Settings:
    shared: dict[str, object] = {
        "env": "alfworld",
        "tasks": "generated:3",
        "prior": "placement",
        "planner": "reactive",
        "value": "subgoals",
        "simulator": "none",
    }
    return Settings(**{**shared, **more})  # type: ignore[arg-type]


def test_a_reactive_run_simulates_nothing_and_is_counted_by_type(tmp_path: Path) -> None:
    with Workers() as crew:
        done = run(settings(), out=tmp_path / "run", workers=crew, report=lambda *_: None)
    summary = summarise(done)
    assert summary["ledger"]["sim_steps"] == 0
    assert summary["simulator"] == "none"
    assert sum(group["episodes"] for group in summary["by_type"].values()) == 3
    assert sum(group["successes"] for group in summary["by_type"].values()) == summary["successes"]


def test_a_planner_that_wants_to_simulate_is_told_in_one_line() -> None:
    (instance, *_) = load_instances(settings())
    with pytest.raises(InputError, match="this run has no simulator"):
        attempt(settings(planner="slinvit"), instance)


def test_trials_follow_one_another_in_one_episode() -> None:
    hopeless = settings(prior="uniform", planner="random", value="zero", horizon="3", trials=4)
    (instance, *_) = load_instances(hopeless)
    episode = attempt(hopeless, instance)
    assert isinstance(episode, Episode)
    assert len(episode.steps) == 12
    begins = [i for i, step in enumerate(episode.steps, start=1) if "begins." in step.observation]
    assert begins == [3, 6, 9]


def test_what_one_trial_saw_the_next_remembers() -> None:
    """An expert that needs more than one trial's steps to look around gets there with what it saw before."""
    tasks = "generated:6,type=place,seed=2"
    solved = []
    for trials in (1, 4):
        short = settings(tasks=tasks, prior="expert:mask=true", planner="greedy", horizon="5", trials=trials)
        short = Settings(**{**short.as_dict(), "options": {"mask": False}})
        records = tuple(attempt(short, instance) for instance in load_instances(short))
        solved.append(len([each for each in records if isinstance(each, Episode) and each.solved]))
        assert isinstance(Run(short, Path("x"), {}, records).episodes, tuple)
    assert solved[0] < solved[1]


def test_settings_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(UnknownName, match="unknown kind of simulator 'exakt'; did you mean 'exact'"):
        settings(simulator="exakt")
    with pytest.raises(InputError, match="trials=2: must be 1 or more, and 1 where there is a simulator"):
        settings(simulator="exact", trials=2)
    with pytest.raises(InputError, match="trials=0"):
        settings(trials=0)
