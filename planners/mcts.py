"""Monte-Carlo tree search with the prior in its selection rule (PUCT), in a deterministic simulator."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from planners.base import TreePlanner
from planners.growth import Draft, Edge, Growth, estimate, evaluate, propose, simulate
from planners.questions import Asking
from slinvit.tree import StoppedBy
from slinvit.types import ActionDistribution


@dataclass(frozen=True, kw_only=True)
class Mcts(TreePlanner):
    """Runs simulations: descend by Q + c_puct * pi * sqrt(visits of the parent) / (1 + visits), add one node, back up.

    The new node counts with its value, Q is the mean of rewards + value seen through a node, and an action not tried
    yet counts with the mean of its parent. Actions that lead back to a state on the path, or to nowhere, are closed. A
    solved node ends the search and is planned to whole; otherwise the path of most visits is the plan, its first action
    is executed, and the score of a node is its Q. As in RAP, arXiv:2305.14992.

    Args:
        parts: what answers its questions.
        max_nodes: most nodes per plan.
        simulations: per plan; each adds at most one node.
        c_puct: weight of the prior, in units of return.
        prior_at: the prior is asked at ``all`` nodes that are passed, or only at the ``root`` and is uniform elsewhere
            (where the admissible actions are listed).
    """

    simulations: int = 64
    c_puct: float = 1.0
    prior_at: Literal["all", "root"] = "all"

    def grow(self, growth: Growth, rng: np.random.Generator) -> Asking[StoppedBy]:
        """Simulate until solved, or as often as wanted."""
        yield from evaluate([growth.root])
        _back_up(growth.root)
        for _ in range(self.simulations):
            leaf = yield from self._descend(growth)
            if not any(growth.root.children.values()):
                return "dead-end"
            _back_up(leaf)
            if growth.solved:
                return "goal"
        return "done"

    def choose(self, growth: Growth) -> Asking[Draft]:
        """Return the solved node, else the end of the path of most visits, ties by Q."""
        yield from ()
        for node in growth.nodes[1:]:
            node.score = node.total / node.visits if node.visits else None
        if growth.solved:
            return growth.solved[0]
        target = growth.root
        while children := [child for child in target.children.values() if child is not None and child.visits]:
            target = max(children, key=lambda child: (child.visits, child.score or 0.0))
        return target

    def committed(self, target: Draft) -> int | None:
        """Return 1, or all where the goal was seen."""
        return None if target.state.solved else 1

    def _descend(self, growth: Growth) -> Asking[Draft]:
        node = growth.root
        while node.open:
            proposal = yield from self._proposal(node)
            action = self._select(node, proposal)
            if action is None:
                break
            child = node.children.get(action)
            if child is None:
                child = yield from _try(growth, Edge(node, action, proposal.log_prob(action)))
                if child is not None:
                    return child
            else:
                node = child
        return node

    def _proposal(self, node: Draft) -> Asking[ActionDistribution]:
        if node.proposal is None and node.parent is not None and self.prior_at == "root" and node.state.actions:
            actions = node.state.actions
            node.proposal = ActionDistribution.normalised(actions, np.zeros(len(actions)), method="uniform")
        return (yield from propose([node]))[0]

    def _select(self, node: Draft, proposal: ActionDistribution) -> str | None:
        root_of_visits, mean = math.sqrt(node.visits), node.total / node.visits - node.reward
        best, chosen = -math.inf, None
        for action, prob in zip(proposal.actions, proposal.probs.tolist(), strict=True):
            child = node.children.get(action)
            if prob == 0 or (child is None and action in node.children):
                continue
            q, visits = (mean, 0) if child is None else (child.total / child.visits, child.visits)
            score = q + self.c_puct * prob * root_of_visits / (1 + visits)
            if score > best:
                best, chosen = score, action
        return chosen


def _try(growth: Growth, edge: Edge) -> Asking[Draft | None]:
    children = yield from simulate([edge])
    fresh = [child for child in children if not edge.parent.on_path(child.state.key)]
    if not fresh:
        edge.parent.children[edge.action] = None
        return None
    (value,) = yield from estimate([fresh[0].state])
    (child,) = growth.add(fresh)
    child.value = value
    return child


def _back_up(leaf: Draft) -> None:
    """Add to every node on the path what this simulation collects from the edge into the node on."""
    node: Draft | None = leaf
    collected = leaf.value or 0.0
    while node is not None:
        collected += node.reward
        node.visits += 1
        node.total += collected
        node = node.parent
