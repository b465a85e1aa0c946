"""Searches driven from outside: together as alone."""

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest

from planners import (
    PLANNERS,
    Course,
    Estimate,
    Parts,
    Propose,
    SearchPlanner,
    Simulate,
    Slinvit,
    Stopwatch,
    build,
    drive,
    drive_together,
    planning,
)
from priors import remember
from priors.simple import Uniform
from slinvit.budget import Budget, Ledger
from slinvit.errors import PriorError
from slinvit.protocols import Planner, Prior
from slinvit.rng import generator
from slinvit.tree import Node, Plan, SearchTree
from slinvit.types import ActionDistribution, State

NO_PLAN = Plan((), (), 0, 0.0, SearchTree((Node(-1, "", 0, "", 0, 0, None, None, 0, False, False, False),)), "dead-end")


def spent(budget: Budget) -> Ledger:
    return replace(budget.ledger(), seconds=0.0)


def record(plan: Plan) -> Plan:
    return replace(plan, prior=None)


def results(courses: Sequence[Course[Plan]]) -> list[Plan]:
    """Return the results in the order of the courses."""
    return [plan for _, plan in sorted(drive_together(courses), key=lambda pair: pair[0])]


def both(parts: Callable[[], Parts], states: list[State], specs: list[str], limits: Mapping[str, float]) -> None:
    """Compare plans and ledgers of one run in lockstep with those of separate runs; each has ``parts()`` of its own."""
    alone, together = [Budget(limits) for _ in states], [Budget(limits) for _ in states]
    plans = [
        build(spec, {}, parts()).plan(state, budget=budget, rng=generator(i))
        for i, (spec, state, budget) in enumerate(zip(specs, states, alone, strict=True))
    ]
    courses = [
        planning(build(spec, {}, parts()), state, budget=budget, rng=generator(i))
        for i, (spec, state, budget) in enumerate(zip(specs, states, together, strict=True))
    ]
    assert [*map(record, results(courses))] == [*map(record, plans)]
    assert [*map(spent, together)] == [*map(spent, alone)]


@pytest.mark.parametrize("spec", sorted(PLANNERS))
@pytest.mark.parametrize("limits", [{}, {"llm_calls": 9}, {"sim_steps": 30}, {"nodes": 5}, {"prompt_tokens": 20}])
@pytest.mark.parametrize("model", [True, False])
@pytest.mark.parametrize("memory", [True, False])
def test_plans_and_ledgers_do_not_depend_on_company(
    spec: str,
    limits: Mapping[str, float],
    model: bool,
    memory: bool,
    opinionated: Prior,
    blocks_parts: Callable[..., Parts],
    blocks_state: Callable[..., State],
) -> None:
    states = [blocks_state(seed, blocks=4 + seed % 3) for seed in range(5)]
    prior = opinionated if model else Uniform()
    both(lambda: blocks_parts(remember(prior) if memory else prior), states, [spec] * 5, limits)


def test_different_planners_may_share_a_batch(
    opinionated: Prior, blocks_parts: Callable[..., Parts], blocks_state: Callable[..., State]
) -> None:
    specs = sorted(PLANNERS)
    both(lambda: blocks_parts(opinionated), [blocks_state(seed, blocks=5) for seed in range(len(specs))], specs, {})


def test_a_prior_without_an_allowance_is_never_asked_when_it_costs_something(
    opinionated: Prior, blocks_parts: Callable[..., Parts], blocks_state: Callable[..., State]
) -> None:
    both(
        lambda: blocks_parts(opinionated), [blocks_state(seed) for seed in range(3)], ["slinvit"] * 3, {"llm_calls": 0}
    )
    both(lambda: blocks_parts(Uniform()), [blocks_state(seed) for seed in range(3)], ["slinvit"] * 3, {"llm_calls": 0})


def courses_of(parts: Parts, states: list[State], budget: Budget) -> list[Course[Plan]]:
    planner = Slinvit(parts, depth=3)
    return [planning(planner, state, budget=budget.child(), rng=generator(i)) for i, state in enumerate(states)]


def test_lockstep_asks_the_prior_once_per_level(
    blocks_parts: Callable[..., Parts],
    blocks_state: Callable[..., State],
    counted: Callable[[Parts], tuple[Parts, Mapping[str, int]]],
) -> None:
    parts, calls = counted(blocks_parts())
    results(courses_of(parts, [blocks_state(seed, blocks=7) for seed in range(6)], Budget()))
    assert (calls["prior"], calls["simulator"]) == (3, 3)


def test_the_gaps_of_several_memories_are_filled_by_one_call(
    blocks_parts: Callable[..., Parts],
    blocks_state: Callable[..., State],
    counted: Callable[[Parts], tuple[Parts, Mapping[str, int]]],
) -> None:
    parts, calls = counted(blocks_parts())
    memories = [replace(parts, prior=remember(parts.prior)) for _ in range(6)]
    states = [blocks_state(seed, blocks=7) for seed in range(6)]
    for _ in range(2):  # what is remembered is not asked again
        courses = [
            planning(Slinvit(own, depth=3), state, budget=Budget(), rng=generator(i))
            for i, (own, state) in enumerate(zip(memories, states, strict=True))
        ]
        results(courses)
        assert calls["prior"] == 3


@dataclass(frozen=True)
class Noted:
    """A uniform prior that notes how many states it was asked about; it fails on observations that hold ``bad``."""

    sizes: list[int]
    deterministic: bool = True
    bad: str = "\0"
    most: float = float("inf")

    def propose(
        self, states: Sequence[State], *, k: int | None = None, budget: Budget, rng: np.random.Generator
    ) -> list[ActionDistribution]:
        self.sizes.append(len(states))
        if len(states) > self.most or any(self.bad in state.observation for state in states):
            raise PriorError("no answer")
        return Uniform().propose(states, k=k, budget=budget, rng=rng)


def test_a_prior_that_does_not_say_it_is_deterministic_is_asked_search_by_search(
    blocks_parts: Callable[..., Parts], blocks_state: Callable[..., State]
) -> None:
    prior = Noted([], deterministic=False)
    results(courses_of(blocks_parts(prior), [blocks_state(seed, blocks=7) for seed in range(4)], Budget()))
    assert prior.sizes[:4] == [1, 1, 1, 1]


def test_budgets_that_share_no_limit_do_not_make_each_others_batches_smaller(
    blocks_parts: Callable[..., Parts], blocks_state: Callable[..., State]
) -> None:
    prior = Noted([])
    planner = Slinvit(blocks_parts(prior), depth=3)
    states = [blocks_state(seed, blocks=7) for seed in range(4)]
    results([planning(planner, each, budget=Budget({"llm_calls": 7}), rng=generator(0)) for each in states])
    assert len(prior.sizes) == 3


def test_a_shared_allowance_is_not_passed_in_lockstep(
    opinionated: Prior, blocks_parts: Callable[..., Parts], blocks_state: Callable[..., State]
) -> None:
    budget = Budget({"llm_calls": 10, "sim_steps": 20})
    plans = results(courses_of(blocks_parts(opinionated), [blocks_state(s, blocks=7) for s in range(6)], budget))
    assert budget.ledger().llm_calls <= 10
    assert budget.ledger().sim_steps <= 20
    assert "budget" in {plan.stopped_by for plan in plans}


def outcome(search: Course[Plan]) -> Course[Plan | str]:
    """Return the plan, or the error in words."""
    try:
        return (yield from search)
    except PriorError as error:
        return str(error)


def test_an_error_reaches_only_the_course_whose_question_it_is(
    blocks_parts: Callable[..., Parts], blocks_state: Callable[..., State], caplog: pytest.LogCaptureFixture
) -> None:
    states = [blocks_state(seed, blocks=7) for seed in range(3)]
    parts = blocks_parts(Noted([], bad=states[1].observation))
    found = dict(drive_together([outcome(each) for each in courses_of(parts, states, Budget())]))
    assert found[1] == "no answer"
    alone = [drive(each) for each in courses_of(blocks_parts(), states, Budget())]
    for i in (0, 2):
        plan = found[i]
        assert isinstance(plan, Plan)
        assert record(plan) == record(alone[i])
    assert not caplog.records


def test_a_batch_that_only_fails_as_a_whole_is_answered_one_by_one_and_reported(
    blocks_parts: Callable[..., Parts], blocks_state: Callable[..., State], caplog: pytest.LogCaptureFixture
) -> None:
    states = [blocks_state(seed, blocks=7) for seed in range(3)]
    with caplog.at_level(logging.WARNING):
        plans = results(courses_of(blocks_parts(Noted([], most=2)), states, Budget()))
    assert all(plan.actions for plan in plans)
    assert "a batch of 3 questions failed that did not fail one by one: no answer" in caplog.text


def test_what_a_failing_batch_has_forwarded_and_paid_is_shared_by_those_who_asked(
    blocks_parts: Callable[..., Parts], blocks_state: Callable[..., State]
) -> None:
    class Costly(Noted):
        def propose(
            self, states: Sequence[State], *, k: int | None = None, budget: Budget, rng: np.random.Generator
        ) -> list[ActionDistribution]:
            budget.spend(llm_calls=len(states))
            budget.charge(tokens_forwarded=100 if len(states) > 1 else 1, usd=0.3 if len(states) > 1 else 0.0)
            return super().propose(states, k=k, budget=budget, rng=rng)

    budgets = [Budget() for _ in range(3)]
    planner = Slinvit(blocks_parts(Costly([], most=2)), depth=1)
    results(
        [planning(planner, blocks_state(i, blocks=7), budget=each, rng=generator(0)) for i, each in enumerate(budgets)]
    )
    ledgers = [budget.ledger() for budget in budgets]
    assert [ledger.tokens_forwarded for ledger in ledgers] == [34, 34, 35]
    assert [ledger.usd for ledger in ledgers] == pytest.approx([0.1, 0.1, 0.1])
    assert [ledger.llm_calls for ledger in ledgers] == [1, 1, 1]


def test_what_a_course_raises_ends_all_and_closes_the_others(
    blocks_parts: Callable[..., Parts], blocks_state: Callable[..., State]
) -> None:
    closed: list[int] = []

    def guarded(number: int, search: Course[Plan]) -> Course[Plan]:
        try:
            return (yield from search)
        finally:
            closed.append(number)

    states = [blocks_state(seed, blocks=7) for seed in range(3)]
    searches = courses_of(blocks_parts(Noted([], bad=states[1].observation)), states, Budget())
    with pytest.raises(PriorError, match="no answer"):
        results([guarded(i, search) for i, search in enumerate(searches)])
    assert sorted(closed) == [0, 1, 2]


def test_each_course_goes_on_as_soon_as_it_can_and_is_handed_over_when_it_ends(
    blocks_parts: Callable[..., Parts], blocks_state: Callable[..., State]
) -> None:
    """A course of three searches beside two of one: nobody waits for the long one."""
    parts = blocks_parts(prior := Noted([]))
    state = blocks_state(blocks=7)

    def several(count: int) -> Course[int]:
        for _ in range(count):
            yield from planning(Slinvit(parts, depth=1), state, budget=Budget(), rng=generator(0))
        return count

    finished: Iterator[tuple[int, int]] = drive_together([several(3), several(1), several(1)])
    assert [next(finished), next(finished)] == [(1, 1), (2, 1)]
    assert prior.sizes == [3]
    assert list(finished) == [(0, 3)]
    assert prior.sizes == [3, 1, 1]


def test_a_planner_that_asks_nobody_is_just_called(blocks_state: Callable[..., State]) -> None:
    class Fixed:
        def plan(self, state: State, *, budget: Budget, rng: np.random.Generator) -> Plan:
            return NO_PLAN

    assert isinstance(Fixed(), Planner)
    assert not isinstance(Fixed(), SearchPlanner)
    assert drive(planning(Fixed(), blocks_state(), budget=Budget(), rng=generator(0))) is NO_PLAN


def test_seconds_are_shared_like_the_batch_they_were_spent_on(
    blocks_parts: Callable[..., Parts], blocks_state: Callable[..., State]
) -> None:
    class Slow(Uniform):
        def propose(
            self, states: Sequence[State], *, k: int | None = None, budget: Budget, rng: np.random.Generator
        ) -> list[ActionDistribution]:
            time.sleep(0.1)
            return super().propose(states, k=k, budget=budget, rng=rng)

    clocks = [Stopwatch() for _ in range(4)]
    budgets = [Budget(clock=clock) for clock in clocks]
    planner = Slinvit(blocks_parts(Slow()), depth=1)
    state = blocks_state(blocks=7)
    begin = time.monotonic()
    list(drive_together([planning(planner, state, budget=each, rng=generator(0)) for each in budgets], clocks))
    passed = time.monotonic() - begin
    seconds = [budget.ledger().seconds for budget in budgets]
    assert sum(seconds) <= passed
    assert all(0.1 / 4 <= each < passed / 2 for each in seconds)


def test_a_limit_on_seconds_counts_what_a_course_itself_took(
    blocks_parts: Callable[..., Parts], blocks_state: Callable[..., State]
) -> None:
    def waits(seconds: float, clock: Stopwatch) -> Course[float]:
        budget = Budget({"seconds": 0.2}, clock=clock)
        yield from planning(Slinvit(blocks_parts(), depth=1), blocks_state(blocks=7), budget=budget, rng=generator(0))
        time.sleep(seconds)
        return budget.remaining("seconds")

    clocks = [Stopwatch(), Stopwatch()]
    left = dict(drive_together([waits(0.3, clocks[0]), waits(0.0, clocks[1])], clocks))
    assert left[0] < 0 < left[1]


def test_a_budget_says_beforehand_what_it_would_book() -> None:
    parent = Budget({"llm_calls": 3})
    child = parent.child({"sim_steps": 1})
    assert child.root is parent is parent.root
    assert child.allows(llm_calls=3, sim_steps=1)
    assert not child.allows(llm_calls=4)
    assert not child.allows(sim_steps=2)
    child.charge(llm_calls=4)
    assert not child.allows(sim_steps=1)
    assert Budget().allows(llm_calls=10**9)


def test_a_search_can_be_driven_by_hand(blocks_parts: Callable[..., Parts], blocks_state: Callable[..., State]) -> None:
    parts, budget, rng = blocks_parts(), Budget(), generator(0)
    search = Slinvit(parts, depth=1).search(blocks_state(blocks=7), budget=budget, rng=rng)
    question = next(search)
    assert isinstance(question, Propose)
    question = search.send(parts.prior.propose(question.states, k=question.k, budget=budget, rng=rng))
    assert isinstance(question, Simulate)
    question = search.send(parts.simulator.step(question.states, question.actions, budget=budget))
    assert isinstance(question, Estimate)
    with pytest.raises(StopIteration) as end:
        search.send(parts.value.estimate(question.states, budget=budget, rng=rng))
    assert isinstance(end.value.value, Plan)
