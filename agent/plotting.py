"""Figures of a comparison; matplotlib is loaded only when one is drawn."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from slinvit.errors import InputError


def draw_rates(summaries: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Draw the success rate of each setting with its 95 % interval; settings without an episode are left out."""
    from matplotlib.figure import Figure

    shown = [summary for summary in summaries if summary["ci95"] is not None]
    figure = Figure(figsize=(7, 1.2 + 0.4 * len(shown)), layout="constrained")
    axes = figure.add_subplot()
    places = range(len(shown))
    axes.errorbar([s["success_rate"] for s in shown], places, xerr=_errors(shown), fmt="o", capsize=3)
    axes.set_yticks(places, [str(summary["name"]) for summary in shown])
    axes.invert_yaxis()
    axes.set_xlim(-0.02, 1.02)
    axes.set_xlabel("success rate, 95 % Wilson interval")
    _save(figure, path)


def draw_budgets(summaries: Sequence[Mapping[str, Any]], resource: str, path: Path) -> None:
    """Draw success against the budget of ``resource`` per episode, one line per setting."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4.5), layout="constrained")
    axes = figure.add_subplot()
    shown = [summary for summary in summaries if summary["ci95"] is not None and resource in summary["budget"]]
    settings = dict.fromkeys(summary["setting"] for summary in shown)
    for setting, style in zip(settings, _styles(), strict=False):
        line = sorted((s for s in shown if s["setting"] == setting), key=lambda s: float(s["budget"][resource]))
        budgets = [summary["budget"][resource] for summary in line]
        rates = [summary["success_rate"] for summary in line]
        axes.errorbar(budgets, rates, yerr=_errors(line), fmt=style, capsize=2, lw=1.2, ms=4, label=str(setting))
    axes.set_xscale("log")
    ticks = sorted({float(summary["budget"][resource]) for summary in shown})
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_xticks([], minor=True)
    axes.set_ylim(-0.02, 1.02)
    axes.set_xlabel(f"budget per episode: {resource}")
    axes.set_ylabel("success rate, 95 % Wilson interval")
    axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    _save(figure, path)


def _styles() -> Iterator[str]:
    """Ten colours, then the same with other lines and markers: no two settings look alike up to forty."""
    for line, marker in zip(("-", "--", ":", "-."), "os^D", strict=True):
        for colour in range(10):
            yield f"{marker}{line}C{colour}"


def _errors(summaries: Sequence[Mapping[str, Any]]) -> list[list[float]]:
    below = [max(s["success_rate"] - s["ci95"][0], 0.0) for s in summaries]
    above = [max(s["ci95"][1] - s["success_rate"], 0.0) for s in summaries]
    return [below, above]


def _save(figure: Any, path: Path) -> None:
    try:
        figure.savefig(path, dpi=150)
    except OSError as error:
        raise InputError(f"cannot write to {path}: {error.strerror or error}; choose another --out") from error
