import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs.tabular import frozen_lake, gridworld
from planners.linvit import optimal
from slinvit import InputError, UnknownName


def test_a_move_on_slippery_ice_goes_three_ways_with_equal_probability() -> None:
    mdp = frozen_lake()
    left_from_10 = {9: 1 / 3, 14: 1 / 3, 6: 1 / 3}  # left, down, up; never right
    np.testing.assert_allclose(mdp.p[10, 0], [left_from_10.get(state, 0.0) for state in range(16)])
    assert mdp.r[0, 14].tolist() == pytest.approx([0.0, 1 / 3, 1 / 3, 1 / 3])
    assert mdp.goal_states == (15,)
    assert np.flatnonzero(mdp.terminal_states).tolist() == [5, 7, 11, 12, 15]


def test_walls_are_no_states_and_stop_moves() -> None:
    mdp = gridworld("S#G/...", horizon=4)
    assert mdp.state_names == (
        "row 1, column 1",
        "row 1, column 3",
        "row 2, column 1",
        "row 2, column 2",
        "row 2, column 3",
    )
    assert mdp.p[0].argmax(axis=-1).tolist() == [0, 2, 0, 0]  # left, down, right (wall), up
    assert optimal(mdp).v[0, 0] == 1.0
    assert optimal(gridworld("S#G/...", horizon=3)).v[0, 0] == 0.0


def test_a_map_shows_where_one_is() -> None:
    assert frozen_lake().observation(6) == ("You are at row 2, column 3, marked @ on the map:\nSFFF\nFH@H\nFFFH\nHFFG")
    assert "hole" in frozen_lake().goal
    assert "hole" not in gridworld().goal
    assert "wall" in gridworld().goal
    assert "probability 0.67" in frozen_lake().goal
    assert "probability" not in frozen_lake(slippery=False).goal


@given(st.floats(0, 1), st.sampled_from(["SG", "S/G", "S.#/.H./..G", "G.S.G"]))
def test_every_slip_makes_distributions_and_pays_for_entering_goals(slip: float, layout: str) -> None:
    mdp = gridworld(layout, 3, slip)
    np.testing.assert_allclose(mdp.p.sum(axis=-1), 1.0, atol=1e-12)
    entering = mdp.p[:, :, list(mdp.goal_states)].sum(axis=-1)
    inside = np.isin(np.arange(mdp.num_states), mdp.goal_states)
    np.testing.assert_allclose(mdp.r[0][~inside], entering[~inside], atol=1e-12)
    assert (mdp.r[0][inside] == 0).all()


def test_your_own_map_may_be_rows_or_one_text() -> None:
    rows = ("S..", ".#.", "..G")
    np.testing.assert_array_equal(gridworld(rows).p, gridworld("/".join(rows)).p)
    np.testing.assert_array_equal(frozen_lake(slippery=False, layout=rows).p, gridworld(rows).p)


@pytest.mark.parametrize(
    ("layout", "message"),
    [
        ("", r"rows of one length, found \[0\]"),
        ((), "rows of one length"),
        ("S./G", r"rows of one length, found \[2, 1\]"),
        ("S?G", r"'\?' in the map is none of"),
        ("S@G", "'@' in the map is none of"),
        ("..G", "one S and at least one G, found 0 and 1"),
        ("SSG", "found 2 and 1"),
        ("S..", "found 1 and 0"),
    ],
)
def test_maps_that_cannot_be_read_are_refused(layout: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        gridworld(layout)


def test_a_slip_that_is_no_probability_and_an_unknown_lake_are_refused() -> None:
    with pytest.raises(InputError, match=r"slip must be between 0 and 1, not 1\.1"):
        gridworld(slip=1.1)
    with pytest.raises(UnknownName, match="did you mean '4x4'"):
        frozen_lake(layout="4x5")
