"""Verdicts for the eye and for programs."""

from collections import Counter
from collections.abc import Sequence
from math import isfinite
from typing import Any

from rich.table import Table
from rich.text import Text

from agent.theory.record import Scale, Verdict

STYLE = {"pass": "green", "FAIL": "bold red", "skip": "yellow"}


def verdict_table(verdicts: Sequence[Verdict], scale: Scale) -> Table:
    """Return one row per property."""
    table = Table(
        title=f"catalogue, {'quick' if scale.quick else 'full'}", title_justify="left", caption=_total(verdicts)
    )
    table.add_column("no", justify="right")
    table.add_column("property", style="bold")
    table.add_column("formula", overflow="fold")
    for name in ("cases", "worst", "allowed", "seconds"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("note", overflow="fold")
    for each in verdicts:
        rule, found = each.property, each.finding
        seen = "" if each.status == "skip" else f"{found.worst:.1e}"
        numbers = (str(found.cases), seen, f"{rule.tolerance:.1e}", f"{each.seconds:.1f}")
        cells = [Text(cell) for cell in (str(rule.number), rule.name, rule.formula, *numbers)]
        table.add_row(*cells, Text(each.status, STYLE[each.status]), Text(found.note))
    return table


def verdict_json(verdicts: Sequence[Verdict], scale: Scale) -> dict[str, Any]:
    """Return everything as JSON values."""
    return {
        "scale": "quick" if scale.quick else "full",
        "seed": scale.seed,
        "counts": dict(Counter(each.status for each in verdicts)),
        "seconds": sum(each.seconds for each in verdicts),
        "properties": [_row(each) for each in verdicts],
    }


def _row(each: Verdict) -> dict[str, Any]:
    skipped = each.status == "skip"
    return {
        "number": each.property.number,
        "name": each.property.name,
        "formula": each.property.formula,
        "tolerance": each.property.tolerance,
        "cases": each.finding.cases,
        "worst": each.finding.worst if isfinite(each.finding.worst) and not skipped else None,
        "status": each.status,
        "seconds": each.seconds,
        "note": each.finding.note,
    }


def _total(verdicts: Sequence[Verdict]) -> str:
    counts = Counter(each.status for each in verdicts)
    shown = ", ".join(f"{count} {status}" for status, count in counts.items())
    return f"{shown}; {sum(each.seconds for each in verdicts):.0f} s"
