"""``python -m benchmarks.alfworld.run [FIGURE ...]``: run, print tables, write JSON, CSV, figures and Markdown."""

import json
import platform
from collections import Counter
from collections.abc import Mapping
from importlib.metadata import version
from math import ceil
from pathlib import Path
from typing import Annotated, Any

import typer

from agent.compare import Paired, Result, compare, mcnemar, paired
from agent.grid import Comparison, expand, slug
from agent.progress import progress_bars
from agent.report import wilson_interval
from agent.runner import Run, Workers, run
from benchmarks.alfworld.drawing import draw_lam
from benchmarks.alfworld.failures import failure_classes
from benchmarks.alfworld.figures import PAIR, REACTIVE, SEEDS, TASKS, TRIALS, figures
from benchmarks.alfworld.report import markdown, write_csv
from envs.alfworld.tasks import load
from slinvit.errors import UnknownName


def main(
    names: Annotated[list[str] | None, typer.Argument(help="Figures to run; default: all.")] = None,
    tasks: Annotated[str, typer.Option(help="Task source; the tables are of valid_seen.")] = TASKS,
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = 1,
    out: Annotated[Path, typer.Option(help="Where runs are kept; finished ones are not run again.")] = Path(
        "runs/benchmarks/alfworld"
    ),
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")] = False,
) -> None:
    """Run the comparisons of docs/results/alfworld.md."""
    walkthroughs = out / "walkthroughs.json"
    known = figures(tasks, walkthroughs)
    for name in names or ():
        if name not in known:
            raise UnknownName("figure", name, known)
    _write_walkthroughs(tasks, walkthroughs)
    texts: dict[str, str] = {}
    content: dict[str, Any] = {"versions": dict(machine()), "tasks": tasks, "figures": {}}
    with progress_bars() as report, Workers(workers) as pool:
        for figure in names or known:
            results = {
                part: compare(config, out=out / figure / slug(part), workers=pool, report=report)
                for part, config in known[figure].items()
            }
            content["figures"][figure] = {part: list(result.summaries) for part, result in results.items()}
            texts[figure] = markdown(results) + _more(figure, known, out, pool)
            _write(figure, results, texts[figure], out)
    text = json.dumps(content)
    (out / "results.json").write_text(text + "\n", encoding="utf-8")
    for figure, table in texts.items():
        if not as_json:
            typer.echo(f"\n## {figure}\n\n{table}")
    if as_json:
        typer.echo(text)


def machine() -> Mapping[str, str]:
    """Return what the numbers were made with."""
    return {
        "machine": platform.machine(),
        "system": platform.system(),
        "python": platform.python_version(),
        **{package: version(package) for package in ("slinvit", "numpy")},
    }


def finished(config: Comparison, name: str, folder: Path, pool: Workers) -> Run:
    """Return the run of the row called ``name``, which has finished and is only read."""
    row = next(row for row in expand(config) if row.name == name)
    return run(row.settings, out=folder / slug(row.name), workers=pool, report=lambda *_: None)


def _write_walkthroughs(tasks: str, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    plans = {each.id: each.game.walkthrough for each in load(tasks)}
    path.write_text(json.dumps(plans), encoding="utf-8")


def _write(figure: str, results: Mapping[str, Result], text: str, out: Path) -> None:
    (out / f"{figure}.md").write_text(text, encoding="utf-8")
    write_csv(results, out / f"{figure}.csv")
    if figure == "lam":
        (result,) = results.values()
        draw_lam(result.summaries, out / "lam.png")


def _more(figure: str, known: Mapping[str, Mapping[str, Comparison]], out: Path, pool: Workers) -> str:
    if figure == "reactive":
        return _failures(known, out, pool) + _contrast(known, out, pool)
    return _by_trial(known, out, pool) if figure == "trials" else ""


def _failures(known: Mapping[str, Mapping[str, Comparison]], out: Path, pool: Workers) -> str:
    counts: Counter[str] = Counter()
    for part, config in known["reactive"].items():
        counts += failure_classes(finished(config, REACTIVE, out / "reactive" / slug(part), pool).episodes)
    lines = (f"| {kind} | {count} |\n" for kind, count in counts.most_common())
    return "".join(("\n| failures of the first setting, all seeds | count |\n|---|---|\n", *lines))


def _contrast(known: Mapping[str, Mapping[str, Comparison]], out: Path, pool: Workers) -> str:
    """Return the paired tests of look-ahead against reactive, where look-ahead has been run; no table shows both."""
    lines, better = [], Counter[str]()
    for part in (f"seed {seed}" for seed in SEEDS):
        folder = out / "lookahead" / slug(part)
        if not folder.is_dir():
            return "\nNo paired test: run the figure `lookahead` first.\n"
        ahead = finished(known["lookahead"][part], PAIR, folder, pool)
        blind = finished(known["reactive"][part], REACTIVE, out / "reactive" / slug(part), pool)
        lines.append(f"- {part}: {_told(paired(ahead, blind))}\n")
        better.update({each.task: each.solved for each in ahead.episodes})
        better.subtract({each.task: each.solved for each in blind.episodes})
    ups, downs = (sum(sign * count > 0 for count in better.values()) for sign in (1, -1))
    pooled = Paired(ups, downs, len(better), mcnemar(ups, downs))
    return f"\n{''.join(lines)}- games solved with more seeds: {_told(pooled)}\n"


def _told(pair: Paired) -> str:
    return (
        f"only or more often by {PAIR}: {pair.only_this}, by {REACTIVE}: {pair.only_baseline}, "
        f"of {pair.both} games, exact p = {pair.p_value:.2g}"
    )


def _by_trial(known: Mapping[str, Mapping[str, Comparison]], out: Path, pool: Workers) -> str:
    lines = [f"\n| solved by trial | {' | '.join(str(n + 1) for n in range(TRIALS))} |\n|---|{'---|' * TRIALS}\n"]
    for part, config in known["trials"].items():
        for row in expand(config):
            episodes = finished(config, row.name, out / "trials" / slug(part), pool).episodes
            used = [ceil(len(each.steps) * TRIALS / each.horizon) for each in episodes if each.solved]
            cells = (_rate(sum(trial <= n + 1 for trial in used), len(episodes)) for n in range(TRIALS))
            lines.append(f"| {row.name} | {' | '.join(cells)} |\n")
    return "".join(lines)


def _rate(solved: int, count: int) -> str:
    low, high = wilson_interval(solved, count)
    return f"{solved / count:.3f} ({low:.2f}-{high:.2f})"


if __name__ == "__main__":
    typer.run(main)
