"""What every registered planner promises, on toy graphs and on BlocksWorld."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from envs.blocksworld.world import BlocksWorldSimulator
from envs.toy import GraphSimulator, GraphWorld
from planners import PLANNERS, Parts, Slinvit, build, options, settings
from priors.simple import Uniform
from slinvit.budget import Budget
from slinvit.errors import InputError, UnknownName
from slinvit.protocols import Planner, Prior, ValueEstimator
from slinvit.tree import Plan
from slinvit.types import State

NAMES = sorted(PLANNERS)
SEARCHES = sorted({*NAMES} - {"greedy", "random", "reactive"})
VARIANTS = [
    *NAMES,
    "greedy:mask=off",
    "slinvit:expand=all",
    "slinvit:backup=soft,execute=path",
    "slinvit:scoring=paper-code,merge=off",
    "slinvit:lam=inf,mask=off",
    "best-first:nats=path",
    "beam:lam=inf",
    "smc:lam=inf",
    "mcts:prior_at=root",
]
ROOM = {
    "start": {"east": ("hall", 0.0), "west": ("cellar", 0.0)},
    "cellar": {"up": ("start", 0.0)},
    "hall": {"back": ("start", 0.0), "stay": ("hall", 0.0), "north": ("goal", 1.0)},
}


def planned(planner: Planner, state: State, seed: int = 0, **limits: float) -> tuple[Plan, Budget]:
    budget = Budget(limits)
    return planner.plan(state, budget=budget, rng=np.random.default_rng(seed)), budget


def record(plan: Plan) -> Plan:
    return replace(plan, prior=None)


def replayed(state: State, plan: Plan) -> None:
    """Execute the path and compare every state with the tree."""
    simulator = BlocksWorldSimulator()
    indices = plan.tree.path(plan.target)
    assert plan.tree.actions(plan.target) == plan.path
    assert plan.actions == plan.path[: len(plan.actions)]
    for action, index in zip(plan.path, indices[1:], strict=True):
        transition = simulator.step([state], [action], budget=Budget())[0]
        assert transition.valid
        state = transition.state
        assert state.observation == plan.tree.nodes[index].observation
        assert (state.solved, state.over) == (plan.tree.nodes[index].solved, plan.tree.nodes[index].over)


@pytest.mark.parametrize("spec", VARIANTS)
@pytest.mark.parametrize("biased", [False, True])
def test_a_plan_says_what_execution_then_shows(
    spec: str,
    biased: bool,
    blocks_parts: Callable[..., Parts],
    blocks_state: Callable[..., State],
    opinionated: Prior,
) -> None:
    planner = build(spec, {}, blocks_parts(opinionated if biased else None))
    for seed in range(3):
        state = blocks_state(seed)
        before = repr(state)
        plan, budget = planned(planner, state, seed)
        assert repr(state) == before
        assert plan.actions
        assert math.isfinite(plan.score)
        assert budget.ledger().nodes == len(plan.tree.nodes) - 1
        assert (plan.stopped_by == "goal") == plan.tree.nodes[plan.target].solved
        if len(plan.tree.nodes) > 1:
            replayed(state, plan)
        if plan.stopped_by == "goal":
            assert plan.actions == plan.path
        assert record(planned(planner, state, seed)[0]) == record(plan)


@pytest.mark.parametrize("spec", VARIANTS)
@pytest.mark.parametrize("resource", ["nodes", "sim_steps", "llm_calls"])
@pytest.mark.parametrize("limit", [0, 1, 7, 50])
def test_a_budget_is_never_passed_and_ends_the_search_as_data(
    spec: str,
    resource: str,
    limit: int,
    blocks_parts: Callable[..., Parts],
    blocks_state: Callable[..., State],
    opinionated: Prior,
) -> None:
    planner = build(spec, {}, blocks_parts(opinionated))
    state = blocks_state(1, blocks=6, horizon=40)
    plan, budget = planned(planner, state, **{resource: limit})
    assert getattr(budget.ledger(), resource) <= limit
    free, unlimited = planned(planner, state)
    if getattr(unlimited.ledger(), resource) > limit:
        assert plan.stopped_by == "budget"
    else:
        assert record(plan) == record(free)
    assert limit == 0 or plan.stopped_by != "budget" or len(plan.path) == plan.tree.nodes[plan.target].depth


@pytest.mark.parametrize("name", sorted({*SEARCHES} - {"slinvit", "beam", "smc"}))
def test_a_search_cut_short_offers_the_best_path_it_has(
    name: str, blocks_parts: Callable[..., Parts], blocks_state: Callable[..., State]
) -> None:
    plan, _ = planned(build(name, {"max_nodes": 9}, blocks_parts()), blocks_state(1, blocks=6))
    assert plan.stopped_by == "budget"
    assert plan.actions
    assert len(plan.tree.nodes) <= 10


@pytest.mark.parametrize("spec", VARIANTS)
def test_a_goal_two_steps_away_is_reached(
    spec: str, opinionated: Prior, value_of: Callable[..., ValueEstimator]
) -> None:
    world = GraphWorld(ROOM, "start", frozenset({"goal"}), 6)
    value = value_of(lambda state: {"start": 0.0, "cellar": 0.0, "hall": 0.5}[state.observation])
    planner = build(spec, {"n": 64} if spec == "best-of-n" else {}, Parts(Uniform(), GraphSimulator(), value))
    state = world.reset()
    if spec in {*SEARCHES, "slinvit:expand=all", "mcts:prior_at=root", "best-first:nats=path"}:
        plan, _ = planned(planner, state)
        assert plan.path[-1] == "north"
        assert plan.stopped_by == "goal"
    for _ in range(6):
        plan, _ = planned(planner, state)
        for action in plan.actions:
            state = world.step(action).state
        if state.over:
            break
    assert state.solved or (spec not in SEARCHES)


@pytest.mark.parametrize("name", NAMES)
def test_truncated_states_are_not_expanded(
    name: str, opinionated: Prior, value_of: Callable[..., ValueEstimator]
) -> None:
    ring = {str(i): {"next": (str(i + 1), 0.0), "stay": (str(i), 0.0)} for i in range(20)}
    state = GraphWorld(ring, "0", frozenset({"20"}), 3).reset()
    plan, _ = planned(build(name, {}, Parts(opinionated, GraphSimulator(), value_of(lambda _: 0.5))), state)
    assert all(not (node.over and node.expanded) and node.depth <= 3 for node in plan.tree.nodes)
    assert plan.actions


@pytest.mark.parametrize("name", sorted({*NAMES} - {"random", "reactive"}))
def test_a_world_that_leads_nowhere_new_is_a_dead_end(name: str, value_of: Callable[..., ValueEstimator]) -> None:
    state = GraphWorld({"a": {"stay": ("a", 0.0)}, "b": {}}, "a", frozenset({"b"}), 5).reset()
    planner = build(name, {}, Parts(Uniform(), GraphSimulator(), value_of(lambda _: 0.0)))
    plan, _ = planned(planner, state)
    if name not in ("best-of-n", "smc"):
        assert (plan.actions, plan.stopped_by) == ((), "dead-end")


@pytest.mark.parametrize("name", NAMES)
def test_an_episode_that_is_over_is_refused(
    name: str, blocks_parts: Callable[..., Parts], blocks_state: Callable[..., State]
) -> None:
    with pytest.raises(InputError, match="the episode is over"):
        planned(build(name, {}, blocks_parts()), replace(blocks_state(), truncated=True))


@pytest.mark.parametrize("name", ["random", "breadth-first"])
def test_planners_without_a_prior_say_that_they_need_admissible_actions(
    name: str, blocks_parts: Callable[..., Parts], blocks_state: Callable[..., State]
) -> None:
    with pytest.raises(InputError, match="open-ended"):
        planned(build(name, {}, blocks_parts()), replace(blocks_state(), actions=None))


def test_options_come_from_the_spec_and_from_flags(blocks_parts: Callable[..., Parts]) -> None:
    planner = build("slinvit:breadth=3,mask=off", {"depth": "2", "lam": 1}, blocks_parts())
    assert isinstance(planner, Slinvit)
    assert (planner.breadth, planner.depth, planner.lam, planner.mask) == (3, 2, 1, False)
    assert settings(planner) == {**options("slinvit"), "breadth": 3, "depth": 2, "lam": 1, "mask": False}


def test_an_option_given_twice_is_refused(blocks_parts: Callable[..., Parts]) -> None:
    with pytest.raises(InputError, match="breadth is given in"):
        build("slinvit:breadth=3", {"breadth": 5}, blocks_parts())


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("slinvit:breadth=0", "breadth must be a whole number, 1 or more"),
        ("slinvit:depth=0", "depth must be a whole number, 1 or more"),
        ("slinvit:depth=2.5", "depth must be a whole number"),
        ("slinvit:lam=-1", "lam must be a number, 0 or more, not -1.0"),
        ("slinvit:lam=nan", "lam must be a number, 0 or more"),
        ("slinvit:lam=much", "lam must be a number"),
        ("slinvit:mask=perhaps", "mask must be true or false"),
        ("slinvit:expand=al", r"one of prior, all, not 'al'; did you mean 'all'\?"),
        ("slinvit:scoring=paper-code,backup=soft", "no soft backup"),
        ("slinvit:bredth=2", r"no option 'bredth'; did you mean 'breadth'\?; its options: max_nodes, breadth"),
        ("slinvit:5", "options are key=value pairs"),
        ("best-of-n:n=0", "n must be a whole number, 1 or more, not 0"),
        ("smc:lam=0", "lam must be above 0"),
    ],
)
def test_bad_options_are_refused_with_what_is_allowed(
    spec: str, message: str, blocks_parts: Callable[..., Parts]
) -> None:
    with pytest.raises(InputError, match=message):
        build(spec, {}, blocks_parts())


def test_flags_of_the_wrong_type_are_refused(blocks_parts: Callable[..., Parts]) -> None:
    with pytest.raises(InputError, match="depth must be a whole number"):
        build("slinvit", {"depth": True}, blocks_parts())
    with pytest.raises(InputError, match="mask must be true or false"):
        build("slinvit", {"mask": 1}, blocks_parts())


def test_a_misspelt_planner_gets_a_suggestion(blocks_parts: Callable[..., Parts]) -> None:
    with pytest.raises(UnknownName, match="did you mean 'slinvit'"):
        build("slinvt", {}, blocks_parts())


def test_a_plug_in_that_is_no_dataclass_is_refused(blocks_parts: Callable[..., Parts]) -> None:
    with pytest.raises(InputError, match="is not a dataclass"):
        build("math:sqrt", {}, blocks_parts())
