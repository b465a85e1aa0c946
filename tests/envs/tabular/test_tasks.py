import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.cli import main
from envs import ENVS
from envs.check import check_environment
from envs.tabular import TabularTask, deep_sea, garnet, gridworld
from envs.tabular.domain import TabularDomain
from envs.tabular.tasks import WORLDS, load, random_maze
from slinvit import InputError


def test_the_domain_is_registered() -> None:
    assert ENVS.load("tabular") is TabularDomain
    assert set(TabularDomain().provenance()) == {"slinvit", "numpy"}


@pytest.mark.parametrize("name", sorted(WORLDS))
def test_every_world_can_be_named_and_conforms(name: str) -> None:
    domain = TabularDomain()
    (task,) = domain.load(name)
    assert task.id == name
    assert check_environment(lambda: domain.environment(task), steps=20)
    assert domain.simulator(task).instance is task


def test_options_are_those_of_the_constructor() -> None:
    first, second, third = load(
        "deep-sea:size=8; garnet:num_states=7,seed=3,stationary=no ;gridworld:layout=S.G,slip=.5"
    )
    assert first.digest == TabularTask(deep_sea(8)).digest
    assert second.digest == TabularTask(garnet(7, seed=3, stationary=False)).digest
    assert third.digest == TabularTask(gridworld("S.G", slip=0.5)).digest


def test_episodes_of_one_world_differ_in_what_chance_does() -> None:
    tasks = load("river_swim:episodes=8")
    assert [task.id for task in tasks[:2]] == ["river_swim:episodes=8#0", "river_swim:episodes=8#1"]
    domain = TabularDomain()
    ends = []
    for task in tasks:
        world = domain.environment(task)
        state = world.reset(seed=5)
        while not state.over:
            state = world.step("swim up the river").state
        ends.append(tuple(seen for _, seen in state.history))
    assert len(set(ends)) > 4


def test_the_seed_of_the_run_is_used_where_none_is_named() -> None:
    assert load("garnet", seed=3)[0].digest == load("garnet:seed=3", seed=9)[0].digest
    assert load("2", seed=1)[0].digest == load("random:2,seed=1", seed=9)[0].digest
    assert load("2", seed=1)[0].digest != load("2", seed=2)[0].digest


def test_a_horizon_replaces_the_one_of_the_world() -> None:
    assert [task.horizon for task in load("frozen_lake;2", horizon="7")] == [7, 7, 7]
    assert [task.horizon for task in load("frozen_lake;deep_sea:size=4")] == [20, 4]


def test_the_limit_cuts_the_list() -> None:
    assert [task.id for task in load("3;frozen_lake", limit=2)] == ["maze-5-0-0", "maze-5-0-1"]
    assert len(load("random:1000000", limit=2)) == 2


@given(st.integers(2, 6), st.floats(0, 0.5), st.integers(0, 10**6))
@settings(max_examples=40, deadline=None)
def test_random_mazes_have_a_way_as_short_as_said(size: int, walls: float, seed: int) -> None:
    rows, length = random_maze(size, walls, np.random.default_rng(seed))
    assert TabularTask(gridworld(rows, 2 * length)).shortest == length >= 1


def test_a_maze_allows_twice_its_shortest_way() -> None:
    for task in load("random:6,size=6,walls=0.3"):
        assert task.horizon == 2 * (task.shortest or 0)


@pytest.mark.parametrize(
    ("tasks", "message"),
    [
        ("frozenlake", "unknown tabular world 'frozenlake'; did you mean 'frozen_lake'"),
        ("frozen_lake:slipery=1", r"no option 'slipery'; did you mean 'slippery'\?; its options: horizon, slippery"),
        ("frozen_lake:4x4", "cannot read '4x4' in 'frozen_lake:4x4'"),
        ("frozen_lake:slippery=maybe", "slippery must be true or false, not 'maybe'"),
        ("frozen_lake:horizon=0", "horizon must be 1 or more"),
        ("garnet:num_states=two", "num_states must be a whole number, not 'two'"),
        ("chain:slip=x", "slip must be a number, not 'x'"),
        ("chain:name=x", "no option 'name'"),
        ("chain:episodes=0", "episodes must be 1 or more, not 0"),
        ("combination_lock:horizon=1.5", "horizon must be a whole number"),
        ("random:0", "count of 1 or more"),
        ("random:3,walls=0.9", "walls from 0 to 0.5"),
        ("random:3,wall=0.1", r"no option 'wall'; did you mean 'walls'\?"),
        ("random:x", "count must be a whole number, not 'x'"),
        ("garnet:seed=-1", "seed must be 0 or more, not -1"),
    ],
)
def test_what_cannot_be_read_is_refused_with_what_is_allowed(tasks: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load(tasks)


@pytest.mark.parametrize(
    ("tasks", "horizon", "message"),
    [
        ("frozen_lake", "3x", "cannot read the horizon '3x'"),
        ("frozen_lake", "0", "cannot read the horizon '0'"),
        ("deep_sea", "5", "deep_sea: the horizon follows from its size"),
        ("chain:horizon=4", "5", "chain: the horizon is given in the task"),
    ],
)
def test_a_horizon_that_cannot_be_is_refused(tasks: str, horizon: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load(tasks, horizon=horizon)


def test_instances_and_limits_that_cannot_be_are_refused() -> None:
    with pytest.raises(InputError, match="reads no files"):
        TabularDomain().load("chain", instances=Path("x"))
    with pytest.raises(InputError, match="limit on tasks must be 1 or more"):
        load("chain", limit=0)


def test_tasks_survive_pickling_and_show_what_they_are() -> None:
    (task,) = load("frozen_lake:slippery=false")
    copy = pickle.loads(pickle.dumps(task))
    assert copy == task
    assert TabularDomain().environment(copy).reset() == TabularDomain().environment(task).reset()
    assert repr(task) == f"TabularTask(id='frozen_lake:slippery=false', digest='{task.digest}')"


def test_the_command_line_runs_tabular_worlds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    planner = "breadth-first:max_nodes=500"
    options = ["--prior", "uniform", "--planner", planner, "--value", "zero", "--out", str(tmp_path / "run"), "--json"]
    with pytest.raises(SystemExit) as exit_info:
        main(["run", "tabular", "--tasks", "3;frozen_lake:slippery=false", *options])
    assert not exit_info.value.code
    found = json.loads(capsys.readouterr().out)
    assert (found["success_rate"], found["mean_plan_ratio"], found["errors"]) == (1.0, 1.0, 0)


def test_the_command_line_explains_a_misspelt_world(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_info:
        main(["run", "tabular", "--tasks", "frozen_lak", "--prior", "uniform", "--value", "zero"])
    assert exit_info.value.code == 2
    assert "did you mean 'frozen_lake'" in capsys.readouterr().err
