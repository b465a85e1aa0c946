"""Best-of-n, sequential Monte Carlo, MCTS and the beam: their own rules."""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs.toy import GraphSimulator, GraphWorld
from planners import Parts
from planners.base import TreePlanner
from planners.beam import Beam
from planners.mcts import Mcts
from planners.sampling import BestOfN, SequentialMonteCarlo, effective_size, systematic
from priors.simple import Scripted, Uniform
from slinvit.budget import Budget
from slinvit.protocols import Prior, ValueEstimator
from slinvit.tree import Plan
from slinvit.types import State

FORK = {
    "start": {"good": ("good0", 0.0), "bad": ("bad0", 0.0)},
    **{f"good{i}": {"on": (f"good{i + 1}", 1.0)} for i in range(3)},
    **{f"bad{i}": {"on": (f"bad{i + 1}", 0.0)} for i in range(3)},
}
"""Two roads of equal length; only one of them pays."""

log_weights = st.lists(st.floats(-50, 50), min_size=1, max_size=12).map(np.array)


def plan_of(planner: TreePlanner, state: State, seed: int = 0) -> Plan:
    return planner.plan(state, budget=Budget(), rng=np.random.default_rng(seed))


def fork(value_of: Callable[..., ValueEstimator], good: float = 0.5) -> tuple[Parts, State]:
    prior = Scripted(lambda s: {"good": good, "bad": 1 - good} if s.observation == "start" else {"on": 1.0})
    value = value_of(lambda s: float("good" in s.observation))
    return Parts(prior, GraphSimulator(), value), GraphWorld(FORK, "start", frozenset(), 4).reset()


@given(log_weights)
def test_the_effective_size_lies_between_one_and_n(weights: np.ndarray) -> None:
    assert 1 - 1e-9 <= effective_size(weights) <= len(weights) + 1e-9
    assert effective_size(np.zeros(len(weights))) == pytest.approx(len(weights))
    assert effective_size(weights + 3.0) == pytest.approx(effective_size(weights))


@given(log_weights, st.integers(0, 99))
def test_systematic_resampling_draws_each_index_its_share(weights: np.ndarray, seed: int) -> None:
    n = len(weights)
    expected = n * np.exp(weights - np.logaddexp.reduce(weights))
    drawn = np.bincount(systematic(weights, np.random.default_rng(seed)), minlength=n)
    assert drawn.sum() == n
    assert (np.abs(drawn - expected) < 1 + 1e-6).all()


def test_best_of_n_keeps_the_largest_return(value_of: Callable[..., ValueEstimator]) -> None:
    parts, state = fork(value_of, good=0.2)
    plan = plan_of(BestOfN(parts, n=40), state)
    assert plan.path == ("good", "on", "on", "on")
    assert plan.score == 3.0


def test_best_of_n_breaks_ties_by_value(value_of: Callable[..., ValueEstimator]) -> None:
    parts, state = fork(value_of, good=0.2)
    short = replace(state, task=replace(state.task, horizon=4))
    budget = Budget({"sim_steps": 2})
    plan = BestOfN(parts, n=40).plan(short, budget=budget, rng=np.random.default_rng(0))
    assert (plan.path, plan.stopped_by) == (("good",), "budget")


def test_particles_that_draw_the_same_share_its_cost(value_of: Callable[..., ValueEstimator]) -> None:
    parts, state = fork(value_of)
    budget = Budget()
    plan = BestOfN(parts, n=50).plan(state, budget=budget, rng=np.random.default_rng(0))
    assert budget.ledger().sim_steps == len(plan.tree.nodes) - 1 == 8
    assert sum(plan.tree.nodes[i].visits for i in plan.tree.children(0)) == 50


def test_trajectories_follow_the_prior(value_of: Callable[..., ValueEstimator]) -> None:
    parts, state = fork(value_of, good=0.2)
    tree = plan_of(BestOfN(parts, n=2000), state).tree
    visits = {tree.nodes[i].action: tree.nodes[i].visits for i in tree.children(0)}
    assert visits["good"] / 2000 == pytest.approx(0.2, abs=4 * math.sqrt(0.2 * 0.8 / 2000))


def test_monte_carlo_weights_move_particles_to_the_better_road(value_of: Callable[..., ValueEstimator]) -> None:
    parts, state = fork(value_of, good=0.2)
    tree = plan_of(SequentialMonteCarlo(parts, n=500, lam=0.1), state).tree
    first = {tree.nodes[i].action: tree.nodes[i].visits for i in tree.children(0)}
    second = {n.observation: n.visits for n in tree.nodes if n.depth == 2}
    assert first["good"] < 150
    assert second.get("good1", 0) >= 495


def test_monte_carlo_with_infinite_lam_draws_from_the_prior(value_of: Callable[..., ValueEstimator]) -> None:
    parts, state = fork(value_of, good=0.2)
    tree = plan_of(SequentialMonteCarlo(parts, n=500, lam=math.inf), state).tree
    first = {n.action: n.visits for n in tree.nodes if n.depth == 1}
    last = {n.observation: n.visits for n in tree.nodes if n.depth == 4}
    assert (first["good"], first["bad"]) == (last["good3"], last["bad3"])


def test_tree_search_visits_the_better_road_more(value_of: Callable[..., ValueEstimator]) -> None:
    parts, state = fork(value_of, good=0.3)
    plan = plan_of(Mcts(parts, simulations=60), state)
    nodes = {node.observation: node for node in plan.tree.nodes}
    assert nodes["good0"].visits > nodes["bad0"].visits
    assert nodes["good0"].visits + nodes["bad0"].visits == 60
    assert plan.actions == ("good",)
    assert nodes["good3"].score == pytest.approx(1.0)


@pytest.mark.parametrize(("where", "calls"), [("root", 1), ("all", None)])
def test_tree_search_asks_the_prior_where_it_was_told_to(
    where: str,
    calls: int | None,
    opinionated: Prior,
    blocks_parts: Callable[..., Parts],
    blocks_state: Callable[..., State],
) -> None:
    budget = Budget()
    planner = Mcts(blocks_parts(opinionated), simulations=30, prior_at=where)  # type: ignore[arg-type]
    plan = planner.plan(blocks_state(1, blocks=6), budget=budget, rng=np.random.default_rng(0))
    assert budget.ledger().llm_calls == (calls or sum(node.expanded for node in plan.tree.nodes))


def test_tree_search_adds_at_most_one_node_per_simulation(
    blocks_parts: Callable[..., Parts], blocks_state: Callable[..., State]
) -> None:
    plan = plan_of(Mcts(blocks_parts(), simulations=25), blocks_state(1, blocks=6))
    assert len(plan.tree.nodes) <= 26


def test_a_beam_costs_one_call_of_each_part_per_level(
    blocks_parts: Callable[..., Parts],
    blocks_state: Callable[..., State],
    counted: Callable[[Parts], tuple[Parts, Mapping[str, int]]],
) -> None:
    parts, calls = counted(blocks_parts(Uniform()))
    plan = plan_of(Beam(parts, width=3), blocks_state(1, blocks=5))
    levels = max(node.depth for node in plan.tree.nodes)
    assert plan.stopped_by == "goal"
    assert calls == {"prior": levels, "simulator": levels, "value": levels}
    expanded = [node.depth for node in plan.tree.nodes if node.expanded]
    assert max(expanded.count(depth) for depth in set(expanded)) <= 3


def test_a_state_that_fell_out_of_the_beam_may_come_back(value_of: Callable[..., ValueEstimator]) -> None:
    rules = {
        "s": {"high": ("a", 0.0), "low": ("b", 0.0)},
        "a": {"across": ("b", 0.0), "back": ("s", 0.0)},
        "b": {"on": ("g", 1.0)},
    }
    values = {"s": 0.0, "a": 0.9, "b": 0.1}
    parts = Parts(Uniform(), GraphSimulator(), value_of(lambda s: values[s.observation]))
    plan = plan_of(Beam(parts, width=1), GraphWorld(rules, "s", frozenset({"g"}), 9).reset())
    assert plan.path == ("high", "across", "on")
