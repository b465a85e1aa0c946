"""A world, a prior and a value of your own: each is one method, and any planner takes them."""

import sys
from collections.abc import Sequence

import numpy as np

from envs.toy import GraphSimulator, GraphWorld
from planners import Parts
from planners.slinvit import Slinvit
from slinvit import ActionDistribution, Budget, FloatArray, State

EDGES = {
    "hall": {"left": ("library", 0.0), "right": ("cellar", 0.0)},
    "library": {"read": ("hall", 0.0), "climb": ("attic", 0.0)},
    "cellar": {"dig": ("vault", 0.0)},
    "vault": {},
    "attic": {},
}


class Hopeful:
    """Prefers the first action, three to one."""

    deterministic = True

    def propose(
        self, states: Sequence[State], *, k: int | None = None, budget: Budget, rng: np.random.Generator
    ) -> list[ActionDistribution]:
        """Return one distribution over the admissible actions of each state."""
        weights = [np.log([3.0] + [1.0] * (len(state.actions or ()) - 1)) for state in states]
        return [
            ActionDistribution.normalised(state.actions or (), scores, method="scripted")
            for state, scores in zip(states, weights, strict=True)
        ]


class NearVault:
    """Knows that the cellar is a good place."""

    def estimate(self, states: Sequence[State], *, budget: Budget, rng: np.random.Generator) -> FloatArray:
        """Return one value per state."""
        return np.array([0.9 if "cellar" in state.observation else 0.0 for state in states])


def main(argv: Sequence[str]) -> int:
    """Print how the price of leaving the prior decides between its habit and the value."""
    world = GraphWorld(EDGES, start="hall", goals=frozenset({"vault"}), horizon=5)
    start = world.reset()
    for lam in (0.0, 0.3, 3.0):
        planner = Slinvit(Parts(Hopeful(), GraphSimulator(), NearVault()), breadth=2, depth=1, lam=lam)
        plan = planner.plan(start, budget=Budget(), rng=np.random.default_rng(0))
        print(f"lam={lam:g}: {plan.actions[0]:5s} (score {plan.score:.2f})")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
