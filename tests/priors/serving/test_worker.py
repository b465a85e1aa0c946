"""The worker, with a model that adds."""

import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, wait
from typing import Any

import pytest

from priors.serving.asks import Ask, Next
from priors.serving.errors import Refused
from priors.serving.forwarding import Reply
from priors.serving.limits import Limits
from priors.serving.worker import Job, Worker


class Adder:
    """Answers with the sum of each text, and holds back while it is told to."""

    def __init__(self) -> None:
        self.rounds: list[int] = []
        self.free = threading.Event()
        self.busy = threading.Event()

    def __call__(self, asks: Sequence[Ask]) -> list[Reply]:
        self.busy.set()
        assert self.free.wait(10)
        self.rounds.append(len(asks))
        return [self._reply(ask) for ask in asks]

    def _reply(self, ask: Ask) -> Reply:
        assert isinstance(ask, Next)
        if 0 in ask.texts[0]:
            return Reply(error=ValueError("zero"))
        return Reply(sum(ask.texts[0]))


def adding(*texts: list[int]) -> Job:
    total = 0
    for text in texts:
        total += yield Next([text])
    return {"total": total}


def totals(futures: Sequence["Future[dict[str, Any]]"]) -> list[int]:
    wait(futures, 10)
    return [future.result()["total"] for future in futures]


def test_what_waits_is_answered_together_and_nobody_waits_for_company() -> None:
    adder = Adder()
    worker = Worker(adder, Limits(), time.perf_counter)
    first = worker.submit(adding([1, 1], [1]))
    assert adder.busy.wait(10)
    others = [worker.submit(adding([i, 1], [i])) for i in range(2, 7)]
    adder.free.set()
    assert totals([first, *others]) == [3, *(2 * i + 1 for i in range(2, 7))]
    assert adder.rounds[0] == 1
    assert adder.rounds[1] == 6
    assert sum(adder.rounds) == worker.tally.merged == 12
    assert worker.unfinished == 0
    worker.close()


def test_a_round_has_at_most_so_many_tokens_and_at_least_one_ask() -> None:
    adder = Adder()
    worker = Worker(adder, Limits(batch_tokens=5), time.perf_counter)
    first = worker.submit(adding([1] * 9))
    assert adder.busy.wait(10)
    others = [worker.submit(adding([1, 1])) for _ in range(5)]
    adder.free.set()
    assert totals([first, *others]) == [9, 2, 2, 2, 2, 2]
    assert adder.rounds == [1, 2, 2, 1]
    worker.close()


def test_a_failure_is_told_to_who_asked_and_to_nobody_else() -> None:
    adder = Adder()
    adder.free.set()
    worker = Worker(adder, Limits(), time.perf_counter)
    bad, good = worker.submit(adding([1], [0])), worker.submit(adding([1], [2]))
    assert totals([good]) == [3]
    with pytest.raises(ValueError, match="zero"):
        bad.result(10)
    worker.close()


def test_a_job_that_is_cancelled_is_not_run_any_further() -> None:
    adder = Adder()
    worker = Worker(adder, Limits(), time.perf_counter)
    first, left = worker.submit(adding([1], [1])), worker.submit(adding([1], [1], [1]))
    assert adder.busy.wait(10)
    late = worker.submit(adding([1]))
    assert left.cancel()
    assert late.cancel()
    adder.free.set()
    assert totals([first]) == [2]
    worker.close()
    assert worker.tally.dropped == 2
    assert worker.unfinished == 0


def test_too_many_jobs_are_refused_and_so_are_late_ones() -> None:
    adder = Adder()
    worker = Worker(adder, Limits(waiting=2), time.perf_counter)
    jobs = [worker.submit(adding([1])) for _ in range(2)]
    with pytest.raises(Refused, match="come back later") as refusal:
        worker.submit(adding([1]))
    assert refusal.value.status == 429
    adder.free.set()
    worker.close()
    assert totals(jobs) == [1, 1]
    with pytest.raises(Refused) as refusal:
        worker.submit(adding([1]))
    assert refusal.value.status == 503
