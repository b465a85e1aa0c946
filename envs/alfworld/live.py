"""ALFWorld on the real engine: alone, or side by side with the twin."""

from collections.abc import Sequence
from typing import Literal, Protocol

from envs.alfworld.game import Game
from envs.alfworld.task import AlfworldTask
from envs.alfworld.wording import command_in, commands_in, feedback_in
from envs.alfworld.world import AlfworldWorld
from slinvit.errors import EnvironmentFailure, SnapshotError
from slinvit.types import Action, State, Transition

TASK = "\n\nYour task is to: "


class Engine(Protocol):
    """The real engine, in a process of its own; one game at a time."""

    def load(self, game: Game) -> tuple[str, Sequence[str]]:
        """Start ``game``, from its beginning; return the first text and the admissible commands."""
        ...

    def step(self, command: str) -> tuple[str, Sequence[str], bool]:
        """Return what the engine says to ``command``, the admissible commands, and whether the game is won."""
        ...

    def close(self) -> None:
        """End the process."""
        ...


class EngineWorld:
    """One game on the real engine; no snapshots, replay only.

    Args:
        instance: the game.
        engine: closed with the world.
    """

    snapshots: Literal["native", "replay", "none"] = "replay"

    def __init__(self, instance: AlfworldTask, engine: Engine) -> None:
        self.instance = instance
        self._engine = engine
        self._native: dict[str, str] = {}
        self._state: State | None = None

    def reset(self, *, seed: int | None = None) -> State:
        """Start again; ``seed`` changes nothing, the world is deterministic."""
        text, commands = self._engine.load(self.instance.game)
        self._state = self._told(text.partition(TASK)[0], commands, False, None, "")
        return self._state

    def step(self, action: Action) -> Transition:
        """Execute one command; one that is not admissible costs a step and changes nothing."""
        before = self._state or self.reset()
        if before.over:
            raise EnvironmentFailure(f"task {before.task.id!r}: the episode is over, reset before stepping")
        command = self._native.get(command_in(self.instance.wording, action.strip()))
        text, commands, won = self._engine.step(action.strip() if command is None else command)
        self._state = self._told(feedback_in(self.instance.wording, text), commands, won, before, action)
        return Transition(self._state, float(won), valid=command is not None)

    def close(self) -> None:
        """End the engine."""
        self._engine.close()

    def _told(self, text: str, commands: Sequence[str], won: bool, before: State | None, action: Action) -> State:
        instance = self.instance
        self._native = {command_in(instance.wording, command): command for command in commands}
        history = () if before is None else (*before.history, (action, text))
        return State(
            task=instance.task,
            observation=text,
            history=history,
            actions=commands_in(instance.wording, commands),
            terminal=won,
            truncated=not won and len(history) >= instance.horizon,
            solved=won,
            visited=() if before is None else (*before.visited, before.key),
        )


class CheckedWorld:
    """One game on the real engine, every step compared with the twin, whose snapshots the states carry.

    Args:
        engine: the world that counts.
        twin: the same game on the twin.
    """

    snapshots: Literal["native", "replay", "none"] = "native"

    def __init__(self, engine: EngineWorld, twin: AlfworldWorld) -> None:
        self._engine = engine
        self._twin = twin
        self._told: State | None = None

    def reset(self, *, seed: int | None = None) -> State:
        """Start again."""
        return self._agreed(Transition(self._engine.reset(), 0.0), Transition(self._twin.reset(), 0.0)).state

    def step(self, action: Action) -> Transition:
        """Execute one command in both.

        Raises:
            EnvironmentFailure: twin and engine differ.
        """
        if self._told is None:
            self.reset()
        return self._agreed(self._engine.step(action), self._twin.step(action))

    def restore(self, state: State) -> State:
        """Continue from ``state``: the engine repeats its history."""
        self._twin.restore(state)
        told = self._engine.reset()
        for action, _ in state.history:
            told = self._engine.step(action).state
        if told.history != state.history or told.actions != state.actions:
            raise SnapshotError(f"task {state.task.id!r}: the engine did not repeat the history of the state")
        self._told = told
        return state

    def close(self) -> None:
        """End the engine."""
        self._engine.close()

    def _agreed(self, engine: Transition, twin: Transition) -> Transition:
        self._told = engine.state
        for what in ("observation", "actions", "solved", "terminal", "truncated"):
            found, expected = getattr(twin.state, what), getattr(engine.state, what)
            if found != expected:
                raise _difference(engine.state, what, found, expected)
        if (twin.valid, twin.reward) != (engine.valid, engine.reward):
            raise _difference(engine.state, "validity", (twin.valid, twin.reward), (engine.valid, engine.reward))
        return twin


def _difference(state: State, what: str, twin: object, engine: object) -> EnvironmentFailure:
    action = f"after {state.history[-1][0]!r}" if state.history else "at the start"
    if isinstance(twin, tuple) and isinstance(engine, tuple):
        twin, engine = sorted(set(twin) - set(engine)), sorted(set(engine) - set(twin))
    return EnvironmentFailure(
        f"task {state.task.id!r}, step {len(state.history)}: twin and engine differ in {what} {action}: "
        f"{twin!r} in the twin, {engine!r} in the engine"
    )
