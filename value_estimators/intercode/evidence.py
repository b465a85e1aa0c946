"""All that speaks for an answer without knowing the wanted one, weighted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from slinvit.budget import Budget
from slinvit.errors import InputError
from slinvit.protocols import Prior, Simulator
from slinvit.registry import Spec
from slinvit.types import FloatArray, State
from value_estimators.intercode.agreement import Agreement
from value_estimators.intercode.executes import level
from value_estimators.intercode.shape import fit
from value_estimators.intercode.turn import turns
from value_estimators.options import check_spec

WEIGHTS: Mapping[str, float] = {"agreement": 1.0, "executes": 0.5, "shape": 1.0}
"""The usual ones: what ``benchmarks.intercode.selection`` finds for nearly every database on all the others."""


@dataclass(frozen=True)
class Evidence:
    """Weighted mean of ``agreement``, ``executes`` and ``shape``, in [0, 1].

    Attributes:
        votes: the value ``agreement``.
        weights: of the three, 0 or more, not all 0.
    """

    votes: Agreement
    weights: Mapping[str, float]
    name: ClassVar[str] = "evidence"
    oracle: ClassVar[bool] = False

    def estimate(self, states: Sequence[State], *, budget: Budget, rng: np.random.Generator) -> FloatArray:
        """Return ``[B]`` means; raises ``InputError`` outside InterCode."""
        found = turns(states, self.name)
        parts = {
            "agreement": self.votes.shares([state.task for state in states], found),
            "executes": np.array([level(turn) for turn in found]),
            "shape": np.array([fit(turn) for turn in found]),
        }
        total = sum(self.weights.values())
        return np.asarray(sum(weight * parts[name] for name, weight in self.weights.items()) / total)

    def provenance(self) -> Mapping[str, Any]:
        """Return the weights."""
        return dict(self.weights)


def evidence(spec: Spec, *, prior: Prior, simulator: Simulator) -> Evidence:
    """InterCode: weighted mean of agreement=, executes= and shape=, which take weights."""
    check_spec(spec, options=tuple(WEIGHTS))
    weights = {name: _weight(spec, name, usual) for name, usual in WEIGHTS.items()}
    if not any(weights.values()):
        raise InputError(f"the value {spec.name!r} needs a weight above 0")
    return Evidence(Agreement(prior), weights)


def _weight(spec: Spec, name: str, usual: float) -> float:
    text = spec.options.get(name, str(usual))
    try:
        weight = float(text)
    except ValueError:
        weight = -1.0
    if not 0 <= weight < np.inf:
        raise InputError(f"the option {name}={text} of the value {spec.name!r} must be a number, 0 or more")
    return weight
