import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.calibration.tabular import calibrate_mdp, closest_optimal, largest_lam
from envs.tabular import TabularMDP, deep_sea, frozen_lake, garnet, river_swim
from planners.linvit import at_kl, boltzmann, evaluate, optimal, solve, trajectory_kl, uniform
from slinvit.errors import InputError, UnknownName

LAMS = (0.0, 0.1, 1.0, math.inf)


def tied_garnet(seed: int) -> TabularMDP:
    """Return a random MDP with rewards 0 and 1 only in its last step, so that many actions are equally good."""
    mdp = garnet(4, 3, 4, seed=seed)
    rewards = np.zeros(mdp.r.shape)
    rewards[-1] = np.round(mdp.r[-1])
    return TabularMDP(np.ceil(mdp.p) / np.ceil(mdp.p).sum(axis=-1, keepdims=True), rewards)


def best_actions(mdp: TabularMDP) -> np.ndarray:
    q = np.where(mdp.legal_actions, optimal(mdp).q, -np.inf)
    return np.asarray(q >= q.max(axis=-1, keepdims=True) - 1e-9)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 100), st.floats(0, 5))
def test_no_optimal_policy_is_closer_to_the_prior_than_the_closest(seed: int, beta: float) -> None:
    mdp = tied_garnet(seed)
    rng = np.random.default_rng(seed)
    prior = boltzmann(mdp, beta)
    best = best_actions(mdp)
    least, policy = closest_optimal(mdp, prior, best)
    assert trajectory_kl(mdp, policy, prior) == pytest.approx(least, abs=1e-9)
    assert evaluate(mdp, policy).v[0, 0] == pytest.approx(optimal(mdp).v[0, 0], abs=1e-9)
    for _ in range(10):
        other = np.where(best, rng.random(best.shape), 0.0)
        other /= other.sum(axis=-1, keepdims=True)
        assert trajectory_kl(mdp, other, prior) >= least - 1e-9


def test_the_closest_kl_is_minus_log_the_probability_of_acting_optimally_where_nothing_is_random() -> None:
    mdp = deep_sea(4)
    least, _ = closest_optimal(mdp, uniform(mdp), best_actions(mdp))
    assert least == pytest.approx(4 * math.log(2))  # one path of four right turns


def test_a_prior_of_known_distance_is_measured_at_that_distance() -> None:
    mdp = garnet(6, 3, 5, seed=1)
    found = calibrate_mdp(mdp, at_kl(mdp, 0.5), lams=LAMS)
    for kl in found["policies"]["prior"]["trajectory_kl"].values():
        assert kl == pytest.approx(0.5, abs=1e-9)
    need = found["predicted_need"]["theory"]
    assert need == pytest.approx(0.5 / found["policies"]["uniform"]["trajectory_kl"]["closest"])


def test_the_regression_values_of_deep_sea_come_back() -> None:
    mdp = deep_sea(6)
    rows = calibrate_mdp(mdp, uniform(mdp), lams=(0.1,))["policies"]["prior"]["lams"]
    assert rows[0]["regularised_value"] == pytest.approx(0.58441222, abs=1e-7)
    assert rows[0]["value"] == pytest.approx(0.99701458, abs=1e-7)
    assert rows[0]["kl"] == pytest.approx(4.126024, abs=1e-6)


@pytest.mark.parametrize("mdp", [deep_sea(5), river_swim(), frozen_lake()], ids=lambda mdp: str(mdp.name))
def test_the_best_lam_is_the_largest_that_loses_no_more_than_allowed(mdp: TabularMDP) -> None:
    prior, top = uniform(mdp), float(optimal(mdp).v[0, mdp.initial_state])
    loss = 0.05 * top
    lam = largest_lam(mdp, prior, loss)

    def lost(lam: float) -> float:
        return top - float(evaluate(mdp, solve(mdp, prior, lam).policy).v[0, mdp.initial_state])

    assert lost(lam) <= loss < lost(1.01 * lam)
    assert largest_lam(mdp, prior, top) == math.inf


def test_the_theory_is_on_the_safe_side_of_the_best_lam() -> None:
    mdp = garnet(6, 3, 5, seed=2)
    for policy in calibrate_mdp(mdp, at_kl(mdp, 1.0), lams=LAMS)["policies"].values():
        assert policy["theory_lam"] <= policy["best_lam"]


def test_exact_values_order_everything_and_the_perfect_prior_too() -> None:
    mdp = garnet(6, 3, 5, seed=3)
    found = calibrate_mdp(mdp, boltzmann(mdp, 5.0), lams=LAMS, values=("exact", "zero"))
    for row in found["ranking"]:
        if row["value"] == "exact" or math.isinf(row["lam"]):
            assert row["ordered"] == pytest.approx(1.0)
            assert row["greedy"] == pytest.approx(1.0)


def test_coverage_of_the_uniform_prior_is_counting() -> None:
    mdp = garnet(6, 4, 3, seed=4)
    found = calibrate_mdp(mdp, uniform(mdp), lams=(0.0,))["policies"]["prior"]
    for k in (1, 2, 3):
        assert found["all_states"][f"top{k}"] == pytest.approx(k / 4)
    assert found["on_optimal_path"]["kl_optimal"] == pytest.approx(math.log(4))


def test_bad_input_is_refused() -> None:
    mdp = deep_sea(3)
    with pytest.raises(InputError, match="no probability"):
        calibrate_mdp(mdp, optimal(mdp).log_policy, lams=LAMS)
    with pytest.raises(InputError, match="epsilon must be positive"):
        calibrate_mdp(mdp, uniform(mdp), lams=LAMS, epsilon=0.0)
    with pytest.raises(UnknownName, match="value of a tabular world"):
        calibrate_mdp(mdp, uniform(mdp), lams=LAMS, values=("learned",))
    nothing = TabularMDP.stationary(np.ones((1, 2, 1)), np.zeros((1, 2)), horizon=2)
    with pytest.raises(InputError, match="nothing can be earned"):
        calibrate_mdp(nothing, uniform(nothing), lams=LAMS)
