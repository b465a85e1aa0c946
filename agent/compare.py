"""Run a comparison: every row on the same tasks, paired tests, a figure."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from agent.bench import load_instances
from agent.grid import Comparison, Row, expand, slug
from agent.plotting import draw_budgets, draw_rates
from agent.report import summarise
from agent.runner import Report, Run, Workers, remote_options, run
from slinvit.errors import InputError


@dataclass(frozen=True)
class Paired:
    """Two runs on the same tasks.

    Attributes:
        only_this: tasks that only this run solved.
        only_baseline: tasks that only the baseline solved.
        both: tasks on which both ran.
        p_value: of the exact McNemar test, two-sided.
    """

    only_this: int
    only_baseline: int
    both: int
    p_value: float


@dataclass(frozen=True)
class Result:
    """Summaries in the order of the rows, and paired tests by row name."""

    baseline: str
    summaries: tuple[dict[str, Any], ...]
    paired: dict[str, Paired]


def compare(
    config: Comparison,
    *,
    out: Path,
    workers: Workers,
    report: Callable[[str], Report],
    remote: Mapping[str, str] | None = None,
) -> Result:
    """Run every row in a folder of its own under ``out``, then test, draw and write ``compare.json``.

    Args:
        config: what to run.
        out: rows that are already there are kept, or continued where they stopped.
        workers: where episodes run.
        report: given the name of a row, returns what is told about its progress.
        remote: options of everything that asks a remote model. All rows share a store of answers, and a bill.

    Raises:
        InputError: a row cannot be run; where oracles are forbidden and a row has one, before any row runs.
    """
    rows = expand(config)
    shared = remote_options(remote or {}, out)
    if config.forbid_oracle:
        for row in rows:
            settings = replace(row.settings, remote=shared)
            workers.describe(settings, load_instances(settings))
    runs = [
        run(replace(row.settings, remote=shared), out=out / slug(row.name), workers=workers, report=report(row.name))
        for row in rows
    ]
    summaries = tuple(
        {**summarise(done, row.name), "setting": row.setting} for row, done in zip(rows, runs, strict=True)
    )
    baseline = config.baseline or rows[0].setting
    result = Result(baseline, summaries, dict(_pairs(rows, runs, baseline)))
    _write(result, out)
    for resource in config.budgets:
        draw_budgets(summaries, resource, out / f"success_by_{resource}.png")
    if not config.budgets:
        draw_rates(summaries, out / "success.png")
    return result


def default_folder(path: Path, config: Comparison) -> Path:
    """Return ``runs/NAME-DIGEST`` for the file at ``path``: the same comparison, the same folder."""
    digest = hashlib.sha256(config.model_dump_json().encode()).hexdigest()[:8]
    return Path("runs") / f"{path.stem}-{digest}"


def mcnemar(only_this: int, only_other: int) -> float:
    """Return the two-sided p-value of the exact McNemar test: discordant pairs fall either way with probability 1/2.

    Source: McNemar (1947), Psychometrika 12, 153-157, in its exact binomial form
    """
    if only_this + only_other == 0:
        return 1.0
    from scipy.stats import binomtest

    return float(binomtest(only_this, only_this + only_other, 0.5).pvalue)


def paired(this: Run, other: Run) -> Paired:
    """Compare two runs task by task; tasks that failed to run in either are left out."""
    mine = {episode.task: episode.solved for episode in this.episodes}
    theirs = {episode.task: episode.solved for episode in other.episodes}
    both = mine.keys() & theirs.keys()
    only_this = sum(mine[task] and not theirs[task] for task in both)
    only_other = sum(theirs[task] and not mine[task] for task in both)
    return Paired(only_this, only_other, len(both), mcnemar(only_this, only_other))


def _pairs(rows: Sequence[Row], runs: Sequence[Run], baseline: str) -> Iterator[tuple[str, Paired]]:
    against = {
        json.dumps(row.settings.budget, sort_keys=True): done
        for row, done in zip(rows, runs, strict=True)
        if row.setting == baseline
    }
    for row, done in zip(rows, runs, strict=True):
        if row.setting != baseline:
            yield row.name, paired(done, against[json.dumps(row.settings.budget, sort_keys=True)])


def _write(result: Result, out: Path) -> None:
    content = {
        "baseline": result.baseline,
        "summaries": list(result.summaries),
        "paired": {name: asdict(pair) for name, pair in result.paired.items()},
    }
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    try:
        (out / "compare.json").write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot write to {out}: {error.strerror or error}; choose another --out") from error
