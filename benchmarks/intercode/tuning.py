"""Weights and lam chosen on other databases than those they are used on."""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from statistics import fmean

from learners.answer_value import Example

PARTS = ("agreement", "executes", "shape")
FEATURES: Mapping[str, str] = {"agreement": "agreement", "executes": "level", "shape": "shape"}
GRID: Mapping[str, tuple[float, ...]] = {
    "executes": (0.25, 0.5, 1.0, 0.0),
    "shape": (0.0, 0.25, 0.5, 1.0),
    "lam": (0.01, 0.03, 0.1, 0.3),
}
"""What is tried beside ``agreement=1``, the preferred first; of equally good choices the first is taken."""


@dataclass(frozen=True)
class Choice:
    """A value ``evidence`` and a weight of the prior.

    Attributes:
        weights: of the parts of the evidence.
        lam: units of value per nat.
    """

    weights: tuple[float, float, float]
    lam: float

    @property
    def value(self) -> str:
        """The spec of the value."""
        return "evidence:" + ",".join(f"{name}={weight:g}" for name, weight in zip(PARTS, self.weights, strict=True))

    def score(self, example: Example) -> float:
        """Return value + lam * log prior of a proposal, as SLINVIT of depth 1 ranks it."""
        found = sum(w * example.features[FEATURES[name]] for name, w in zip(PARTS, self.weights, strict=True))
        return found / sum(self.weights) + self.lam * math.log(max(example.features["mass"], 1e-300))

    def success(self, proposals: Sequence[Example]) -> float:
        """Return the chance of success on one task; equal scores by prior mass, then at random."""
        keys = [(round(self.score(each), 12), round(each.features["mass"], 12)) for each in proposals]
        best = max(keys)
        return fmean(each.success for each, key in zip(proposals, keys, strict=True) if key == best)


def choices() -> Iterator[Choice]:
    """Yield all of the grid, the preferred first."""
    for executes, shape, lam in product(*GRID.values()):
        yield Choice((1.0, executes, shape), lam)


def tuned(found: Sequence[Example]) -> dict[str, Choice]:
    """Return for each place what is best on all other places: most successes to be expected, one sum over tasks."""
    by_task: dict[tuple[str, str], list[Example]] = defaultdict(list)
    for example in found:
        by_task[example.place, example.task].append(example)
    totals: dict[Choice, dict[str, float]] = {}
    for choice in choices():
        totals[choice] = defaultdict(float)
        for (place, _), proposals in by_task.items():
            totals[choice][place] += choice.success(proposals)
    places = sorted({example.place for example in found})
    return {place: max(totals, key=lambda choice: _elsewhere(totals[choice], place)) for place in places}


def best(found: Sequence[Example]) -> Choice:
    """Return what is best on all places together: the usual weights come from here, and are no held-out result."""
    unseen = tuned([*found, Example("", "nowhere", False, dict.fromkeys((*FEATURES.values(), "mass"), 1.0), False)])
    return unseen["nowhere"]


def _elsewhere(successes: Mapping[str, float], place: str) -> float:
    return round(sum(count for other, count in successes.items() if other != place), 9)
