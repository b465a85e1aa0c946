"""The compiled loops against the numpy reference."""

import math
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.tabular import TabularMDP, deep_sea, frozen_lake, garnet, river_swim
from planners.linvit import Counts, Linvit, LinvitResult, at_kl
from planners.linvit.algorithm import Exploration
from planners.linvit.compiled import backward_induction, transition_rows
from planners.linvit.core import backward_induction as reference
from planners.linvit.core import finite_rewards
from planners.linvit.kernels import exponentials
from planners.linvit.result import Record
from planners.linvit.seeds import run_seeds
from slinvit.errors import InputError, UnknownName

MDPS = {
    "garnet": lambda: garnet(6, 3, 5, seed=1),
    "garnet that changes": lambda: garnet(6, 2, 5, seed=3, stationary=False),
    "thin garnet": lambda: garnet(40, 3, 6, branching=3, seed=4),
    "thin garnet that changes": lambda: garnet(40, 3, 6, branching=3, seed=4, stationary=False),
    "river": lambda: river_swim(6, 12),
    "sea": lambda: deep_sea(5),
    "lake": lambda: frozen_lake(),
}
LEARNER = Linvit(0.4, 0.1, eps_llm=0.5, bonus=0.05)


def check_equal(found: LinvitResult, wanted: LinvitResult) -> None:
    np.testing.assert_array_equal(found.counts.transitions, wanted.counts.transitions)
    assert found.counts.planned is not None
    assert wanted.counts.planned is not None
    np.testing.assert_array_equal(found.counts.planned, wanted.counts.planned)
    assert (found.counts.guess, found.stopped_by) == (wanted.counts.guess, wanted.stopped_by)
    for column in Record._fields:
        ours, theirs = getattr(found.trace, column), getattr(wanted.trace, column)
        assert ours.dtype == theirs.dtype
        np.testing.assert_allclose(ours, theirs, atol=1e-10, rtol=1e-10, err_msg=column)
    np.testing.assert_allclose(found.policy, wanted.policy, atol=1e-10)
    assert found.certificate == pytest.approx(wanted.certificate, abs=1e-10)
    assert found.gap == pytest.approx(wanted.gap, abs=1e-10)


@pytest.mark.parametrize("lam", [0.0, 1e-4, 0.1, 10.0, math.inf])
@pytest.mark.parametrize("name", MDPS)
def test_compiled_values_are_those_of_numpy(name: str, lam: float) -> None:
    mdp = MDPS[name]()
    prior = np.log(np.random.default_rng(0).dirichlet(np.ones(mdp.num_actions), size=mdp.r.shape[:2]))
    bonus, ceiling = np.random.default_rng(1).normal(size=mdp.r.shape), np.arange(mdp.horizon, 0, -1.0)
    rows = transition_rows(mdp)
    assert (len(rows.table) == 0) == (name in ("sea", "lake") or name.startswith("thin"))
    for extra in ({}, {"bonus": bonus, "ceiling": ceiling}):
        found = backward_induction(rows, finite_rewards(mdp), prior, lam, **extra)
        wanted = reference(mdp.expected, finite_rewards(mdp), prior, lam, **extra)
        for ours, theirs in zip(found, wanted, strict=True):
            np.testing.assert_allclose(ours, theirs, atol=1e-11)


def test_sparse_and_dense_transitions_give_the_same_rows() -> None:
    mdp = garnet(400, 2, 3, branching=2, seed=0)
    thin = mdp.compact()
    assert thin.is_sparse
    for ours, theirs in zip(transition_rows(mdp), transition_rows(thin), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@given(st.lists(st.floats(-800, 0), min_size=1, max_size=30))
@settings(deadline=None)
def test_exponentials_are_those_of_numpy(values: list[float]) -> None:
    x = np.array(values)
    found = x.copy()
    exponentials(found)
    np.testing.assert_allclose(found, np.where(x > -708, np.exp(x), 0.0), rtol=1e-15)


def test_exponentials_of_minus_infinity_are_zero() -> None:
    x = np.array([-math.inf, -1e300, -708.5, 0.0])
    exponentials(x)
    assert x.tolist() == [0.0, 0.0, 0.0, 1.0]


@pytest.mark.parametrize("name", MDPS)
@pytest.mark.parametrize("exploration", ["mixture", "greedy", "uniform"])
def test_a_compiled_run_is_the_run_of_the_reference(name: str, exploration: Exploration) -> None:
    mdp = MDPS[name]()
    learner = replace(LEARNER, exploration=exploration, stop=exploration != "uniform")
    prior = at_kl(mdp, 0.5)
    found = run_seeds(learner, mdp, 150, [0, 7], log_prior=prior)
    for seed, result in zip([0, 7], found, strict=True):
        check_equal(result, learner.run(mdp, 150, np.random.default_rng(seed), log_prior=prior))


@pytest.mark.parametrize(("name", "epsilon"), [("garnet", 1.0), ("river", 2.0), ("sea", 0.5)])
def test_a_compiled_run_doubles_its_guess_like_the_reference(name: str, epsilon: float) -> None:
    mdp = MDPS[name]()
    learner = Linvit(epsilon, 0.1, bonus=0.05, max_return=1.0 if name == "sea" else None)
    [found] = run_seeds(learner, mdp, 200, [3])
    assert len(set(found.trace.lam)) > 1, "the guess was never doubled"
    check_equal(found, learner.run(mdp, 200, np.random.default_rng(3)))


def test_where_there_is_nothing_to_choose_both_backends_stop_at_the_same_episode() -> None:
    base = garnet(4, 3, 3, seed=0)
    legal = np.zeros((4, 3), dtype=bool)
    legal[:, 0] = True
    forced = TabularMDP.stationary(base.p, base.r[0], 3, legal=legal)
    learner = Linvit(0.5, 0.1, bonus=0.3)  # no choice, no price: the shortfall may use all of epsilon
    [found] = run_seeds(learner, forced, 400, [0])
    wanted = learner.run(forced, 400, np.random.default_rng(0))
    assert wanted.stopped_by != "episodes"
    assert min(wanted.certificate, wanted.gap) > 0.25
    check_equal(found, wanted)


def test_a_compiled_run_can_be_resumed_by_the_reference() -> None:
    mdp = MDPS["lake"]()
    [part] = run_seeds(LEARNER, mdp, 60, [1])
    rng = np.random.default_rng(1)
    rng.random(60 * (2 * mdp.horizon + 1))
    whole = LEARNER.run(mdp, 130, np.random.default_rng(1))
    resumed = LEARNER.run(mdp, 70, rng, resume=part.counts)
    np.testing.assert_array_equal(resumed.counts.transitions, whole.counts.transitions)


def test_illegal_actions_are_never_taken() -> None:
    mdp = garnet(5, 4, 4, seed=2)
    legal = np.ones((5, 4), dtype=bool)
    legal[::2, 1] = legal[1::2, 0] = False
    masked = TabularMDP(mdp.p, mdp.r, legal=legal)
    for learner in (LEARNER, replace(LEARNER, exploration="uniform")):
        [found] = run_seeds(learner, masked, 200, [0])
        assert not found.counts.visits[:, ~legal].any()
        check_equal(found, learner.run(masked, 200, np.random.default_rng(0)))


def test_without_the_oracle_nothing_is_judged() -> None:
    [found] = run_seeds(replace(LEARNER, oracle=False), MDPS["garnet"](), 30, [0])
    assert np.isnan(found.trace.oracle_gap).all()
    assert np.isnan(found.trace.regret).all()


def test_threads_and_backends_give_the_same_seeds() -> None:
    mdp = MDPS["garnet"]()
    one, two, plain = (
        run_seeds(LEARNER, mdp, 100, range(5)),
        run_seeds(LEARNER, mdp, 100, range(5), threads=2),
        run_seeds(LEARNER, mdp, 100, range(5), backend="numpy"),
    )
    for a, b, c in zip(one, two, plain, strict=True):
        np.testing.assert_array_equal(a.counts.transitions, b.counts.transitions)
        np.testing.assert_array_equal(a.trace.gap, b.trace.gap)
        check_equal(a, c)


def test_no_episodes_is_one_round() -> None:
    [found] = run_seeds(LEARNER, MDPS["garnet"](), 0, [0])
    assert (len(found.trace), found.episodes) == (1, 0)
    assert isinstance(found.counts, Counts)


def test_bad_requests_are_refused() -> None:
    mdp = MDPS["garnet"]()
    with pytest.raises(UnknownName, match="numba"):
        run_seeds(LEARNER, mdp, 1, [0], backend="numb")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="1 or more threads, not 0"):
        run_seeds(LEARNER, mdp, 1, [0], threads=0)
    with pytest.raises(InputError, match="0 or more episodes, not -1"):
        run_seeds(LEARNER, mdp, -1, [0])
    with pytest.raises(InputError, match='backend="numpy"'):
        run_seeds(replace(LEARNER, certificate="proved"), mdp, 1, [0])


def test_numba_is_imported_only_when_something_is_compiled() -> None:
    code = "import sys, planners.linvit.seeds; assert 'numba' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_kernels_compile_where_no_folder_can_be_written_to() -> None:
    code = (
        "from numba.core import caching\n"
        "caching.CacheImpl._locator_classes = []\n"  # as where neither the package nor the home can be written to
        "import numpy as np\n"
        "from planners.linvit.kernels import exponentials\n"
        "x = np.zeros(3); exponentials(x); assert (x == 1).all()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
