"""Where episodes run: in this process, or in several that send back each episode as it finishes."""

import multiprocessing
import os
import signal
import threading
import traceback
import weakref
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection, wait
from types import TracebackType
from typing import Any, TypeAlias

from agent.bench import attempt_together, describe
from agent.episode import Record
from agent.settings import Settings
from envs.domain import Instance
from slinvit.errors import InputError, SlinvitError

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")

Job: TypeAlias = tuple[Callable[[Settings, Sequence[Instance]], Iterator[Any]], Settings, Sequence[Instance]]
"""What is to be called, with what."""


class Workers:
    """Processes that run episodes; ``count`` 1 means this one. Shared by the runs of a comparison.

    A process is started when there is work for it. It computes with one thread, unless the environment variables
    :data:`THREADS` say otherwise: results would otherwise depend on how many workers there are.

    Raises:
        InputError: a count below 1.
    """

    def __init__(self, count: int = 1) -> None:
        if count < 1:
            raise InputError(f"--workers must be 1 or more, not {count}")
        for name in THREADS:
            os.environ.setdefault(name, "1")
        self._count = count
        self._hired: list[_Worker] = []

    def describe(self, settings: Settings, instances: Sequence[Instance]) -> dict[str, Any]:
        """Return the header of the run; the model is only loaded where episodes run."""
        (header,) = self._do([(_described, settings, instances)])
        return dict(header)

    def attempt(self, settings: Settings, groups: Sequence[Sequence[Instance]]) -> Iterator[Record]:
        """Yield a record per task as they finish; the tasks of a group run in lockstep, in one process."""
        yield from self._do([(attempt_together, settings, group) for group in groups])

    def __enter__(self) -> "Workers":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self._hired:
            self._hired.pop().dismiss(idle=error is None)

    def _do(self, jobs: Sequence[Job]) -> Iterator[Any]:
        """Yield what the jobs yield."""
        if self._count > 1:
            yield from self._do_outside(deque(jobs))
        else:
            for work, settings, instances in jobs:
                yield from work(settings, instances)

    def _do_outside(self, jobs: deque[Job]) -> Iterator[Any]:
        while len(self._hired) < min(self._count, len(jobs)):
            self._hired.append(_Worker())
        busy: dict[Any, _Worker] = {worker.connection: worker for worker in self._hired[: len(jobs)]}
        try:
            for worker in busy.values():
                worker.start(jobs.popleft())
            while busy:
                for connection in wait(list(busy)):
                    worker = busy[connection]
                    found = worker.hear()
                    if found is not None:
                        yield found
                    elif jobs:
                        worker.start(jobs.popleft())
                    else:
                        del busy[connection]
        finally:
            # After an error, or when nobody wants to know the rest, nobody listens to these any more.
            self._hired = [worker for worker in self._hired if worker not in busy.values()]
            for worker in busy.values():
                worker.dismiss(idle=False)


class _Worker:
    """A process that does one job at a time and says what it yields."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, there = context.Pipe()
        self._process = context.Process(target=_work, args=(there,))
        self._process.start()
        there.close()
        # Whoever forgets to dismiss it would otherwise wait for it for ever at exit.
        weakref.finalize(self, self.connection.close)

    def start(self, job: Job) -> None:
        """Begin ``job``; the one before must have ended."""
        try:
            self.connection.send(job)
        except OSError as error:
            raise _died() from error

    def hear(self) -> Any:
        """Return what the job yields next, ``None`` when it has ended; raises what it raises."""
        try:
            found = self.connection.recv()
        except (EOFError, OSError) as error:
            raise _died() from error
        if isinstance(found, Exception):
            raise found
        return found

    def dismiss(self, *, idle: bool) -> None:
        """End the process, at once where it is not ``idle``."""
        if not idle:
            self._process.terminate()
            self._process.join()
        self.connection.close()
        self._process.join()


def _work(connection: "Connection[Any, Any]") -> None:
    _leave_with_parent()
    while True:
        try:
            work, settings, instances = connection.recv()
        except EOFError:
            return
        try:
            for found in work(settings, instances):
                connection.send(found)
            connection.send(None)
        except Exception as error:
            error.add_note(f"In a worker process:\n{traceback.format_exc()}")
            connection.send(error)


def _described(settings: Settings, instances: Sequence[Instance]) -> Iterator[dict[str, Any]]:
    yield describe(settings, instances)


def _died() -> SlinvitError:
    return SlinvitError(
        "a worker process died, perhaps out of memory; finished episodes are kept: "
        "run the same command again, with fewer --workers"
    )


def _leave_with_parent() -> None:
    """End this worker quietly on Ctrl-C, and when the process that started it is gone."""
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
