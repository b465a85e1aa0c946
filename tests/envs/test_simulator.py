from collections.abc import Iterator

import pytest

from envs.simulator import ReplaySimulator, RestoringSimulator
from envs.toy import Edges, GraphWorld, Snapshots
from slinvit import Budget, BudgetExceeded, SnapshotError

EDGES: Edges = {"a": {"left": ("b", 0.0), "right": ("c", 0.5)}, "b": {"back": ("a", -1.0), "on": ("goal", 1.0)}}


def world(snapshots: Snapshots, edges: Edges = EDGES) -> GraphWorld:
    return GraphWorld(edges, "a", frozenset({"goal"}), 6, snapshots=snapshots)


@pytest.mark.parametrize("snapshots", ["native", "replay"])
def test_generic_simulators_repeat_what_the_live_world_does(snapshots: Snapshots) -> None:
    simulator = (
        RestoringSimulator(lambda: world("native"))
        if snapshots == "native"
        else ReplaySimulator(lambda: world("replay"))
    )
    env = world(snapshots)
    states, actions = [env.reset()], ["left", "back", "left", "on"]
    live = []
    for action in actions:
        live.append(env.step(action))
        states.append(live[-1].state)
    assert simulator.step(states[:4], actions, budget=Budget()) == live
    assert simulator.step(states[3::-1], actions[::-1], budget=Budget()) == live[::-1]
    simulator.close()
    simulator.close()


@pytest.mark.parametrize("kind", [RestoringSimulator, ReplaySimulator])
def test_nothing_is_simulated_beyond_the_budget(kind: type[RestoringSimulator] | type[ReplaySimulator]) -> None:
    made: list[GraphWorld] = []

    def make() -> GraphWorld:
        made.append(world("native"))
        return made[-1]

    with pytest.raises(BudgetExceeded):
        kind(make).step([world("native").reset()], ["left"], budget=Budget({"sim_steps": 0}))
    assert not made


def test_a_replay_that_sees_something_else_is_refused_and_the_simulator_stays_usable() -> None:
    changed: Edges = {**EDGES, "a": {"left": ("c", 0.0), "right": ("b", 0.5)}, "c": {"on": ("goal", 0.0)}}
    seen = world("replay").step("left").state
    simulator = ReplaySimulator(lambda: world("replay", changed))
    with pytest.raises(SnapshotError, match="step 1 of the replay, 'left', gave another observation: 'c'"):
        simulator.step([seen], ["on"], budget=Budget())
    start = world("replay", changed).reset()
    assert simulator.step([start], ["right"], budget=Budget())[0].state.observation == "b"


def test_a_state_of_another_task_is_not_replayed() -> None:
    other = GraphWorld(EDGES, "a", frozenset({"goal"}), 6, snapshots="replay", name="other").reset()
    with pytest.raises(SnapshotError, match="cannot be replayed"):
        ReplaySimulator(lambda: world("replay")).step([other], ["left"], budget=Budget())


def test_a_world_that_offers_nothing_is_not_simulated() -> None:
    with pytest.raises(SnapshotError, match="neither snapshots nor replay"):
        ReplaySimulator(lambda: world("none")).step([world("none").reset()], ["left"], budget=Budget())


def test_a_simulator_makes_one_environment_for_all_its_steps() -> None:
    worlds: Iterator[GraphWorld] = iter([world("replay")])
    simulator = ReplaySimulator(lambda: next(worlds))
    state = world("replay").reset()
    for _ in range(3):
        simulator.step([state], ["left"], budget=Budget())
