"""Answers to the questions of many at once: what can be merged into one batch is, the rest is asked one by one."""

import logging
import time
from collections import Counter, defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from planners.parts import Parts
from planners.questions import Estimate, Propose, Question, Simulate
from priors import is_deterministic
from slinvit.budget import Budget
from slinvit.errors import SlinvitError
from slinvit.types import ActionDistribution

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False, slots=True)
class Request:
    """A question with what answers it, who pays for it, and what it may draw from."""

    question: Question
    parts: Parts
    budget: Budget
    rng: np.random.Generator


class Stopwatch:
    """Seconds that one of many took: those in which it alone was served, and its share of what was made for several.

    Called, it says how many; as a context it runs. The seconds of all thus add up to the time that passed, and a limit
    on seconds counts what one itself took.
    """

    def __init__(self) -> None:
        self._seconds = 0.0
        self._since: float | None = None

    def __call__(self) -> float:
        """Return the seconds so far."""
        return self._seconds + (0.0 if self._since is None else time.monotonic() - self._since)

    def __enter__(self) -> None:
        self._since = time.monotonic()

    def __exit__(self, *_: object) -> None:
        self._seconds, self._since = self(), None

    def add(self, seconds: float) -> None:
        """Count ``seconds`` more."""
        self._seconds += seconds


def answer(requests: Mapping[int, Request], clocks: Sequence[Stopwatch]) -> dict[int, Any]:
    """Return an answer, or the error that is to be raised, for every request; ``clocks[i]`` counts for request ``i``.

    A batch that fails is asked again one by one, so an error reaches only whose question it is.
    """
    groups: dict[Hashable, list[int]] = defaultdict(list)
    for i, request in requests.items():
        groups[_group(request) or i].append(i)
    replies: dict[int, Any] = {}
    for members in groups.values():
        batch = _allowed({i: requests[i] for i in members}) if len(members) > 1 else {}
        failure = _answer_merged(batch, clocks, replies) if len(batch) > 1 else None
        for i in members:
            if i not in replies:
                with clocks[i]:
                    replies[i] = _answer(requests[i], requests[i].budget)
        if failure is not None and not any(isinstance(replies[i], Exception) for i in batch):
            logger.warning("a batch of %d questions failed that did not fail one by one: %s", len(batch), failure)
    return replies


def _group(request: Request) -> Hashable:
    """Return what requests that can be merged have in common, ``None`` where nothing can be."""
    match request.question:
        case Propose(states, k) if is_deterministic(request.parts.prior, states):
            return "prior", id(request.parts.prior), k
        case Simulate():
            return "simulator", id(request.parts.simulator)
    return None


def _answer(request: Request, budget: Budget) -> Any:
    """Return the answer, charged to ``budget``, or the error."""
    parts, rng = request.parts, request.rng
    try:
        match request.question:
            case Propose(states, k):
                return parts.prior.propose(states, k=k, budget=budget, rng=rng)
            case Simulate(states, actions):
                return parts.simulator.step(states, actions, budget=budget)
            case Estimate(states):
                return parts.value.estimate(states, budget=budget, rng=rng)
    except Exception as error:
        return error


def _allowed(requests: Mapping[int, Request]) -> dict[int, Request]:
    """Return the requests that no limit can stop, not even one that their budgets share; each state costs at most 1.

    Any other is asked alone, and its budget decides as it would without company.
    """
    reserved: Counter[int] = Counter()
    allowed = {}
    for i, request in requests.items():
        family, count = id(request.budget.root), len(request.question.states)
        price = "llm_calls" if isinstance(request.question, Propose) else "sim_steps"
        if request.budget.allows(**{price: reserved[family] + count}):
            allowed[i] = request
            reserved[family] += count
    return allowed


def _answer_merged(
    requests: Mapping[int, Request], clocks: Sequence[Stopwatch], replies: dict[int, Any]
) -> Exception | None:
    """Ask once, on a budget of nobody, add the answers to ``replies`` and charge everybody; or return why it failed.

    What a failure had already computed and paid is charged in equal shares per state; its calls count when asked again.
    """
    pool, watch, counts = Budget(), Stopwatch(), {i: len(each.question.states) for i, each in requests.items()}
    total = sum(counts.values())
    with watch:
        answers = _answer(_merged(list(requests.values())), pool)
    for i, count in counts.items():
        clocks[i].add(watch() * count / total)
    if not isinstance(answers, Exception) and len(answers) != total:
        answers = SlinvitError(f"asked for {total} answers in one batch, got {len(answers)}")
    bill, start = pool.ledger(), 0
    for i, count in counts.items():
        end, usd = start + count, bill.usd * count / total
        if isinstance(answers, Exception):
            tokens = bill.tokens_forwarded * end // total - bill.tokens_forwarded * start // total
            requests[i].budget.charge(tokens_forwarded=tokens, usd=usd)
        else:
            replies[i] = answers[start:end]
            _charge(requests[i], replies[i], usd)
        start = end
    if isinstance(answers, Exception):
        return answers
    return None


def _merged(requests: Sequence[Request]) -> Request:
    questions = [request.question for request in requests]
    states = [state for question in questions for state in question.states]
    first = questions[0]
    if isinstance(first, Propose):
        return replace(requests[0], question=Propose(states, first.k))
    actions = [action for question in questions if isinstance(question, Simulate) for action in question.actions]
    return replace(requests[0], question=Simulate(states, actions))


def _charge(request: Request, answers: Sequence[ActionDistribution], usd: float) -> None:
    if isinstance(request.question, Simulate):
        request.budget.charge(sim_steps=len(answers))
        return
    used = [answer.usage for answer in answers]
    request.budget.charge(
        llm_calls=sum(usage.llm_calls for usage in used),
        prompt_tokens=sum(usage.prompt_tokens for usage in used),
        tokens_forwarded=sum(usage.tokens_forwarded for usage in used),
        completion_tokens=sum(usage.completion_tokens for usage in used),
        usd=usd,
    )
