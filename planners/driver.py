"""Whoever drives searches: alone, or many in lockstep on shared batches."""

import math
from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from planners.parts import Parts
from planners.questions import Estimate, Propose, Question, Search, Simulate
from priors import is_deterministic
from slinvit.budget import RESOURCES, Budget
from slinvit.errors import BudgetExceeded, SlinvitError
from slinvit.tree import Plan
from slinvit.types import ActionDistribution


@dataclass(frozen=True, eq=False)
class Job:
    """A search that has not started, with what answers it; ``budget`` and ``rng`` are those it was made with."""

    search: Search
    parts: Parts
    budget: Budget
    rng: np.random.Generator


def drive(search: Search, parts: Parts, budget: Budget, rng: np.random.Generator) -> Plan:
    """Answer the questions of ``search`` from ``parts`` until it returns its plan."""
    job = Job(search, parts, budget, rng)
    waiting = _resume(search, None)
    while not isinstance(waiting, Plan):
        waiting = _resume(search, _ask(job, waiting))
    return waiting


def plan_together(jobs: Sequence[Job]) -> list[Plan]:
    """Run several searches in lockstep; every plan and every ledger is what :func:`drive` would give.

    That holds where each job has limits of its own; limits on tokens, seconds or usd that jobs share through a parent
    may be passed by one batch. Questions are merged between jobs that share one prior object, so a memory
    (``priors.remember``) must be shared by all jobs or left out.
    The prior is asked when all unfinished searches wait for it, in one batch per prior; the simulator likewise gets one
    batch. Values, and priors that do not declare themselves deterministic, are asked search by search. An error other
    than ``BudgetExceeded`` ends all searches.
    """
    waiting = [_resume(job.search, None) for job in jobs]
    while questions := {i: asked for i, asked in enumerate(waiting) if not isinstance(asked, Plan)}:
        first = {i: asked for i, asked in questions.items() if not isinstance(asked, Propose)} or questions
        for i, reply in _ask_all(jobs, first).items():
            waiting[i] = _resume(jobs[i].search, reply)
    return [plan for plan in waiting if isinstance(plan, Plan)]


def _resume(search: Search, reply: Any) -> Question | Plan:
    try:
        return search.throw(reply) if isinstance(reply, BudgetExceeded) else search.send(reply)
    except StopIteration as end:
        plan: Plan = end.value
        return plan


def _ask(job: Job, question: Question) -> Any:
    """Return the answer, or the ``BudgetExceeded`` to be thrown into the search."""
    parts, budget, rng = job.parts, job.budget, job.rng
    try:
        match question:
            case Propose(states, k):
                return parts.prior.propose(states, k=k, budget=budget, rng=rng)
            case Simulate(states, actions):
                return parts.simulator.step(states, actions, budget=budget)
            case Estimate(states):
                return parts.value.estimate(states, budget=budget, rng=rng)
    except BudgetExceeded as error:
        return error


def _ask_all(jobs: Sequence[Job], questions: Mapping[int, Question]) -> dict[int, Any]:
    groups: dict[Hashable, list[int]] = defaultdict(list)
    for i, question in questions.items():
        groups[_group(jobs[i].parts, question) or i].append(i)
    replies: dict[int, Any] = {}
    for members in groups.values():
        asked = [(jobs[i], questions[i]) for i in members]
        replies.update(zip(members, _ask_group(asked), strict=True))
    return replies


def _group(parts: Parts, question: Question) -> Hashable:
    """Return what questions that can be merged have in common, ``None`` where nothing can be."""
    match question:
        case Propose(_, k) if is_deterministic(parts.prior):
            return "prior", id(parts.prior), k
        case Simulate():
            return "simulator", id(parts.simulator)
    return None


def _ask_group(asked: Sequence[tuple[Job, Question]]) -> list[Any]:
    replies: list[Any] = []
    while rest := asked[len(replies) :]:
        batch = _affordable(rest)
        replies += _ask_merged(batch) if len(batch) > 1 else [_ask(*batch[0])]
    return replies


def _affordable(asked: Sequence[tuple[Job, Question]]) -> Sequence[tuple[Job, Question]]:
    """Return the longest beginning that no limit can stop, not even one that all budgets share; at least one question.

    A question that a limit may stop is thus asked alone, and its budget decides as it would without company.
    """
    room, total = math.inf, 0
    for count, (job, question) in enumerate(asked):
        room, total = min(room, _room(job.budget, question)), total + len(question.states)
        if total > room:
            return asked[: max(count, 1)]
    return asked


def _room(budget: Budget, question: Question) -> float:
    if any(budget.remaining(resource) < 0 for resource in RESOURCES):
        return -math.inf
    return budget.remaining("llm_calls" if isinstance(question, Propose) else "sim_steps")


def _ask_merged(asked: Sequence[tuple[Job, Question]]) -> list[Any]:
    """Ask once, on a budget of nobody, and charge everybody for the own share."""
    pool = Budget()
    job = Job(asked[0][0].search, asked[0][0].parts, pool, np.random.default_rng(0))
    answers = _ask(job, _merged([question for _, question in asked]))
    if len(answers) != (total := sum(len(question.states) for _, question in asked)):
        raise SlinvitError(f"asked for {total} answers in one batch, got {len(answers)}")
    shares, start = [], 0
    for owner, question in asked:
        count = len(question.states)
        shares.append(answers[start : start + count])
        start += count
        if isinstance(question, Propose):
            _charge_usage(owner.budget, shares[-1], usd=pool.ledger().usd * count / total)
        else:
            owner.budget.charge(sim_steps=count)
    return shares


def _merged(questions: Sequence[Question]) -> Question:
    states = [state for question in questions for state in question.states]
    first = questions[0]
    if isinstance(first, Propose):
        return Propose(states, first.k)
    return Simulate(states, [action for q in questions if isinstance(q, Simulate) for action in q.actions])


def _charge_usage(budget: Budget, answers: Sequence[ActionDistribution], usd: float) -> None:
    used = [answer.usage for answer in answers]
    budget.charge(
        llm_calls=sum(usage.llm_calls for usage in used),
        prompt_tokens=sum(usage.prompt_tokens for usage in used),
        tokens_forwarded=sum(usage.tokens_forwarded for usage in used),
        completion_tokens=sum(usage.completion_tokens for usage in used),
        usd=usd,
    )
