"""Beam search: the best few nodes of a level, whoever their parents are."""

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np

from planners.base import TreePlanner, expected_return, regularised
from planners.growth import Child, Draft, Edge, Growth, evaluate, propose, simulate
from planners.questions import Asking
from slinvit.tree import StoppedBy


@dataclass(frozen=True, kw_only=True)
class Beam(TreePlanner):
    """Keeps the ``width`` nodes of a level with the largest rewards + lam * sum log pi + V, until one is solved.

    One prior, one simulator and one value call per level. All actions in the prior's support are simulated; a state
    that was once in the beam does not come back. The plan is the whole path.

    Args:
        parts: what answers its questions.
        max_nodes: most nodes per plan; all simulated states are nodes.
        width: nodes kept per level.
        lam: units of return per nat; ``inf`` leaves the choice to the prior.
    """

    width: int = 4
    lam: float = 0.3

    def grow(self, growth: Growth, rng: np.random.Generator) -> Asking[StoppedBy]:
        """Add levels until solved or nothing is left; the horizon ends every path."""
        level = [growth.root]
        while level := [node for node in level if node.open]:
            proposals = yield from propose(level)
            edges = [
                Edge(node, action, log_prob)
                for node, proposal in zip(level, proposals, strict=True)
                for action, log_prob in proposal.ranked(rng)
            ]
            children = yield from simulate(edges)
            added = growth.add(self._new(growth, children))
            yield from evaluate(added)
            for node in added:
                node.score = regularised(expected_return(node), node.path_log_prob, self.lam)
            if growth.solved:
                return "goal"
            level = sorted(added, key=lambda node: -(node.score or 0.0))[: self.width]
        return "exhausted"

    def choose(self, growth: Growth) -> Asking[Draft]:
        """Return the solved node of largest score, else as every search does."""
        if growth.solved:
            return max(growth.solved, key=lambda node: node.score or 0.0)
        return (yield from super().choose(growth))

    def _new(self, growth: Growth, children: list[Child]) -> list[Child]:
        fresh: dict[Hashable, Child] = {}
        for child in children:
            key, known = child.state.key, growth.find(child.state.key)
            new = known is None or not known.expanded
            if new and (key not in fresh or _nats(child) > _nats(fresh[key])):
                fresh[key] = child
        return list(fresh.values())


def _nats(child: Child) -> float:
    return child.edge.parent.path_log_prob + child.edge.log_prob
