"""``python -m benchmarks.serving.run``: throughput, equality and memory of one server under many clients."""

import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from benchmarks.scoring import report
from benchmarks.serving.clients import ECHO_ALL, ECHO_EACH, SCORE, Outcome, Way, run, server
from benchmarks.serving.workload import BUNDLED, Workload

WAYS: Mapping[str, tuple[Way, tuple[str, ...]]] = {
    "score": (SCORE, ()),
    "score, not merged": (SCORE, ("--batch-tokens", "1")),
    "echo, all candidates in a request": (ECHO_ALL, ()),
    "echo per candidate": (ECHO_EACH, ()),
}
"""How clients ask, and with which options of the server."""

HEADLINE, BASELINE = "score", "echo per candidate"
MIB = 1 << 20


def main(
    models: Annotated[str, typer.Option(help="Names with commas: bundled, 0.4M, 10M, 135M, ...")] = "bundled,10M",
    clients: Annotated[int, typer.Option(min=1)] = 64,
    steps: Annotated[int, typer.Option(min=1, help="Nodes per client.")] = 2,
    echo_steps: Annotated[int | None, typer.Option(min=1, help="Nodes per client that echoes (default: all).")] = None,
    tokens: Annotated[int, typer.Option(min=100, help="Of the first prompt, not for bundled.")] = 300,
    candidates: Annotated[int, typer.Option(min=1, help="Per node, not for bundled.")] = 20,
    threads: Annotated[int, typer.Option(min=1, help="Of the server.")] = 2,
    memory_mib: Annotated[int, typer.Option(min=1, help="Of the server's cache, not for bundled.")] = 64,
    soak: Annotated[int, typer.Option(min=0, help="Times that all clients walk anew, to see memory.")] = 4,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")] = False,
    out: Annotated[Path | None, typer.Option(help="Also write the JSON object to this file.")] = None,
) -> None:
    """Measure what one server for many clients is worth; server and clients share the machine."""
    console = Console(stderr=as_json)
    console.width = max(console.width, 120)
    content: dict[str, Any] = {"machine": report.machine(0.0), "versions": report.versions(), "threads": threads}
    with tempfile.TemporaryDirectory() as name:
        for model in models.split(","):
            load = Workload(model, clients, steps, tokens, candidates)
            folder = Path(name) / model
            prior = load.prior(folder) + ("" if model == BUNDLED else f",memory={memory_mib}MiB")
            found = measure(load, prior, echo_steps=echo_steps or steps, threads=threads)
            content[model] = {**headline(found), "load": asdict(load), "ways": rows(found)}
            if soak:
                content[model]["soak_mib"] = soaked(load, prior, soak, threads)
            if not as_json:
                console.print(table(model, found), {key: content[model][key] for key in ("ratio", "max_abs_nat")})
                console.print({"memory of the server after each of the walks, MiB": content[model].get("soak_mib")})
    text = json.dumps(content)
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text + "\n", encoding="utf-8")
    if as_json:
        typer.echo(text)


def measure(load: Workload, prior: str, *, echo_steps: int, threads: int) -> dict[str, Outcome]:
    """Return what each way of :data:`WAYS` gave, each with a server of its own that has seen one other walk."""
    walks, found = load.walks(), {}
    few = [walk[:echo_steps] for walk in walks]
    for name, (way, options) in WAYS.items():
        with server(prior, *options, threads=threads) as url:
            run(url, replace(load, clients=2, steps=1).walks(), way)  # what only the first request pays
            found[name] = run(url, walks if way is SCORE else few, way)
    return found


def soaked(load: Workload, prior: str, rounds: int, threads: int) -> list[int]:
    """Return the memory of one server, in MiB, after each of ``rounds`` in which all clients walk new prompts."""
    held = []
    with server(prior, threads=threads) as url:
        for number in range(rounds):
            walks = [
                [replace(node, prompt=f"Round {number}.\n{node.prompt}") for node in walk] for walk in load.walks()
            ]
            held.append(run(url, walks, SCORE).most_bytes // MIB)
    return held


def headline(found: Mapping[str, Outcome]) -> dict[str, float]:
    """Return the ratio of throughputs and the largest difference of scores in nats, over nodes that both scored."""
    return {
        "ratio": found[HEADLINE].rate / found[BASELINE].rate,
        "ratio_unmerged": found["score, not merged"].rate / found[BASELINE].rate,
        "ratio_to_listed": found[HEADLINE].rate / found["echo, all candidates in a request"].rate,
        "max_abs_nat": max(_difference(found[HEADLINE], other) for other in found.values()),
    }


def rows(found: Mapping[str, Outcome]) -> list[dict[str, Any]]:
    """Return the table as JSON values."""
    kept = ("nodes", "seconds", "model_seconds", "forwarded", "rounds", "most_bytes")
    return [
        {"way": name, "nodes_per_second": one.rate, **{key: asdict(one)[key] for key in kept}}
        for name, one in found.items()
    ]


def table(model: str, found: Mapping[str, Outcome]) -> Table:
    """Return the table for the eye."""
    shown = Table("way", "nodes/s", "nodes", "s", "s in model", "tokens/node", "rounds", "MiB", title=model)
    for name, one in found.items():
        shown.add_row(
            name,
            f"{one.rate:.1f}",
            str(one.nodes),
            f"{one.seconds:.1f}",
            f"{one.model_seconds:.1f}",
            f"{one.forwarded / one.nodes:.0f}",
            str(one.rounds),
            str(one.most_bytes // MIB),
        )
    return shown


def _difference(one: Outcome, other: Outcome) -> float:
    pairs = zip(one.scores, other.scores, strict=True)
    return max(_largest(a, b) for first, second in pairs for a, b in zip(first, second, strict=False))


def _largest(one: Sequence[float], other: Sequence[float]) -> float:
    return float(np.abs(np.array(one) - np.array(other)).max())


if __name__ == "__main__":
    typer.run(main)
