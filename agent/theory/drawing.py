"""Figures of experiments; matplotlib is loaded only when one is drawn."""

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from agent.theory.curves import mean_curve
from agent.theory.experiment import Experiment, Rows, table
from agent.theory.statistics import band

NAMES = {
    "certified": "certified by either",
    "fast": "certified by G",
    "gap": "Vup - Vlo",
    "optimal": "epsilon-optimal",
    "certificate": "G",
    "oracle_gap": "V* - V of the policy handed out",
    "regret": "regret",
    "kl_regret": "KL-regret",
}


def draw(experiment: Experiment, rows: Rows, path: Path) -> None:
    """Draw one panel per quantity of a sweep or curve, lines with 95 % bands."""
    from matplotlib.figure import Figure

    count = len(experiment.quantities)
    figure = Figure(figsize=(4.2 * count, 3.8), layout="constrained")
    for axes, quantity in zip(np.atleast_1d(figure.subplots(1, count)), experiment.quantities, strict=True):
        axes.set_title(NAMES[quantity], fontsize=10)
        draw_panel = _curves if experiment.curve else _sweep
        draw_panel(axes, experiment, rows, quantity)
        _finish(axes, experiment)
    figure.suptitle(experiment.title)
    figure.savefig(path, dpi=140)


def _sweep(axes: Any, experiment: Experiment, rows: Rows, quantity: str) -> None:
    for number, line in enumerate(experiment.lines):
        xs, samples = table(rows, line, quantity)
        drawn = band(samples)
        # Round 0 may already be good enough, and a logarithmic axis has no place for 0 episodes.
        middle, low, high = (np.where(np.isfinite(each), np.maximum(each, 1.0), np.nan) for each in drawn)
        if np.isnan(middle).all():
            continue
        if experiment.labels:
            axes.plot(xs, middle, "o", color=f"C{number}", ms=4, label=line)
            axes.vlines(xs, low, high, color=f"C{number}", lw=1.3)
        else:
            axes.plot(xs, middle, "o-", color=f"C{number}", ms=4, lw=1.3, label=line)
            axes.fill_between(xs, low, high, color=f"C{number}", alpha=0.2, lw=0)


def _curves(axes: Any, experiment: Experiment, rows: Rows, quantity: str) -> None:
    xs = sorted({cell.x for cell, _ in rows})
    for number, (line, x) in enumerate(product(experiment.lines, xs)):
        episodes, values = mean_curve([each for each in rows if each[0].x == x], line, quantity)
        if not len(episodes):
            continue
        middle, spread = values.mean(axis=0), 1.96 * values.std(axis=0) / np.sqrt(len(values))
        name = line if len(xs) == 1 else f"{line}, {experiment.axis} = {x:g}"
        axes.plot(episodes, middle, color=f"C{number}", lw=1.3, label=name)
        low = np.maximum(middle - spread, 1e-12)
        axes.fill_between(episodes, low, middle + spread, color=f"C{number}", alpha=0.2, lw=0)


def _finish(axes: Any, experiment: Experiment) -> None:
    if not axes.get_lines():
        axes.text(0.5, 0.5, "no median run got there", ha="center", transform=axes.transAxes)
        return
    axes.set_xlabel("episodes" if experiment.curve else experiment.axis)
    axes.set_yscale("log")
    if experiment.labels:
        shown = sorted({int(tick) for line in axes.get_lines() for tick in line.get_xdata()})
        axes.set_xticks(shown, [experiment.labels[tick] for tick in shown], fontsize=7, rotation=15)
    else:
        axes.set_xscale("log")
    if not experiment.curve and not experiment.labels:
        ticks = sorted({float(x) for line in axes.get_lines() for x in line.get_xdata()})
        axes.set_xticks(ticks, [f"{x:g}" for x in ticks])
        axes.set_xticks([], minor=True)
    axes.set_ylabel("" if experiment.curve else "episodes, median; 0 drawn as 1")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=7)
