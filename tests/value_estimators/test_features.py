from hypothesis import given
from hypothesis import strategies as st

from envs.blocksworld.core import HAND, TABLE, Fact, Support, facts
from envs.blocksworld.exact import state_space
from value_estimators.features import FEATURES, features


def named(support: Support, *goal: Fact) -> dict[str, float]:
    return dict(zip(FEATURES, features(support, goal), strict=True))


def test_features_of_a_tower_in_the_wrong_order() -> None:
    found = named((TABLE, 0, 1, TABLE), Fact("on", (0, 1)), Fact("on", (3, 2)))
    assert found == {
        "blocks": 4,
        "goals": 2,
        "goals met": 0,
        "obstacle value without the bonus": -(2 + 1),
        "obstacles of unmet goals": 3,
        "holding a block": 0,
        "holding a block that belongs somewhere": 0,
        "holding a block whose place is ready": 0,
        "blocks on the table": 2,
        "must move": 4,
        "must move and belong on a block": 2,
        "must move twice": 0,
        "must move to a place that is ready": 0,
        "free to move": 2,
    }


def test_a_block_above_its_place_moves_twice() -> None:
    assert named((2, TABLE, 1), Fact("on", (0, 1)))["must move twice"] == 1
    assert named((TABLE, TABLE, 1), Fact("on", (0, 1)))["must move twice"] == 0


def test_a_block_above_the_foundation_of_its_tower_moves_twice() -> None:
    goal = Fact("on", (0, 1)), Fact("on", (1, 2))
    assert named((2, TABLE, TABLE), *goal)["must move twice"] == 1
    assert named((TABLE, 0, 1), *goal)["must move twice"] == 0


def test_settled_blocks_need_not_move_and_what_stands_on_moving_blocks_must() -> None:
    goal = Fact("on", (1, 2))
    assert named((1, 2, TABLE), goal)["must move"] == 0
    assert named((1, TABLE, TABLE), goal)["must move"] == 2
    assert named((2, TABLE, TABLE), goal)["must move"] == 2
    assert named((1, TABLE), Fact("clear", (1,)))["must move"] == 1
    assert named((1, TABLE), Fact("ontable", (0,)))["must move"] == 1


def test_a_held_block_is_ready_where_its_place_is_clear_and_settled() -> None:
    goal = (Fact("on", (0, 1)),)
    assert named((HAND, TABLE, TABLE), *goal)["holding a block whose place is ready"] == 1
    covered = named((HAND, TABLE, 1), *goal)
    assert (covered["holding a block that belongs somewhere"], covered["holding a block whose place is ready"]) == (
        1,
        0,
    )
    unwanted = named((TABLE, TABLE, HAND), *goal)
    assert (unwanted["holding a block"], unwanted["holding a block that belongs somewhere"]) == (1, 0)


@given(st.integers(0, 865), st.integers(0, 865), st.permutations(range(5)))
def test_features_do_not_depend_on_the_numbers_of_the_blocks(start: int, target: int, order: list[int]) -> None:
    states = state_space(5).states
    goal = [fact for fact in facts(states[target]) if fact.predicate == "on"]
    renamed = [TABLE] * 5
    for block, below in enumerate(states[start]):
        renamed[order[block]] = order[below] if below >= 0 else below
    renamed_goal = [Fact("on", tuple(order[block] for block in fact.blocks)) for fact in goal]
    assert features(tuple(renamed), renamed_goal) == features(states[start], goal)


@given(st.integers(0, 865), st.integers(0, 865))
def test_blocks_that_must_move_bound_the_distance_from_below(start: int, target: int) -> None:
    space = state_space(5)
    goal = [fact for fact in facts(space.states[target]) if fact.predicate == "on"] or [Fact("ontable", (0,))]
    found = named(space.states[start], *goal)
    distance = space.distances(goal)[start]
    assert (found["goals met"] == found["goals"]) == (distance == 0)
    if distance:
        moves = found["must move"] + found["must move twice"]
        assert distance >= 2 * moves - found["holding a block"]
