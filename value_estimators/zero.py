"""The control: no value at all."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from slinvit.budget import Budget
from slinvit.protocols import Prior, Simulator
from slinvit.registry import Spec
from slinvit.types import FloatArray, State
from value_estimators.options import check_spec


@dataclass(frozen=True)
class Zero:
    """0 for every state, in every world: what remains is the prior and the rewards."""

    name: ClassVar[str] = "zero"
    oracle: ClassVar[bool] = False

    def estimate(self, states: Sequence[State], *, budget: Budget, rng: np.random.Generator) -> FloatArray:
        """Return ``[B]`` zeros."""
        return np.zeros(len(states))


def zero(spec: Spec, *, prior: Prior, simulator: Simulator) -> Zero:
    """The control: 0 everywhere."""
    check_spec(spec)
    return Zero()
