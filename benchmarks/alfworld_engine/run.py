"""``python -m benchmarks.alfworld_engine.run``: the twin against the stock engine, in one run."""

import json
import platform
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from benchmarks.alfworld_engine import measure
from benchmarks.alfworld_engine.walks import make_walk, verbs
from envs.alfworld.domain import AlfworldDomain
from envs.alfworld.files import find_split
from slinvit.errors import InputError
from slinvit.rng import generator

SHOWN = 10
"""Differences shown in words."""


def main(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")] = False,
    quick: Annotated[bool, typer.Option("--quick", help="2 games, 20 random steps each.")] = False,
    games: Annotated[int, typer.Option(min=1, help="Games drawn from the split.")] = 84,
    steps: Annotated[
        int, typer.Option(min=4, help="Random steps per game; a quarter more after its walkthrough.")
    ] = 48,
    split: Annotated[str, typer.Option(help="Split the games are drawn from.")] = "valid_seen",
    seed: Annotated[int, typer.Option(min=0, help="Of games and commands.")] = 0,
    python: Annotated[str, typer.Option(help="Interpreter that has alfworld.")] = sys.executable,
    out: Annotated[Path | None, typer.Option(help="Also write the JSON object to this file.")] = None,
) -> None:
    """Compare feedback, admissible commands, score and won; process CPU time."""
    console = Console(stderr=True)
    try:
        if python == sys.executable:
            AlfworldDomain(engine="textworld")  # says what to install where it is missing
        count, length = (2, 20) if quick else (games, steps)
        content = bench(split, count, length, seed, python, console)
    except InputError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from error
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    if as_json:
        typer.echo(json.dumps(content))
    else:
        Console().print(table(content))
    if content["differences"]:
        for line in content["shown"]:
            console.print(line, style="red")
        raise typer.Exit(1)


def bench(split: str, games: int, steps: int, seed: int, python: str, console: Console) -> dict[str, Any]:
    """Return all numbers; times in seconds, memory in bytes."""
    source = Path(split) if Path(split).exists() else find_split(split)
    tasks = AlfworldDomain().load(split, seed=seed)
    drawn = generator(seed, "engine games").permutation(len(tasks))[:games]
    walks = [make_walk(tasks[i].game, steps, seed=seed) for i in drawn]
    twin, branch, memory = measure.twin_times(walks), measure.branching(walks), measure.twin_memory(source)
    found = measure.compare(walks, python, lambda text: console.print(text, style="dim"))
    stock = found.times
    return {
        "games": found.games,
        "steps": found.steps,
        "differences": len(found.differences),
        "shown": found.differences[:SHOWN],
        "verbs": verbs(walks),
        "ratio_step": stock.step / twin.step,
        "ratio_load": stock.load / twin.load,
        "branch_20": branch,
        "branch_20_stock_replayed": measure.BRANCHES * (stock.reset + 3 * stock.step),
        "memory": memory,
        "memory_stock_per_game": found.bytes_per_game,
        "twin": twin.__dict__,
        "stock": stock.__dict__,
        "seed": seed,
        "split": split,
        "python": platform.python_version(),
    }


def table(content: dict[str, Any]) -> Table:
    """Return the numbers for reading."""
    shown = Table("", "twin", "stock engine", "ratio", title="ALFWorld engine, process CPU time")
    twin, stock = content["twin"], content["stock"]
    for name, key in (("step with admissible commands", "step"), ("load", "load"), ("reset", "reset")):
        shown.add_row(name, f"{twin[key] * 1e6:.1f} us", f"{stock[key] * 1e3:.1f} ms", f"{stock[key] / twin[key]:.0f}x")
    branch, replayed = content["branch_20"], content["branch_20_stock_replayed"]
    ratio = f"{replayed / branch:.0f}x"
    shown.add_row("20 branches at depth 2", f"{branch * 1e3:.2f} ms", f"{replayed:.1f} s (replayed, computed)", ratio)
    memory = content["memory"]
    held = f"{memory['process'] / 2**20:.0f} MB whole process, {memory['games_bytes'] / 2**20:.1f} MB games"
    each = f"{content['memory_stock_per_game'] / 2**20:.1f} MB more per game"
    shown.add_row(f"memory, {memory['games']} games", held, each, "")
    compared = f"{content['differences']} in {content['steps']} steps of {content['games']} games"
    shown.add_row("differences", compared, "", "")
    return shown


if __name__ == "__main__":
    typer.run(main)
