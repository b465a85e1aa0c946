import pickle
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs import ENVS
from envs.blocksworld.core import TABLE, Fact, Support, facts, satisfied, successors
from envs.blocksworld.domain import ENGINES, BlocksWorldDomain
from envs.blocksworld.generate import random_state
from envs.blocksworld.pddl import DOMAIN_PDDL, to_pddl
from envs.blocksworld.pddlgym_engine import PddlGym, pddlgym_view
from envs.blocksworld.problem import Position, Problem, first_state
from envs.blocksworld.text import COLOURS
from envs.blocksworld.world import BlocksWorld, BlocksWorldSimulator, transition_of
from envs.domain import Domain
from slinvit import (
    Budget,
    BudgetExceeded,
    Environment,
    EnvironmentFailure,
    Restorable,
    Simulator,
    Snapshot,
    SnapshotError,
    UnknownName,
)

SWAP = Problem("swap", ("red", "blue"), (1, TABLE), (Fact("on", (1, 0)),), horizon=4)
SOLUTION = (
    "unstack the red block from on top of the blue block",
    "put down the red block",
    "pick up the blue block",
    "stack the blue block on top of the red block",
)


def random_problem(count: int, seed: int) -> Problem:
    rng = np.random.default_rng(seed)
    target = facts(random_state(rng, count))
    on = [fact for fact in target if fact.predicate == "on"] or target
    return Problem(f"r{seed}", COLOURS[:count], random_state(rng, count), tuple(on), horizon=10**6)


@pytest.mark.parametrize("engine", ENGINES)
def test_an_optimal_plan_solves_the_task_with_reward_one_at_the_end(engine: str) -> None:
    env = BlocksWorldDomain(engine).environment(SWAP)
    env.reset()
    steps = [env.step(action) for action in SOLUTION]
    assert [step.reward for step in steps] == [0.0, 0.0, 0.0, 1.0]
    assert all(step.valid for step in steps)
    assert steps[-1].state.solved
    assert steps[-1].state.terminal
    assert not steps[-1].state.truncated
    with pytest.raises(EnvironmentFailure, match="the episode is over"):
        env.step(SOLUTION[0])


def test_refused_actions_cost_steps_until_the_horizon() -> None:
    env = BlocksWorld(SWAP)
    first = env.reset()
    reasons = {"jump": "not a BlocksWorld action", SOLUTION[3]: "not possible now", "pick up the pink block": "unknown"}
    for action, reason in reasons.items():
        transition = env.step(action)
        assert not transition.valid
        assert transition.state.key == first.key
        assert reason in transition.state.history[-1][1]
    assert env.step("jump").state.truncated


def test_a_corrupt_snapshot_is_refused_and_activates_nothing() -> None:
    env = BlocksWorld(SWAP)
    before = env.step(SOLUTION[0]).state
    for support in [(0, 1), (5, TABLE), (TABLE,), (-3, TABLE), "ab", (TABLE, TABLE, TABLE)]:
        position = Position(SWAP, support)  # type: ignore[arg-type]
        corrupt = replace(before, snapshot=Snapshot(support, position))
        with pytest.raises(SnapshotError, match="task 'swap'"):
            env.restore(corrupt)
        with pytest.raises(SnapshotError, match="task 'swap'"):
            transition_of(corrupt, SOLUTION[1])
    other = first_state(replace(SWAP, id="other"))
    with pytest.raises(SnapshotError, match="cannot be restored in 'swap'"):
        env.restore(other)
    assert env.step(SOLUTION[1]).state.visited == (SWAP.start, before.key)


def test_the_simulator_serves_many_problems_and_spends_before_it_simulates() -> None:
    states = [first_state(random_problem(count, count)) for count in (3, 4, 5)]
    actions = [(state.actions or ("",))[0] for state in states]
    budget = Budget({"sim_steps": 4})
    found = BlocksWorldSimulator().step(states, actions, budget=budget)
    assert [step.state.task.id for step in found] == ["r3", "r4", "r5"]
    with pytest.raises(BudgetExceeded):
        BlocksWorldSimulator().step(states, actions, budget=budget)
    assert budget.ledger().sim_steps == 3


def test_states_stay_the_same_through_pickle_and_keep_grader_facts_out_of_the_task() -> None:
    problem = replace(SWAP, optimal=4, plan=SOLUTION, source="somewhere")
    state = first_state(problem)
    copy = pickle.loads(pickle.dumps(state))
    assert copy == state
    assert transition_of(copy, SOLUTION[0]) == transition_of(state, SOLUTION[0])
    assert problem.report == {"blocks": 2, "optimal": 4, "source": "somewhere"}
    assert state.task.metadata == {"blocks": 2}


@settings(max_examples=25, deadline=None)
@given(st.integers(3, 7), st.integers(0, 10**6))
def test_pddlgym_and_the_native_rules_agree_on_random_walks(count: int, seed: int) -> None:
    problem = random_problem(count, seed)
    names = tuple(f"b{number}" for number in range(count))
    gym = in_pddlgym(problem)
    assert gym.start == problem.start
    rng, state = np.random.default_rng(seed), problem.start
    for _ in range(15):
        native = successors(state)
        assert gym.successors(state) == native
        assert gym.solved(state) == satisfied(state, problem.goal)
        assert pddlgym_view(names, problem.goal, state).solved == satisfied(state, problem.goal)
        state = native[rng.integers(len(native))][1]


@pytest.mark.parametrize("seed", range(3))
def test_pddlgym_sees_a_goal_that_holds(seed: int) -> None:
    problem = random_problem(5, seed)
    solved: Support = random_state(np.random.default_rng(seed), 5)
    assert in_pddlgym(replace(problem, goal=tuple(facts(solved)))).solved(solved)


def in_pddlgym(problem: Problem) -> PddlGym:
    return PddlGym(DOMAIN_PDDL, to_pddl(problem))


@pytest.mark.parametrize("count", [3, 5, 7])
def test_both_engines_show_an_agent_the_same_states(count: int) -> None:
    problem, rng = random_problem(count, count), np.random.default_rng(count)
    native, gym = (BlocksWorldDomain(engine).environment(problem) for engine in ENGINES)
    state = native.reset()
    assert gym.reset() == state
    for _ in range(20):
        if state.over:
            break
        actions = (*(state.actions or ()), "jump")
        action = actions[rng.integers(len(actions))]
        transition = native.step(action)
        assert gym.step(action) == transition
        state = transition.state


def test_the_domain_of_planbench_loads_in_pddlgym(data: Path) -> None:
    problem = random_problem(4, 0)
    gym = PddlGym((data / "domain.pddl").read_text(), to_pddl(problem))
    assert gym.successors(problem.start) == successors(problem.start)


def test_pddlgym_is_imported_only_when_needed_and_prints_nothing() -> None:
    script = (
        "import sys\n"
        "from envs.blocksworld.domain import BlocksWorldDomain\n"
        "native, gym = BlocksWorldDomain(), BlocksWorldDomain('pddlgym')\n"
        "problem = native.load('1')[0]\n"
        "native.environment(problem).reset()\n"
        "assert not {'pddlgym', 'gym', 'torch'} & set(sys.modules), 'too early'\n"
        "gym.environment(problem).reset()\n"
        "assert 'pddlgym' in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")


def test_the_domain_satisfies_its_interface_and_says_what_ran() -> None:
    assert ENVS.load("blocksworld") is BlocksWorldDomain
    domain: Domain[Problem] = BlocksWorldDomain("pddlgym")
    (problem,) = domain.load("1", instances=None, seed=0, limit=None, horizon="2x")
    assert isinstance(domain.environment(problem), Environment)
    assert isinstance(domain.environment(problem), Restorable)
    assert isinstance(domain.simulator(problem), Simulator)
    assert set(domain.provenance()) == {"engine", "slinvit", "pddlgym"}
    assert set(BlocksWorldDomain().provenance()) == {"engine", "slinvit"}
    with pytest.raises(UnknownName, match="did you mean 'pddlgym'"):
        BlocksWorldDomain("pddl-gym")


def test_a_transition_with_its_texts_takes_less_than_a_tenth_of_a_millisecond() -> None:
    state = first_state(random_problem(6, 1))
    started, steps = time.process_time(), 0
    for _ in range(300):
        here = state
        for _ in range(5):
            actions = here.actions or ()
            here = transition_of(here, actions[steps % len(actions)]).state
            steps += 1
            if here.over:
                break
    assert (time.process_time() - started) / steps < 1e-4
