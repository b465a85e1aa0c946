"""``python -m benchmarks.blocksworld.run [FIGURE ...]``: run, print tables, write JSON, figures and Markdown."""

import json
import platform
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from agent.compare import Result, compare
from agent.grid import slug
from agent.progress import progress_bars
from agent.report import comparison_table
from agent.runner import Workers
from benchmarks.blocksworld.figures import figures
from benchmarks.blocksworld.report import markdown
from slinvit.errors import UnknownName


def main(
    names: Annotated[list[str] | None, typer.Argument(help="Figures to run; default: all.")] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = 1,
    out: Annotated[Path, typer.Option(help="Where runs are kept; finished ones are not run again.")] = Path(
        "runs/benchmarks/blocksworld"
    ),
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")] = False,
) -> None:
    """Run the comparisons of docs/results/blocksworld.md."""
    known = figures()
    for name in names or ():
        if name not in known:
            raise UnknownName("figure", name, known)
    results: dict[str, dict[str, Result]] = {}
    with progress_bars() as report, Workers(workers) as pool:
        for figure in names or known:
            results[figure] = {
                tasks: compare(config, out=out / figure / slug(tasks), workers=pool, report=report)
                for tasks, config in known[figure].items()
            }
    _publish(results, out, as_json)


def machine() -> Mapping[str, str]:
    """Return what the numbers were made with."""
    packages = ("slinvit", "torch", "transformers", "numpy")
    return {
        "machine": platform.machine(),
        "system": platform.system(),
        "python": platform.python_version(),
        **{package: version(package) for package in packages},
    }


def _publish(results: Mapping[str, Mapping[str, Result]], out: Path, as_json: bool) -> None:
    content: dict[str, Any] = {"versions": dict(machine()), "figures": {}}
    for figure, by_tasks in results.items():
        content["figures"][figure] = {tasks: list(result.summaries) for tasks, result in by_tasks.items()}
        (out / f"{figure}.md").write_text(markdown(by_tasks), encoding="utf-8")
        if not as_json:
            for tasks, result in by_tasks.items():
                p_values = {name: pair.p_value for name, pair in result.paired.items()}
                Console().print(f"\n{figure}: {tasks}", style="bold")
                Console().print(comparison_table(result.summaries, result.baseline, p_values))
    text = json.dumps(content)
    (out / "results.json").write_text(text + "\n", encoding="utf-8")
    if as_json:
        typer.echo(text)


if __name__ == "__main__":
    typer.run(main)
