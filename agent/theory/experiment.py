"""What an experiment is: cells to run, and what is concluded from their rows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np

from agent.theory.statistics import Interval
from agent.theory.trials import Row, Trial
from planners.linvit.algorithm import BONUS_SCALES
from slinvit.types import FloatArray

Bonus: TypeAlias = Literal["certified", "practical"] | float


@dataclass(frozen=True)
class Plan:
    """How an experiment is run.

    Attributes:
        quick: fewer points, instances and episodes.
        bonus: ``certified``, ``practical`` or a scale; for learners that have one, unless the experiment fixes it.
    """

    quick: bool = False
    bonus: Bonus = "practical"

    @property
    def effort(self) -> float:
        """How many times the episodes of the practical bonus are needed: they grow with its square."""
        scale = BONUS_SCALES[self.bonus] if isinstance(self.bonus, str) else self.bonus
        return max(1.0, (scale / BONUS_SCALES["practical"]) ** 2)


@dataclass(frozen=True)
class Cell:
    """Which run: a point of a line, one of the random instances there, one seed."""

    line: str
    x: float
    instance: int
    seed: int

    @property
    def key(self) -> str:
        """Unique within an experiment."""
        return f"{self.line}|{self.x:g}|{self.instance}|{self.seed}"


@dataclass(frozen=True)
class Bar:
    """A demand on the outcome, met or not; ``demand`` in words, ``found`` as numbers."""

    name: str
    demand: str
    found: str
    met: bool


Rows: TypeAlias = Sequence[tuple[Cell, Sequence[Row]]]
"""Every cell that was run, with its rows."""


@dataclass(frozen=True)
class Outcome:
    """What the rows say.

    Attributes:
        slopes: by line and quantity.
        bars: demands.
        facts: further numbers, JSON values.
    """

    slopes: Mapping[str, Mapping[str, Interval | None]] = field(default_factory=dict)
    bars: tuple[Bar, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            "slopes": {
                line: {name: found and _finite(asdict(found)) for name, found in by_name.items()}
                for line, by_name in self.slopes.items()
            },
            "bars": [asdict(bar) for bar in self.bars],
            "facts": dict(self.facts),
        }


@dataclass(frozen=True)
class Experiment:
    """An entry of the registry.

    Attributes:
        name: on the command line.
        title: one line on what is asked.
        axis: what x is.
        lines: what is compared.
        grid: the values of x.
        quick_grid: fewer of them.
        instances: random MDPs per point.
        trial: what a cell runs.
        measure: runs it and returns its rows.
        conclude: what all rows say.
        quantities: columns that are drawn, against x or, in a curve, against ``episode``.
        curve: whether a cell has many rows, one per planning round.
        seeds: by default.
        labels: names for values of x that are no numbers.
    """

    name: str
    title: str
    axis: str
    lines: tuple[str, ...]
    grid: tuple[float, ...]
    quick_grid: tuple[float, ...]
    instances: int
    trial: Callable[[Cell, Plan], Trial]
    measure: Callable[[Trial, int], list[Row]]
    conclude: Callable[["Experiment", Rows], Outcome]
    quantities: tuple[str, ...]
    curve: bool = False
    seeds: int = 10
    labels: tuple[str, ...] = ()

    def cells(self, plan: Plan, seeds: int) -> list[Cell]:
        """Return all runs, those of one seed together, so that an interrupted experiment is balanced."""
        grid = self.quick_grid if plan.quick else self.grid
        instances = min(self.instances, 2) if plan.quick else self.instances
        return [
            Cell(line, x, instance, seed)
            for seed in range(seeds)
            for line in self.lines
            for x in grid
            for instance in range(instances)
        ]


def table(rows: Rows, line: str, quantity: str) -> tuple[FloatArray, FloatArray]:
    """Return (x ``[X]``, samples ``[X, I, S]``) of one line of single-row cells; ``inf`` where it did not happen."""
    mine = {(cell.x, cell.instance, cell.seed): found[0][quantity] for cell, found in rows if cell.line == line}
    xs = sorted({x for x, _, _ in mine})
    instances, seeds = sorted({i for _, i, _ in mine}), sorted({s for _, _, s in mine})
    samples = np.array([[[_time(mine[x, i, s]) for s in seeds] for i in instances] for x in xs])
    return np.array(xs), samples


def _time(value: float | None) -> float:
    return np.inf if value is None else value


def _finite(numbers: Mapping[str, float]) -> dict[str, float | None]:
    return {name: number if np.isfinite(number) else None for name, number in numbers.items()}
