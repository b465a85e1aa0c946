"""Many episodes, in this process or in several."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from agent.bench import attempt, describe, load_instances
from agent.episode import Episode, Failure, Record
from agent.records import RunWriter
from agent.settings import Settings
from envs.domain import Instance
from slinvit.errors import InputError, SlinvitError

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")

Report = Callable[[int, int], None]
"""Called with the number of finished episodes and of all."""


@dataclass(frozen=True)
class Run:
    """A finished run: one record per task, in the order of the tasks."""

    settings: Settings
    folder: Path
    header: dict[str, Any]
    records: tuple[Record, ...]

    @property
    def episodes(self) -> tuple[Episode, ...]:
        """The episodes that ran."""
        return tuple(record for record in self.records if isinstance(record, Episode))

    @property
    def failures(self) -> tuple[Failure, ...]:
        """The episodes that failed to run."""
        return tuple(record for record in self.records if isinstance(record, Failure))


class Workers:
    """Processes that run episodes; ``count`` 1 means this one. Shared by the runs of a comparison.

    A worker computes with one thread, unless the environment variables :data:`THREADS` say otherwise: results would
    otherwise depend on how many workers there are.

    Raises:
        InputError: a count below 1.
    """

    def __init__(self, count: int = 1) -> None:
        if count < 1:
            raise InputError(f"--workers must be 1 or more, not {count}")
        for name in THREADS:
            os.environ.setdefault(name, "1")
        context = multiprocessing.get_context("spawn")
        self._pool = (
            None if count == 1 else ProcessPoolExecutor(count, mp_context=context, initializer=_leave_with_parent)
        )

    def describe(self, settings: Settings, instances: Sequence[Instance]) -> dict[str, Any]:
        """Return the header of the run; the model is only loaded where episodes run."""
        if self._pool is None:
            return describe(settings, instances)
        return _result(self._pool.submit(_describe, settings, instances))  # type: ignore[no-any-return]

    def attempt(self, settings: Settings, instances: Sequence[Instance]) -> Iterator[Record]:
        """Yield a record per task as they finish."""
        if self._pool is None:
            yield from (attempt(settings, instance) for instance in instances)
        else:
            futures = [self._pool.submit(attempt, settings, instance) for instance in instances]
            yield from map(_result, as_completed(futures))

    def __enter__(self) -> "Workers":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is None:
            return
        self._pool.shutdown(wait=error is None, cancel_futures=True)
        if error is not None:
            for process in multiprocessing.active_children():
                process.terminate()


def run(settings: Settings, *, out: Path | None = None, workers: Workers, report: Report) -> Run:
    """Run all tasks of ``settings`` that ``out`` does not hold yet, recording each episode as it finishes.

    Args:
        settings: what to run.
        out: the run folder, default :func:`default_folder`. Finished episodes in it are kept, failed ones tried again.
        workers: where episodes run; results do not depend on it.
        report: told about progress.

    Raises:
        InputError: the settings cannot be run, or ``out`` holds another run.
    """
    instances = load_instances(settings)
    header = workers.describe(settings, instances)
    folder = default_folder(settings) if out is None else out
    with RunWriter(folder, header) as writer:
        waiting = [each for each in instances if not isinstance(writer.records.get(each.task.id), Episode)]
        done = len(instances) - len(waiting)
        report(done, len(instances))
        for number, record in enumerate(workers.attempt(settings, waiting), start=done + 1):
            writer.append(record)
            report(number, len(instances))
        records = tuple(writer.records[each.task.id] for each in instances)
    return Run(settings, folder, header, records)


def default_folder(settings: Settings) -> Path:
    """Return ``runs/ENV-DIGEST``: the same settings, the same folder."""
    return Path("runs") / f"{settings.env.replace(':', '.')}-{settings.digest()}"


def _describe(settings: Settings, instances: Sequence[Instance]) -> dict[str, Any]:
    try:
        return describe(settings, instances)
    except InputError as error:
        # Subclasses take other arguments than their message and would not survive the way between processes.
        raise InputError(str(error)) from error


def _result(future: "Future[Any]") -> Any:
    try:
        return future.result()
    except BrokenProcessPool as error:
        raise SlinvitError(
            "a worker process died, perhaps out of memory; finished episodes are kept: "
            "run the same command again, with fewer --workers"
        ) from error


def _leave_with_parent() -> None:
    """End this worker quietly on Ctrl-C, and when the process that started it is gone."""
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
