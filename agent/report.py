"""From the records of a run to the numbers that are reported."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from statistics import fmean
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from agent.bench import oracles
from agent.episode import Episode
from agent.intervals import wilson_interval as wilson_interval
from agent.runner import Run
from agent.scores import scores
from priors.remote.store import read_bill
from slinvit.budget import Ledger

LEDGER = (
    "llm_calls",
    "prompt_tokens",
    "tokens_forwarded",
    "completion_tokens",
    "env_steps",
    "sim_steps",
    "nodes",
    "seconds",
    "usd",
)


def summarise(run: Run, name: str | None = None) -> dict[str, Any]:
    """Return the summary of a run as JSON values.

    ``ledger`` holds totals over the episodes that ran; episodes that failed to run are counted in ``errors`` and are in
    no other number. ``bill`` is what was sent to servers, also in earlier attempts and for what came to nothing; the
    rows of a comparison share it, while the ledger counts an answer wherever it came from. ``by_type`` has a row per
    type of task, where tasks have types. ``scores`` is what a grader said, where the world has one; see
    :func:`agent.scores.scores`. ``oracles`` names the parts that read what only a grader knows. ``mean_steps`` and
    ``mean_plan_ratio`` (steps over optimal steps) are over solved episodes; what cannot be known is ``null``.
    """
    episodes, settings = run.episodes, run.settings
    solved = [episode for episode in episodes if episode.solved]
    ratios = [len(each.steps) / each.report["optimal"] for each in solved if each.report.get("optimal")]
    spent = total_ledger(episodes).as_dict()
    return {
        **({} if name is None else {"name": name}),
        "env": settings.env,
        "prior": settings.prior,
        "planner": settings.planner,
        "value": settings.value,
        "simulator": settings.simulator,
        "trials": settings.trials,
        "episodes": len(episodes),
        "successes": len(solved),
        "success_rate": len(solved) / len(episodes) if episodes else None,
        "ci95": list(wilson_interval(len(solved), len(episodes))) if episodes else None,
        "mean_steps": fmean(len(each.steps) for each in solved) if solved else None,
        "mean_plan_ratio": fmean(ratios) if ratios else None,
        "by_type": by_type(episodes),
        "ledger": {resource: spent[resource] for resource in LEDGER},
        "bill": None if (sent := read_bill(settings.remote)) is None else asdict(sent),
        "scores": scores(episodes),
        "oracle": bool(found := oracles(run.header)),
        "oracles": found,
        "prior_method": _prior_methods(episodes),
        "errors": len(run.failures),
        "left_out": run.header.get("tasks", {}).get("left_out", 0),
        "first_error": run.failures[0].error if run.failures else None,
        "tasks": settings.tasks,
        "seed": settings.seed,
        "options": dict(settings.options),
        "budget": dict(settings.budget),
        "run_dir": str(run.folder),
    }


def by_type(episodes: Sequence[Episode]) -> dict[str, Any]:
    """Return success by ``report["type"]``, with Wilson intervals and what an episode took on average; sorted."""
    groups: dict[str, list[Episode]] = {}
    for episode in episodes:
        if "type" in episode.report:
            groups.setdefault(episode.report["type"], []).append(episode)
    return {kind: _group(group) for kind, group in sorted(groups.items())}


def total_ledger(episodes: Sequence[Episode]) -> Ledger:
    """Return what all episodes spent together."""
    return sum((episode.ledger for episode in episodes), Ledger())


def summary_table(summary: dict[str, Any]) -> Table:
    """Return the summary of one run as a table for the eye."""
    table = Table(title=f"{summary['env']} · {summary['tasks']}", show_header=False)
    table.add_column(style="bold")
    table.add_column()
    for name, text in [
        ("prior", f"{summary['prior']} ({summary['prior_method'] or 'not asked'})"),
        ("planner", " ".join([summary["planner"], *(f"{k}={v}" for k, v in summary["options"].items())])),
        ("value", summary["value"]),
        ("simulator", summary["simulator"]),
        ("oracle", f"yes: {', '.join(summary['oracles'])}" if summary["oracle"] else "no"),
        ("episodes", f"{summary['episodes']} ({summary['errors']} failed to run)"),
        *([("left out", f"{summary['left_out']} tasks that cannot be read")] if summary["left_out"] else []),
        ("success rate", rate_text(summary)),
        *((f"· {kind}", rate_text(group)) for kind, group in summary["by_type"].items()),
        *(_score_rows(summary["scores"]) if summary["scores"] else ()),
        ("steps when solved", number_text(summary["mean_steps"])),
        ("plan length / optimal", number_text(summary["mean_plan_ratio"])),
        *([] if summary["bill"] is None else [("sent to servers", _bill_text(summary["bill"]))]),
        ("run folder", summary["run_dir"]),
    ]:
        table.add_row(name, text)
    return table


def _score_rows(found: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    low, high = found["ci95"] or (found["reward"], found["reward"])
    yield "mean reward", f"{found['reward']:.3f} [{low:.3f}, {high:.3f}]"
    yield from ((f"· {name}", f"{mean:.3f}") for name, mean in found["parts"].items())
    if found["corrected"]:
        yield "corrected", f"{rate_text(found['corrected'])}, mean reward {found['corrected']['reward']:.3f}"
    if found["nonempty"]:
        yield "non-empty gold", rate_text(found["nonempty"])


def _bill_text(bill: Mapping[str, float]) -> str:
    return f"{bill['requests']:,} requests, {bill['tokens']:,.0f} tokens, {bill['usd']:.4g} usd"


def ledger_table(summary: dict[str, Any]) -> Table:
    """Return what a run cost: in total, per episode, and per solved task."""
    table = Table(title="ledger")
    for column in ("resource", "total", "per episode", "per solved task"):
        table.add_column(column, justify="left" if column == "resource" else "right")
    for resource, total in summary["ledger"].items():
        per = [total / count if count else None for count in (summary["episodes"], summary["successes"])]
        table.add_row(resource, number_text(total), *map(number_text, per))
    return table


def comparison_table(summaries: Sequence[dict[str, Any]], baseline: str, p_values: Mapping[str, float]) -> Table:
    """Return one row per setting, within 80 columns; costs are per episode."""
    first = summaries[0]
    labelled = [f"{each['name']} ({', '.join(each['oracles'])})" for each in summaries if each["oracle"]]
    graded = any(summary["scores"] for summary in summaries)
    table = Table(
        title=f"{first['env']} · {first['tasks']} · {first['episodes'] + first['errors']} tasks",
        caption=f"costs per episode; p: exact McNemar test against {baseline}; oracle: {', '.join(labelled) or 'no'}; "
        f"prior obtained: {_methods_of_rows(summaries)}",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    table.add_column("setting", overflow="fold")
    middle = ("mean\nreward", "non-empty\ngold") if graded else ("plan /\noptimal",)
    for column in ("success", "95 %", *middle, "LLM\ncalls", "sim\nsteps", "seconds", "p"):
        table.add_column(column, justify="right", no_wrap=True)
    for summary in summaries:
        count, spent = summary["episodes"], summary["ledger"]
        costs = [spent[key] / count if count else None for key in ("llm_calls", "sim_steps", "seconds")]
        p_value = p_values.get(summary["name"])
        table.add_row(
            Text(summary["name"]),
            "-" if summary["success_rate"] is None else f"{summary['success_rate']:.3f}",
            "-" if summary["ci95"] is None else "{:.2f}-{:.2f}".format(*summary["ci95"]),
            *(_score_cells(summary["scores"]) if graded else (number_text(summary["mean_plan_ratio"]),)),
            *("-" if cost is None else f"{cost:,.1f}" for cost in costs[:2]),
            number_text(costs[2]),
            "" if p_value is None else f"{p_value:.2g}",
        )
    return table


def _score_cells(found: Mapping[str, Any] | None) -> tuple[str, str]:
    rest = (found or {}).get("nonempty")
    return "-" if found is None else f"{found['reward']:.3f}", "-" if not rest else f"{rest['success_rate']:.3f}"


def rate_text(summary: dict[str, Any]) -> str:
    """Return success rate, counts and interval, for example ``0.95 (38/40) [0.83, 0.99]``."""
    if summary["ci95"] is None:
        return "no episode ran"
    low, high = summary["ci95"]
    return f"{summary['success_rate']:.3f} ({summary['successes']}/{summary['episodes']}) [{low:.2f}, {high:.2f}]"


def number_text(value: float | None) -> str:
    """Return ``value`` with up to two decimals; a dash where there is none."""
    return "-" if value is None else f"{value:,.2f}".rstrip("0").rstrip(".")


def _group(episodes: Sequence[Episode]) -> dict[str, Any]:
    count, solved, spent = len(episodes), sum(each.solved for each in episodes), total_ledger(episodes)
    return {
        "episodes": count,
        "successes": solved,
        "success_rate": solved / count,
        "ci95": list(wilson_interval(solved, count)),
        "env_steps": spent.env_steps / count,
        "sim_steps": spent.sim_steps / count,
    }


def _prior_methods(episodes: Sequence[Episode]) -> str:
    """Return how the prior's answers were obtained, with the share that named no admissible action."""
    asked = [each.prior for episode in episodes for each in episode.decisions if each.prior is not None]
    unmatched = fmean(prior.unmatched for prior in asked) if asked else 0.0
    methods = ", ".join(sorted({prior.method for prior in asked}))
    return f"{methods}, {unmatched:.1%} unmatched" if unmatched else methods


def _methods_of_rows(summaries: Sequence[dict[str, Any]]) -> str:
    rows: dict[str, list[str]] = {}
    for summary in summaries:
        rows.setdefault(summary["prior_method"] or "not asked", []).append(summary["name"])
    return "; ".join(method if len(rows) == 1 else f"{method} ({', '.join(names)})" for method, names in rows.items())
