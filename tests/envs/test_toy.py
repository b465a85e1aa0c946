import pickle

import pytest

from envs.toy import Edges, GraphSimulator, GraphWorld
from slinvit import Budget, BudgetExceeded, EnvironmentFailure, InputError, Snapshot, SnapshotError, State, Task
from slinvit.protocols import Restorable, Simulator

EDGES: Edges = {"a": {"left": ("b", 0.0), "right": ("c", 0.5)}, "b": {"back": ("a", -1.0), "on": ("goal", 1.0)}}


def world(horizon: int = 5) -> GraphWorld:
    return GraphWorld(EDGES, "a", frozenset({"goal"}), horizon)


def test_a_walk_to_the_goal_collects_the_rewards_of_its_edges() -> None:
    env = world()
    assert env.reset().actions == ("left", "right")
    steps = [env.step(action) for action in ("left", "back", "left", "on")]
    assert [step.reward for step in steps] == [0.0, -1.0, 0.0, 1.0]
    last = steps[-1].state
    assert (last.solved, last.terminal, last.truncated) == (True, True, False)
    assert last.visited == ("a", "b", "a", "b")


def test_a_node_without_edges_ends_the_episode_unsolved() -> None:
    env = world()
    state = env.step("right").state
    assert (state.terminal, state.solved, state.actions) == (True, False, ())
    with pytest.raises(EnvironmentFailure, match="the episode is over"):
        env.step("left")


def test_a_refused_action_leaves_the_place_and_costs_a_step() -> None:
    env = world(horizon=1)
    transition = env.step("fly")
    assert not transition.valid
    assert transition.state.observation == "a"
    assert transition.state.truncated


def test_the_simulator_agrees_with_the_world_and_spends_before_simulating() -> None:
    env, simulator = world(), GraphSimulator()
    first = env.reset()
    budget = Budget({"sim_steps": 2})
    found = simulator.step([first, first], ["left", "right"], budget=budget)
    assert found[0] == env.step("left")
    assert [step.state.observation for step in found] == ["b", "c"]
    with pytest.raises(BudgetExceeded):
        simulator.step([first], ["left"], budget=budget)


def test_states_travel_through_pickle_and_can_be_continued() -> None:
    state = pickle.loads(pickle.dumps(world().step("left").state))
    env = world()
    assert env.restore(state) == state
    assert env.step("on").state.solved


@pytest.mark.parametrize(("snapshots", "offer"), [("replay", "ReplaySimulator"), ("none", "only reset")])
def test_a_world_without_snapshots_refuses_and_says_what_it_offers(snapshots: str, offer: str) -> None:
    env = GraphWorld(EDGES, "a", frozenset({"goal"}), 5, snapshots=snapshots)  # type: ignore[arg-type]
    state = env.reset()
    assert state.snapshot is None
    with pytest.raises(SnapshotError, match=offer):
        env.restore(state)
    with pytest.raises(SnapshotError, match="not a snapshot of a graph"):
        GraphSimulator().step([state], ["left"], budget=Budget())


def test_foreign_snapshots_are_refused() -> None:
    env = world()
    other = GraphWorld(EDGES, "b", frozenset({"goal"}), 5, name="other").reset()
    with pytest.raises(SnapshotError, match="another graph"):
        env.restore(other)
    with pytest.raises(SnapshotError, match="not a snapshot"):
        env.restore(State(Task("t", "graph", "", 5), "a", snapshot=Snapshot("a")))


def test_unknown_nodes_and_empty_horizons_are_refused() -> None:
    with pytest.raises(InputError, match="did you mean 'goal'"):
        GraphWorld(EDGES, "a", frozenset({"goall"}), 5)
    with pytest.raises(InputError, match="horizon must be 1 or more"):
        world(horizon=0)


def test_the_world_and_its_simulator_satisfy_the_interfaces() -> None:
    assert isinstance(world(), Restorable)
    assert isinstance(GraphSimulator(), Simulator)
