"""Running an experiment: what is left to run, where it runs, and what is written."""

import json
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, BinaryIO

from agent.theory import contests, curves, sweeps, trials
from agent.theory.experiment import Cell, Experiment, Outcome, Plan, Rows
from agent.theory.experiments import experiment
from agent.theory.sheets import write_csv, write_json
from agent.theory.summary import medians
from agent.theory.trials import Row
from slinvit.errors import InputError, SlinvitError
from slinvit.rng import generator

Report = Callable[[int, int], None]
"""Called with the number of finished runs and of all."""


@dataclass(frozen=True)
class Campaign:
    """A finished experiment, with where its files lie."""

    experiment: Experiment
    plan: Plan
    seeds: int
    folder: Path
    rows: Rows
    outcome: Outcome

    def as_json(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            "experiment": self.experiment.name,
            "title": self.experiment.title,
            **asdict(self.plan),
            "seeds": self.seeds,
            "runs": len(self.rows),
            **self.outcome.as_json(),
            "points": [] if self.experiment.curve else medians(self.experiment, self.rows),
        }


def conduct(
    chosen: Experiment, plan: Plan, *, seeds: int, workers: int = 1, out: Path | None = None, report: Report
) -> Campaign:
    """Run what ``out`` does not hold yet, then conclude, and write ``cells.csv``, ``summary.json`` and ``figure.png``.

    Args:
        chosen: what to run.
        plan: how.
        seeds: runs per point and instance; what was run with fewer is kept.
        workers: processes; results do not depend on it.
        out: the folder, default :func:`default_folder`.
        report: told about progress.

    Raises:
        InputError: ``seeds`` or ``workers`` below 1, or a folder that cannot be used or holds another experiment.
    """
    for name, count in (("seeds", seeds), ("workers", workers)):
        if count < 1:
            raise InputError(f"--{name} must be 1 or more, not {count}")
    folder = default_folder(chosen, plan) if out is None else out
    cells = chosen.cells(plan, seeds)
    with Notebook(folder, {"experiment": chosen.name, **asdict(plan), **_fixed_settings(chosen)}) as notes:
        left = [cell for cell in cells if cell.key not in notes.rows]
        report(len(cells) - len(left), len(cells))
        for number, (cell, rows) in enumerate(_run(chosen.name, plan, left, workers), start=len(cells) - len(left) + 1):
            notes.add(cell, rows)
            report(number, len(cells))
        found = [(cell, notes.rows[cell.key]) for cell in cells]
    done = Campaign(chosen, plan, seeds, folder, found, chosen.conclude(chosen, found))
    _write(done)
    return done


def default_folder(chosen: Experiment, plan: Plan) -> Path:
    """Return ``runs/theory-NAME``, with what differs from the default behind it."""
    parts = [f"theory-{chosen.name}", *(["quick"] if plan.quick else [])]
    parts += [] if plan.bonus == "practical" else [f"bonus-{plan.bonus}"]
    return Path("runs") / "-".join(parts)


def _fixed_settings(chosen: Experiment) -> dict[str, Any]:
    """Return what else decides the numbers: the version, the grid, and the constants of the experiments."""
    constants = {
        f"{module.__name__.rpartition('.')[2]}.{name}": value
        for module in (trials, sweeps, contests, curves)
        for name, value in vars(module).items()
        if name.isupper() and isinstance(value, int | float)
    }
    return {"version": version("slinvit"), "grid": [list(chosen.grid), list(chosen.quick_grid)], "constants": constants}


class Notebook:
    """The append-only file ``cells.jsonl``: a header, then one line per finished run; one process at a time.

    Args:
        folder: made if it is not there.
        header: what the runs have in common.

    Raises:
        InputError: a folder that cannot be used or that is in use, or that holds runs with another header.
    """

    def __init__(self, folder: Path, header: dict[str, Any]) -> None:
        self._path = folder / "cells.jsonl"
        self.rows: dict[str, list[Row]] = {}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("ab+")
        except OSError as error:
            raise InputError(f"cannot use {folder}: {error.strerror or error}; choose another --out") from error
        try:
            _lock(self._file, self._path)
            self._continue(header)
        except BaseException:
            self._file.close()
            raise

    def _continue(self, header: dict[str, Any]) -> None:
        self._file.seek(0)
        content = self._file.read()
        whole = content[: content.rfind(b"\n") + 1]
        self._read(whole.decode("utf-8", errors="replace").splitlines(), header)
        if len(whole) < len(content):
            self._file.truncate(len(whole))  # a killed run left half a line behind
        if not whole:
            self._write(header)

    def _read(self, lines: Sequence[str], header: dict[str, Any]) -> None:
        try:
            records = [json.loads(line) for line in lines]
            found = records[0] if records else header
            if found != header:
                differ = ", ".join(f"{k}={found.get(k)!r}" for k in header if found.get(k) != header[k])
                raise InputError(f"{self._path} holds runs with {differ}; choose another --out")
            self.rows = {record["key"]: record["rows"] for record in records[1:]}
        except (ValueError, KeyError, AttributeError, TypeError) as error:
            raise InputError(f"{self._path} is damaged ({error}); move it away or choose another --out") from error

    def add(self, cell: Cell, rows: list[Row]) -> None:
        """Write one run down."""
        self.rows[cell.key] = rows
        self._write({"key": cell.key, "rows": rows})

    def _write(self, record: dict[str, Any]) -> None:
        self._file.write(json.dumps(record).encode() + b"\n")
        self._file.flush()

    def __enter__(self) -> "Notebook":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def _lock(file: BinaryIO, path: Path) -> None:
    """Hold ``file`` for this process until it is closed; systems without ``fcntl`` are trusted."""
    try:
        import fcntl
    except ImportError:
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise InputError(f"{path} is in use by another process; wait for it, or choose another --out") from error


def measured(name: str, plan: Plan, cell: Cell) -> tuple[Cell, list[Row]]:
    """Run one cell; its randomness is named by the cell alone."""
    chosen = experiment(name)
    seed = int(generator(cell.seed, name, cell.line, f"{cell.x:g}", cell.instance).integers(2**63))
    trial = chosen.trial(cell, plan)
    # Compiling takes longer than a quick experiment.
    return cell, chosen.measure(trial if plan.quick else replace(trial, backend="numba"), seed)


def _run(name: str, plan: Plan, cells: Sequence[Cell], workers: int) -> Iterator[tuple[Cell, list[Row]]]:
    if workers == 1:
        yield from map(partial(measured, name, plan), cells)
        return
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_leave_with_parent) as pool:
        try:
            for future in as_completed([pool.submit(measured, name, plan, cell) for cell in cells]):
                yield future.result()
        except BrokenProcessPool as error:
            raise SlinvitError("a worker process died; finished runs are kept: run the same command again") from error
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in multiprocessing.active_children():
                process.terminate()
            raise


def _leave_with_parent() -> None:
    """End this worker quietly on Ctrl-C, and when the process that started it is gone."""
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _write(done: Campaign) -> None:
    from agent.theory.drawing import draw

    try:
        write_csv(done.rows, done.folder / "cells.csv")
        write_json(done.as_json(), done.folder / "summary.json")
        draw(done.experiment, done.rows, done.folder / "figure.png")
    except OSError as error:
        raise InputError(f"cannot write to {done.folder}: {error.strerror or error}; choose another --out") from error
