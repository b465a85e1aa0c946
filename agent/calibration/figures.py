"""Figures of a calibration; matplotlib is loaded only when one is drawn."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

SHOWN_WORLDS = 10


def draw_reliability(policies: Mapping[str, Any], path: Path) -> None:
    """Draw, per kind of states, how often actions are optimal against the probability that each policy gives them."""
    from matplotlib.figure import Figure

    kinds = [kind for kind in next(iter(policies.values())) if "reliability" in next(iter(policies.values()))[kind]]
    figure = Figure(figsize=(3.4 * len(kinds), 3.4), layout="constrained")
    for number, kind in enumerate(kinds):
        axes = figure.add_subplot(1, len(kinds), number + 1)
        axes.plot([0, 1], [0, 1], "k:", lw=1)
        for name, by_kind in policies.items():
            curve = by_kind[kind]["reliability"]
            axes.plot(curve["predicted"], curve["observed"], "o-", ms=4, label=f"{name} (ECE {curve['ece']:.2f})")
        axes.set_title(f"{kind} states")
        axes.set_xlabel("probability of the action")
        axes.set_ylabel("share that is optimal")
        axes.legend(fontsize=8)
    figure.savefig(path, dpi=150)


def draw_ranking(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Draw, per kind of states, how well lam log pi + V orders actions against lam, with 95 % intervals."""
    from matplotlib.figure import Figure

    kinds = list(dict.fromkeys(row["kind"] for row in rows))
    lams = sorted({row["lam"] for row in rows})
    places = {lam: place for place, lam in enumerate(lams)}
    figure = Figure(figsize=(4.2 * len(kinds), 3.6), layout="constrained")
    for number, kind in enumerate(kinds):
        axes = figure.add_subplot(1, len(kinds), number + 1)
        for value in dict.fromkeys(row["value"] for row in rows):
            line = [row for row in rows if row["kind"] == kind and row["value"] == value]
            x, means = [places[row["lam"]] for row in line], [row["ordered"]["mean"] for row in line]
            axes.plot(x, means, "o-", ms=4, label=value)
            low, high = zip(*(row["ordered"]["ci95"] for row in line), strict=True)
            axes.fill_between(x, low, high, alpha=0.15)
        axes.set_xticks(range(len(lams)), [_lam_text(lam) for lam in lams], fontsize=8)
        axes.set_title(f"{kind} states")
        axes.set_xlabel("lam (0: V alone, ∞: log pi alone)")
        axes.set_ylabel("pairs ordered right - wrong")
        axes.set_ylim(-0.3, 1.02)
    axes.legend(fontsize=8)
    figure.savefig(path, dpi=150)


def draw_lams(worlds: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Draw the return of the regularised optimum, as a share of the largest, against lam; uniform prior dashed.

    Worlds in which nothing can be earned have no such share and are left out.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.add_subplot()
    earning = [world for world in worlds if world["optimal_value"] > 0]
    for number, world in enumerate(earning[:SHOWN_WORLDS]):
        for name, style in (("prior", "o-"), ("uniform", "s--")):
            rows = world["policies"][name]["lams"]
            shares = [row["value"] / world["optimal_value"] for row in rows]
            label = world["task"] if name == "prior" else None
            axes.plot(range(len(rows)), shares, style, color=f"C{number}", ms=4, label=label)
    lams = [row["lam"] for row in worlds[0]["policies"]["prior"]["lams"]]
    axes.set_xticks(range(len(lams)), [_lam_text(lam) for lam in lams])
    axes.set_xlabel("lam, units of return per nat (∞: the prior itself)")
    axes.set_ylabel("return / optimal return")
    if earning:
        axes.legend(fontsize=8, title="solid: prior, dashed: uniform")
    figure.savefig(path, dpi=150)


def _lam_text(lam: float) -> str:
    return "∞" if math.isinf(lam) else f"{lam:g}"
