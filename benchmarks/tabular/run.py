"""``python -m benchmarks.tabular.run``: time planning, learning and published peers; tables and JSON."""

import contextlib
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import typer
from rich.console import Console

from benchmarks.tabular import parts, peers, report
from benchmarks.tabular.measure import Problem, Row, Size, problem
from slinvit.errors import InputError

SIZES = (
    Size(10, 4, 10),
    Size(25, 5, 20),
    Size(100, 4, 50),
    Size(100, 10, 100),
    Size(300, 10, 50),
)
QUICK = (Size(10, 4, 10), Size(25, 5, 20))


def main(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")] = False,
    quick: Annotated[bool, typer.Option("--quick", help="Small sizes, few repetitions: no figures to quote.")] = False,
    with_peers: Annotated[bool, typer.Option("--peers/--no-peers", help="Time published planners, too.")] = True,
    peer_venv: Annotated[Path | None, typer.Option(help="Their environment, made where missing.")] = None,
    out: Annotated[Path | None, typer.Option(help="Also write the JSON object to this file.")] = None,
) -> None:
    """Measure what tabular planning costs; process CPU time, one thread.

    A bar that is missed is printed as FAIL and written, and does not change the exit code: it is a result.
    """
    try:
        _check_writable(out)
        rows, versions = _measure((peer_venv or peers.default_folder()) if with_peers else None, quick)
    except InputError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from error
    found = report.bars(rows)
    content: dict[str, Any] = {
        "machine": {**report.machine(), **versions},
        "bars": {name: {**asdict(bar), "passed": bar.passed} for name, bar in found.items()},
        "rows": [asdict(row) for row in rows],
    }
    text = json.dumps(content)
    if out is not None:
        out.write_text(text + "\n", encoding="utf-8")
    if as_json:
        typer.echo(text)
        return
    console = Console()
    console.width = max(console.width, 120)
    console.print(content["machine"])
    console.print(report.rows_table(rows))
    console.print(report.bars_table(found))


def _check_writable(out: Path | None) -> None:
    """Raise ``InputError`` before anything is measured where the results could not be written."""
    if out is None:
        return
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with out.open("a", encoding="utf-8"):
            pass
    except OSError as error:
        raise InputError(f"cannot write {out}: {error.strerror or error}; choose another --out") from error


def _measure(peer_venv: Path | None, quick: bool) -> tuple[list[Row], dict[str, str]]:
    least, versions = 0.01 if quick else 0.1, dict[str, str]()
    python = peers.install(peer_venv) if peer_venv else None
    rows = []
    with peers.Peers(python) if python else contextlib.nullcontext() as theirs:

        def peer_times(asked: Problem, seconds: float) -> dict[str, float]:
            assert theirs is not None
            times, found = theirs.measure(asked, seconds)
            versions.update(found)
            return times

        for size in QUICK if quick else SIZES:
            rows += parts.backup_rows(problem(size), least, peer_times if theirs else None)
    rows += parts.sparse_rows(Size(1000, 4, 4 if quick else 20), least)
    rows += parts.seed_rows(Size(25, 5, 20), 64, least)
    rows += parts.run_rows(Size(25, 5, 20), 20 if quick else 2000)
    return rows, versions


if __name__ == "__main__":
    typer.run(main)
