"""Planners that look at most one step ahead: the prior alone, and nothing at all."""

import math
from dataclasses import dataclass

import numpy as np

from planners.base import SearchPlanner, TreePlanner, admissible
from planners.growth import Draft, Edge, Growth, propose, simulate
from planners.questions import Asking, Search
from slinvit.budget import Budget
from slinvit.errors import BudgetExceeded
from slinvit.tree import Plan, StoppedBy
from slinvit.types import State


@dataclass(frozen=True, kw_only=True)
class Greedy(TreePlanner):
    """Takes the action that the prior finds most probable, ties broken at random; the score is its log prior in nats.

    Args:
        parts: what answers its questions.
        max_nodes: most nodes per plan.
        mask: simulate actions, most probable first, until one leads to a state not yet visited in the episode. Without
            it nothing is simulated, and the tree has no other node than the root.
    """

    mask: bool = True

    def search(self, state: State, *, budget: Budget, rng: np.random.Generator) -> Search:
        """Ask the prior, and the simulator where visited states are masked."""
        if self.mask:
            return (yield from super().search(state, budget=budget, rng=rng))
        growth = Growth(state, budget)
        try:
            proposals = yield from propose([growth.root])
        except BudgetExceeded:
            return growth.plan(growth.root, "budget")
        action, log_prob = proposals[0].ranked(rng)[0]
        return Plan((action,), (action,), 0, log_prob, growth.freeze(), "done", proposals[0])

    def grow(self, growth: Growth, rng: np.random.Generator) -> Asking[StoppedBy]:
        """Add the first new state in the order of the prior."""
        for proposal in (yield from propose(node for node in [growth.root] if node.open)):
            for action, log_prob in proposal.ranked(rng):
                children = yield from simulate([Edge(growth.root, action, log_prob)])
                added = growth.add([child for child in children if child.state.key not in growth.trajectory])
                if added:
                    added[0].score = log_prob
                    return "goal" if growth.solved else "done"
        return "dead-end"

    def choose(self, growth: Growth) -> Asking[Draft]:
        """Return the one node there is."""
        yield from ()
        return growth.nodes[1]


@dataclass(frozen=True, kw_only=True)
class Random(SearchPlanner):
    """Takes an admissible action, all equally probable; asks nobody; the score is the log-probability in nats."""

    def search(self, state: State, *, budget: Budget, rng: np.random.Generator) -> Search:
        """Draw an action."""
        yield from ()
        growth = Growth(state, budget)
        actions = admissible(self, state)
        if not actions:
            return growth.plan(growth.root, "dead-end")
        action = actions[int(rng.integers(len(actions)))]
        return Plan((action,), (action,), 0, -math.log(len(actions)), growth.freeze(), "done")
