"""What a property of the catalogue is, and what checking it found."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from slinvit.rng import generator

Status = Literal["pass", "FAIL", "skip"]


@dataclass(frozen=True)
class Scale:
    """How much is run.

    Attributes:
        quick: smaller grids and fewer seeds; the properties are the same.
        seed: of everything random.
    """

    quick: bool = False
    seed: int = 0

    def of(self, quick: int, full: int) -> int:
        """Return the count for this scale."""
        return quick if self.quick else full

    def rng(self, *path: int | str) -> np.random.Generator:
        """Return the generator of a check."""
        return generator(self.seed, "theory", *path)


@dataclass(frozen=True)
class Finding:
    """What a check saw.

    Attributes:
        cases: how many comparisons were made.
        worst: the largest deviation from the property, 0 or more, in the units of the property's tolerance.
        note: a measured number worth reading, or why the check was skipped.
    """

    cases: int
    worst: float
    note: str = ""


class NotHere(Exception):
    """Raised by a check that cannot run here; the message says what is missing."""


@dataclass(frozen=True)
class Property:
    """One statement of the theory that can be checked.

    Attributes:
        number: in the catalogue; statements that belong together share it.
        name: unique.
        formula: the statement.
        tolerance: largest deviation that passes.
        check: measures the deviation.
    """

    number: int
    name: str
    formula: str
    tolerance: float
    check: Callable[[Scale], Finding]


@dataclass(frozen=True)
class Verdict:
    """A property that was checked; ``seconds`` of wall time."""

    property: Property
    finding: Finding
    status: Status
    seconds: float


def worst(deviations: Iterable[float], note: str = "") -> Finding:
    """Return the finding of many deviations; NaN counts as infinite."""
    found = [abs(deviation) if deviation == deviation else float("inf") for deviation in deviations]
    return Finding(len(found), float(max(found, default=0.0)), note)
