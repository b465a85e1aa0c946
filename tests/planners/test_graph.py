"""Breadth-first, best-first and Levin search."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as runs
from hypothesis import strategies as st

from envs.toy import GraphSimulator, GraphWorld
from planners import Parts, Slinvit, expansions, levin_bound
from planners.graph import BestFirst, BreadthFirst, GraphSearch, Levin
from planners.growth import Draft
from priors.simple import Scripted, Uniform
from slinvit.budget import Budget
from slinvit.protocols import Prior, ValueEstimator
from slinvit.tree import Plan
from slinvit.types import State


def plan_of(planner: GraphSearch | Slinvit, state: State) -> Plan:
    return planner.plan(state, budget=Budget(), rng=np.random.default_rng(0))


weighted = st.dictionaries(
    st.sampled_from("abcd"), st.tuples(st.integers(0, 9), st.integers(1, 20)), min_size=1, max_size=4
)


@runs(max_examples=150, deadline=None)
@given(edges=st.fixed_dictionaries(dict.fromkeys(range(9), weighted)), horizon=st.integers(2, 12))
def test_levin_search_keeps_its_bound(edges: dict[int, dict[str, tuple[int, int]]], horizon: int) -> None:
    rules = {str(n): {a: (str(target), 0.0) for a, (target, _) in out.items()} for n, out in edges.items()} | {"9": {}}
    prior = Scripted({str(n): {a: float(weight) for a, (_, weight) in out.items()} for n, out in edges.items()})
    state = GraphWorld(rules, "0", frozenset({"9"}), horizon).reset()

    class Nothing:
        def estimate(self, states, *, budget, rng):  # type: ignore[no-untyped-def]
            return np.zeros(len(states))

    plan = plan_of(Levin(Parts(prior, GraphSimulator(), Nothing())), state)
    shortest = plan_of(BreadthFirst(Parts(Uniform(), GraphSimulator(), Nothing())), state)
    assert shortest.stopped_by == "goal" or plan.stopped_by != "goal"
    if plan.stopped_by == "goal":
        assert expansions(plan.tree) <= levin_bound(plan.tree, plan.target) * (1 + 1e-9)
        assert len(plan.path) >= len(shortest.path)
        assert levin_bound(plan.tree, plan.target) == pytest.approx(math.exp(-plan.score))


@pytest.mark.parametrize("seed", range(4))
def test_the_levin_bound_holds_in_blocksworld(
    seed: int, opinionated: Prior, blocks_parts: Callable[..., Parts], blocks_state: Callable[..., State]
) -> None:
    plan = plan_of(Levin(blocks_parts(opinionated)), blocks_state(seed))
    assert plan.stopped_by == "goal"
    assert expansions(plan.tree) <= levin_bound(plan.tree, plan.target)


@pytest.mark.parametrize("seed", range(4))
def test_breadth_first_is_optimal(
    seed: int, blocks_parts: Callable[..., Parts], blocks_state: Callable[..., State]
) -> None:
    plan = plan_of(BreadthFirst(blocks_parts()), blocks_state(seed))
    levels = plan_of(Slinvit(blocks_parts(), breadth=99, depth=20), blocks_state(seed))
    assert (len(plan.path), plan.stopped_by) == (len(levels.path), "goal")
    assert plan.prior is None


def test_states_are_nodes_once(blocks_parts: Callable[..., Parts], blocks_state: Callable[..., State]) -> None:
    state = blocks_state(0, horizon=99)
    for planner in (BreadthFirst(blocks_parts()), BestFirst(blocks_parts())):
        observations = [node.observation for node in plan_of(planner, state).tree.nodes]
        assert len(set(observations)) == len(observations) <= 125


def test_levin_search_keeps_the_cheaper_path_to_a_state(value_of: Callable[..., ValueEstimator]) -> None:
    rules = {
        "s": {"rare": ("x", 0.0), "usual": ("y", 0.0)},
        "y": {"usual": ("x", 0.0)},
        "x": {"on": ("z", 0.0)},
        "z": {"on": ("g", 0.0)},
    }
    prior = Scripted({"s": {"rare": 0.01, "usual": 0.99}, "y": {"usual": 1}, "x": {"on": 1}, "z": {"on": 1}})
    parts = Parts(prior, GraphSimulator(), value_of(lambda _: 0.0))
    plan = plan_of(Levin(parts), GraphWorld(rules, "s", frozenset({"g"}), 9).reset())
    assert plan.path == ("usual", "usual", "on", "on")
    assert expansions(plan.tree) == 4


@pytest.mark.parametrize("lam", [0.0, 0.3, math.inf])
def test_best_first_scores_value_plus_the_last_edge(
    lam: float, opinionated: Prior, blocks_parts: Callable[..., Parts], blocks_state: Callable[..., State]
) -> None:
    planner = BestFirst(blocks_parts(opinionated), lam=lam)
    for node in plan_of(planner, blocks_state(1)).tree.nodes[1:]:
        nats = 0.0 if lam == 0 else node.log_prob if math.isinf(lam) else lam * node.log_prob
        returns = 0.0 if math.isinf(lam) else node.reward + (node.value or 0.0)
        assert node.score == pytest.approx(returns + nats)


def test_best_first_can_sum_the_prior_over_the_path(
    opinionated: Prior, blocks_parts: Callable[..., Parts], blocks_state: Callable[..., State]
) -> None:
    tree = plan_of(BestFirst(blocks_parts(opinionated), nats="path"), blocks_state(1)).tree
    for index, node in enumerate(tree.nodes[1:], 1):
        nats = sum(tree.nodes[step].log_prob for step in tree.path(index))
        assert node.score == pytest.approx(node.reward + (node.value or 0.0) + 0.3 * nats)


def test_a_prior_that_knows_saves_nodes(
    blocks_parts: Callable[..., Parts], blocks_state: Callable[..., State], value_of: Callable[..., ValueEstimator]
) -> None:
    state = blocks_state(0, blocks=5)
    solution = plan_of(BreadthFirst(blocks_parts()), state).path
    wise = Scripted(
        lambda s: {
            a: 0.99 if len(s.history) < len(solution) and a == solution[len(s.history)] else 0.01
            for a in s.actions or ()
        }
    )
    blind = replace(blocks_parts(), value=value_of(lambda _: 0.0))
    guided = plan_of(Levin(replace(blind, prior=wise)), state)
    assert len(guided.tree.nodes) < len(plan_of(Levin(blind), state).tree.nodes)
    assert expansions(guided.tree) == len(solution)


def test_a_draft_knows_its_path(blocks_state: Callable[..., State]) -> None:
    root = Draft(0, None, "", 0, blocks_state())
    assert root.path() == [root]
    assert root.on_path(blocks_state().key)
