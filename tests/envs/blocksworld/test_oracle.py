import numpy as np
import pytest

from envs.blocksworld.core import HAND, TABLE, Fact, Support, apply, facts, satisfied, successors
from envs.blocksworld.exact import StateSpace, state_space
from envs.blocksworld.generate import random_state
from envs.blocksworld.oracle import Goal, lower_bound, optimal_actions, optimal_length
from slinvit import InputError

ON = ("on",)
PLACES = ("on", "ontable")
ALL = ("on", "ontable", "clear", "holding", "handempty")


def random_goal(space: StateSpace, rng: np.random.Generator, predicates: tuple[str, ...]) -> tuple[Fact, ...]:
    """A goal that some state satisfies: some of the true atoms of a random state."""
    while True:
        target = space.states[rng.integers(len(space.states))]
        atoms = [fact for fact in facts(target) if fact.predicate in predicates]
        if atoms:
            keep = int(rng.integers(1, len(atoms) + 1))
            return tuple(atoms[i] for i in rng.permutation(len(atoms))[:keep])


@pytest.mark.parametrize("predicates", [ON, PLACES, ALL])
@pytest.mark.parametrize(("count", "goals"), [(3, 12), (4, 8), (5, 3)])
def test_lengths_from_every_state_are_those_of_full_enumeration(
    count: int, goals: int, predicates: tuple[str, ...]
) -> None:
    space, rng = state_space(count), np.random.default_rng(count)
    for _ in range(goals):
        goal = random_goal(space, rng, predicates)
        distances = space.distances(goal)
        for state, steps in zip(space.states, distances, strict=True):
            assert lower_bound(state, Goal(goal)) <= steps, (state, goal)
            assert optimal_length(state, goal) == steps, (state, goal)


@pytest.mark.parametrize("predicates", [ON, ALL])
def test_lengths_with_six_blocks_are_those_of_full_enumeration(predicates: tuple[str, ...]) -> None:
    space, rng = state_space(6), np.random.default_rng(6)
    for _ in range(10):
        goal = random_goal(space, rng, predicates)
        distances = space.distances(goal)
        for number in rng.integers(len(space.states), size=100):
            assert lower_bound(space.states[number], Goal(goal)) <= distances[number]
            assert optimal_length(space.states[number], goal) == distances[number]


def test_optimal_actions_are_exactly_the_moves_that_come_one_step_closer() -> None:
    space, rng = state_space(4), np.random.default_rng(0)
    for _ in range(5):
        goal = random_goal(space, rng, ON)
        distances = space.distances(goal)
        for number in rng.integers(len(space.states), size=30):
            state = space.states[number]
            closer = {m for m, after in successors(state) if distances[space.index[after]] < distances[number]}
            assert set(optimal_actions(state, goal)) == (closer if distances[number] else set())


def test_following_optimal_actions_with_twelve_blocks_reaches_the_goal_in_the_stated_number_of_steps() -> None:
    rng = np.random.default_rng(3)
    for _ in range(5):
        state: Support = random_state(rng, 12)
        goal = tuple(fact for fact in facts(random_state(rng, 12)) if fact.predicate == "on")
        steps = optimal_length(state, goal)
        for _ in range(steps):
            after = apply(state, optimal_actions(state, goal)[0])
            assert after is not None
            state = after
        assert satisfied(state, goal)


@pytest.mark.parametrize("hand", [(), (Fact("handempty"),)])
def test_a_goal_that_states_a_whole_situation_of_twelve_blocks_is_solved(hand: tuple[Fact, ...]) -> None:
    rng = np.random.default_rng(5)
    for _ in range(5):
        start, target = random_state(rng, 12), random_state(rng, 12)
        whole = tuple(fact for fact in facts(target) if fact.predicate != "handempty") + hand
        assert optimal_length(start, whole) >= optimal_length(start, [f for f in whole if f.predicate == "on"])


def test_two_deadlocked_towers_need_an_extra_move() -> None:
    start = (1, TABLE, 3, TABLE)
    goal = (Fact("on", (0, 3)), Fact("on", (2, 1)))
    assert lower_bound(start, Goal(goal)) == 4
    assert optimal_length(start, goal) == 6


def test_a_satisfied_goal_has_length_zero_whatever_is_in_the_hand() -> None:
    assert optimal_length((HAND, 2, TABLE), (Fact("on", (1, 2)),)) == 0


def test_the_cap_on_expansions_ends_with_what_to_do() -> None:
    rng = np.random.default_rng(0)
    goal = tuple(fact for fact in facts(random_state(rng, 10)) if fact.predicate == "on")
    with pytest.raises(InputError, match=r"10 blocks was found within 3 expanded states; state the horizon"):
        optimal_length(random_state(rng, 10), goal, max_expansions=3)


def test_a_goal_that_no_state_satisfies_ends() -> None:
    with pytest.raises(InputError, match="no state satisfies the goal"):
        optimal_length((TABLE, TABLE), (Fact("ontable", (0,)), Fact("on", (0, 1))))
