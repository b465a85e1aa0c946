"""A search tree while it grows: one mutable, append-only builder that all searches share."""

import math
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from planners import questions
from planners.questions import Asking
from slinvit.budget import Budget
from slinvit.errors import InputError, SlinvitError
from slinvit.tree import Node, Plan, SearchTree, StoppedBy
from slinvit.types import Action, ActionDistribution, State


@dataclass(slots=True, eq=False)
class Draft:
    """A node that may still change; :class:`slinvit.tree.Node` explains the fields the two share.

    Attributes:
        index: position in the tree.
        path_reward: rewards from the root to here.
        path_log_prob: log prior of all actions from the root to here, in nats.
        total: returns of the simulations that passed through, from the edge into this node on; sampling searches.
        proposal: the prior's answer here, once asked.
        children: by action; ``None`` where the action was tried and led nowhere new.
    """

    index: int
    parent: "Draft | None"
    action: Action
    depth: int
    state: State
    log_prob: float = 0.0
    reward: float = 0.0
    path_reward: float = 0.0
    path_log_prob: float = 0.0
    value: float | None = None
    score: float | None = None
    visits: int = 0
    total: float = 0.0
    expanded: bool = False
    proposal: ActionDistribution | None = None
    children: "dict[Action, Draft | None]" = field(default_factory=dict)

    @property
    def open(self) -> bool:
        """Whether there is anything to do here."""
        return not self.state.over and self.state.actions != ()

    def path(self) -> "list[Draft]":
        """Return the nodes from the root to this one, both included."""
        steps, node = [self], self.parent
        while node is not None:
            steps.append(node)
            node = node.parent
        return steps[::-1]

    def on_path(self, key: Hashable) -> bool:
        """Say whether a state with this key lies between the root and this node, both included."""
        node: Draft | None = self
        while node is not None:
            if node.state.key == key:
                return True
            node = node.parent
        return False


class Edge(NamedTuple):
    """An action that may be tried, with its log prior in nats."""

    parent: Draft
    action: Action
    log_prob: float


class Child(NamedTuple):
    """What an edge led to."""

    edge: Edge
    state: State
    reward: float


class Growth:
    """The tree of one search; adding a node costs the same however many there are.

    Args:
        state: the root.
        budget: is asked for ``nodes``; the root is given and not counted.

    Raises:
        InputError: the episode is over in ``state``.
    """

    def __init__(self, state: State, budget: Budget) -> None:
        if state.over:
            raise InputError(f"task {state.task.id!r}: the episode is over, there is nothing left to plan")
        self.root = Draft(0, None, "", 0, state)
        self.nodes = [self.root]
        self.solved: list[Draft] = []
        self.trajectory = frozenset((*state.visited, state.key))
        self._budget = budget
        self._newest = {state.key: self.root}

    @property
    def horizon(self) -> int:
        """Environment steps left in the episode."""
        return self.root.state.task.horizon - len(self.root.state.history)

    def find(self, key: Hashable) -> Draft | None:
        """Return the newest node whose state has this key."""
        return self._newest.get(key)

    def add(self, children: Sequence[Child]) -> list[Draft]:
        """Append nodes, all or none.

        Raises:
            BudgetExceeded: before anything was appended.
        """
        if children:
            self._budget.spend(nodes=len(children))
        return [self._append(*child) for child in children]

    def _append(self, edge: Edge, state: State, reward: float) -> Draft:
        parent, action, log_prob = edge
        draft = Draft(
            len(self.nodes),
            parent,
            action,
            parent.depth + 1,
            state,
            log_prob,
            reward,
            parent.path_reward + reward,
            parent.path_log_prob + log_prob,
        )
        parent.children[action] = draft
        self.nodes.append(draft)
        self._newest[state.key] = draft
        if state.solved:
            self.solved.append(draft)
        return draft

    def freeze(self) -> SearchTree:
        """Return the tree as a record."""
        return SearchTree(tuple(_frozen(draft) for draft in self.nodes))

    def plan(self, target: Draft, stopped_by: StoppedBy, execute: int | None = None) -> Plan:
        """Return the plan that leads to ``target``; its first ``execute`` actions are to be executed, by default all.

        The plan's score is the target's; the root's, which nobody ranks, is the 0 of an empty path.
        """
        path = tuple(step.action for step in target.path()[1:])
        score = 0.0 if target.score is None else target.score
        return Plan(path[:execute], path, target.index, score, self.freeze(), stopped_by, self.root.proposal)


def propose(drafts: Iterable[Draft], k: int | None = None) -> Asking[list[ActionDistribution]]:
    """Return the prior's distribution at each node; one question for those not asked before."""
    wanted = list(drafts)
    missing = list(dict.fromkeys(draft for draft in wanted if draft.proposal is None))
    answers = yield from questions.propose([draft.state for draft in missing], k)
    for draft, answer in zip(missing, answers, strict=True):
        draft.proposal = answer
    return [draft.proposal for draft in wanted if draft.proposal is not None]


def simulate(edges: Sequence[Edge]) -> Asking[list[Child]]:
    """Return where the edges lead; an action the world refuses leads nowhere and is left out.

    Where any text may be typed nothing is left out: a refusal is an answer there, and the agent can learn from it.
    """
    transitions = yield from questions.simulate([edge.parent.state for edge in edges], [edge.action for edge in edges])
    children = []
    for edge, transition in zip(edges, transitions, strict=True):
        edge.parent.expanded = True
        if transition.valid or edge.parent.state.actions is None:
            children.append(Child(edge, transition.state, transition.reward))
        else:
            edge.parent.children[edge.action] = None
    return children


def estimate(states: Sequence[State]) -> Asking[list[float]]:
    """Return the value of each state, 0 where the episode is over and its reward has been collected.

    An open-ended episode that is over without being solved has a value: what it earned only its grader knows.

    Raises:
        SlinvitError: a value is not a number.
    """
    asked = [state for state in states if not _collected(state)]
    answers = yield from questions.estimate(asked)
    for state, answer in zip(asked, answers, strict=True):
        if not math.isfinite(answer):
            raise SlinvitError(f"task {state.task.id!r}: the value of {state.observation!r} is {answer}, not a number")
    values = iter(answers)
    return [0.0 if _collected(state) else next(values) for state in states]


def evaluate(drafts: Iterable[Draft]) -> Asking[None]:
    """Give each node that has none its value; one question."""
    missing = list(dict.fromkeys(draft for draft in drafts if draft.value is None))
    values = yield from estimate([draft.state for draft in missing])
    for draft, value in zip(missing, values, strict=True):
        draft.value = value


def _collected(state: State) -> bool:
    return state.over and (state.solved or state.actions is not None)


def _frozen(draft: Draft) -> Node:
    state = draft.state
    return Node(
        -1 if draft.parent is None else draft.parent.index,
        draft.action,
        draft.depth,
        state.observation,
        draft.log_prob,
        draft.reward,
        draft.value,
        draft.score,
        draft.visits,
        state.solved,
        state.over,
        draft.expanded,
    )
