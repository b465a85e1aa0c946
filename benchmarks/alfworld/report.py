"""Tables of results as Markdown, and curves as CSV."""

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from agent.compare import Result
from agent.report import number_text
from benchmarks.budgets import budget_lines

HEAD = (
    "| part | setting | success | 95 % interval | real steps | real steps, solved | sim steps | LLM calls "
    "| per solved game: sim steps, LLM calls, tokens | p |\n|---|---|---|---|---|---|---|---|---|---|\n"
)
TYPES = {
    "pick_and_place_simple": "place",
    "look_at_obj_in_light": "light",
    "pick_clean_then_place_in_recep": "clean",
    "pick_heat_then_place_in_recep": "heat",
    "pick_cool_then_place_in_recep": "cool",
    "pick_two_obj_and_place": "two",
}
TOKENS = ("prompt_tokens", "completion_tokens")


def markdown(by_part: Mapping[str, Result]) -> str:
    """Return a table of all parts, and one by type of task; with budgets, one row per setting and a column each."""
    if any(summary["budget"] for result in by_part.values() for summary in result.summaries if _curve(result)):
        return "".join(budget_lines(by_part.values()))
    return "".join((HEAD, *_lines(by_part), "\n", *_type_lines(by_part)))


def write_csv(by_part: Mapping[str, Result], path: Path) -> None:
    """Write one line per run: part, setting, budget, success with interval, costs per episode."""
    fields = ("part", "setting", "budget", "lam", "episodes", "successes", "success_rate", "low", "high")
    costs = ("env_steps", "sim_steps", "llm_calls", *TOKENS)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow((*fields, *(f"{cost}_per_episode" for cost in costs)))
        for part, result in by_part.items():
            for each in result.summaries:
                budget = next(iter(each["budget"].values()), "")
                lam = each["options"].get("lam", "")
                rate = (each["episodes"], each["successes"], f"{each['success_rate']:.4f}")
                interval = (f"{bound:.4f}" for bound in each["ci95"])
                spent = (f"{each['ledger'][cost] / each['episodes']:.3f}" for cost in costs)
                writer.writerow((part, each["setting"], budget, lam, *rate, *interval, *spent))


def _lines(by_part: Mapping[str, Result]) -> Iterator[str]:
    for part, result in by_part.items():
        for summary in result.summaries:
            pair = result.paired.get(summary["name"])
            cells = [part, summary["name"], *_numbers(summary), "" if pair is None else f"{pair.p_value:.2g}"]
            yield f"| {' | '.join(cells)} |\n"


def _numbers(summary: Mapping[str, Any]) -> list[str]:
    count, solved, spent = summary["episodes"], summary["successes"], summary["ledger"]
    low, high = summary["ci95"]
    tokens = sum(spent[name] for name in TOKENS)
    per_solved = (
        f"{amount / solved:.1f}" if solved else "-" for amount in (spent["sim_steps"], spent["llm_calls"], tokens)
    )
    return [
        f"{summary['success_rate']:.3f} ({solved}/{count})",
        f"{low:.2f}-{high:.2f}",
        f"{spent['env_steps'] / count:.1f}",
        number_text(summary["mean_steps"]),
        f"{spent['sim_steps'] / count:.1f}",
        f"{spent['llm_calls'] / count:.1f}",
        ", ".join(per_solved),
    ]


def _type_lines(by_part: Mapping[str, Result]) -> Iterator[str]:
    yield f"| part | setting | {' | '.join(TYPES.values())} |\n|---|---|{'---|' * len(TYPES)}\n"
    for part, result in by_part.items():
        for summary in result.summaries:
            cells = (_of_type(summary["by_type"].get(kind)) for kind in TYPES)
            yield f"| {part} | {summary['name']} | {' | '.join(cells)} |\n"


def _of_type(group: Mapping[str, Any] | None) -> str:
    if group is None:
        return "-"
    low, high = group["ci95"]
    return f"{group['successes']}/{group['episodes']} ({low:.2f}-{high:.2f})"


def _curve(result: Result) -> bool:
    return len({summary["setting"] for summary in result.summaries}) < len(result.summaries)
