from math import log

import numpy as np
import pytest

from envs.tabular import (
    TabularMDP,
    chain,
    combination_lock,
    deep_sea,
    frozen_lake,
    garnet,
    gridworld,
    river_swim,
)
from planners.linvit import at_kl, evaluate, optimal, solve, uniform
from slinvit import InputError

# V_lam, V of its policy and KL of its policy, with the uniform prior and with the prior at KL 0.5
VALUES = [
    (river_swim(), 0.75332894, (0.02294832, 0.55495204)),
    (deep_sea(6), 1.0, (0.02062500, 0.60884084)),
    (frozen_lake(), 0.19913270, (0.01244482, 0.18207098)),
    (frozen_lake(slippery=False), 1.0, (0.01244482, 0.86977555)),
]
REGULARISED = [
    (river_swim(), 0.01, (0.68118089, 0.75011335, 6.893246), (0.74891298, 0.75312902, 0.421604)),
    (river_swim(), 0.1, (0.22146500, 0.50995617, 2.884912), (0.71561003, 0.74744992, 0.318399)),
    (river_swim(), 1.0, (0.02652284, 0.03152564, 0.005003), (0.60901160, 0.65060448, 0.041593)),
    (deep_sea(6), 0.01, (0.95841117, 1.0, 4.158883), (0.99500000, 1.0, 0.5)),
    (deep_sea(6), 0.1, (0.58441222, 0.99701458, 4.126024), (0.95000312, 0.99996894, 0.499658)),
    (deep_sea(6), 1.0, (0.03136568, 0.04603559, 0.014670), (0.71515768, 0.80755229, 0.092395)),
    (frozen_lake(), 0.01, (0.08043555, 0.13893101, 5.849545), (0.19629453, 0.19855056, 0.225602)),
    (frozen_lake(), 0.1, (0.01939578, 0.02636371, 0.069679), (0.18794398, 0.19181460, 0.038706)),
    (frozen_lake(), 1.0, (0.01313059, 0.01381904, 0.000688), (0.18291060, 0.18371142, 0.000801)),
    (frozen_lake(slippery=False), 0.1, (0.56171458, 0.99641024, 4.346957), (0.98604867, 0.99999320, 0.139445)),
]


@pytest.mark.parametrize(("mdp", "best", "of_priors"), VALUES, ids=lambda value: getattr(value, "name", None))
def test_the_value_of_the_optimum_and_of_both_priors(
    mdp: TabularMDP, best: float, of_priors: tuple[float, float]
) -> None:
    start = mdp.initial_state
    assert optimal(mdp).v[0, start] == pytest.approx(best, abs=1e-7)
    for prior, expected in zip((uniform(mdp), at_kl(mdp, 0.5)), of_priors, strict=True):
        assert evaluate(mdp, np.exp(prior)).v[0, start] == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize(
    ("mdp", "lam", "with_uniform", "with_mix"), REGULARISED, ids=lambda value: getattr(value, "name", None)
)
def test_the_regularised_values(
    mdp: TabularMDP, lam: float, with_uniform: tuple[float, ...], with_mix: tuple[float, ...]
) -> None:
    start = mdp.initial_state
    for prior, expected in ((uniform(mdp), with_uniform), (at_kl(mdp, 0.5), with_mix)):
        solution = solve(mdp, prior, lam)
        worth = evaluate(mdp, solution.policy, prior)
        found = (solution.v[0, start], worth.v[0, start], worth.kl[0, start])
        assert found[:2] == pytest.approx(expected[:2], abs=1e-7)
        assert found[2] == pytest.approx(expected[2], abs=1e-6)  # six digits are known
        assert found[0] == pytest.approx(found[1] - lam * found[2], abs=1e-12)


def test_the_best_return_in_deep_sea_is_one_and_uniform_finds_it_once_in_two_to_the_size() -> None:
    for size in (1, 2, 5):
        mdp = deep_sea(size)
        assert (mdp.horizon, mdp.num_states) == (size, size * size + 1)
        assert optimal(mdp).v[0, 0] == pytest.approx(1.0)
        left = 0.01 / size * size / 2
        assert evaluate(mdp, np.exp(uniform(mdp))).v[0, 0] == pytest.approx(0.5**size + left)


def test_the_chain_pays_the_mean_over_what_is_done() -> None:
    mdp = chain(num_states=3, horizon=2, slip=0.25, small=0.2)
    assert mdp.r[0].tolist() == pytest.approx(np.array([[0.05, 0.15], [0.05, 0.15], [0.8, 0.4]]))
    assert mdp.p[1, 0].tolist() == [0.25, 0.0, 0.75]
    assert mdp.p[1, 1].tolist() == [0.75, 0.0, 0.25]
    assert optimal(chain(4, 6, slip=0.0)).v[0, 0] == pytest.approx(max(6 * 0.2, 3 * 1.0))


@pytest.mark.parametrize("length", [1, 4])
def test_a_lock_opens_for_one_combination_only(length: int) -> None:
    mdp = combination_lock(length, 3, seed=2)
    assert mdp.horizon == length
    assert optimal(mdp).v[0, 0] == 1.0
    assert evaluate(mdp, np.exp(uniform(mdp))).v[0, 0] == pytest.approx(3.0**-length)
    assert optimal(combination_lock(length, 3, horizon=3 * length, seed=2)).v[0, 0] == 1.0


def test_locks_with_other_seeds_have_other_combinations() -> None:
    assert len({combination_lock(6, 4, seed=seed).p.tobytes() for seed in range(5)}) == 5


@pytest.mark.parametrize("stationary", [True, False])
@pytest.mark.parametrize("branching", [1, 2, 6])
def test_a_garnet_has_as_many_successors_as_asked_for(stationary: bool, branching: int) -> None:
    mdp = garnet(6, 3, 5, branching, seed=4, stationary=stationary)
    assert mdp.is_stationary == stationary
    assert ((mdp.p > 0).sum(axis=-1) == branching).all()
    assert mdp.is_deterministic == (branching == 1)
    assert (mdp.r[0] == mdp.r[1]).all() == stationary
    np.testing.assert_array_equal(mdp.p, garnet(6, 3, 5, branching, seed=4, stationary=stationary).p)
    assert not np.array_equal(mdp.p, garnet(6, 3, 5, branching, seed=5, stationary=stationary).p)


def test_every_world_can_be_solved_and_has_texts_of_its_own() -> None:
    for mdp in (river_swim(), deep_sea(), frozen_lake(), garnet(seed=0), chain(), combination_lock(), gridworld()):
        solution = solve(mdp, uniform(mdp), 0.1)
        assert 0 <= solution.v[0, mdp.initial_state] <= mdp.horizon
        assert len({mdp.observation(state) for state in range(mdp.num_states)}) == mdp.num_states
        assert len({mdp.action_name(action) for action in range(mdp.num_actions)}) == mdp.num_actions


def test_the_uniform_prior_in_river_swim_is_at_the_logarithm_of_two_per_step() -> None:
    mdp = river_swim()
    assert evaluate(mdp, optimal(mdp).policy, uniform(mdp)).kl[0, 0] == pytest.approx(12 * log(2))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: river_swim(1), "river_swim: num_states must be 2 or more, not 1"),
        (lambda: deep_sea(0), "deep_sea: size must be 1 or more, not 0"),
        (lambda: chain(slip=1.5), "chain: slip must be between 0 and 1, not 1.5"),
        (lambda: chain(small=-1.0), "chain: small must be between 0 and 1"),
        (lambda: combination_lock(0), "combination_lock: length must be 1 or more"),
        (lambda: combination_lock(3, horizon=0), "the horizon must be 1 or more"),
        (lambda: garnet(3, 2, 4, 5, seed=0), "branching 5 needs as many states, there are 3"),
        (lambda: garnet(3, 0, seed=0), "garnet: num_actions must be 1 or more"),
        (lambda: garnet(horizon=0), "garnet: horizon must be 1 or more, not 0"),
        (lambda: garnet(5, 3, 0, stationary=False), "garnet: horizon must be 1 or more, not 0"),
        (lambda: river_swim(2.5, 2), "river_swim: num_states must be a whole number, not 2.5"),  # type: ignore[arg-type]
        (lambda: river_swim(horizon=2.5), "river_swim: the horizon must be a whole number"),  # type: ignore[arg-type]
        (lambda: deep_sea("6"), "deep_sea: size must be a whole number, not '6'"),  # type: ignore[arg-type]
        (lambda: deep_sea(100_000), r"deep_sea: size 100000 needs a table of 1\.49e\+12 GiB"),
        (lambda: chain(horizon=10**12), "chain: the horizon 1000000000000 needs a table"),
    ],
)
def test_sizes_that_make_no_world_are_refused(make: object, message: str) -> None:
    assert callable(make)
    with pytest.raises(InputError, match=message):
        make()
