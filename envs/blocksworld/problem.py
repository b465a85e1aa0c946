"""A BlocksWorld problem: names, start, goal, and the states an agent sees in it."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from envs.blocksworld.core import Fact, Support, check, satisfied, successors
from envs.blocksworld.text import render_facts, render_move, render_state
from slinvit.errors import SnapshotError
from slinvit.types import Action, Snapshot, State, Task

DOMAIN = "blocksworld"


@dataclass(frozen=True)
class Problem:
    """One task.

    Attributes:
        id: unique within a run.
        names: of the blocks, by number, as they are written in observations and actions.
        start: the first state.
        goal: atoms that must hold; at least one, and some state satisfies them.
        horizon: most steps in an episode.
        optimal: least number of steps from start to goal, where it is known.
        source: file it was read from, or how it was made.
        plan: a plan that came with the task, as action texts, where there was one.
    """

    id: str
    names: tuple[str, ...]
    start: Support
    goal: tuple[Fact, ...]
    horizon: int
    optimal: int | None = None
    source: str = ""
    plan: tuple[Action, ...] | None = None

    @cached_property
    def task(self) -> Task:
        """What planners may know."""
        return Task(
            self.id, DOMAIN, render_facts(self.goal, self.names), self.horizon, metadata={"blocks": len(self.names)}
        )

    @property
    def report(self) -> Mapping[str, Any]:
        """What only reports may know."""
        return {"blocks": len(self.names), "optimal": self.optimal, "source": self.source}


@dataclass(frozen=True, slots=True)
class Position:
    """Payload of a snapshot: where the blocks of which problem are."""

    problem: Problem
    support: Support


def first_state(problem: Problem) -> State:
    """Return the state in which an episode of ``problem`` starts."""
    return _state(problem, problem.start, history=(), visited=())


def next_state(state: State, action: Action, support: Support) -> State:
    """Return the state after ``action`` led from ``state`` to ``support``."""
    position = position_of(state)
    observation = render_state(support, position.problem.names)
    history = (*state.history, (action, observation))
    return _state(position.problem, support, history, (*state.visited, position.support))


def refused_state(state: State, action: Action, reason: str) -> State:
    """Return the unchanged situation after the world refused ``action``; the step still counts."""
    position = position_of(state)
    history = (*state.history, (action, reason))
    return _state(position.problem, position.support, history, (*state.visited, position.support))


def position_of(state: State) -> Position:
    """Return where the blocks are in ``state``.

    Raises:
        SnapshotError: no snapshot, or a foreign or corrupt one.
    """
    position = None if state.snapshot is None else state.snapshot.payload
    if not isinstance(position, Position):
        raise SnapshotError(f"task {state.task.id!r}: not a BlocksWorld snapshot: {type(position).__name__}")
    if state.snapshot is None or state.snapshot.key != position.support or state.task != position.problem.task:
        raise SnapshotError(f"task {state.task.id!r}: the snapshot belongs to another state or task")
    try:
        check(position.support)
    except ValueError as error:
        raise SnapshotError(f"task {state.task.id!r}: the snapshot is corrupt: {error}") from error
    return position


def _state(
    problem: Problem, support: Support, history: tuple[tuple[Action, str], ...], visited: tuple[Hashable, ...]
) -> State:
    solved = satisfied(support, problem.goal)
    return State(
        task=problem.task,
        observation=render_state(support, problem.names),
        history=history,
        actions=tuple(render_move(move, problem.names) for move, _ in successors(support)),
        snapshot=Snapshot(support, Position(problem, support)),
        terminal=solved,
        truncated=not solved and len(history) >= problem.horizon,
        solved=solved,
        visited=visited,
    )
