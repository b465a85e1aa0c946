"""``slinvit theory validate`` and ``slinvit theory experiment``; only typer is imported here."""

import json
import os
from pathlib import Path
from typing import Annotated, Any

import typer

WIDTH = 150

app = typer.Typer(
    name="theory",
    help="The theory as running, checked code: a catalogue of properties, and experiments.",
    pretty_exceptions_enable=False,
)


@app.callback(invoke_without_command=True)
def root(context: typer.Context) -> None:
    """The theory as running, checked code: a catalogue of properties, and experiments."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command("validate")
def validate_command(
    quick: Annotated[bool, typer.Option("--quick", help="Fewer seeds and smaller grids; every property.")] = False,
    only: Annotated[str | None, typer.Option(help="Numbers of properties: 1,2,17-24.")] = None,
    seed: Annotated[int, typer.Option(help="Of everything random.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")] = False,
) -> None:
    """Check every property of the catalogue: formula, cases, worst deviation, tolerance. Exit 1 when one fails."""
    from agent.progress import progress_bars
    from agent.theory.catalogue import chosen, validate
    from agent.theory.record import Scale
    from agent.theory.table import verdict_json, verdict_table

    properties, scale, verdicts = chosen(only), Scale(quick, _natural("--seed", seed)), []
    with progress_bars() as report:
        tell = report("properties")
        tell(0, len(properties))
        for verdict in validate(properties, scale):
            verdicts.append(verdict)
            tell(len(verdicts), len(properties))
    if as_json:
        _print_json(verdict_json(verdicts, scale))
    else:
        _print(verdict_table(verdicts, scale))
    failed = [each for each in verdicts if each.status == "FAIL"]
    if failed:
        names = ", ".join(f"{each.property.number} {each.property.name}" for each in failed)
        typer.echo(f"error: {len(failed)} of {len(verdicts)} properties failed: {names}", err=True)
        raise typer.Exit(1)


@app.command("experiment")
def experiment_command(
    name: Annotated[str | None, typer.Argument(help="Without it, a list of experiments.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Fewer points, instances, seeds and episodes.")] = False,
    bonus: Annotated[str, typer.Option(help="certified, practical, or a scale.")] = "practical",
    seeds: Annotated[int | None, typer.Option(help="Runs per point and instance (10; quick: 2).")] = None,
    workers: Annotated[int, typer.Option(help="Processes; results do not depend on it.")] = 1,
    out: Annotated[Path | None, typer.Option(help="Folder (default: runs/theory-NAME).")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")] = False,
) -> None:
    """Run an experiment: CSV, figure and summary with intervals. The same command again resumes.

    Whether the demands are met is printed and written, and does not change the exit code: it is a result.
    """
    from agent.theory.experiments import EXPERIMENTS, experiment

    if name is None:
        for each in EXPERIMENTS.values():
            typer.echo(f"{each.name:28}{each.title}")
        return
    from agent.progress import progress_bars
    from agent.theory.campaign import conduct
    from agent.theory.experiment import Plan
    from agent.theory.summary import growth_table, outcome_table, points_table

    chosen, plan = experiment(name), Plan(quick, _bonus(bonus))
    count = (min(chosen.seeds, 2) if quick else chosen.seeds) if seeds is None else seeds
    with progress_bars() as report:
        done = conduct(chosen, plan, seeds=count, workers=workers, out=out, report=report(name))
    summary = done.as_json()
    if as_json:
        _print_json(summary)
        return
    tables = [points_table(chosen, summary["points"])] if summary["points"] else []
    tables += [growth_table(done.outcome.facts["growth"])] if "growth" in done.outcome.facts else []
    _print(outcome_table(chosen, done.outcome), *tables)
    typer.echo(f"written: {done.folder}", err=True)


def _bonus(text: str) -> Any:
    """Return the bonus as the learners take it; raises ``InputError``."""
    from planners.linvit import Linvit

    try:
        value: Any = float(text)
    except ValueError:
        value = text
    return Linvit(1.0, 0.5, bonus=value).bonus


def _natural(name: str, number: int) -> int:
    from slinvit.errors import InputError

    if number < 0:
        raise InputError(f"{name} must be 0 or more, not {number}")
    return number


def _print(*parts: Any) -> None:
    from rich.console import Console

    console = Console(highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = WIDTH  # a file has no width, and 80 columns break every formula
    for part in parts:
        console.print(part)


def _print_json(content: Any) -> None:
    typer.echo(json.dumps(content, ensure_ascii=False, allow_nan=False, indent=2))
