"""SLINVIT against brute force, and the rules of its levels."""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.blocksworld.world import BlocksWorldSimulator
from envs.toy import GraphSimulator, GraphWorld
from planners import Parts, Slinvit
from priors.simple import Scripted, Uniform
from slinvit.budget import Budget
from slinvit.errors import SlinvitError
from slinvit.kl import soft_value
from slinvit.protocols import Prior, ValueEstimator
from slinvit.tree import Plan
from slinvit.types import State

Edges = Mapping[str, Mapping[str, tuple[str, float]]]
Path = tuple[str, ...]

UNPRUNED: dict[str, Any] = {"breadth": 9, "mask": False, "merge": False, "execute": "path"}


def plan_of(planner: Slinvit, state: State, seed: int = 0) -> Plan:
    return planner.plan(state, budget=Budget(), rng=np.random.default_rng(seed))


def paths(edges: Edges, node: str, depth: int) -> list[tuple[Path, Path, float]]:
    """Return (actions, nodes, rewards) of every walk of ``depth`` steps, shorter where it ends early."""
    if depth == 0 or not edges.get(node):
        return [((), (), 0.0)]
    return [
        ((action, *actions), (target, *nodes), reward + rewards)
        for action, (target, reward) in edges[node].items()
        for actions, nodes, rewards in paths(edges, target, depth - 1)
    ]


def log_prior(prior: Prior, edges: Edges, start: str, actions: Path) -> float:
    state, total = GraphWorld(edges, start, frozenset(), 99).reset(), 0.0
    for action in actions:
        total += prior.propose([state], budget=Budget(), rng=np.random.default_rng(0))[0].log_prob(action)
        state = GraphSimulator().step([state], [action], budget=Budget())[0].state
    return total


graphs = st.integers(2, 5).flatmap(
    lambda count: st.fixed_dictionaries(
        {
            str(node): st.dictionaries(
                st.sampled_from("abc"),
                st.tuples(st.integers(0, count - 1).map(str), st.integers(-4, 4).map(float)),
                min_size=1,
                max_size=3,
            )
            for node in range(count)
        }
    )
)


def height(state: State) -> float:
    return float(state.observation) / 3


@pytest.fixture(scope="module")
def opinion() -> Prior:
    weights = {"a": 0.6, "b": 0.3, "c": 0.1}
    return Scripted(lambda state: {a: weights[a] * (1 + len(state.observation)) for a in state.actions or ()})


@pytest.fixture(scope="module")
def heights() -> ValueEstimator:
    class Heights:
        def estimate(self, states: Any, *, budget: Budget, rng: np.random.Generator) -> Any:
            return np.array([height(state) for state in states])

    return Heights()


@settings(max_examples=60, deadline=None)
@given(edges=graphs, depth=st.integers(1, 4), lam=st.sampled_from([0.0, 0.3, 2.0, math.inf]))
def test_full_breadth_finds_the_path_of_largest_score(
    edges: Edges, depth: int, lam: float, opinion: Prior, heights: ValueEstimator
) -> None:
    def score(actions: Path, nodes: Path, rewards: float) -> float:
        nats = log_prior(opinion, edges, "0", actions)
        return nats if math.isinf(lam) else rewards + float(nodes[-1]) / 3 + lam * nats

    planner = Slinvit(Parts(opinion, GraphSimulator(), heights), lam=lam, depth=depth, **UNPRUNED)
    plan = plan_of(planner, GraphWorld(edges, "0", frozenset(), 99).reset())
    scores = {actions: score(actions, nodes, rewards) for actions, nodes, rewards in paths(edges, "0", depth)}
    assert plan.score == pytest.approx(max(scores.values()))
    assert scores[plan.path] == pytest.approx(plan.score)
    expand_all = plan_of(replace(planner, expand="all"), GraphWorld(edges, "0", frozenset(), 99).reset())
    assert expand_all.score == pytest.approx(plan.score)


@settings(max_examples=60, deadline=None)
@given(edges=graphs, horizon=st.integers(1, 4))
def test_look_ahead_to_the_horizon_collects_the_largest_return(
    edges: Edges, horizon: int, opinion: Prior, heights: ValueEstimator
) -> None:
    planner = Slinvit(Parts(opinion, GraphSimulator(), heights), lam=0.0, depth=9, **UNPRUNED)
    plan = plan_of(planner, GraphWorld(edges, "0", frozenset(), horizon).reset())
    assert plan.score == pytest.approx(max(rewards for _, _, rewards in paths(edges, "0", horizon)))


@settings(max_examples=60, deadline=None)
@given(edges=graphs, lam=st.sampled_from([0.0, 0.3, 2.0, math.inf]), depth=st.integers(1, 4))
def test_the_soft_backup_is_the_soft_value_of_the_whole_tree(
    edges: Edges, lam: float, depth: int, opinion: Prior, heights: ValueEstimator
) -> None:
    def q_and_prior(node: str, left: int) -> tuple[list[str], list[float], list[float]]:
        actions = list(edges[node])
        nats = [log_prior(opinion, edges, node, (action,)) for action in actions]
        return actions, [reward + soft(target, left - 1) for target, reward in edges[node].values()], nats

    def soft(node: str, left: int) -> float:
        if left == 0:
            return float(node) / 3
        _, q, nats = q_and_prior(node, left)
        return float(soft_value(q, nats, lam))

    planner = Slinvit(Parts(opinion, GraphSimulator(), heights), lam=lam, depth=depth, backup="soft", **UNPRUNED)
    plan = plan_of(planner, GraphWorld(edges, "0", frozenset(), 99).reset())
    actions, q, nats = q_and_prior("0", depth)
    ranked = [n if math.isinf(lam) else value + lam * n for value, n in zip(q, nats, strict=True)]
    assert plan.tree.nodes[0].value == pytest.approx(soft("0", depth))
    assert ranked[actions.index(plan.path[0])] == pytest.approx(max(ranked))


@pytest.mark.parametrize("seed", range(5))
def test_exact_search_of_blocksworld_is_optimal(
    seed: int, blocks_parts: Callable[..., Parts], blocks_state: Callable[..., State]
) -> None:
    state = blocks_state(seed, blocks=4)
    level, seen, distance = [state], {state.key}, 0
    while not any(s.solved for s in level):
        reached = [
            BlocksWorldSimulator().step([s], [action], budget=Budget())[0].state
            for s in level
            for action in s.actions or ()
        ]
        level = list({s.key: s for s in reached if s.key not in seen}.values())
        seen |= {s.key for s in level}
        distance += 1
    plan = plan_of(Slinvit(blocks_parts(), breadth=99, depth=20, lam=0.0), state)
    assert (len(plan.actions), plan.stopped_by) == (distance, "goal")


@pytest.mark.parametrize("mask", [True, False])
def test_breadth_one_is_the_greedy_rollout_of_the_prior(
    mask: bool, opinionated: Prior, blocks_parts: Callable[..., Parts], blocks_state: Callable[..., State]
) -> None:
    state = blocks_state(3, blocks=5)
    planner = Slinvit(blocks_parts(opinionated), breadth=1, depth=6, mask=mask, merge=False, execute="path")
    expected: list[str] = []
    here, seen = state, {state.key}
    while len(expected) < 6 and not here.solved:
        answer = opinionated.propose([here], budget=Budget(), rng=np.random.default_rng(0))[0]
        after = BlocksWorldSimulator().step([here], [answer.ranked()[0][0]], budget=Budget())[0].state
        if mask and after.key in seen:
            break
        here = after
        seen.add(here.key)
        expected.append(answer.ranked()[0][0])
    assert expected
    assert plan_of(planner, state).path == tuple(expected)


@pytest.mark.parametrize(
    ("expand", "values"), [("prior", 1), ("all", 4)], ids=["values at leaves only", "values at every level"]
)
def test_each_level_costs_one_call_of_each_part(
    expand: Any,
    values: int,
    blocks_parts: Callable[..., Parts],
    blocks_state: Callable[..., State],
    counted: Callable[[Parts], tuple[Parts, Mapping[str, int]]],
) -> None:
    parts, calls = counted(blocks_parts())
    plan = plan_of(Slinvit(parts, breadth=3, depth=4, expand=expand), blocks_state(2, blocks=7))
    assert plan.stopped_by == "done"
    assert calls == {"prior": 4, "simulator": 4, "value": values}


def test_no_node_has_more_children_than_the_breadth(
    blocks_parts: Callable[..., Parts], blocks_state: Callable[..., State]
) -> None:
    for planner in (Slinvit(blocks_parts(), breadth=2), Slinvit(blocks_parts(), breadth=2, expand="all")):
        tree = plan_of(planner, blocks_state(2, blocks=7)).tree
        assert max(len(tree.children(i)) for i in range(len(tree.nodes))) == 2


def test_a_uniform_prior_proposes_actions_at_random(
    blocks_parts: Callable[..., Parts], blocks_state: Callable[..., State]
) -> None:
    planner = Slinvit(blocks_parts(), breadth=1, depth=1)
    first = {plan_of(planner, blocks_state(2, blocks=7), seed).actions for seed in range(60)}
    assert first == {(action,) for action in blocks_state(2, blocks=7).actions or ()}


DIAMOND: Edges = {
    "start": {"left": ("middle", 0.0), "right": ("side", 0.0)},
    "middle": {"on": ("end", 0.0), "back": ("start", 0.0)},
    "side": {"on": ("end", 0.25), "back": ("start", 0.0)},
    "end": {"over": ("last", 0.0)},
}


def diamond(value_of: Callable[..., ValueEstimator], prior: Prior | None = None, **options: Any) -> Plan:
    parts = Parts(prior or Uniform(), GraphSimulator(), value_of(lambda _: 0.0))
    return plan_of(Slinvit(parts, **options), GraphWorld(DIAMOND, "start", frozenset(), 9).reset())


def test_equal_states_of_one_level_keep_the_better_path(value_of: Callable[..., ValueEstimator]) -> None:
    merged = diamond(value_of, depth=2, execute="path")
    assert [node.observation for node in merged.tree.nodes].count("end") == 1
    assert merged.path == ("right", "on")
    assert [node.observation for node in diamond(value_of, depth=2, merge=False).tree.nodes].count("end") == 2


def test_the_mask_drops_states_on_the_path_and_of_the_episode(value_of: Callable[..., ValueEstimator]) -> None:
    variants: list[dict[str, Any]] = [{"mask": True, "merge": False}, {"mask": False, "merge": True}]
    for options in variants:
        assert [n.observation for n in diamond(value_of, depth=2, **options).tree.nodes].count("start") == 1
    free = diamond(value_of, depth=2, mask=False, merge=False)
    assert [node.observation for node in free.tree.nodes].count("start") == 3


def test_the_root_tries_less_probable_actions_when_all_proposals_were_visited(
    value_of: Callable[..., ValueEstimator],
) -> None:
    prior = Scripted({"middle": {"back": 0.9, "on": 0.1}})
    world = GraphWorld(DIAMOND, "start", frozenset(), 9)
    world.reset()
    state = world.step("left").state
    parts = Parts(prior, GraphSimulator(), value_of(lambda _: 0.0))
    plan = plan_of(Slinvit(parts, breadth=1, depth=1, backtrack=False), state)
    assert plan.actions == ("on",)
    assert plan.tree.nodes[1].log_prob == pytest.approx(math.log(0.1))


def test_a_wrong_step_is_undone_once_and_never_repeated(value_of: Callable[..., ValueEstimator]) -> None:
    edges: Edges = {
        "start": {"wrong": ("blind", 0.0), "right": ("goal", 0.0)},
        "blind": {"back": ("start", 0.0)},
        "goal": {},
    }
    prior = Scripted({"start": {"wrong": 0.9, "right": 0.1}, "blind": {"back": 1}})
    parts = Parts(prior, GraphSimulator(), value_of(lambda _: 0.0))
    world = GraphWorld(edges, "start", frozenset({"goal"}), 9)
    planner = Slinvit(parts, breadth=1, depth=1)
    state, taken = world.reset(), []
    while not state.over:
        taken.append(plan_of(planner, state).actions[0])
        state = world.step(taken[-1]).state
    assert taken == ["wrong", "back", "right"]
    strict = plan_of(
        replace(planner, backtrack=False), GraphSimulator().step([world.reset()], ["wrong"], budget=Budget())[0].state
    )
    assert strict.stopped_by == "dead-end"


def test_the_goal_ends_the_search_and_its_path_is_executed_whole(
    blocks_parts: Callable[..., Parts], blocks_state: Callable[..., State]
) -> None:
    plan = plan_of(Slinvit(blocks_parts(), breadth=9, depth=20), blocks_state(0))
    assert plan.stopped_by == "goal"
    assert plan.actions == plan.path
    assert max(node.depth for node in plan.tree.nodes) == len(plan.path)


def test_paper_code_scores_with_probabilities(value_of: Callable[..., ValueEstimator]) -> None:
    prior = Scripted({"start": {"left": 0.75, "right": 0.25}, "middle": {"on": 1, "back": 0}, "side": {"on": 1}})
    plan = diamond(value_of, prior, depth=2, scoring="paper-code", lam=2.0, merge=False)
    assert plan.score == pytest.approx(max(2.0 * (0.75 + 1.0), 0.25 + 2.0 * (0.25 + 1.0)))
    logs = diamond(value_of, prior, depth=2, lam=2.0, merge=False)
    assert logs.score == pytest.approx(max(2.0 * math.log(0.75), 0.25 + 2.0 * math.log(0.25)))


def test_values_that_cannot_be_paid_leave_an_empty_plan(
    blocks_state: Callable[..., State], opinionated: Prior, value_of: Callable[..., ValueEstimator]
) -> None:
    class Dear:
        def estimate(self, states: Any, *, budget: Budget, rng: np.random.Generator) -> Any:
            budget.spend(llm_calls=len(states))
            raise AssertionError("was paid")

    planner = Slinvit(Parts(opinionated, BlocksWorldSimulator(), Dear()), depth=1)
    plan = planner.plan(blocks_state(), budget=Budget({"llm_calls": 1}), rng=np.random.default_rng(0))
    assert (plan.actions, plan.stopped_by, len(plan.tree.nodes)) == ((), "budget", 3)


@pytest.mark.parametrize("answer", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_not_a_number_is_an_error(
    answer: float,
    blocks_parts: Callable[..., Parts],
    blocks_state: Callable[..., State],
    value_of: Callable[..., ValueEstimator],
) -> None:
    parts = replace(blocks_parts(), value=value_of(lambda _: answer))
    with pytest.raises(SlinvitError, match="not a number"):
        plan_of(Slinvit(parts, depth=1), blocks_state())


def test_the_last_plan_of_a_budget_is_whole_but_a_limit_of_its_own_is_not_the_last(
    blocks_parts: Callable[..., Parts], blocks_state: Callable[..., State]
) -> None:
    state, rng = blocks_state(), np.random.default_rng(0)
    last = Slinvit(blocks_parts(), depth=9).plan(state, budget=Budget({"sim_steps": 12}), rng=rng)
    assert last.stopped_by == "budget"
    assert last.actions == last.path
    assert len(last.path) > 1
    own = Slinvit(blocks_parts(), depth=9, max_nodes=12).plan(state, budget=Budget(), rng=rng)
    assert own.stopped_by == "budget"
    assert own.actions == own.path[:1] != own.path
