"""The MDPs and priors on which the catalogue is checked."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from envs.tabular import TabularMDP, deep_sea, frozen_lake, garnet, river_swim
from planners.linvit import at_kl, boltzmann, optimal, permuted, uniform
from slinvit.types import FloatArray

WIDE = (1e-4, 1e-2, 0.1, 1.0, 100.0, 1e4)
NARROW = (1e-2, 0.1, 1.0, 10.0)


@dataclass(frozen=True, eq=False)
class Case:
    """One world with one prior; ``log_prior`` ``[H, S, A]`` in nats."""

    mdp: TabularMDP
    prior: str
    log_prior: FloatArray

    @property
    def name(self) -> str:
        """For messages."""
        return f"{self.mdp.name} with a prior {self.prior}"

    def start(self, values: FloatArray) -> float:
        """Return the value of the initial state at the first step, from ``[H + 1, S]``."""
        return float(values[0, self.mdp.initial_state])


@lru_cache(maxsize=1)
def cases() -> tuple[Case, ...]:
    """Return every world with every prior."""
    return tuple(case for mdp in _worlds() for case in _with_priors(mdp))


def configurations(lams: tuple[float, ...]) -> Iterator[tuple[Case, float]]:
    """Yield every case with every regularisation weight."""
    return ((case, lam) for case in cases() for lam in lams)


def random_policy(mdp: TabularMDP, rng: np.random.Generator) -> FloatArray:
    """Return ``[H, S, A]`` probabilities, Dirichlet(1) over the legal actions of each state."""
    weights = rng.exponential(size=mdp.r.shape) * mdp.legal_actions
    return np.asarray(weights / weights.sum(axis=-1, keepdims=True))


def _worlds() -> list[TabularMDP]:
    return [
        garnet(6, 3, 5, seed=1),
        garnet(8, 4, 6, seed=2, stationary=False),
        river_swim(6, 12),
        deep_sea(6),
        frozen_lake(20),
        frozen_lake(20, slippery=False),
    ]


def _with_priors(mdp: TabularMDP) -> list[Case]:
    good = at_kl(mdp, 0.5)
    return [
        Case(mdp, "uniform", uniform(mdp)),
        Case(mdp, "at KL 0.5", good),
        Case(mdp, "softmax of 3 Q*", boltzmann(mdp, 3.0)),
        Case(mdp, "permuted", permuted(mdp, good, rng=np.random.default_rng(3))),
    ]


def optimum(mdp: TabularMDP) -> FloatArray:
    """Return V* ``[H + 1, S]``."""
    return optimal(mdp).v
