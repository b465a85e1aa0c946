from dataclasses import replace

import numpy as np
import pytest

from agent.calibration.blocksworld import BlocksWorldTruth
from agent.calibration.states import Visit, anywhere, propose, sampled, shortest, walk
from envs.blocksworld.domain import BlocksWorldDomain
from envs.blocksworld.oracle import optimal_actions
from envs.blocksworld.problem import position_of
from envs.blocksworld.text import render_move
from priors import Uniform
from slinvit.budget import Budget
from slinvit.errors import InputError

DOMAIN = BlocksWorldDomain()
TASKS = DOMAIN.load("random:4,blocks=3-5,seed=1")
TRUTH = BlocksWorldTruth()


def test_optimal_walks_take_as_many_steps_as_the_oracle_says() -> None:
    budget = Budget()
    visits = walk(DOMAIN, TASKS, "optimal", shortest(TRUTH), seed=0, budget=budget)
    assert [sum(visit.task == task.id for visit in visits) for task in TASKS] == [task.optimal for task in TASKS]
    assert budget.ledger().env_steps == len(visits)


def test_the_optimal_actions_are_those_that_begin_a_shortest_plan() -> None:
    for visit in anywhere(TRUTH, TASKS, 5, seed=2):
        position = position_of(visit.state)
        best = {
            render_move(m, position.problem.names) for m in optimal_actions(position.support, position.problem.goal)
        }
        found = Visit("random", visit.task, visit.state, TRUTH.q_values(visit.state)).optimal
        assert {action for action, good in zip(visit.state.actions or (), found, strict=True) if good} == best


def test_random_states_are_unsolved_reproducible_and_of_their_task() -> None:
    first, second = (anywhere(TRUTH, TASKS, 20, seed=5) for _ in range(2))
    assert first == second
    assert not any(visit.state.over for visit in first)
    assert {visit.state.task for visit in first} == {task.task for task in TASKS}
    assert any("holding" in visit.state.observation for visit in first)


def test_the_walk_of_a_task_does_not_depend_on_the_other_tasks() -> None:
    act = sampled(Uniform(), Budget())
    together = walk(DOMAIN, TASKS, "own", act, seed=7, budget=Budget())
    alone = walk(DOMAIN, TASKS[2:3], "own", act, seed=7, budget=Budget())
    assert [visit for visit in together if visit.task == TASKS[2].id] == alone


def test_large_problems_are_answered_by_search() -> None:
    (problem,) = DOMAIN.load("random:1,blocks=8,seed=0")
    visits = walk(DOMAIN, [problem], "optimal", shortest(TRUTH), seed=0, budget=Budget())
    assert len(visits) == problem.optimal


def test_open_ended_states_are_refused() -> None:
    state = replace(DOMAIN.environment(TASKS[0]).reset(), actions=None)
    with pytest.raises(InputError, match="any text may be typed"):
        propose(Uniform(), [state], Budget(), np.random.default_rng(0))


def test_without_true_values_nothing_is_optimal() -> None:
    state = DOMAIN.environment(TASKS[0]).reset()
    with pytest.raises(ValueError, match="not known"):
        _ = Visit("own", "x", state).optimal
