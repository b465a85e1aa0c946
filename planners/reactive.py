"""Acting without a simulator: the prior, corrected by what the value says about the steps already taken."""

from dataclasses import dataclass, replace

import numpy as np

from planners.base import SearchPlanner
from planners.growth import Growth, propose
from planners.questions import Asking, Search, estimate
from slinvit.budget import Budget
from slinvit.errors import BudgetExceeded
from slinvit.tree import Plan
from slinvit.types import Action, State, taken_before


@dataclass(frozen=True, kw_only=True)
class Reactive(SearchPlanner):
    """Takes the most probable action among those not yet tried in vain, ties broken at random; simulates nothing.

    Tried in vain are the actions taken since the value was highest, and those already taken in this very situation.
    Where all have been, none counts as such. The score is the log prior in nats.

    Args:
        parts: what answers its questions.
        memory: newest steps of the episode whose values are compared; older ones are forgotten.
    """

    memory: int = 16

    def search(self, state: State, *, budget: Budget, rng: np.random.Generator) -> Search:
        """Ask the prior here, and the value here and at the remembered steps."""
        growth = Growth(state, budget)
        if not growth.root.open:
            return growth.plan(growth.root, "dead-end")
        try:
            (proposal,) = yield from propose([growth.root])
            vain = (yield from self._since_best(state)) | taken_before(state)
        except BudgetExceeded:
            return growth.plan(growth.root, "budget")
        ranked = proposal.ranked(rng)
        action, log_prob = next((pair for pair in ranked if pair[0] not in vain), ranked[0])
        return Plan((action,), (action,), 0, log_prob, growth.freeze(), "done", proposal)

    def _since_best(self, state: State) -> Asking[frozenset[Action]]:
        recent = range(max(1, len(state.history) - self.memory), len(state.history) + 1)
        values = yield from estimate([_after(state, steps) for steps in recent])
        best = recent[int(np.argmax(values))] if values else 0
        return frozenset(action for action, _ in state.history[best:])


def _after(state: State, steps: int) -> State:
    """Return the state after so many steps as an agent without a simulator remembers it: actions and texts."""
    if steps == len(state.history):
        return state
    history = state.history[:steps]
    return replace(state, observation=history[-1][1], history=history, actions=None, snapshot=None, visited=())
