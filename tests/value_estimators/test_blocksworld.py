import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs.blocksworld.core import HAND, TABLE, Fact, Support, facts, satisfied, successors
from envs.blocksworld.exact import state_space
from envs.blocksworld.world import BlocksWorldSimulator
from slinvit import Budget, InputError, SnapshotError, State, ValueEstimator
from value_estimators.blocksworld import SOLVED_BONUS, Exact, GoalsMet, Obstacles, above, obstacle_value, progress

MakeState = Callable[..., State]


def value(estimator: ValueEstimator, *states: State) -> list[float]:
    found: list[float] = estimator.estimate(states, budget=Budget(), rng=np.random.default_rng(0)).tolist()
    return found


def walk(state: State, actions: Sequence[str]) -> list[State]:
    states = [state]
    for action in actions:
        [transition] = BlocksWorldSimulator().step([states[-1]], [action], budget=Budget())
        assert transition.valid
        states.append(transition.state)
    return states


OPTIMAL = (
    "pick up the blue block",
    "stack the blue block on top of the orange block",
    "pick up the red block",
    "stack the red block on top of the blue block",
)


def test_goals_met_is_the_share_of_goal_facts_that_hold(tower_to_build: State) -> None:
    assert value(GoalsMet(), *walk(tower_to_build, OPTIMAL)) == [0.0, 0.0, 0.5, 0.5, 1.0]


def test_goals_met_counts_facts_of_every_kind(make_state: MakeState) -> None:
    more = (Fact("ontable", (1,)), Fact("clear", (0,)), Fact("handempty"))
    state = make_state((1, TABLE, HAND), ((0, 2),), more=more)
    assert value(GoalsMet(), state) == [2 / 4]


@pytest.mark.parametrize(
    ("support", "on", "expected"),
    [
        ((TABLE, TABLE, TABLE), ((0, 1), (1, 2)), 0.0),
        ((1, TABLE, TABLE), ((0, 1), (1, 2)), 1 - (1 + 0)),
        ((HAND, TABLE, TABLE), ((0, 1),), 0.5),
        ((HAND, TABLE, 1), ((0, 1),), -(0 + 1)),
        ((TABLE, 0, 1, TABLE), ((0, 3),), -(2 + 0)),
        ((TABLE, 0, 1, TABLE, 3), ((0, 3),), -(2 + 1)),
        ((TABLE, HAND, TABLE), ((0, 1),), 0.0),
        ((1, 2, TABLE), ((0, 1), (1, 2)), 1000.0),
    ],
)
def test_obstacles_follows_the_rule_of_the_reference_code(
    make_state: MakeState, support: Support, on: tuple[tuple[int, int], ...], expected: float
) -> None:
    assert value(Obstacles(), make_state(support, on)) == [expected]


def test_obstacles_counts_nothing_for_goals_that_are_not_on() -> None:
    goal = [Fact("on", (0, 1)), Fact("ontable", (2,)), Fact("clear", (0,))]
    assert obstacle_value((TABLE, TABLE, TABLE), goal) == 0.0
    assert obstacle_value((1, TABLE, TABLE), goal) == SOLVED_BONUS


@given(st.integers(0, 124), st.integers(0, 124))
def test_only_a_solved_state_gets_the_bonus(start: int, target: int) -> None:
    states = state_space(4).states
    goal = [fact for fact in facts(states[target]) if fact.predicate == "on"]
    found = obstacle_value(states[start], goal)
    assert (found == SOLVED_BONUS) == satisfied(states[start], goal)
    assert found == SOLVED_BONUS or found <= len(goal)


def test_above_counts_to_the_top_of_the_tower() -> None:
    assert [above((TABLE, 0, 1, TABLE, HAND), block) for block in range(5)] == [2, 1, 0, 0, 0]


def test_exact_is_one_minus_the_share_of_the_longest_plan(tower_to_build: State) -> None:
    states = walk(tower_to_build, OPTIMAL)
    assert value(Exact(), *states) == [1 - steps / (4 * 3) for steps in (4, 3, 2, 1, 0)]


@pytest.mark.parametrize("blocks", [1, 2, 3, 4, 5])
def test_no_state_is_further_from_its_goal_than_four_steps_per_block(blocks: int) -> None:
    space = state_space(blocks)
    rng = np.random.default_rng(blocks)
    for target in rng.choice(len(space.states), size=min(30, len(space.states)), replace=False):
        distances = space.distances(facts(space.states[target]))
        assert distances.min() == 0
        assert progress(distances, blocks).min() >= 0


@given(st.integers(0, 865), st.integers(0, 865), st.integers(0, 10))
def test_going_up_the_exact_value_is_an_optimal_plan(start: int, target: int, seed: int) -> None:
    space = state_space(5)
    goal = [fact for fact in facts(space.states[target]) if fact.predicate == "on"] or [Fact("ontable", (0,))]
    distances = space.distances(goal)
    values = progress(distances, 5)
    number, steps = start, 0
    rng = np.random.default_rng(seed)
    while not satisfied(space.states[number], goal):
        after = [space.index[state] for _, state in successors(space.states[number])]
        best = [i for i in after if values[i] == max(values[j] for j in after)]
        number, steps = int(rng.choice(best)), steps + 1
    assert steps == distances[start]


def test_exact_remembers_goals_up_to_a_bound_and_forgets_the_oldest(make_state: MakeState) -> None:
    estimator = Exact(remembered=2)
    states = [make_state((TABLE, TABLE, TABLE), ((0, below),)) for below in (1, 2)]
    states.append(make_state((TABLE, TABLE, TABLE), ((1, 2),)))
    expected = [1 - 2 / 12] * 3
    assert value(estimator, *states) == value(estimator, *states) == expected
    assert len(estimator._known) == 2


def test_exact_refuses_more_blocks_than_can_be_enumerated(make_state: MakeState) -> None:
    with pytest.raises(InputError, match="up to 7 blocks, not 8; use 'learned'"):
        value(Exact(), make_state((TABLE,) * 8, ((0, 1),)))


def test_exact_refuses_a_goal_that_no_state_satisfies(make_state: MakeState) -> None:
    with pytest.raises(InputError, match="no state of 2 blocks satisfies its goal"):
        value(Exact(), make_state((TABLE, TABLE), ((0, 1), (1, 0))))


def test_a_corrupt_snapshot_is_no_value(tower_to_build: State) -> None:
    from dataclasses import replace

    with pytest.raises(SnapshotError):
        value(GoalsMet(), replace(tower_to_build, snapshot=None))


def test_progress_charges_the_same_for_every_step() -> None:
    values = progress(np.arange(9), 4)
    assert np.diff(values) == pytest.approx(-1 / 16)
    assert math.isclose(values[0], 1.0)
