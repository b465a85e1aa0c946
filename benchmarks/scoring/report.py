"""The headline numbers, the table, and where they were made."""

import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

from rich.table import Table

from benchmarks.scoring import measure, peers, suite
from benchmarks.scoring.measure import Result, Row

LARGER = ("135M", "0.5B")
"""Models whose distance from the bound is reported; the worst of them counts."""


def headline(result: Result, model: str) -> dict[str, float | None]:
    """Return the headline numbers: ratios of ``model``, ``None`` where something was not measured.

    ``ratio_*_lm_eval*`` compare with the faster batch size of lm-eval, which forwards everything for a warm node too;
    ``*_k60`` have 60 candidates, the others of a node 20. ``bound_ratio_*`` are the worst of :data:`LARGER`, or of
    ``model`` where none of them was measured. ``tokens_ratio`` is the worst of cold nodes, trees and
    episodes; a warm node forwards one token twice: the prompt's last, behind which something else is read.
    """
    times = {(row.model, row.scenario, row.method): row.seconds for row in result.rows}

    def best(scenario: str, *methods: str) -> float | None:
        found = [times[key] for method in methods if (key := (model, scenario, method)) in times]
        return min(found, default=None)

    node, wide, tree7, tree40 = suite.HEADLINE, suite.HEADLINE_60, suite.TREE7, suite.TREE40
    cold, warm, cold60 = best(node, measure.COLD), best(node, measure.WARM), best(wide, measure.COLD)
    return {
        "ratio_cold_naive": _ratio(best(node, measure.NAIVE), cold),
        "ratio_cold_lm_eval": _ratio(best(node, *peers.LM_EVAL), cold),
        "ratio_cold_naive_k60": _ratio(best(wide, measure.NAIVE), cold60),
        "ratio_cold_lm_eval_k60": _ratio(best(wide, *peers.LM_EVAL), cold60),
        "ratio_warm_naive": _ratio(best(node, measure.NAIVE), warm),
        "ratio_warm_lm_eval": _ratio(best(node, *peers.LM_EVAL), warm),
        "ratio_warm_expand": _ratio(best(node, measure.ROWS_WARM), warm),
        "ratio_tree7_lm_eval": _ratio(best(tree7, *peers.LM_EVAL), best(tree7, measure.PER_DEPTH)),
        "ratio_tree40_per_node": _ratio(best(tree40, measure.PER_NODE_CACHE), best(tree40, measure.PER_DEPTH)),
        "tokens_ratio": max((tokens_ratio(row) for row in result.rows if _counts(row)), default=None),
        "bound_ratio_cold": _worst_bound(result.rows, model, measure.COLD),
        "bound_ratio_warm": _worst_bound(result.rows, model, measure.WARM),
        "max_abs_nat": result.max_abs_nat,
    }


def _counts(row: Row) -> bool:
    return bool(row.forwarded and row.distinct) and row.method != measure.WARM


def tokens_ratio(row: Row) -> float:
    """Return tokens forwarded over distinct tokens."""
    return (row.forwarded or 0) / (row.distinct or 1)


def bound_ratio(row: Row) -> float | None:
    """Return CPU time over its lower bound."""
    return None if row.bound is None else row.seconds / row.bound


def as_json(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return the table as JSON values, with multiples of ours in the same scenario."""
    return [{**asdict(row), "times_ours": _times_ours(row, rows), "bound_ratio": bound_ratio(row)} for row in rows]


def table(rows: Sequence[Row]) -> Table:
    """Return the table for a terminal."""
    made = Table(title="process CPU time, 1 thread")
    for name in ("model", "scenario", "method"):
        made.add_column(name)
    for name in ("seconds", "x ours", "x ours warm", "forwarded / distinct", "time / bound", "outside model"):
        made.add_column(name, justify="right")
    made.add_column("timed")
    for number, row in enumerate(rows):
        ends = number + 1 == len(rows) or _group(rows[number + 1]) != _group(row)
        made.add_row(*_cells(row, rows), end_section=ends)
    return made


def machine(peak: float) -> dict[str, Any]:
    """Return what the numbers were made on."""
    return {
        "machine": platform.machine(),
        "processor": _processor(),
        "system": platform.system(),
        "python": platform.python_version(),
        "matrix_gflops_1_thread": round(peak / 1e9, 1),
    }


def versions() -> dict[str, str]:
    """Return the versions of the packages that compute."""
    return {package: version(package) for package in ("slinvit", "torch", "transformers", "tokenizers", "numpy")}


def _cells(row: Row, rows: Sequence[Row]) -> list[str]:
    ours = _times_ours(row, rows)
    ratio = bound_ratio(row)
    return [
        row.model,
        row.scenario,
        row.method,
        f"{row.seconds:.3g}",
        _number(ours.get("cold")),
        _number(ours.get("warm")),
        "" if row.forwarded is None or row.distinct is None else f"{row.forwarded}/{row.distinct}",
        _number(ratio),
        "" if row.outside_model is None else f"{100 * row.outside_model:.1f} %",
        row.part,
    ]


def _times_ours(row: Row, rows: Sequence[Row]) -> Mapping[str, float]:
    """Return the multiple of ours cold (a node, or a tree depth by depth, of all episodes) and of ours warm."""
    group = {each.method: each.seconds for each in rows if _group(each) == _group(row)}
    names = {"cold": (measure.COLD, measure.ACROSS, measure.PER_DEPTH), "warm": (measure.WARM,)}
    found = {kind: next((group[name] for name in methods if name in group), None) for kind, methods in names.items()}
    return {kind: row.seconds / seconds for kind, seconds in found.items() if seconds}


def _worst_bound(rows: Sequence[Row], model: str, method: str) -> float | None:
    known = {row.model: bound_ratio(row) for row in rows if row.method == method and row.scenario == suite.HEADLINE}
    wanted = [name for name in LARGER if name in known] or [model]
    return max((ratio for name in wanted if (ratio := known.get(name)) is not None), default=None)


def _ratio(one: float | None, other: float | None) -> float | None:
    return None if one is None or not other else one / other


def _group(row: Row) -> tuple[str, str]:
    return row.model, row.scenario


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            names = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.processor()
