"""The one thread that uses the model: takes whatever waits, forwards it together, and takes what came meanwhile."""

import threading
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any, TypeAlias

from priors.serving.asks import Ask
from priors.serving.errors import Refused
from priors.serving.forwarding import Reply
from priors.serving.limits import Limits

Job: TypeAlias = Generator[Ask, Any, dict[str, Any]]
"""Yields what it needs of the model, is sent the answer, and returns JSON values."""


@dataclass
class Tally:
    """What a worker did.

    Attributes:
        rounds: times the model was used.
        merged: asks answered in them.
        largest: most asks answered in one.
        seconds: spent in them.
        dropped: requests whose clients left.
    """

    rounds: int = 0
    merged: int = 0
    largest: int = 0
    seconds: float = 0.0
    dropped: int = 0


@dataclass(eq=False)
class _Task:
    job: Job
    future: "Future[dict[str, Any]]" = field(default_factory=Future)
    ask: Ask | None = None


class Worker:
    """Runs jobs, all at once, on one thread.

    It never waits for company: whatever is there when the model is free goes into the next round, up to
    ``limits.batch_tokens`` and one at least; the others are first in the round after.

    Args:
        answer: one reply per ask.
        limits: most jobs, and most tokens of a round.
        clock: seconds, monotonic.
    """

    def __init__(
        self, answer: Callable[[Sequence[Ask]], list[Reply]], limits: Limits, clock: Callable[[], float]
    ) -> None:
        self._answer, self._limits, self._clock = answer, limits, clock
        self._arrivals: SimpleQueue[_Task | None] = SimpleQueue()
        self._active: deque[_Task] = deque()
        self._unfinished = 0
        self._lock = threading.Lock()
        self._open = True
        self.tally = Tally()
        self._thread = threading.Thread(target=self._run, name="slinvit-model", daemon=True)
        self._thread.start()

    @property
    def unfinished(self) -> int:
        """Jobs waiting or under way."""
        return self._unfinished

    def submit(self, job: Job) -> "Future[dict[str, Any]]":
        """Return what ``job`` will return; cancelling it drops the job.

        Raises:
            Refused: too many jobs, or the worker is closing.
        """
        task = _Task(job)
        with self._lock:
            if not self._open:
                raise Refused("the server is shutting down", status=503)
            if self._unfinished >= self._limits.waiting:
                raise Refused(f"{self._unfinished} requests are waiting; come back later", status=429)
            self._unfinished += 1
        task.future.add_done_callback(self._finished)
        self._arrivals.put(task)
        return task.future

    def close(self) -> None:
        """Finish what was submitted, and end."""
        with self._lock:
            self._open = False
        self._arrivals.put(None)
        self._thread.join()

    def _finished(self, _: object) -> None:
        with self._lock:
            self._unfinished -= 1

    def _run(self) -> None:
        while self._collect() or self._active:
            self._round()

    def _collect(self) -> bool:
        """Take what has arrived, waiting only where nothing is under way; say whether more may come."""
        with suppress(Empty):
            while True:
                task = self._arrivals.get(block=not self._active)
                if task is None:
                    self._arrivals.put(None)
                    return False
                self._advance(task, Reply())
        return True

    def _round(self) -> None:
        tasks = self._chosen()
        if not tasks:
            return
        start = self._clock()
        replies = self._answer([task.ask for task in tasks if task.ask is not None])
        self.tally.seconds += self._clock() - start
        self.tally.rounds += 1
        self.tally.merged += len(tasks)
        self.tally.largest = max(self.tally.largest, len(tasks))
        for task, reply in zip(tasks, replies, strict=True):
            self._advance(task, reply)

    def _chosen(self) -> list[_Task]:
        chosen: list[_Task] = []
        tokens = 0
        while self._active:
            task = self._active[0]
            if task.future.cancelled():
                self._drop(self._active.popleft())
                continue
            size = 0 if task.ask is None else task.ask.tokens
            if chosen and tokens + size > self._limits.batch_tokens:
                break
            tokens += size
            chosen.append(self._active.popleft())
        return chosen

    def _advance(self, task: _Task, reply: Reply) -> None:
        """Give a job its reply, and queue it again where it needs more."""
        if task.future.cancelled():
            return self._drop(task)
        try:
            task.ask = task.job.send(reply.answer) if reply.error is None else task.job.throw(reply.error)
        except StopIteration as end:
            _settle(task.future.set_result, end.value)
        except Exception as error:
            _settle(task.future.set_exception, error)
        else:
            self._active.append(task)
        return None

    def _drop(self, task: _Task) -> None:
        self.tally.dropped += 1
        task.job.close()


def _settle(settle: Callable[[Any], None], outcome: Any) -> None:
    with suppress(InvalidStateError):  # the client left in this very moment
        settle(outcome)
