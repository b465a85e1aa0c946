"""The value of ALFWorld states: subgoals reached, read from the task and the texts so far."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

import numpy as np

from priors.alfworld.progress import Credit, progress
from priors.alfworld.reading import believe, wish_of
from slinvit.budget import Budget
from slinvit.errors import InputError
from slinvit.protocols import Prior, Simulator
from slinvit.registry import Spec
from slinvit.types import FloatArray, State
from value_estimators.options import check_spec

PARTS = ("found", "proximity", "novelty")


@dataclass(frozen=True)
class Subgoals:
    """Share of the subgoals of the task reached so far, in [0, 1]: find, take, treat, go, place, twice for two.

    Reads the text of the task and of ``State.history``, nothing else: what was not observed does not enter.

    Attributes:
        credit: which parts count beside taking, treating and placing.
    """

    credit: Credit = field(default=Credit())
    name: ClassVar[str] = "subgoals"
    oracle: ClassVar[bool] = False

    def estimate(self, states: Sequence[State], *, budget: Budget, rng: np.random.Generator) -> FloatArray:
        """Return ``[B]`` shares; raises ``InputError`` outside ALFWorld."""
        shares = [progress(wish_of(state, f"the value {self.name!r}"), believe(state), self.credit) for state in states]
        return np.array(shares, dtype=np.float64)

    def provenance(self) -> Mapping[str, Any]:
        """Return which parts count."""
        return asdict(self.credit)


def subgoals(spec: Spec, *, prior: Prior, simulator: Simulator) -> Subgoals:
    """Subgoals of ALFWorld tasks, from observed text: found=, proximity=, novelty=false for ablations."""
    check_spec(spec, options=PARTS)
    return Subgoals(Credit(**{part: _flag(spec, part) for part in PARTS}))


def _flag(spec: Spec, key: str) -> bool:
    text = spec.options.get(key, "true")
    if text not in ("true", "false"):
        raise InputError(f"the option {key}={text} of the value {spec.name!r} must be true or false")
    return text == "true"
