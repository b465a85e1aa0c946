import os
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from envs import ENVS
from envs.blocksworld.domain import ENGINES, BlocksWorldDomain
from envs.blocksworld.world import BlocksWorldSimulator
from envs.check import admissible, check_environment
from envs.toy import Edges, GraphSimulator, GraphWorld, Snapshots
from slinvit import Action, Environment, EnvironmentFailure, InputError, Snapshot, State, Transition

EDGES: Edges = {
    "a": {"left": ("b", 0.0), "right": ("c", 0.5)},
    "b": {"back": ("a", -1.0), "on": ("c", 1.0)},
    "c": {"home": ("a", 0.0), "end": ("goal", 1.0)},
}


def world(snapshots: Snapshots = "native") -> GraphWorld:
    return GraphWorld(EDGES, "a", frozenset({"goal"}), 12, snapshots=snapshots)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("task", range(4))
def test_every_blocksworld_engine_conforms(engine: str, task: int) -> None:
    domain = BlocksWorldDomain(engine)
    problem = domain.load("random:4,blocks=3-6", seed=7)[task]
    laws = check_environment(
        lambda: domain.environment(problem), simulator=domain.simulator(problem), steps=40, seed=task
    )
    assert {"determinism", "snapshots", "corruption", "agreement", "isolation", "pickling"} <= set(laws)


HARMLESS = {
    "intercode-bash": ("ls", "cd /", "pwd", "mkdir -p /tmp/made", "echo made > /tmp/made/file"),
    "intercode-sql": ("SHOW TABLES", "SELECT 1", "CREATE TABLE made (a int)", "DROP TABLE made"),
}
"""Commands for worlds that list none; walks in these stop before the last turn, which only the live world rewards."""


@pytest.mark.parametrize("name", list(ENVS))
def test_every_registered_environment_conforms(name: str) -> None:
    domain = ENVS.load(name)()
    harmless = HARMLESS.get(name)
    tasks = "2" if harmless is None else "embedded"
    instance = domain.load(tasks, instances=None, seed=0, limit=1, horizon="2x")[0]

    def choose(state: State, rng: np.random.Generator) -> Action:
        return admissible(state, rng) if harmless is None else str(rng.choice(harmless))

    if name == "intercode-bash":
        require_sandbox()
    assert check_environment(
        lambda: domain.environment(instance),
        simulator=domain.simulator(instance),
        steps=30 if harmless is None else instance.task.horizon - 1,
        seed=1,
        choose=choose,
    )


def require_sandbox() -> None:
    """Skip where nothing can be executed in a sandbox; CI must have it."""
    from envs.intercode.bash.probe import require

    try:
        require()
    except InputError as error:
        pytest.fail(str(error)) if os.environ.get("CI") else pytest.skip(str(error))


@pytest.mark.parametrize("snapshots", ["native", "replay", "none"])
@pytest.mark.parametrize("seed", range(5))
def test_the_toy_world_conforms_with_and_without_snapshots(snapshots: Snapshots, seed: int) -> None:
    laws = check_environment(lambda: world(snapshots), seed=seed)
    assert ("snapshots" in laws) == (snapshots == "native")
    assert ("refusal" in laws) == (snapshots != "native")
    assert ("agreement" in laws) == (snapshots != "none")


def test_the_toy_simulator_conforms() -> None:
    assert "agreement" in check_environment(world, simulator=GraphSimulator())


class _Broken(GraphWorld):
    """The toy world with one law broken."""

    made = 0

    def __init__(self) -> None:
        super().__init__(EDGES, "a", frozenset({"goal"}), 12)
        type(self).made += 1


class _Forgetful(_Broken):
    def step(self, action: Action) -> Transition:
        done = super().step(action)
        return replace(done, state=replace(done.state, history=done.state.history[-1:]))


class _Moody(_Broken):
    def step(self, action: Action) -> Transition:
        return replace(super().step(action), reward=float(self.made))


class _Strict(_Broken):
    def step(self, action: Action) -> Transition:
        transition = super().step(action)
        if not transition.valid:
            raise KeyError(action)
        return transition


class _Pleasing(_Broken):
    def step(self, action: Action) -> Transition:
        return replace(super().step(action), valid=True)


class _Overpromising(_Broken):
    def reset(self, *, seed: int | None = None) -> State:
        return replace(super().reset(), actions=("left", "right", "fly"))


class _Unpicklable(_Broken):
    def reset(self, *, seed: int | None = None) -> State:
        self._state = replace(super().reset(), snapshot=Snapshot("a", lambda: None))
        return self._state


class _Leaky(_Broken):
    def restore(self, state: State) -> State:
        self._node = "b"
        self._state = replace(self._state, observation="b")
        return super().restore(state)


class _Amnesic(_Broken):
    def restore(self, state: State) -> State:
        super().restore(state)
        self._state = replace(state, history=())
        return state


class _Mute(GraphWorld):
    def __init__(self) -> None:
        super().__init__(EDGES, "a", frozenset({"goal"}), 12, snapshots="none")

    def restore(self, state: State) -> State:
        return state


class _Sloppy(_Broken):
    def __init__(self) -> None:
        super().__init__()
        self.snapshots = "sometimes"  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("make", "law"),
    [
        (_Forgetful, "counting"),
        (_Moody, "determinism"),
        (_Pleasing, "validity"),
        (_Leaky, "corruption"),
        (_Amnesic, "snapshots"),
        (_Mute, "refusal"),
        (_Sloppy, "declaration"),
        (_Strict, "validity"),
        (_Unpicklable, "pickling"),
    ],
)
def test_a_broken_law_is_named(make: Callable[[], Environment], law: str) -> None:
    with pytest.raises(EnvironmentFailure, match=f"the law of {law} is broken"):
        check_environment(make, seed=2)


def test_a_listed_action_that_is_refused_is_found() -> None:
    with pytest.raises(EnvironmentFailure, match="'fly' is listed"):
        check_environment(_Overpromising, seed=2)


def test_a_simulator_that_steps_the_live_environment_is_found() -> None:
    live = world()

    class Meddling(BlocksWorldSimulator):
        def step(self, states, actions, *, budget):  # type: ignore[no-untyped-def]
            return [(live.restore(state), live.step(action))[1] for state, action in zip(states, actions, strict=True)]

    def make() -> Environment:
        return live

    with pytest.raises(EnvironmentFailure, match="the law of isolation"):
        check_environment(make, simulator=Meddling(), seed=2)


def test_a_world_that_lists_no_actions_needs_a_chooser() -> None:
    class Open(GraphWorld):
        def __init__(self) -> None:
            super().__init__(EDGES, "a", frozenset({"goal"}), 12)

        def reset(self, *, seed: int | None = None) -> State:
            return replace(super().reset(), actions=None)

    with pytest.raises(InputError, match="choose="):
        check_environment(Open)
