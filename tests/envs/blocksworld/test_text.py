import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs.blocksworld.core import TABLE, Fact, Move, facts, successors
from envs.blocksworld.generate import random_state
from envs.blocksworld.text import (
    COLOURS,
    parse_facts,
    parse_move,
    parse_state,
    render_facts,
    render_move,
    render_state,
)


@given(st.integers(1, 12), st.integers(0, 10**6))
def test_states_goals_and_actions_survive_the_way_through_text(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    names = [COLOURS[i] for i in rng.permutation(len(COLOURS))[:count]]
    state = random_state(rng, count)
    for situation in (state, *(after for _, after in successors(state))):
        assert parse_state(render_state(situation, names), names) == situation
        for move, _ in successors(situation):
            assert parse_move(render_move(move, names), names) == move
    goal = [fact for fact in facts(state) if fact.predicate == "on"]
    if goal:
        assert parse_facts(render_facts(goal, names), names) == goal


def test_the_words_are_those_of_planbench_prompts() -> None:
    names = ("red", "blue", "orange")
    moves = [Move("pick-up", 0, TABLE), Move("put-down", 0, TABLE), Move("stack", 0, 1), Move("unstack", 0, 1)]
    assert [render_move(move, names) for move in moves] == [
        "pick up the red block",
        "put down the red block",
        "stack the red block on top of the blue block",
        "unstack the red block from on top of the blue block",
    ]
    assert render_state((1, TABLE, TABLE), names) == (
        "the red block is clear, the orange block is clear, the hand is empty, "
        "the red block is on top of the blue block, the blue block is on the table, the orange block is on the table"
    )


def test_clauses_joined_by_and_are_read() -> None:
    text = "the red block is on top of the blue block, and the hand is empty and the red block is clear."
    expected = [Fact("on", (0, 1)), Fact("handempty"), Fact("clear", (0,))]
    assert parse_facts(text, ("red", "blue")) == expected


def test_what_is_not_understood_is_named() -> None:
    with pytest.raises(ValueError, match="not a BlocksWorld action: 'jump'"):
        parse_move("jump", ("red",))
    with pytest.raises(ValueError, match="unknown block 'pink'; the blocks are red"):
        parse_move("pick up the pink block", ("red",))
    with pytest.raises(ValueError, match="not a BlocksWorld fact: 'the sky is blue'"):
        parse_facts("the hand is empty, the sky is blue", ("red",))
