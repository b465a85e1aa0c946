"""The lean core against the equations, state by state."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.tabular import TabularMDP, deep_sea, garnet, river_swim
from planners.linvit.core import backward_induction, dense_model, finite_rewards
from planners.linvit.solve import solve, uniform
from slinvit.errors import InputError
from slinvit.kl import soft_value
from slinvit.types import FloatArray

LAMS = [0.0, 1e-300, 1e-4, 0.1, 1.0, 1e4, math.inf]


def priors(shape: tuple[int, ...], seed: int) -> FloatArray:
    return np.log(np.random.default_rng(seed).dirichlet(np.ones(shape[-1]), size=shape[:-1]))


@pytest.mark.parametrize("lam", LAMS)
@pytest.mark.parametrize("mdp", [garnet(6, 3, 5, seed=1), river_swim(6, 12), deep_sea(5)], ids=lambda mdp: mdp.name)
def test_values_are_the_recursion_of_soft_values(mdp: TabularMDP, lam: float) -> None:
    prior = priors(mdp.r.shape, 2)
    q, v = backward_induction(mdp.expected, finite_rewards(mdp), prior, lam)
    for step in range(mdp.horizon):
        np.testing.assert_allclose(q[step], mdp.r[step] + mdp.expected(step, v[step + 1]), atol=1e-12)
        np.testing.assert_allclose(v[step], soft_value(q[step], prior[step], lam), atol=1e-11 * max(1.0, min(lam, 1e4)))
    assert not v[-1].any()


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), lam=st.sampled_from([0.0, 0.05, 2.0, math.inf]))
def test_a_batch_gives_each_member_what_it_gets_alone(seed: int, lam: float) -> None:
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.ones(4), size=(3, 2, 4, 2))  # [H, G, S, A, S]
    r, prior = rng.random((3, 2, 4, 2)), priors((3, 2, 4, 2), seed)
    q, v = backward_induction(dense_model(p), r, prior, lam)
    for member in range(2):
        alone = backward_induction(dense_model(p[:, member]), r[:, member], prior[:, member], lam)
        np.testing.assert_allclose(q[:, member], alone[0], atol=1e-12)
        np.testing.assert_allclose(v[:, member], alone[1], atol=1e-12)


@pytest.mark.parametrize("lam", [0.0, 0.3, math.inf])
def test_bonus_is_added_and_the_ceiling_clips(lam: float) -> None:
    mdp = garnet(5, 3, 4, seed=3)
    rng = np.random.default_rng(0)
    bonus, ceiling, prior = rng.normal(size=mdp.r.shape), np.arange(4, 0, -1.0), uniform(mdp)
    q, v = backward_induction(mdp.expected, finite_rewards(mdp), prior, lam, bonus=bonus, ceiling=ceiling)
    for step in range(mdp.horizon):
        wanted = np.clip(mdp.r[step] + bonus[step] + mdp.expected(step, v[step + 1]), 0, ceiling[step])
        np.testing.assert_allclose(q[step], wanted, atol=1e-12)


def test_illegal_actions_count_for_nothing_whatever_they_promise() -> None:
    mdp = garnet(4, 3, 3, seed=5)
    legal = np.ones((4, 3), dtype=bool)
    legal[:, 2] = False
    r = np.where(legal, mdp.r, np.nan)
    masked = TabularMDP(mdp.p, r, legal=legal)
    fewer = TabularMDP(mdp.dense()[..., :2, :], mdp.r[..., :2])
    for lam in LAMS:
        np.testing.assert_allclose(
            solve(masked, uniform(masked), lam).v, solve(fewer, uniform(fewer), lam).v, atol=1e-11
        )


def test_large_ratios_and_tiny_priors_stay_finite() -> None:
    mdp = garnet(5, 2, 6, seed=7)
    prior = np.broadcast_to(np.log([1e-30, 1 - 1e-30]), mdp.r.shape)
    for lam in (1e-250, 1e-12, 1e-3, 1e6):
        q, v = backward_induction(mdp.expected, finite_rewards(mdp), prior, lam)
        assert np.isfinite(q).all()
        assert np.isfinite(v).all()


@pytest.mark.parametrize("lam", [-0.1, math.nan])
def test_solving_at_a_negative_price_is_refused(lam: float) -> None:
    mdp = river_swim()
    with pytest.raises(InputError, match="lam must be 0 or more"):
        solve(mdp, uniform(mdp), lam)
