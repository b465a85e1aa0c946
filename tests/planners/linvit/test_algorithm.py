"""LINVIT as a whole: sandwich, certificates, resuming, exploration, refusals."""

import math
from typing import Literal

import numpy as np
import pytest

from envs.tabular import TabularMDP, deep_sea, garnet, river_swim
from planners.linvit import Linvit, at_kl, evaluate, optimal, uniform
from planners.linvit.algorithm import Exploration
from slinvit.errors import InputError
from slinvit.types import FloatArray

ROUNDING = 1e-10


def instance(seed: int = 0) -> tuple[TabularMDP, FloatArray]:
    env = garnet(5, 3, 4, 2, seed=seed, stationary=False)
    return env, at_kl(env, 0.2)


def lost(env: TabularMDP, policy: FloatArray) -> float:
    return float(optimal(env).v[0, env.initial_state] - evaluate(env, policy).v[0, env.initial_state])


def runs_outside_their_bounds(bonus: Literal["certified"] | float, episodes: int) -> int:
    env, prior = instance()
    learner = Linvit(0.4, 0.1, eps_llm=0.2, bonus=bonus, stop=False)
    runs = (learner.run(env, episodes, np.random.default_rng(seed), log_prior=prior) for seed in range(20))
    return sum(bool(run.trace.violation.max() > ROUNDING) for run in runs)


def test_at_a_full_bonus_the_truth_is_sandwiched_in_every_run() -> None:
    assert runs_outside_their_bounds("certified", 200) == 0


def test_at_a_twentieth_of_the_bonus_every_run_leaves_its_bounds() -> None:
    assert runs_outside_their_bounds(0.05, 100) == 20


@pytest.mark.parametrize("seed", range(6))
def test_a_certified_run_returns_a_policy_within_epsilon(seed: int) -> None:
    env, prior = instance(seed)
    learner = Linvit(0.4, 0.1, eps_llm=0.2, bonus="practical")
    result = learner.run(env, 20000, np.random.default_rng(seed), log_prior=prior)
    assert result.stopped_by == "certificate"
    assert result.certificate <= 0.2
    assert lost(env, result.policy) <= 0.4
    assert result.episodes == result.episodes_to_certificate == result.trace.episode[-1]
    assert result.episodes_to_optimal is not None
    assert result.episodes_to_optimal <= result.episodes


@pytest.mark.parametrize("certificate", ["plug-in", "proved"])
def test_at_the_certified_bonus_the_policy_is_within_epsilon(certificate: str) -> None:
    env = garnet(3, 2, 2, 2, seed=0, stationary=False)
    learner = Linvit(0.6, 0.1, eps_llm=0.1, certificate=certificate)  # type: ignore[arg-type]
    for seed in range(5):
        result = learner.run(env, 20000, np.random.default_rng(seed), log_prior=at_kl(env, 0.1))
        assert result.stopped_by == "certificate"
        assert lost(env, result.policy) <= 0.6
        assert result.trace.violation.max() <= ROUNDING


def test_stopped_by_the_gap_the_pessimistic_policy_is_returned_and_within_epsilon() -> None:
    env = deep_sea(4)
    learner = Linvit(0.3, 0.1, eps_llm=4 * math.log(2), bonus="practical", max_return=1.0)
    result = learner.run(env, 20000, np.random.default_rng(0))
    assert result.stopped_by == "gap"
    assert result.bounds is not None
    np.testing.assert_array_equal(result.policy, result.bounds.pessimistic)
    assert lost(env, result.policy) <= 0.3


@pytest.mark.parametrize("exploration", ["mixture", "greedy", "uniform"])
def test_two_halves_are_the_same_run_as_the_whole(exploration: Exploration) -> None:
    env, prior = instance()
    learner = Linvit(0.4, 0.1, eps_llm=0.2, exploration=exploration)
    whole = learner.run(env, 346, np.random.default_rng(7), log_prior=prior)
    rng = np.random.default_rng(7)
    half = learner.run(env, 173, rng, log_prior=prior)  # between two planning rounds
    rest = learner.run(env, 173, rng, log_prior=prior, resume=half.counts)
    np.testing.assert_array_equal(whole.counts.transitions, rest.counts.transitions)
    np.testing.assert_array_equal(whole.counts.at_last_planning().transitions, rest.counts.planned)
    assert whole.certificate == rest.certificate
    np.testing.assert_array_equal(whole.policy, rest.policy)
    scheduled = rest.trace.episode[1:]  # the first repeats the round that the first half was playing
    np.testing.assert_array_equal(whole.trace.episode[-len(scheduled) :], scheduled)


def test_a_certified_run_stops_at_once_when_resumed() -> None:
    env, prior = instance()
    learner = Linvit(0.4, 0.1, eps_llm=0.2, bonus="practical")
    done = learner.run(env, 20000, np.random.default_rng(0), log_prior=prior)
    again = learner.run(env, 20000, np.random.default_rng(1), log_prior=prior, resume=done.counts)
    assert (again.episodes, again.stopped_by) == (done.episodes, done.stopped_by)


def test_only_samples_are_used_for_learning() -> None:
    env, prior = instance()
    learner = Linvit(0.4, 0.1, eps_llm=0.2, stop=False)
    looked = learner.run(env, 100, np.random.default_rng(0), log_prior=prior)
    blind = Linvit(0.4, 0.1, eps_llm=0.2, stop=False, oracle=False).run(
        env, 100, np.random.default_rng(0), log_prior=prior
    )
    np.testing.assert_array_equal(looked.counts.transitions, blind.counts.transitions)
    assert np.isnan(blind.trace.regret).all()
    assert not np.isnan(looked.trace.regret).any()


def test_the_mixture_certifies_at_least_three_times_sooner_than_the_greedy_policy() -> None:
    env, prior = instance()
    taken = {}
    for exploration in ("mixture", "greedy"):
        learner = Linvit(0.4, 0.1, eps_llm=0.2, bonus="practical", exploration=exploration, oracle=False, stop=False)
        trace = learner.run(env, 10000, np.random.default_rng(0), log_prior=prior).trace
        taken[exploration] = float(np.append(trace.episode[trace.certificate <= 0.2], math.inf)[0])
    assert 3 * taken["mixture"] <= taken["greedy"]


def test_illegal_actions_are_never_taken() -> None:
    base = garnet(5, 3, 4, 2, seed=0, stationary=False)
    legal = np.ones(base.r.shape, dtype=bool)
    legal[:, ::2, 1] = False
    env = TabularMDP(base.p, base.r, legal=legal)
    for exploration in ("mixture", "greedy", "uniform"):
        learner = Linvit(0.4, 0.1, lam=0.5, exploration=exploration)
        result = learner.run(env, 200, np.random.default_rng(0))
        assert not result.counts.visits[~legal].any()
        assert np.isfinite([result.certificate, result.gap, *result.trace.kl_regret]).all()
        assert result.trace.violation.max() <= ROUNDING


def test_the_price_is_half_of_epsilon_per_nat_of_the_prior() -> None:
    _, prior = instance()
    assert Linvit(0.4, 0.1, eps_llm=0.2).guesses(prior).lams == (1.0,)
    assert Linvit(0.4, 0.1, eps_llm=0.2, lam=0.3).guesses(prior).lams == (0.3,)


def test_the_bias_that_a_certificate_leaves_out_is_told() -> None:
    env, prior = instance()
    assert Linvit(0.4, 0.1, eps_llm=0.2).bias == pytest.approx(0.2)
    assert Linvit(0.4, 0.1, eps_llm=0.2, lam=0.3).bias == pytest.approx(0.06)
    assert Linvit(0.4, 0.1, lam=0.0).bias == 0.0
    alone = Linvit(0.1, 0.1, lam=1e4).run(river_swim(6, 12), 10, np.random.default_rng(0))
    assert (alone.stopped_by, alone.episodes, alone.bias) == ("certificate", 0, None)
    assert alone.oracle_gap > 0.7, "a large lam certifies the prior, however bad"
    guessed = Linvit(2.0, 0.1).run(env, 20000, np.random.default_rng(0), log_prior=prior)
    assert guessed.stopped_by != "episodes"
    assert guessed.bias is not None
    assert min(guessed.certificate, guessed.gap) + guessed.bias <= 2.0
    with pytest.raises(InputError, match=r"cost up to lam \* eps_llm = 0.4, more than epsilon / 2 = 0.2"):
        Linvit(0.4, 0.1, eps_llm=0.2, lam=2.0)


def test_the_oracle_judges_the_policy_that_is_returned_and_the_optimistic_one() -> None:
    env = deep_sea(4)
    learner = Linvit(0.3, 0.1, eps_llm=4 * math.log(2), bonus="practical", max_return=1.0)
    result = learner.run(env, 300, np.random.default_rng(0))
    assert result.bounds is not None
    assert result.oracle_gap == pytest.approx(lost(env, result.policy))
    assert result.oracle_gap_optimistic == pytest.approx(lost(env, result.bounds.optimistic))
    assert "300 episodes" in repr(result)
    assert len(repr(result)) < 250


def test_what_is_not_a_run_is_refused() -> None:
    env, _ = instance()
    learner = Linvit(0.4, 0.1, eps_llm=0.2)
    result = learner.run(env, 3, np.random.default_rng(0))
    with pytest.raises(InputError, match=r"whole number, 0 or more, not 2\.5"):
        learner.run(env, 2.5, np.random.default_rng(0))  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"np\.random\.default_rng"):
        learner.run(env, 2, 0)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"resume=result\.counts"):
        learner.run(env, 2, np.random.default_rng(0), resume=result)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="max_return must be positive"):
        Linvit(0.4, 0.1, eps_llm=0.2, max_return=0.0)
    with pytest.raises(InputError, match="scale of the bonus"):
        Linvit(0.4, 0.1, eps_llm=0.2, bonus=True)


def test_without_a_price_the_backup_is_the_plain_maximum_and_only_the_gap_certifies() -> None:
    env, _ = instance()
    result = Linvit(0.4, 0.1, lam=0.0, stop=False).run(env, 300, np.random.default_rng(0))
    assert result.bounds is not None
    np.testing.assert_allclose(result.bounds.v_upper[:-1], result.bounds.q_upper.max(axis=-1))
    assert (result.trace.certificate == math.inf).all()
    assert result.trace.violation.max() <= ROUNDING
    np.testing.assert_allclose(result.trace.kl_regret, result.trace.regret)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epsilon": 0.0}, "epsilon must be positive"),
        ({"epsilon": math.nan}, "epsilon must be positive"),
        ({"delta": 0.0}, "delta must be between 0 and 1"),
        ({"delta": 1.0}, "delta must be between 0 and 1"),
        ({"lam": -0.1}, "lam must be 0 or more"),
        ({"lam": math.inf}, "use PriorAlone"),
        ({"eps_llm": 0.0}, "eps_llm must be positive"),
        ({"bonus": 0.0}, "bonus must be positive"),
        ({"bonus": "certifed"}, "did you mean 'certified'"),
        ({"exploration": "greedyy"}, "did you mean 'greedy'"),
        ({"certificate": "prove"}, "did you mean 'proved'"),
    ],
)
def test_a_setting_outside_its_range_is_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Linvit(**{"epsilon": 0.4, "delta": 0.1, **settings})  # type: ignore[arg-type]


def test_a_prior_that_excludes_an_action_is_refused_with_an_offer() -> None:
    env, _ = instance()
    prior = np.log(np.maximum(optimal(env).policy, 1e-300))
    prior[optimal(env).policy == 0] = -math.inf
    with pytest.raises(InputError, match="mixed_with_uniform"):
        Linvit(0.4, 0.1).run(env, 1, np.random.default_rng(0), log_prior=prior)


def test_a_negative_number_of_episodes_is_refused() -> None:
    env, _ = instance()
    with pytest.raises(InputError, match="0 or more, not -1"):
        Linvit(0.4, 0.1).run(env, -1, np.random.default_rng(0), log_prior=uniform(env))
