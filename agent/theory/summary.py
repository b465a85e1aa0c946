"""Points of an experiment, and its tables for the eye."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from rich.table import Table
from rich.text import Text

from agent.theory.experiment import Experiment, Outcome, Rows, table
from agent.theory.statistics import band

LEGEND = "certified: by G or by the bounds; fast: by G; optimal: the policy is epsilon-optimal from there on"


def medians(experiment: Experiment, rows: Rows) -> list[dict[str, Any]]:
    """Return, per line, x and quantity, the median with its 95 % interval and how many runs did not get there."""
    points: list[dict[str, Any]] = []
    for line in experiment.lines:
        for quantity in experiment.quantities:
            xs, samples = table(rows, line, quantity)
            for x, middle, low, high, runs in zip(xs, *band(samples), samples, strict=True):
                points.append(
                    {
                        "line": line,
                        "x": float(x),
                        "quantity": quantity,
                        **{name: _number(v) for name, v in (("median", middle), ("low", low), ("high", high))},
                        "missing": int(np.isinf(runs).sum()),
                        "runs": runs.size,
                    }
                )
    return points


def outcome_table(experiment: Experiment, outcome: Outcome) -> Table:
    """Return the demands and what was found."""
    found = Table(title=f"{experiment.name}: {experiment.title}", title_justify="left")
    for name in ("demand on", "demanded", "found", ""):
        found.add_column(name, overflow="fold")
    for bar in outcome.bars:
        met = Text("met", "green") if bar.met else Text("not met", "bold red")
        found.add_row(*map(Text, (bar.name, bar.demand, bar.found)), met)
    return found


def points_table(experiment: Experiment, points: list[dict[str, Any]]) -> Table:
    """Return medians over the grid, one row per line and x."""
    found = Table(title="episodes, median [95 % interval]", title_justify="left", caption=LEGEND)
    found.add_column("")
    found.add_column(experiment.axis)
    for quantity in experiment.quantities:
        found.add_column(quantity, justify="right")
    keys = dict.fromkeys((point["line"], point["x"]) for point in points)
    cells = {(point["line"], point["x"], point["quantity"]): _shown(point) for point in points}
    for line, x in keys:
        label = experiment.labels[int(x)] if experiment.labels else f"{x:g}"
        found.add_row(line, label, *(cells[line, x, quantity] for quantity in experiment.quantities))
    return found


def growth_table(facts: Mapping[str, Mapping[str, Mapping[str, float]]]) -> Table:
    """Return the laws of growth per learner and kind of regret."""
    found = Table(title="cumulative regret", title_justify="left")
    for name in ("learner", "kind", "total", "R2 log T", "R2 sqrt T", "slope, last decade"):
        found.add_column(name)
    for line, kinds in facts.items():
        for kind, law in kinds.items():
            numbers = (
                f"{law['total']:.1f}",
                f"{law['r2_log']:.3f}",
                f"{law['r2_sqrt']:.3f}",
                f"{law['local_slope']:.2f}",
            )
            found.add_row(line, kind, *numbers)
    return found


def _shown(point: Mapping[str, Any]) -> str:
    if point["median"] is None:
        return f"not in {point['missing']} of {point['runs']}"
    high = "..." if point["high"] is None else f"{point['high']:.0f}"
    missing = f", {point['missing']} missing" if point["missing"] else ""
    return f"{point['median']:.0f} [{point['low']:.0f}, {high}]{missing}"


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
