"""Whoever drives courses: one alone, or many in lockstep on shared batches.

A course is a search, or a whole episode of searches: a generator that yields :class:`planners.answers.Request` and is
sent the answers. What goes wrong while a request is answered is raised inside the course that made it.
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeAlias, TypeVar

import numpy as np

from planners.answers import Request, Stopwatch, answer
from planners.parts import Parts
from planners.questions import Asking, Propose, Question
from priors import Remembering
from slinvit.budget import Budget

A = TypeVar("A")
T = TypeVar("T")

Course: TypeAlias = Generator[Request, Any, T]
"""Whatever asks on its way to a ``T``."""


def course(search: Asking[T], parts: Parts, *, budget: Budget, rng: np.random.Generator) -> Course[T]:
    """Put the questions of ``search`` to ``parts``, paid from ``budget``.

    Of a prior that remembers only the one inside is asked, so the gaps of many memories can be filled by one batch.
    """

    def put(question: Question) -> Course[Any]:
        request, memory = Request(question, parts, budget, rng), parts.prior
        if not (isinstance(question, Propose) and isinstance(memory, Remembering)):
            return _yielded(request)
        inside, k = replace(parts, prior=memory.prior), question.k
        recall = memory.recall(question.states, k)
        return _relayed(recall, lambda gaps: _yielded(replace(request, question=Propose(gaps, k), parts=inside)))

    return _relayed(search, put)


def drive(alone: Course[T]) -> T:
    """Answer one course until it returns; raises what is raised in it."""
    return next(drive_together([alone]))[1]


def drive_together(courses: Sequence[Course[T]], clocks: Sequence[Stopwatch] | None = None) -> Iterator[tuple[int, T]]:
    """Answer all courses in lockstep; yield number and result of each as it finishes.

    The prior is asked when all unfinished courses wait for it, in one batch per deterministic prior and ``k``; the
    simulator likewise gets one batch where courses share it. Values, priors that draw at random, and questions that a
    limit may stop are asked one by one. Every result and every ledger is what it would be alone, up to ``seconds`` and,
    where a model's batch is more than the sum of its prompts, rounding and ``tokens_forwarded``. Limits on tokens,
    seconds and usd that courses share through a parent budget may be passed by one batch.

    Args:
        courses: not started yet; what one of them raises ends all.
        clocks: one per course, running while it is served.
    """
    clocks = [Stopwatch() for _ in courses] if clocks is None else clocks
    waiting: dict[int, Request] = {}
    replies: dict[int, Any] = dict.fromkeys(range(len(courses)))
    try:
        while replies:
            for i, reply in replies.items():
                with clocks[i]:
                    step = _resumed(courses[i], reply)
                if isinstance(step, _Finished):
                    yield i, step.result
                else:
                    waiting[i] = step
            first = {i: asked for i, asked in waiting.items() if not isinstance(asked.question, Propose)}
            replies = answer(first or waiting, clocks)
            waiting = {i: asked for i, asked in waiting.items() if i not in replies}
    finally:
        for each in courses:
            each.close()


@dataclass(frozen=True, slots=True)
class _Finished(Generic[T]):
    result: T


def _resumed(asking: Generator[A, Any, T], reply: Any) -> A | _Finished[T]:
    try:
        return asking.throw(reply) if isinstance(reply, Exception) else asking.send(reply)
    except StopIteration as end:
        return _Finished(end.value)


def _relayed(asking: Generator[A, Any, T], relay: Callable[[A], Course[Any]]) -> Course[T]:
    """Answer what ``asking`` asks by ``relay``; what is raised there is raised in ``asking``."""
    reply: Any = None
    while not isinstance(step := _resumed(asking, reply), _Finished):
        try:
            reply = yield from relay(step)
        except Exception as error:
            reply = error
    return step.result


def _yielded(request: Request) -> Course[Any]:
    return (yield request)
