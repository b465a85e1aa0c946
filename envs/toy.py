"""A tiny deterministic world given as a graph: for golden trees, and for the conformance of generic parts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from slinvit.budget import Budget
from slinvit.errors import EnvironmentFailure, InputError, SnapshotError, did_you_mean
from slinvit.types import Action, Snapshot, State, Task, Transition

Edges: TypeAlias = Mapping[str, Mapping[Action, tuple[str, float]]]
"""From a node and an action to the node it leads to and the reward."""

Snapshots: TypeAlias = Literal["native", "replay", "none"]


@dataclass(frozen=True)
class Graph:
    """The rules; a node without edges is an end."""

    edges: Edges
    goals: frozenset[str]
    task: Task


@dataclass(frozen=True, slots=True)
class Place:
    """Payload of a snapshot: a node of a graph."""

    graph: Graph
    node: str


class GraphWorld:
    """The live world: observations are node names, actions edge names; deterministic.

    Args:
        edges: what each action does; nodes that are only targets have no actions.
        start: first node.
        goals: nodes that end the episode as solved.
        horizon: most steps in an episode.
        snapshots: ``native``: states carry snapshots; ``replay`` and ``none``: they do not, and :meth:`restore`
            refuses.
        name: task id.

    Raises:
        InputError: a start or goal that is not in the graph, or a horizon below 1.
    """

    def __init__(
        self,
        edges: Edges,
        start: str,
        goals: frozenset[str],
        horizon: int,
        *,
        snapshots: Snapshots = "native",
        name: str = "graph",
    ) -> None:
        nodes = {*edges, *(target for out in edges.values() for target, _ in out.values())}
        for node in (start, *sorted(goals)):
            if node not in nodes:
                raise InputError(f"{node!r} is not a node of the graph{did_you_mean(node, nodes)}")
        if horizon < 1:
            raise InputError(f"the horizon must be 1 or more, not {horizon}")
        goal = f"reach {' or '.join(sorted(goals)) or 'nothing'}"
        self.snapshots = snapshots
        self._graph = Graph(edges, frozenset(goals), Task(name, "graph", goal, horizon))
        self._start = start
        self._state, self._node = self.reset(), start

    def reset(self, *, seed: int | None = None) -> State:
        """Start again; ``seed`` changes nothing."""
        self._node = self._start
        self._state = _state(self._graph, self._start, before=None, action="", reason=None, save=self._saves)
        return self._state

    def step(self, action: Action) -> Transition:
        """Execute one action."""
        transition, self._node = _follow(self._graph, self._node, self._state, action, self._saves)
        self._state = transition.state
        return transition

    def restore(self, state: State) -> State:
        """Continue from ``state``; raises ``SnapshotError`` where it has no snapshot of this graph."""
        if not self._saves:
            offer = (
                "replay of the actions (envs.simulator.ReplaySimulator)" if self.snapshots == "replay" else "only reset"
            )
            raise SnapshotError(f"task {self._graph.task.id!r}: this world has no snapshots; it offers {offer}")
        place = _place(state)
        if place.graph != self._graph:
            raise SnapshotError(f"a snapshot of task {state.task.id!r} belongs to another graph")
        self._state, self._node = state, place.node
        return state

    def close(self) -> None:
        """Nothing to give back."""

    @property
    def _saves(self) -> bool:
        return self.snapshots == "native"


class GraphSimulator:
    """The same rules without a state of its own; serves all graphs whose states carry snapshots."""

    def step(self, states: Sequence[State], actions: Sequence[Action], *, budget: Budget) -> list[Transition]:
        """Return what each action does in each state."""
        budget.spend(sim_steps=len(states))
        return [
            _follow(_place(state).graph, _place(state).node, state, action, True)[0]
            for state, action in zip(states, actions, strict=True)
        ]


def _follow(graph: Graph, node: str, state: State, action: Action, save: bool) -> tuple[Transition, str]:
    if state.over:
        raise EnvironmentFailure(f"task {state.task.id!r}: the episode is over, reset before stepping")
    out = graph.edges.get(node, {})
    if action not in out:
        return Transition(_state(graph, node, state, action, "Nothing happens.", save), 0.0, valid=False), node
    target, reward = out[action]
    return Transition(_state(graph, target, state, action, None, save), reward), target


def _state(graph: Graph, node: str, before: State | None, action: Action, reason: str | None, save: bool) -> State:
    history = () if before is None else (*before.history, (action, reason or node))
    actions = tuple(graph.edges.get(node, {}))
    terminal = node in graph.goals or not actions
    return State(
        task=graph.task,
        observation=node,
        history=history,
        actions=actions,
        snapshot=Snapshot(node, Place(graph, node)) if save else None,
        terminal=terminal,
        truncated=not terminal and len(history) >= graph.task.horizon,
        solved=node in graph.goals,
        visited=() if before is None else (*before.visited, before.key),
    )


def _place(state: State) -> Place:
    place = None if state.snapshot is None else state.snapshot.payload
    if not isinstance(place, Place):
        raise SnapshotError(f"task {state.task.id!r}: not a snapshot of a graph: {type(place).__name__}")
    if state.snapshot is None or state.snapshot.key != place.node or state.task != place.graph.task:
        raise SnapshotError(f"task {state.task.id!r}: the snapshot belongs to another state or task")
    return place
