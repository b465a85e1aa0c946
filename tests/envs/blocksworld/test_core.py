import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs.blocksworld.core import (
    HAND,
    PICK_UP,
    PUT_DOWN,
    STACK,
    TABLE,
    UNSTACK,
    Fact,
    Move,
    Support,
    apply,
    check,
    facts,
    from_facts,
    holds,
    satisfied,
    successors,
)
from envs.blocksworld.exact import distance_to, state_space
from envs.blocksworld.generate import random_state


@st.composite
def states(draw: st.DrawFn, most: int = 8) -> Support:
    """A state of 1 to ``most`` blocks, reached from a random one by at most one move."""
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    state = random_state(rng, draw(st.integers(1, most)))
    return draw(st.sampled_from([state, *(after for _, after in successors(state))]))


@given(states())
def test_a_state_is_given_back_by_its_facts(state: Support) -> None:
    assert from_facts(facts(state), len(state)) == state
    assert satisfied(state, facts(state))


@given(states())
def test_successors_are_exactly_the_moves_that_apply(state: Support) -> None:
    blocks = range(-1, len(state))
    every = [
        Move(name, block, other) for name in (PICK_UP, PUT_DOWN, STACK, UNSTACK) for block in blocks for other in blocks
    ]
    applicable = {move: after for move in every if (after := apply(state, move)) is not None}
    assert dict(successors(state)) == applicable
    for after in applicable.values():
        check(after)


@given(states())
def test_every_move_can_be_undone(state: Support) -> None:
    for _, after in successors(state):
        assert state in [back for _, back in successors(after)]


@pytest.mark.parametrize(("count", "size"), [(1, 2), (2, 5), (3, 22), (4, 125), (5, 866), (6, 7057)])
def test_state_spaces_have_the_known_sizes(count: int, size: int) -> None:
    assert len(state_space(count).states) == size


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ((1, 0), "rests on itself"),
        ((2, 2, TABLE), "two blocks are on block 2"),
        ((HAND, HAND), "two blocks are in the hand"),
        ((HAND, 0), "rests on a block that is in the hand"),
    ],
)
def test_what_is_no_state_is_refused(state: Support, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check(state)


@pytest.mark.parametrize(
    ("atoms", "message"),
    [
        ([Fact("ontable", (0,)), Fact("clear", (0,))], "handempty is missing"),
        ([Fact("ontable", (0,)), Fact("handempty")], "clear 0 is missing"),
        ([Fact("handempty")], "block 0 is nowhere"),
        ([Fact("ontable", (0,)), Fact("holding", (0,))], "block 0 is in two places"),
        ([Fact("holding", (0,)), Fact("handempty")], "handempty is contradicted"),
    ],
)
def test_facts_that_contradict_each_other_are_refused(atoms: list[Fact], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        from_facts(atoms, 1)


def test_each_kind_of_fact_is_decided() -> None:
    state = (HAND, 2, TABLE)
    true = [Fact("holding", (0,)), Fact("on", (1, 2)), Fact("ontable", (2,)), Fact("clear", (1,))]
    false = [Fact("handempty"), Fact("clear", (0,)), Fact("clear", (2,)), Fact("on", (2, 1)), Fact("holding", (1,))]
    assert all(holds(state, fact) for fact in true)
    assert not any(holds(state, fact) for fact in false)


def test_distances_fall_by_one_along_a_best_move_and_never_by_more() -> None:
    space = state_space(4)
    goal = (Fact("on", (0, 1)), Fact("on", (1, 2)))
    for number, state in enumerate(space.states):
        steps = distance_to(state, goal)
        assert steps == space.distances(goal)[number]
        near = [distance_to(after, goal) for _, after in successors(state)]
        assert (min(near) == steps - 1) if steps else satisfied(state, goal)


def test_distances_of_more_than_seven_blocks_and_of_impossible_goals_are_refused() -> None:
    with pytest.raises(ValueError, match="1 to 7 blocks"):
        distance_to((TABLE,) * 8, (Fact("on", (0, 1)),))
    with pytest.raises(ValueError, match="no state satisfies"):
        distance_to((TABLE,) * 3, (Fact("on", (0, 1)), Fact("on", (1, 0))))


def test_the_core_makes_at_least_300_000_transitions_per_second() -> None:
    states = state_space(5).states

    def rate() -> float:
        started = time.process_time()
        count = sum(len(successors(state)) for _ in range(20) for state in states)
        return count / (time.process_time() - started)

    assert max(rate() for _ in range(3)) >= 300_000
