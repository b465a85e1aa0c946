"""A BlocksWorld problem: names, start, goal, and the states an agent sees in it."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, TypeAlias

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
        objects: names of the blocks in the file the problem was read from; empty where there was none.
    """

    id: str
    names: tuple[str, ...]
    start: Support
    goal: tuple[Fact, ...]
    horizon: int
    optimal: int | None = None
    source: str = ""
    plan: tuple[Action, ...] | None = None
    objects: tuple[str, ...] = ()

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


@dataclass(frozen=True, eq=False)
class View:
    """One situation as an agent sees it: ``after`` maps each admissible action to where it leads."""

    observation: str
    actions: tuple[Action, ...]
    after: Mapping[Action, Support]
    solved: bool


ViewOf: TypeAlias = Callable[[tuple[str, ...], tuple[Fact, ...], Support], View]
"""From names of the blocks, goal and situation to its view."""


@lru_cache(maxsize=1 << 16)
def native_view(names: tuple[str, ...], goal: tuple[Fact, ...], support: Support) -> View:
    """Return the view that the rules of :mod:`envs.blocksworld.core` give; remembered, for searches come back often.

    Raises:
        ValueError: ``support`` is not a BlocksWorld state.
    """
    if len(support) != len(names):
        raise ValueError(f"{len(support)} blocks, {len(names)} names")
    check(support)
    after = {render_move(move, names): target for move, target in successors(support)}
    return View(render_state(support, names), tuple(after), after, satisfied(support, goal))


def first_state(problem: Problem, view: View | None = None) -> State:
    """Return the state in which an episode of ``problem`` starts; ``view`` is by default the native one."""
    view = view or native_view(problem.names, problem.goal, problem.start)
    return _state(problem, problem.start, view, history=(), visited=())


def next_state(state: State, action: Action, support: Support, view: View) -> State:
    """Return the state after ``action`` led from ``state`` to ``support``."""
    position = position_of(state)
    history = (*state.history, (action, view.observation))
    return _state(position.problem, support, view, history, (*state.visited, position.support))


def refused_state(state: State, action: Action, reason: str, view: View) -> State:
    """Return the unchanged situation after the world refused ``action``; the step still counts."""
    position = position_of(state)
    history = (*state.history, (action, reason))
    return _state(position.problem, position.support, view, history, (*state.visited, position.support))


def position_of(state: State) -> Position:
    """Return where the blocks are in ``state``.

    Raises:
        SnapshotError: no snapshot, or a foreign or corrupt one.
    """
    snapshot = state.snapshot
    position = None if snapshot is None else snapshot.payload
    if snapshot is None or not isinstance(position, Position):
        raise SnapshotError(f"task {state.task.id!r}: not a BlocksWorld snapshot: {type(position).__name__}")
    problem, support = position.problem, position.support
    if snapshot.key != support or (state.task is not problem.task and state.task != problem.task):
        raise SnapshotError(f"task {state.task.id!r}: the snapshot belongs to another state or task")
    try:
        native_view(problem.names, problem.goal, support)
    except (ValueError, TypeError) as error:
        raise SnapshotError(f"task {state.task.id!r}: the snapshot is corrupt: {error}") from error
    return position


def _state(
    problem: Problem,
    support: Support,
    view: View,
    history: tuple[tuple[Action, str], ...],
    visited: tuple[Hashable, ...],
) -> State:
    return State(
        task=problem.task,
        observation=view.observation,
        history=history,
        actions=view.actions,
        snapshot=Snapshot(support, Position(problem, support)),
        terminal=view.solved,
        truncated=not view.solved and len(history) >= problem.horizon,
        solved=view.solved,
        visited=visited,
    )
