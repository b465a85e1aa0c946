import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from envs.tabular import TabularMDP, deep_sea, frozen_lake, garnet, river_swim, unit_rewards
from slinvit import FloatArray, InputError


def coin(**changes: object) -> TabularMDP:
    """Two states, two actions, three steps: stay or go."""
    p = np.array([[[1.0, 0.0], [0.0, 1.0]], [[0.0, 1.0], [1.0, 0.0]]])
    given: dict[str, object] = {"p": p, "r": np.full((3, 2, 2), 0.5), "name": "coin"}
    return TabularMDP(**{**given, **changes})  # type: ignore[arg-type]


def changed(array: FloatArray, place: tuple[int, ...], value: float) -> FloatArray:
    other = np.array(array)
    other[place] = value
    return other


def test_sizes_come_from_the_rewards() -> None:
    mdp = coin()
    assert (mdp.horizon, mdp.num_states, mdp.num_actions, mdp.initial_state) == (3, 2, 2, 0)
    assert mdp.is_stationary
    assert mdp.legal_actions.shape == (3, 2, 2)
    assert mdp.legal_actions.all()


def test_arrays_cannot_be_written_to() -> None:
    mdp = coin()
    for array in (mdp.p, mdp.r, mdp.legal_actions, mdp.terminal_states):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"p": np.ones((2, 2))}, r"transitions must be \[2, 2, 2\] or \[3, 2, 2, 2\], not \[2, 2\]"),
        ({"p": sparse.csr_array(np.ones((3, 2)))}, r"transitions must be \[4, 2\] or \[12, 2\], not \[3, 2\]"),
        ({"r": np.ones((2, 2))}, "rewards must be .* TabularMDP.stationary"),
        ({"r": np.ones((0, 2, 2))}, "at least one step"),
        ({"initial_state": 2}, "initial state 2 is not one of 2 states"),
        ({"initial_state": -1}, "initial state -1"),
        ({"goal_states": (5,)}, "goal state 5 is not one of 2 states"),
        ({"legal": np.ones((4, 4))}, r"legal actions must be \[S, A\] or \[H, S, A\], not \[4, 4\]"),
        ({"legal": np.array([[True, True], [False, False]])}, "state 1 has no legal action at step 0"),
        ({"state_names": ("here",)}, "needs 2 different state names, found 1"),
        ({"state_names": ("a", "b", "b")}, "needs 2 different state names, found 2"),
        ({"action_names": ("go", "go")}, "needs 2 different action names, found 1"),
        ({"observations": ("one",)}, "needs 2 observations, found 1"),
    ],
)
def test_arrays_that_do_not_fit_together_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=f"coin: .*{message}"):
        coin(**changes)


@pytest.mark.parametrize("as_csr", [False, True])
@pytest.mark.parametrize(
    ("value", "message"),
    [
        (0.75, r"successors of \(state 1, action 0\) have probabilities that sum to 0.75, -0.25 off 1"),
        (1 + 1e-7, r"\(state 1, action 0\) .* \+1e-07 off 1 \(allowed: 1e-09\)"),
        (np.nan, "a transition probability is not finite"),
        (np.inf, "a transition probability is not finite"),
    ],
)
def test_probabilities_that_are_no_distribution_are_named(value: float, message: str, as_csr: bool) -> None:
    p = changed(coin().p, (1, 0, 1), value)
    with pytest.raises(InputError, match=message):
        coin(p=sparse.csr_array(p.reshape(4, 2)) if as_csr else p)


def test_a_negative_probability_is_named_with_its_step() -> None:
    p = np.array(np.broadcast_to(coin().p, (3, 2, 2, 2)))
    p[2, 0, 1] = (1.5, -0.5)
    with pytest.raises(InputError, match=r"\(state 0, action 1\) at step 2 has a negative probability -0.5"):
        coin(p=p)


@pytest.mark.parametrize("value", [-0.1, 1.5, np.nan])
def test_rewards_outside_the_unit_interval_are_refused_with_the_offer_of_scaling(value: float) -> None:
    with pytest.raises(InputError, match=rf"\(state 1, action 0\) at step 2 has {value:g}; unit_rewards"):
        coin(r=changed(coin().r, (2, 1, 0), value))


@pytest.mark.parametrize("horizon", [0, -3])
def test_a_horizon_below_one_is_refused(horizon: int) -> None:
    with pytest.raises(InputError, match=f"the horizon must be 1 or more, not {horizon}"):
        river_swim(horizon=horizon)


def test_what_is_said_of_illegal_actions_is_ignored() -> None:
    p, r = changed(coin().p, (1, 0, 1), 7.0), changed(coin().r, (1, 1, 0), -3.0)
    mdp = coin(p=p, r=r, legal=np.array([[True, True], [False, True]]))
    assert mdp.legal_actions[:, 1].tolist() == [[False, True]] * 3


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=8))
def test_scaled_rewards_are_in_the_unit_interval_and_scale_back(rewards: list[float]) -> None:
    scaled = unit_rewards(rewards)
    assert scaled.scale > 0
    assert ((scaled.r >= 0) & (scaled.r <= 1)).all()
    np.testing.assert_allclose(scaled.r * scaled.scale + scaled.offset, rewards, atol=1e-9)


@pytest.mark.parametrize("rewards", [[], [1.0, np.inf], [np.nan], [-1e308, 1e308]])
def test_rewards_that_cannot_be_scaled_are_refused(rewards: list[float]) -> None:
    with pytest.raises(InputError, match="rewards"):
        unit_rewards(rewards)


def test_returns_scale_back_to_the_original_rewards() -> None:
    mdp = coin(reward_scale=4.0, reward_offset=-1.0)
    assert mdp.original_return(1.5) == 1.5 * 4 - 3


@pytest.mark.parametrize("stationary", [True, False])
def test_dense_and_sparse_say_the_same(stationary: bool) -> None:
    dense = garnet(8, 3, 4, seed=5, stationary=stationary)
    thin = TabularMDP(sparse.csr_array(dense.p.reshape(-1, 8)), dense.r)
    assert thin.is_sparse
    assert not dense.is_sparse
    assert thin.is_stationary == dense.is_stationary == stationary
    assert thin.is_timeless == dense.is_timeless == stationary
    assert thin.is_deterministic == dense.is_deterministic
    np.testing.assert_array_equal(thin.dense(), dense.p)
    values = np.random.default_rng(0).random(8)
    for step in range(4):
        np.testing.assert_allclose(thin.expected(step, values), dense.expected(step, values), atol=1e-15)
        for one, two in zip(thin.successors(step, 3, 1), dense.successors(step, 3, 1), strict=True):
            np.testing.assert_array_equal(one, two)


def test_the_arrays_that_were_given_are_copied_and_the_copies_cannot_be_written_to() -> None:
    p, r = np.array(coin().p), np.array(coin().r)
    mdp = TabularMDP(p, r)
    p[...], r[...] = 7.0, 7.0
    assert mdp.p.max() <= 1
    assert mdp.r.max() <= 1
    with pytest.raises(ValueError, match="read-only"):
        mdp.p[0] = 0.0
    # two entries in one place, which are kept apart until somebody sums them
    rows = sparse.csr_array((np.full(8, 0.5), np.repeat(np.arange(4) % 2, 2), np.arange(0, 9, 2)), shape=(4, 2))
    thin = TabularMDP(rows, np.zeros((3, 2, 2)))
    assert rows.nnz == 8
    assert thin.p.nnz == 4
    for array in (thin.p.data, thin.p.indices, thin.p.indptr):
        assert not array.flags.writeable


def test_an_mdp_is_written_in_one_line() -> None:
    assert repr(river_swim()) == "TabularMDP('river_swim', H=12, S=6, A=2, dense)"


def test_terminal_states_of_a_sparse_mdp_are_those_of_the_dense_one() -> None:
    lake = frozen_lake()
    thin = TabularMDP(sparse.csr_array(lake.p.reshape(-1, 16)), lake.r)
    assert np.flatnonzero(thin.terminal_states).tolist() == [5, 7, 11, 12, 15]


def test_compact_chooses_by_size_and_density() -> None:
    assert garnet(400, 2, 2, 4, seed=0).compact().is_sparse
    assert not garnet(40, 2, 2, 4, seed=0).compact().is_sparse
    thin = TabularMDP(sparse.csr_array(river_swim().p.reshape(12, 6)), river_swim().r, name="swim").compact()
    assert (thin.is_sparse, thin.name) == (False, "swim")


def test_one_uniform_number_draws_a_successor_by_its_probability() -> None:
    mdp = river_swim()
    rng, count = np.random.default_rng(1), 20_000
    drawn = np.bincount([mdp.sample(0, 2, 1, rng) for _ in range(count)], minlength=6) / count
    np.testing.assert_allclose(drawn, mdp.p[2, 1], atol=4 * np.sqrt(0.25 / count))
    assert rng.bit_generator.state == _after(count).bit_generator.state


def _after(count: int) -> np.random.Generator:
    rng = np.random.default_rng(1)
    rng.random(count)
    return rng


def test_only_worlds_without_chance_are_deterministic() -> None:
    assert deep_sea(4).is_deterministic
    assert frozen_lake(slippery=False).is_deterministic
    assert not frozen_lake().is_deterministic
    assert not river_swim().is_deterministic


def test_rewards_that_change_with_the_step_depend_on_time() -> None:
    assert coin().is_timeless
    assert not coin(r=changed(coin().r, (1, 0, 0), 0.9)).is_timeless
    assert coin().is_stationary


def test_names_are_numbers_where_none_are_given() -> None:
    assert (coin().state_name(1), coin().action_name(0)) == ("state 1", "action 0")
    assert coin().observation(1) == "You are in state 1."
    assert coin(observations=("dark", "light")).observation(1) == "light"
