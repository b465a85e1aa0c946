"""Rewards on top of a world that only executes: when an episode ends, or after every turn."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

import numpy as np

from envs.intercode.answer import Answer
from envs.simulator import RestoringSimulator
from slinvit.budget import Budget
from slinvit.errors import EnvironmentFailure, SnapshotError, UnknownName
from slinvit.protocols import Restorable
from slinvit.types import Action, FloatArray, Snapshot, State, Transition

FEEDBACK = ("none", "reward")
"""What the agent learns about rewards before the end: nothing, or the reward of every turn."""

SOLVED = 1 - 1e-9
"""A reward of 1, rounding apart."""


@dataclass(frozen=True, slots=True)
class Grade:
    """What a grader says about the last answer of an episode.

    Attributes:
        reward: at most 1; negative only where a rank correlation is part of it.
        details: the parts of it and the corrected variants, for records; JSON values.
    """

    reward: float
    details: Mapping[str, Any] = field(default_factory=dict)


GradeState: TypeAlias = Callable[[State], Grade]
"""From a state of a plain world to what submitting there earns."""


def is_submit(action: Action) -> bool:
    """Say whether ``action`` hands in the last answer."""
    return action.startswith("submit")


def is_skip(action: Action) -> bool:
    """Say whether ``action`` gives up; that earns 0."""
    return action == "skip"


@dataclass(frozen=True, slots=True)
class Seen:
    """The payload of a snapshot where rewards are shown: what the plain world needs, and the best reward so far."""

    inner: Snapshot
    best: float

    @property
    def answer(self) -> Answer | None:
        """The outcome of the last command."""
        answer: Answer | None = self.inner.payload.answer
        return answer


def plain(state: State) -> State:
    """Return ``state`` as the plain world knows it."""
    if state.snapshot is not None and isinstance(state.snapshot.payload, Seen):
        return replace(state, snapshot=state.snapshot.payload.inner)
    return state


class Graded:
    """A world with rewards: that of the last answer, once, when the episode ends.

    An episode ends with ``submit``, with ``skip`` (which earns 0 whatever the last answer was), or at the horizon.

    Args:
        world: executes; its own rewards are not looked at.
        grade: of a state of ``world``.
    """

    snapshots: Literal["native", "replay", "none"] = "native"

    def __init__(self, world: Restorable, grade: GradeState) -> None:
        self._world = world
        self._grade = grade

    def reset(self, *, seed: int | None = None) -> State:
        """Start the episode again."""
        return self._world.reset(seed=seed)

    def step(self, action: Action) -> Transition:
        """Execute one action; the last one of an episode is rewarded."""
        done = self._world.step(action)
        if not done.state.over:
            return done
        grade = _graded(self._grade, done.state, action)
        solved = grade.reward >= SOLVED
        return replace(done, state=replace(done.state, solved=solved), reward=grade.reward, details=grade.details)

    def restore(self, state: State) -> State:
        """Continue from ``state``."""
        return self._world.restore(state)

    def close(self) -> None:
        """Close the world."""
        self._world.close()


class TryAgain:
    """A world in which the agent reads its reward after every turn and may try again: an oracle.

    The return of an episode is the best reward of its turns, at least 0: each turn earns by how much it was better
    than all before. A reward of 1 ends the episode. ``skip`` earns nothing.

    Args:
        world: executes; its own rewards are not looked at.
        grade: of a state of ``world``.
    """

    snapshots: Literal["native", "replay", "none"] = "native"

    def __init__(self, world: Restorable, grade: GradeState) -> None:
        self._world = world
        self._grade = grade
        self._state: State | None = None

    def reset(self, *, seed: int | None = None) -> State:
        """Start the episode again."""
        state = self._world.reset(seed=seed)
        self._state = replace(state, snapshot=_seen(state, 0.0))
        return self._state

    def step(self, action: Action) -> Transition:
        """Execute one action and grade what it gave."""
        before = self._state if self._state is not None else self.reset()
        if before.over:
            raise EnvironmentFailure(f"task {before.task.id!r}: the episode is over, reset before stepping")
        done = self._world.step(action)
        grade = _graded(self._grade, done.state, action)
        best = _best(before)
        text = f"{done.state.observation}\nReward: {grade.reward:.2f}"
        solved = grade.reward >= SOLVED
        self._state = replace(
            done.state,
            observation=text,
            history=(*before.history, (action, text)),
            snapshot=_seen(done.state, max(best, grade.reward)),
            terminal=done.state.terminal or solved,
            truncated=done.state.truncated and not solved,
            solved=solved,
            visited=(*before.visited, before.key),
        )
        return replace(done, state=self._state, reward=max(best, grade.reward) - best, details=grade.details)

    def restore(self, state: State) -> State:
        """Continue from ``state``."""
        best = _best(state)
        inner = plain(state)
        if state.snapshot != _seen(inner, best):
            raise SnapshotError(f"task {state.task.id!r}: the snapshot belongs to another state")
        self._world.restore(inner)
        self._state = state
        return state

    def close(self) -> None:
        """Close the world."""
        self._world.close()


class GradingSimulator(RestoringSimulator):
    """A simulator that also tells what submitting would earn, to those who ask: they are oracles.

    Satisfies :class:`slinvit.protocols.Simulator` and :class:`slinvit.protocols.Grader`.

    Args:
        make: makes a world of the task; called once, at the first step.
        grade: of a state of the plain world.
    """

    def __init__(self, make: Callable[[], Restorable], grade: GradeState) -> None:
        super().__init__(make)
        self._grade = grade

    def grade(self, states: Sequence[State], *, budget: Budget) -> FloatArray:
        """Return ``[B]`` rewards that a submit in each state would earn."""
        budget.spend(sim_steps=len(states))
        return np.array([self._grade(plain(state)).reward for state in states], dtype=np.float64)


def graded(world: Restorable, grade: GradeState, feedback: str = "none") -> Restorable:
    """Return ``world`` with rewards: at the end (``none``) or after every turn (``reward``).

    Raises:
        UnknownName: another ``feedback``.
    """
    if feedback not in FEEDBACK:
        raise UnknownName("feedback", feedback, FEEDBACK)
    return TryAgain(world, grade) if feedback == "reward" else Graded(world, grade)


def _graded(grade: GradeState, state: State, action: Action) -> Grade:
    found = grade(state)
    if not is_skip(action):
        return found
    nothing = {name: 0.0 for name in ("score", "corrected") if name in found.details}
    return Grade(0.0, {**found.details, **nothing, "skipped": True})


def _seen(inner: State, best: float) -> Snapshot | None:
    if inner.snapshot is None:
        return None
    return Snapshot((inner.snapshot.key, best), Seen(inner.snapshot, best))


def _best(state: State) -> float:
    payload = None if state.snapshot is None else state.snapshot.payload
    if not isinstance(payload, Seen):
        raise SnapshotError(f"task {state.task.id!r}: the state carries no snapshot of a world that shows rewards")
    return payload.best
