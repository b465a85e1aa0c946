"""Worlds in which any text may be typed: proposals come from the prior alone, and rewards may be hidden."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from envs.toy import Edges, GraphSimulator, GraphWorld
from planners import PLANNERS, Parts, build
from planners.base import planning
from planners.driver import drive
from priors import MixedWithUniform, Remembering, Scripted, Uniform
from slinvit.budget import Budget
from slinvit.errors import InputError, PriorError
from slinvit.protocols import Simulator, ValueEstimator
from slinvit.tree import Plan
from slinvit.types import Action, ActionDistribution, State, Transition

SEARCHES = ("slinvit", "greedy", "best-of-n", "best-first", "levin", "beam", "mcts", "smc")
MAZE = {
    "hall": {"ask the cook": ("kitchen", 0.0), "look around": ("cellar", 0.0), "shout": ("attic", 0.0)},
    "kitchen": {"open the oven": ("treasure", 0.0), "leave": ("hall", 0.0)},
    "cellar": {"leave": ("hall", 0.0)},
    "attic": {"leave": ("hall", 0.0)},
}
SAID: Mapping[str, Mapping[Action, float]] = {
    "hall": {"ask the cook": 0.5, "look around": 0.2, "shout": 0.2, "dance": 0.1},
    "kitchen": {"open the oven": 0.6, "leave": 0.3, "sing": 0.1},
    "cellar": {"leave": 1.0},
    "attic": {"leave": 1.0},
}
RNG = np.random.default_rng(0)


@dataclass(frozen=True)
class Open:
    """A simulator whose states list no actions."""

    inner: Simulator = field(default_factory=GraphSimulator)

    def step(self, states: Sequence[State], actions: Sequence[Action], *, budget: Budget) -> list[Transition]:
        moved = self.inner.step(states, actions, budget=budget)
        return [replace(each, state=replace(each.state, actions=None)) for each in moved]


@dataclass
class Asked:
    """A scripted prior that notes for how many actions it was asked, and keeps that many."""

    said: Mapping[str, Mapping[Action, float]]
    numbers: list[int | None] = field(default_factory=list)
    deterministic: bool = True

    def propose(
        self, states: Sequence[State], *, k: int | None = None, budget: Budget, rng: np.random.Generator
    ) -> list[ActionDistribution]:
        self.numbers.append(k)
        budget.spend(llm_calls=len(states))
        kept = [sorted(self.said[state.observation].items(), key=lambda pair: -pair[1])[:k] for state in states]
        return [ActionDistribution.normalised([a for a, _ in each], np.log([p for _, p in each])) for each in kept]


def first_state(edges: Edges = MAZE, goals: Sequence[str] = ("treasure",)) -> State:
    return replace(GraphWorld(edges, next(iter(edges)), frozenset(goals), 6).reset(), actions=None)


def planned(spec: str, parts: Parts, state: State) -> Plan:
    return drive(planning(build(spec, {}, parts), state, budget=Budget(), rng=np.random.default_rng(0)))


@pytest.mark.parametrize("name", SEARCHES)
def test_every_search_that_asks_the_prior_finds_a_goal_among_its_proposals(
    name: str, value_of: Callable[..., ValueEstimator]
) -> None:
    value = value_of(lambda state: float(state.observation == "kitchen"))
    parts = Parts(Remembering(Scripted(SAID)), Open(), value)
    state, path = first_state(), list[Action]()
    while not state.over:
        plan = planned(name, parts, state)
        path += plan.actions
        for action in plan.actions:
            state = Open().step([state], [action], budget=Budget())[0].state
    assert path[-1] == "open the oven"
    assert state.solved


@pytest.mark.parametrize("name", sorted({*PLANNERS} - {*SEARCHES, "reactive"}))
def test_a_planner_that_asks_no_prior_refuses(name: str, value_of: Callable[..., ValueEstimator]) -> None:
    parts = Parts(Remembering(Scripted(SAID)), Open(), value_of(lambda _: 0.0))
    with pytest.raises(InputError, match="open-ended"):
        planned(name, parts, first_state())


def test_the_reactive_planner_follows_the_prior(value_of: Callable[..., ValueEstimator]) -> None:
    parts = Parts(Scripted(SAID), Open(), value_of(lambda _: 0.0))
    assert planned("reactive", parts, first_state()).actions == ("ask the cook",)


def test_slinvit_asks_for_as_many_proposals_as_it_keeps(value_of: Callable[..., ValueEstimator]) -> None:
    prior = Asked(SAID)
    planned("slinvit:breadth=3,depth=2", Parts(Remembering(prior), Open(), value_of(lambda _: 0.0)), first_state())
    assert set(prior.numbers) == {3}
    planned("slinvit:breadth=3,expand=all", Parts(Remembering(prior), Open(), value_of(lambda _: 0.0)), first_state())
    assert prior.numbers[-1] is None


def test_the_uniform_prior_refuses_and_its_mixture_is_uniform_over_what_was_proposed(
    value_of: Callable[..., ValueEstimator],
) -> None:
    with pytest.raises(PriorError, match="any text may be typed"):
        planned("greedy", Parts(Uniform(), Open(), value_of(lambda _: 0.0)), first_state())
    (mixed,) = MixedWithUniform(Scripted(SAID), 1.0).propose([first_state()], budget=Budget(), rng=RNG)
    assert mixed.actions == tuple(SAID["hall"])
    np.testing.assert_allclose(mixed.probs, 1 / len(SAID["hall"]))


def test_what_the_world_refuses_is_an_answer_that_can_be_built_upon(value_of: Callable[..., ValueEstimator]) -> None:
    parts = Parts(Scripted(SAID), Open(Refusing()), value_of(lambda state: float("refused" in str(state.key))))
    plan = planned("slinvit:breadth=4,depth=1,lam=0", parts, first_state())
    assert plan.actions == ("dance",)
    listed = replace(first_state(), actions=tuple(SAID["hall"]))
    plan = planned("slinvit:breadth=4,depth=1,lam=0", Parts(Scripted(SAID), Refusing(), parts.value), listed)
    assert "dance" not in plan.tree.actions(0)
    assert all(node.action != "dance" for node in plan.tree.nodes)


@dataclass(frozen=True)
class Refusing:
    """A world in which a refusal changes the situation: it is the last answer."""

    def step(self, states: Sequence[State], actions: Sequence[Action], *, budget: Budget) -> list[Transition]:
        moved = GraphSimulator().step(states, actions, budget=budget)
        return [each if each.valid else replace(each, state=_refused(each.state)) for each in moved]


def _refused(state: State) -> State:
    assert state.snapshot is not None
    return replace(state, snapshot=replace(state.snapshot, key=("refused", state.snapshot.key)))


ENDS = {
    "start": {"good query": ("good", 0.0), "bad query": ("bad", 0.0), "same query": ("good", 0.0)},
    "good": {"submit": ("handed in good", 0.0)},
    "bad": {"submit": ("handed in bad", 0.0)},
}
OPINION: Mapping[str, Mapping[Action, float]] = {
    "start": {"good query": 0.3, "bad query": 0.4, "same query": 0.3},
    "good": {"submit": 1.0},
    "bad": {"submit": 1.0},
}


def test_the_value_judges_an_end_whose_reward_only_the_grader_knows(value_of: Callable[..., ValueEstimator]) -> None:
    parts = Parts(Scripted(OPINION), Open(), value_of(lambda state: float("good" in state.observation)))
    state = first_state(ENDS, goals=())
    plan = planned("slinvit:breadth=3,depth=2,lam=0.1,execute=path", parts, state)
    assert plan.path in (("good query", "submit"), ("same query", "submit"))
    assert plan.score == pytest.approx(1 + 0.1 * np.log(0.3))
    listed = planned(
        "slinvit:breadth=3,depth=2,lam=0.1",
        Parts(Scripted(OPINION), GraphSimulator(), parts.value),
        replace(state, actions=("good query", "bad query", "same query")),
    )
    assert listed.score == pytest.approx(0.1 * np.log(0.4))


def test_commands_with_equal_answers_stay_apart_where_any_text_may_be_typed(
    value_of: Callable[..., ValueEstimator],
) -> None:
    parts = Parts(Scripted(OPINION), Open(), value_of(lambda _: 0.0))
    plan = planned("slinvit:breadth=3,depth=1", parts, first_state(ENDS, goals=()))
    assert {node.action for node in plan.tree.nodes[1:]} == set(OPINION["start"])


@pytest.mark.parametrize("deterministic", [True, False])
def test_a_memory_tells_what_was_said_last_after_a_history(deterministic: bool) -> None:
    prior = Asked(SAID, deterministic=deterministic)
    memory, state = Remembering(prior), first_state()
    assert memory.said(state.task, ()) is None
    memory.propose([state], k=2, budget=Budget(), rng=RNG)
    memory.propose([state], k=3, budget=Budget(), rng=RNG)
    said = memory.said(state.task, ())
    assert said is not None
    assert len(said.actions) == 3
    inside = Open().step([state], ["ask the cook"], budget=Budget())[0].state
    assert memory.said(state.task, inside.history) is None
