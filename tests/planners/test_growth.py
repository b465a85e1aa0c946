"""The shared tree builder: constant cost, all-or-nothing spending, and pictures."""

import gc
import time
from collections.abc import Callable
from dataclasses import replace
from statistics import median

import numpy as np
import pytest

from envs.blocksworld.core import Fact
from envs.blocksworld.problem import Problem, first_state
from envs.blocksworld.text import COLOURS
from planners import Parts, build
from planners.drawing import to_networkx
from planners.growth import Child, Draft, Edge, Growth
from planners.questions import Simulate
from slinvit.budget import Budget
from slinvit.errors import BudgetExceeded
from slinvit.protocols import ValueEstimator
from slinvit.types import State

TOWER = tuple(Fact("on", (block, (block + 3) % 8)) for block in range(7))
FAR = Problem("far", COLOURS[:8], (*range(1, 8), -1), TOWER, 60)
"""A goal that no search without a prior and a value finds within the measured nodes."""


def test_nodes_are_added_all_or_none(blocks_state: Callable[..., State]) -> None:
    state = blocks_state()
    budget = Budget({"nodes": 1})
    growth = Growth(state, budget)
    child = Child(Edge(growth.root, "somewhere", -1.0), state, 0.5)
    with pytest.raises(BudgetExceeded):
        growth.add([child, child])
    assert (len(growth.nodes), budget.ledger().nodes) == (1, 0)
    (node,) = growth.add([child])
    assert (node.path_reward, node.path_log_prob, growth.root.children) == (0.5, -1.0, {"somewhere": node})


def chunk_times(planner: str, parts: Parts, state: State, size: int, chunks: int) -> list[float]:
    """Return CPU seconds of the search itself for each chunk of ``size`` simulated transitions."""
    budget, rng = Budget(), np.random.default_rng(0)
    search = build(planner, {}, parts).search(state, budget=budget, rng=rng)  # type: ignore[attr-defined]
    times: list[float] = []
    seconds, simulated = 0.0, 0
    question = next(search)
    while len(times) < chunks:
        if isinstance(question, Simulate):
            answer: object = parts.simulator.step(question.states, question.actions, budget=budget)
            simulated += len(question.states)
        elif hasattr(question, "k"):
            answer = parts.prior.propose(question.states, k=question.k, budget=budget, rng=rng)
        else:
            answer = parts.value.estimate(question.states, budget=budget, rng=rng)
        start = time.process_time()
        question = search.send(answer)
        seconds += time.process_time() - start
        if simulated >= size:
            times.append(seconds / simulated)
            seconds, simulated = 0.0, 0
    return times


@pytest.mark.parametrize("planner", ["breadth-first", "best-first:lam=0", "levin"])
def test_the_ten_thousandth_node_costs_what_the_hundredth_did(
    planner: str, blocks_parts: Callable[..., Parts], value_of: Callable[..., ValueEstimator]
) -> None:
    state, parts = first_state(FAR), replace(blocks_parts(), value=value_of(lambda _: 0.0))
    gc.disable()
    try:
        ratios = []
        for _ in range(3):
            times = chunk_times(planner, parts, state, size=400, chunks=25)
            ratios.append(median(times[-6:]) / median(times[:6]))
    finally:
        gc.enable()
    assert min(ratios) <= 1.5, ratios


def test_a_tree_becomes_a_networkx_graph(
    blocks_parts: Callable[..., Parts], blocks_state: Callable[..., State]
) -> None:
    plan = build("slinvit", {}, blocks_parts()).plan(blocks_state(), budget=Budget(), rng=np.random.default_rng(0))
    graph = to_networkx(plan.tree)
    assert len(graph) == len(plan.tree.nodes)
    assert graph.number_of_edges() == len(plan.tree.nodes) - 1
    assert graph.nodes[1]["observation"] == plan.tree.nodes[1].observation
    assert graph.edges[0, 1]["action"] == plan.tree.nodes[1].action


def test_a_draft_without_actions_is_closed(blocks_state: Callable[..., State]) -> None:
    assert Draft(0, None, "", 0, blocks_state()).open
    assert not Draft(0, None, "", 0, replace(blocks_state(), actions=())).open
    assert Draft(0, None, "", 0, replace(blocks_state(), actions=None)).open
