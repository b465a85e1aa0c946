"""Success at equal budgets, as Markdown."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from agent.compare import Result


def budget_lines(results: Iterable[Result]) -> Iterator[str]:
    """Yield the lines of one table per result: a row per setting, a column per budget."""
    for result in results:
        budgets = sorted({_limit(summary) for summary in result.summaries})
        yield f"| setting | {' | '.join(f'{budget:g}' for budget in budgets)} |\n"
        yield "|---|" + "---|" * len(budgets) + "\n"
        for setting in dict.fromkeys(summary["setting"] for summary in result.summaries):
            row = [summary for summary in result.summaries if summary["setting"] == setting]
            yield f"| {setting} | {' | '.join(_rates(row, budgets))} |\n"


def _rates(row: Sequence[Mapping[str, Any]], budgets: Sequence[float]) -> Iterator[str]:
    by_budget = {_limit(summary): summary for summary in row}
    for budget in budgets:
        summary = by_budget[budget]
        yield "{:.2f} ({:.2f}-{:.2f})".format(summary["success_rate"], *summary["ci95"])


def _limit(summary: Mapping[str, Any]) -> float:
    return float(next(iter(summary["budget"].values())))
