"""What a search leaves behind: a flat, immutable tree and a plan."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from slinvit.types import Action, ActionDistribution

StoppedBy: TypeAlias = Literal["done", "goal", "budget", "dead-end", "exhausted"]
"""Why a search ended.

``done``: it did what it was asked to; ``goal``: a state that satisfies the goal was found; ``budget``: the next
spend would have passed a limit; ``dead-end``: no action leads to a state not yet visited; ``exhausted``: nothing is
left to expand.
"""


@dataclass(frozen=True, slots=True)
class Node:
    """One state of a search tree, with the edge that leads to it.

    Attributes:
        parent: index of the parent, -1 for the root.
        action: the edge; empty at the root.
        depth: number of actions from the root.
        observation: the state in words.
        log_prob: log prior of the action in its parent, in nats; 0 at the root.
        reward: of the action, in units of return.
        value: estimated return from here on, ``None`` where nobody asked; 0 where the episode is over.
        score: what the search ranked this node by, ``None`` where it was not ranked.
        visits: how often a sampling search passed through.
        solved: the goal holds here.
        over: no further step is possible.
        expanded: its successors were looked at.
    """

    parent: int
    action: Action
    depth: int
    observation: str
    log_prob: float
    reward: float
    value: float | None
    score: float | None
    visits: int
    solved: bool
    over: bool
    expanded: bool


@dataclass(frozen=True, slots=True)
class SearchTree:
    """All nodes in the order in which they were made; a node stands behind its parent."""

    nodes: tuple[Node, ...]

    def path(self, index: int) -> tuple[int, ...]:
        """Return the node indices from the root to ``index``, both included."""
        steps = [index]
        while (parent := self.nodes[steps[-1]].parent) >= 0:
            steps.append(parent)
        return tuple(reversed(steps))

    def actions(self, index: int) -> tuple[Action, ...]:
        """Return the actions from the root to ``index``."""
        return tuple(self.nodes[step].action for step in self.path(index)[1:])

    def children(self, index: int) -> tuple[int, ...]:
        """Return the indices of the children of ``index``."""
        return tuple(i for i, node in enumerate(self.nodes) if node.parent == index)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a planner decided.

    Attributes:
        actions: to be executed now, in this order; empty where the planner has nothing to offer.
        path: all actions towards the chosen node of the tree; ``actions`` is a prefix of it.
        target: index of that node.
        score: its score, in units of return.
        tree: everything that was looked at.
        stopped_by: why the search ended.
        prior: the prior's distribution in the state that was planned from, where it was asked.
    """

    actions: tuple[Action, ...]
    path: tuple[Action, ...]
    target: int
    score: float
    tree: SearchTree
    stopped_by: StoppedBy
    prior: ActionDistribution | None = None
