"""The figure of success against the weight of the prior; matplotlib is loaded only when it is drawn."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def draw_lam(summaries: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Draw success with its 95 % interval against lam, one line per prior; the axis is linear below its first step."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4.5), layout="constrained")
    axes = figure.add_subplot()
    lambdas = sorted({float(each["options"]["lam"]) for each in summaries})
    for prior, style in zip(
        dict.fromkeys(each["prior"] for each in summaries), ("o-", "s--", "^-", "D:"), strict=False
    ):
        line = sorted((each for each in summaries if each["prior"] == prior), key=lambda each: each["options"]["lam"])
        rates = [each["success_rate"] for each in line]
        below, above = ([abs(each["ci95"][end] - each["success_rate"]) for each in line] for end in (0, 1))
        axes.errorbar(lambdas, rates, yerr=[below, above], fmt=style, capsize=2, lw=1.2, ms=5, label=prior)
    axes.set_xscale("symlog", linthresh=lambdas[1], linscale=0.5)
    axes.set_xticks(lambdas, [f"{lam:g}" for lam in lambdas])
    axes.set_ylim(-0.02, 1.02)
    axes.set_xlabel("lam, units of value per nat")
    axes.set_ylabel("success rate, 95 % Wilson interval")
    axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    figure.savefig(path, dpi=150)
