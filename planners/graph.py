"""Graph searches to a solution: expand the first node of a queue; they differ in what the queue is ordered by."""

import math
from abc import abstractmethod
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Literal

import numpy as np

from planners.base import TreePlanner, admissible, regularised
from planners.growth import Child, Draft, Edge, Growth, evaluate, propose, simulate
from planners.questions import Asking
from slinvit.tree import SearchTree, StoppedBy


@dataclass(frozen=True)
class GraphSearch(TreePlanner):
    """Expands the node of largest score, all its actions in one simulator call, until a child is solved.

    A state is one node, however it is reached. The plan is the whole path to the solution; without one, to the node
    with the largest rewards + value.
    """

    def grow(self, growth: Growth, rng: np.random.Generator) -> Asking[StoppedBy]:
        """Expand until solved or nothing is left; ties in the order in which nodes were made."""
        queue: list[tuple[float, int]] = [(0.0, 0)]
        while queue:
            node = growth.nodes[heappop(queue)[1]]
            if not node.open or growth.find(node.state.key) is not node:
                continue
            edges = yield from self.edges(node, rng)
            children = yield from simulate(edges)
            added = growth.add(self._new(growth, children))
            yield from self.score(added)
            if growth.solved:
                return "goal"
            for child in added:
                heappush(queue, (-(child.score or 0.0), child.index))
        return "exhausted"

    @abstractmethod
    def edges(self, node: Draft, rng: np.random.Generator) -> Asking[list[Edge]]:
        """Return the edges to try, the more promising of two to the same state first."""

    @abstractmethod
    def score(self, nodes: Sequence[Draft]) -> Asking[None]:
        """Give each node its score."""

    def replaces(self, child: Child, known: Draft) -> bool:
        """Say whether ``child`` is so much better than the node of the same state that it takes its place."""
        return False

    def _new(self, growth: Growth, children: Sequence[Child]) -> list[Child]:
        fresh: dict[Hashable, Child] = {}
        for child in children:
            known = growth.find(child.state.key)
            if known is None or self.replaces(child, known):
                fresh.setdefault(child.state.key, child)
        return list(fresh.values())


def prior_edges(node: Draft, rng: np.random.Generator) -> Asking[list[Edge]]:
    """Return the edges in the prior's support, most probable first, ties in random order."""
    (proposal,) = yield from propose([node])
    return [Edge(node, action, log_prob) for action, log_prob in proposal.ranked(rng)]


@dataclass(frozen=True, kw_only=True)
class BreadthFirst(GraphSearch):
    """Expands the shallowest node; asks no prior (log priors in the tree are uniform), values only without a solution.

    Args:
        parts: what answers its questions.
        max_nodes: most nodes per plan.
    """

    def edges(self, node: Draft, rng: np.random.Generator) -> Asking[list[Edge]]:
        """Return all admissible actions, in their order."""
        yield from ()
        actions = admissible(self, node.state)
        return [Edge(node, action, -math.log(len(actions))) for action in actions]

    def score(self, nodes: Sequence[Draft]) -> Asking[None]:
        """Shallow is good."""
        yield from ()
        for node in nodes:
            node.score = -float(node.depth)


@dataclass(frozen=True, kw_only=True)
class BestFirst(GraphSearch):
    """Expands the node with the largest rewards + V + lam * log pi.

    Every state is expanded once, on the path that reached it first: near the horizon a shorter one can be missed.

    Args:
        parts: what answers its questions.
        max_nodes: most nodes per plan.
        lam: units of return per nat; ``inf`` leaves the order to the prior.
        nats: log pi of the ``last`` action, or summed over the ``path``.
    """

    lam: float = 0.3
    nats: Literal["last", "path"] = "last"

    def edges(self, node: Draft, rng: np.random.Generator) -> Asking[list[Edge]]:
        """Return what the prior allows."""
        return (yield from prior_edges(node, rng))

    def score(self, nodes: Sequence[Draft]) -> Asking[None]:
        """Ask for the values of all, in one call."""
        yield from evaluate(nodes)
        for node in nodes:
            nats = node.log_prob if self.nats == "last" else node.path_log_prob
            node.score = regularised(node.path_reward + (node.value or 0.0), nats, self.lam)


@dataclass(frozen=True, kw_only=True)
class Levin(GraphSearch):
    """Levin tree search: expands the node with the smallest depth / pi(path); asks values only without a solution.

    The score is -log(depth / pi). A search that solves its task has expanded no more than :func:`levin_bound` nodes.
    Of two paths to a state the cheaper one stays. After arXiv:1811.10928.

    Args:
        parts: what answers its questions.
        max_nodes: most nodes per plan.
    """

    def edges(self, node: Draft, rng: np.random.Generator) -> Asking[list[Edge]]:
        """Return what the prior allows."""
        return (yield from prior_edges(node, rng))

    def score(self, nodes: Sequence[Draft]) -> Asking[None]:
        """Depth and prior alone."""
        yield from ()
        for node in nodes:
            node.score = node.path_log_prob - math.log(node.depth)

    def replaces(self, child: Child, known: Draft) -> bool:
        """Say whether the new path is cheaper."""
        parent, _, log_prob = child.edge
        return known.score is not None and parent.path_log_prob + log_prob - math.log(parent.depth + 1) > known.score


def expansions(tree: SearchTree) -> int:
    """Return how many nodes a search expanded."""
    return sum(node.expanded for node in tree.nodes)


def levin_bound(tree: SearchTree, target: int) -> float:
    """Return g / pi of the path to ``target``: its length over its probability under the prior.

    Levin tree search has expanded no more nodes than that when it finds ``target`` as its solution.
    """
    path = tree.path(target)
    return (len(path) - 1) * math.exp(-sum(tree.nodes[index].log_prob for index in path))
