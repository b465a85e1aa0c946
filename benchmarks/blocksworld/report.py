"""Tables of results as Markdown."""

from collections.abc import Iterator, Mapping
from typing import Any

from agent.compare import Result
from agent.report import number_text
from benchmarks.budgets import budget_lines

HEAD = (
    "| tasks | setting | success | 95 % interval | plan / optimal | LLM calls | sim steps | p |\n"
    "|---|---|---|---|---|---|---|---|\n"
)


def markdown(by_tasks: Mapping[str, Result]) -> str:
    """Return one table over all task sets; with budgets, one row per setting and a column per budget."""
    budgeted = any(summary["budget"] for result in by_tasks.values() for summary in result.summaries)
    lines = budget_lines(by_tasks.values()) if budgeted else [HEAD, *_lines(by_tasks)]
    return "".join(lines)


def _lines(by_tasks: Mapping[str, Result]) -> Iterator[str]:
    for tasks, result in by_tasks.items():
        for summary in result.summaries:
            pair = result.paired.get(summary["name"])
            cells = [tasks, summary["name"], *_numbers(summary), "" if pair is None else f"{pair.p_value:.2g}"]
            yield f"| {' | '.join(cells)} |\n"


def _numbers(summary: Mapping[str, Any]) -> list[str]:
    low, high = summary["ci95"]
    per_episode = [summary["ledger"][key] / summary["episodes"] for key in ("llm_calls", "sim_steps")]
    return [
        f"{summary['success_rate']:.3f} ({summary['successes']}/{summary['episodes']})",
        f"{low:.2f}-{high:.2f}",
        number_text(summary["mean_plan_ratio"]),
        *(f"{amount:.1f}" for amount in per_episode),
    ]
