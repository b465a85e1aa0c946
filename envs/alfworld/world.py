"""ALFWorld on its exact twin: the live world and the simulator."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from envs.alfworld.scene import build_scene
from envs.alfworld.task import AlfworldTask
from envs.alfworld.twin import Twin, World
from envs.alfworld.wording import command_in, commands_in, feedback_in
from slinvit.budget import Budget
from slinvit.errors import EnvironmentFailure, SnapshotError
from slinvit.types import Action, Snapshot, State, Transition

KEPT = 1024
"""Worlds per game whose commands in the older wording are kept."""


@dataclass(frozen=True, slots=True)
class Position:
    """Payload of a snapshot: the world of which game."""

    digest: str
    world: World


class AlfworldModel:
    """The rules of one game as transitions between states.

    Args:
        instance: a game whose rules the twin knows.

    Raises:
        UnknownGame: the twin does not know its rules; the real engine does.
    """

    def __init__(self, instance: AlfworldTask) -> None:
        self.instance = instance
        self._twin = Twin(build_scene(instance.game))
        self._reworded = lru_cache(maxsize=KEPT)(self._commands_reworded)

    def first(self) -> State:
        """Return the state in which an episode starts."""
        return self._state(self._twin.start(), self._twin.intro(), None, "")

    def after(self, state: State, action: Action) -> Transition:
        """Return what ``action`` does in ``state``; a command that is not admissible changes nothing.

        Raises:
            EnvironmentFailure: the episode is over.
            SnapshotError: ``state`` cannot be continued from.
        """
        world = self.world_of(state)
        if state.over:
            raise EnvironmentFailure(f"task {state.task.id!r}: the episode is over, reset before stepping")
        # The twin speaks today's grammar, the agent may speak either.
        world, feedback, admissible = self._twin.step(world, command_in("move", action.strip()))
        if self.instance.wording == "put":
            feedback = feedback_in("put", feedback)
        after = self._state(world, feedback, state, action)
        return Transition(after, float(after.solved), valid=admissible)

    def world_of(self, state: State) -> World:
        """Return where ``state`` is.

        Raises:
            SnapshotError: it cannot be continued from, or belongs to another game.
        """
        position = None if state.snapshot is None else state.snapshot.payload
        if state.snapshot is None or not isinstance(position, Position):
            raise SnapshotError(f"task {state.task.id!r}: not an ALFWorld snapshot: {type(position).__name__}")
        if position.digest != self.instance.digest or state.task.id != self.instance.id:
            raise SnapshotError(
                f"a snapshot of task {state.task.id!r} belongs to another game than {self.instance.id!r}"
            )
        if state.snapshot.key is not position.world and state.snapshot.key != position.world:
            raise SnapshotError(f"task {state.task.id!r}: the snapshot belongs to another state")
        return position.world

    def _commands(self, world: World) -> tuple[str, ...]:
        return self._twin.admissible(world) if self.instance.wording == "move" else self._reworded(world)

    def _commands_reworded(self, world: World) -> tuple[str, ...]:
        return commands_in(self.instance.wording, self._twin.admissible(world))

    def _state(self, world: World, observation: str, before: State | None, action: Action) -> State:
        history = () if before is None else (*before.history, (action, observation))
        solved = self._twin.won(world)
        return State(
            task=self.instance.task,
            observation=observation,
            history=history,
            actions=self._commands(world),
            snapshot=Snapshot(world, Position(self.instance.digest, world)),
            terminal=solved,
            truncated=not solved and len(history) >= self.instance.horizon,
            solved=solved,
            visited=() if before is None else (*before.visited, before.key),
        )


class AlfworldWorld:
    """The live world of one game, on the twin; reward 1 when the task is done, else 0; deterministic."""

    snapshots: Literal["native", "replay", "none"] = "native"

    def __init__(self, instance: AlfworldTask) -> None:
        self._model = AlfworldModel(instance)
        self._state = self._model.first()

    def reset(self, *, seed: int | None = None) -> State:
        """Start again; ``seed`` changes nothing, the world is deterministic."""
        self._state = self._model.first()
        return self._state

    def step(self, action: Action) -> Transition:
        """Execute one command; one that is not admissible costs a step and changes nothing."""
        transition = self._model.after(self._state, action)
        self._state = transition.state
        return transition

    def restore(self, state: State) -> State:
        """Continue from ``state``."""
        self._model.world_of(state)
        self._state = state
        return state

    def close(self) -> None:
        """Nothing to give back."""


class AlfworldSimulator:
    """A stateless model of one game, exact."""

    def __init__(self, instance: AlfworldTask) -> None:
        self._model = AlfworldModel(instance)

    def step(self, states: Sequence[State], actions: Sequence[Action], *, budget: Budget) -> list[Transition]:
        """Return what each action does in each state."""
        budget.spend(sim_steps=len(states))
        return [self._model.after(state, action) for state, action in zip(states, actions, strict=True)]
