"""``python -m benchmarks.scoring.run``: time the scorer, common practice and published peers; table and JSON."""

import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import torch
import typer
from rich.console import Console

from benchmarks.scoring import demo, gpu, peers, report, suite
from benchmarks.scoring.bound import matrix_peak
from benchmarks.scoring.measure import Result, Row
from benchmarks.scoring.models import train_tokenizer
from benchmarks.scoring.prompts import rooms
from benchmarks.scoring.scenarios import Writer
from slinvit.errors import InputError, SlinvitError, UnknownName
from slinvit.rng import generator

ROOMS = 60


def main(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")] = False,
    quick: Annotated[bool, typer.Option("--quick", help="The 10M model only, few repetitions.")] = False,
    models: Annotated[
        list[str] | None, typer.Option("--models", help="Names, repeated or with commas; default: all.")
    ] = None,
    with_peers: Annotated[bool, typer.Option("--peers/--no-peers", help="Time lm-eval and llm-reasoners.")] = True,
    peer_venv: Annotated[Path | None, typer.Option(help="Their environment, made where missing.")] = None,
    out: Annotated[Path | None, typer.Option(help="Also write the JSON object to this file.")] = None,
    with_demo: Annotated[bool, typer.Option("--demo", help="Only the BlocksWorld demo, old scorer and new.")] = False,
    with_gpu: Annotated[bool, typer.Option("--gpu", help="Only the part for a CUDA device.")] = False,
    episodes: Annotated[int, typer.Option(min=1, help="Tasks of the demo.")] = 60,
    together: Annotated[int | None, typer.Option(min=1, help="Episodes of the demo in lockstep.")] = None,
) -> None:
    """Measure what scoring candidates costs; process CPU time, one thread."""
    torch.set_num_threads(1)
    console = Console(stderr=as_json)
    console.width = max(console.width, 150)  # a table cut into columns of five letters says nothing
    try:
        if with_demo or with_gpu:
            content = {"machine": report.machine(matrix_peak()), "versions": report.versions()}
            if with_demo:
                compared = demo.compare(10 if quick else episodes, 1 if quick else 3, together)
                content["demo"] = {"ratio": compared.ratio, **asdict(compared)}
            if with_gpu:
                content["gpu"] = gpu.run(make_writer()[1], lambda text: console.print(text, style="dim"))
            if not as_json:
                console.print(content)
        else:
            environment = (peer_venv or peers.default_folder()) if with_peers else None
            content = _scoring(console, _chosen(models, quick), environment, quick)
    except SlinvitError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2 if isinstance(error, InputError) else 1) from error
    text = json.dumps(content)
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text + "\n", encoding="utf-8")
    if as_json:
        typer.echo(text)


def score(
    suites: Mapping[str, suite.Suite], writer: Writer, *, peer_venv: Path | None, few: int | None, note: suite.Report
) -> dict[str, Any]:
    """Return the headline numbers with everything they were made from.

    Args:
        suites: what to measure, by model; the first model is the headline's, and the peers'.
        writer: of the prompts.
        peer_venv: the peers' environment; without one they are left out.
        few: candidates on which the peers are timed; all by default.
        note: told what happens.
    """
    peak, result = matrix_peak(), Result()
    first, others = next(iter(suites)), Result()
    versions: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for model, each in suites.items():
            saved = folder if model == first and peer_venv is not None else None
            result += (
                suite.measure_bundled(peak)
                if model == suite.BUNDLED
                else suite.measure(model, each, writer, peak=peak, folder=saved, report=note)
            )
        if peer_venv is not None:
            others, versions = suite.measure_peers(
                first, writer, folder=folder, environment=peer_venv, few=few, report=note
            )
    peak = max(peak, matrix_peak())
    rows = _by_scenario((*result.rows, *others.rows))
    return {
        **report.headline(Result(rows, result.max_abs_nat), first),
        "headline_model": first,
        "peers_max_abs_nat": others.max_abs_nat if versions else None,
        "table": report.as_json(rows),
        "machine": report.machine(peak),
        "versions": report.versions(),
        "peer_versions": versions,
        "rows": rows,
    }


def _by_scenario(rows: Sequence[Row]) -> tuple[Row, ...]:
    """Put rows of one model and scenario together, in order of first appearance."""
    order = list(dict.fromkeys((row.model, row.scenario) for row in rows))
    return tuple(sorted(rows, key=lambda row: order.index((row.model, row.scenario))))


def make_writer(count: int = ROOMS) -> tuple[str, Writer]:
    """Return where the text comes from, and what writes prompts from it."""
    data = os.environ.get("SLINVIT_DATA")
    source, found = rooms(Path(data) if data else None, count, generator(0, "rooms"))
    lines = [line for room in found for line in (room.transcript() + "\n>".join(room.actions())).splitlines(True)]
    return source, Writer(train_tokenizer(lines), found)


def _chosen(models: list[str] | None, quick: bool) -> dict[str, suite.Suite]:
    known = suite.QUICK if quick else {**suite.FULL, suite.BUNDLED: suite.Suite(())}
    names = [name for each in models or () for name in each.split(",")] or list(known)
    for name in names:
        if name not in known:
            raise UnknownName("model", name, known)
    return {name: known[name] for name in names}


def _scoring(
    console: Console, suites: Mapping[str, suite.Suite], environment: Path | None, quick: bool
) -> dict[str, Any]:
    source, writer = make_writer()
    content = score(
        suites,
        writer,
        peer_venv=environment,
        few=4 if quick else None,
        note=lambda text: console.print(text, style="dim"),
    )
    rows = content.pop("rows")
    content["prompts"] = source
    if not console.stderr:
        console.print(report.table(rows))
        console.print({key: content[key] for key in content if key != "table"})
    return content


if __name__ == "__main__":
    typer.run(main)
