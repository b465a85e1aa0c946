"""Searches driven from outside: together as alone."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import pytest

from planners import PLANNERS, Estimate, Job, Parts, Propose, Simulate, Slinvit, build, plan_together
from priors.simple import Uniform
from slinvit.budget import Budget, Ledger
from slinvit.protocols import Prior
from slinvit.rng import generator
from slinvit.tree import Plan
from slinvit.types import State


def spent(budget: Budget) -> Ledger:
    return replace(budget.ledger(), seconds=0.0)


def both(parts: Parts, states: list[State], specs: list[str], limits: Mapping[str, float]) -> None:
    """Compare plans and ledgers of one run in lockstep with those of separate runs."""
    planners = [build(spec, {}, parts) for spec in specs]
    alone, together = [Budget(limits) for _ in states], [Budget(limits) for _ in states]
    plans = [
        planner.plan(state, budget=budget, rng=generator(i))
        for i, (planner, state, budget) in enumerate(zip(planners, states, alone, strict=True))
    ]
    jobs = []
    for i, (planner, state, budget) in enumerate(zip(planners, states, together, strict=True)):
        rng = generator(i)
        jobs.append(Job(planner.search(state, budget=budget, rng=rng), parts, budget, rng))  # type: ignore[attr-defined]
    without_prior: Callable[[Plan], Plan] = lambda plan: replace(plan, prior=None)  # noqa: E731
    assert [*map(without_prior, plan_together(jobs))] == [*map(without_prior, plans)]
    assert [*map(spent, together)] == [*map(spent, alone)]


@pytest.mark.parametrize("spec", sorted(PLANNERS))
@pytest.mark.parametrize("limits", [{}, {"llm_calls": 9}, {"sim_steps": 30}, {"nodes": 5}, {"prompt_tokens": 20}])
@pytest.mark.parametrize("model", [True, False])
def test_plans_and_ledgers_do_not_depend_on_company(
    spec: str,
    limits: Mapping[str, float],
    model: bool,
    opinionated: Prior,
    blocks_parts: Callable[..., Parts],
    blocks_state: Callable[..., State],
) -> None:
    states = [blocks_state(seed, blocks=4 + seed % 3) for seed in range(5)]
    both(blocks_parts(opinionated if model else Uniform()), states, [spec] * 5, limits)


def test_different_planners_may_share_a_batch(
    opinionated: Prior, blocks_parts: Callable[..., Parts], blocks_state: Callable[..., State]
) -> None:
    specs = sorted(PLANNERS)
    both(blocks_parts(opinionated), [blocks_state(seed, blocks=5) for seed in range(len(specs))], specs, {})


def test_a_prior_without_an_allowance_is_never_asked_when_it_costs_something(
    opinionated: Prior, blocks_parts: Callable[..., Parts], blocks_state: Callable[..., State]
) -> None:
    both(blocks_parts(opinionated), [blocks_state(seed) for seed in range(3)], ["slinvit"] * 3, {"llm_calls": 0})
    both(blocks_parts(Uniform()), [blocks_state(seed) for seed in range(3)], ["slinvit"] * 3, {"llm_calls": 0})


def jobs_of(parts: Parts, states: list[State], budget: Budget) -> list[Job]:
    planner, jobs = Slinvit(parts, depth=3), []
    for i, state in enumerate(states):
        child, rng = budget.child(), generator(i)
        jobs.append(Job(planner.search(state, budget=child, rng=rng), parts, child, rng))
    return jobs


def test_lockstep_asks_the_prior_once_per_level(
    blocks_parts: Callable[..., Parts],
    blocks_state: Callable[..., State],
    counted: Callable[[Parts], tuple[Parts, Mapping[str, int]]],
) -> None:
    parts, calls = counted(blocks_parts())
    plan_together(jobs_of(parts, [blocks_state(seed, blocks=7) for seed in range(6)], Budget()))
    assert (calls["prior"], calls["simulator"]) == (3, 3)


def test_a_prior_that_does_not_say_it_is_deterministic_is_asked_search_by_search(
    opinionated: Prior, blocks_parts: Callable[..., Parts], blocks_state: Callable[..., State]
) -> None:
    sizes: list[int] = []

    @dataclass(frozen=True)
    class Silent(Uniform):
        deterministic = False

        def propose(self, states, *, k=None, budget, rng):  # type: ignore[no-untyped-def]
            sizes.append(len(states))
            return super().propose(states, k=k, budget=budget, rng=rng)

    plan_together(jobs_of(blocks_parts(Silent()), [blocks_state(seed, blocks=7) for seed in range(4)], Budget()))
    assert sizes[:4] == [1, 1, 1, 1]


def test_a_shared_allowance_is_not_passed_in_lockstep(
    opinionated: Prior, blocks_parts: Callable[..., Parts], blocks_state: Callable[..., State]
) -> None:
    budget = Budget({"llm_calls": 10, "sim_steps": 20})
    plans = plan_together(jobs_of(blocks_parts(opinionated), [blocks_state(s, blocks=7) for s in range(6)], budget))
    assert budget.ledger().llm_calls <= 10
    assert budget.ledger().sim_steps <= 20
    assert "budget" in {plan.stopped_by for plan in plans}


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
