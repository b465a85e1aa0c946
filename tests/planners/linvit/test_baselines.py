"""Baselines: the same interface, sensible learning, and each one's own formula."""

import math

import numpy as np
import pytest

from envs.tabular import TabularMDP, chain, garnet
from planners.linvit import (
    KlUcb,
    Learner,
    Linvit,
    LinvitResult,
    PosteriorSampling,
    PriorAlone,
    QLearning,
    Ucbvi,
    at_kl,
    evaluate,
    optimal,
    solve,
    uniform,
)
from planners.linvit.baselines import q_learning
from planners.linvit.bounds import Problem
from slinvit.errors import InputError
from slinvit.types import FloatArray

LEARNERS: dict[str, Learner] = {
    "ucbvi": Ucbvi(0.4, 0.1, bonus="practical"),
    "kl_ucb": KlUcb(0.4, 0.1, lam=0.2, bonus="practical"),
    "q_learning": QLearning(0.4),
    "q_learning_with_prior": QLearning(0.4, lam=0.2),
    "posterior_sampling": PosteriorSampling(0.4),
    "posterior_sampling_with_prior": PosteriorSampling(0.4, lam=0.2),
    "prior_alone": PriorAlone(0.4),
}


def instance() -> tuple[TabularMDP, FloatArray]:
    env = garnet(5, 3, 4, 2, seed=0, stationary=False)
    return env, at_kl(env, 1.0)


def run(name: str, episodes: int, seed: int = 0) -> LinvitResult:
    env, prior = instance()
    return LEARNERS[name].run(env, episodes, np.random.default_rng(seed), log_prior=prior)


@pytest.mark.parametrize("name", LEARNERS)
def test_every_learner_reports_the_same_things(name: str) -> None:
    result = run(name, 60)
    assert (result.episodes, result.env_steps, result.stopped_by) == (60, 240, "episodes")
    np.testing.assert_allclose(result.policy.sum(axis=-1), 1.0)
    assert result.trace.regret.min() >= -1e-12
    assert (np.diff(result.trace.cumulative_regret) >= -1e-12).all()
    assert math.isnan(result.trace.kl_regret[-1]) == (name == "prior_alone")


@pytest.mark.parametrize("name", [name for name in LEARNERS if name != "prior_alone"])
def test_every_learner_gets_close_to_the_best_policy(name: str) -> None:
    env, _ = instance()
    best = float(optimal(env).v[0, env.initial_state])
    deployed = float(evaluate(env, run(name, 3000).policy).v[0, env.initial_state])
    assert best - deployed <= 0.25


@pytest.mark.parametrize("name", ["ucbvi", "kl_ucb", "q_learning", "q_learning_with_prior", "prior_alone"])
def test_a_resumed_run_is_the_unbroken_one(name: str) -> None:
    env, prior = instance()
    learner, rng = LEARNERS[name], np.random.default_rng(3)
    half = learner.run(env, 131, rng, log_prior=prior)
    rest = learner.run(env, 131, rng, log_prior=prior, resume=half.counts)
    whole = run(name, 262, seed=3)
    np.testing.assert_array_equal(rest.counts.transitions, whole.counts.transitions)
    np.testing.assert_array_equal(rest.policy, whole.policy)


def test_ucbvi_does_not_look_at_the_prior() -> None:
    env, _ = instance()
    blind = LEARNERS["ucbvi"].run(env, 60, np.random.default_rng(0))
    np.testing.assert_array_equal(blind.counts.transitions, run("ucbvi", 60).counts.transitions)


def test_kl_ucb_is_linvit_without_its_mixture() -> None:
    env, prior = instance()
    learner = Linvit(0.4, 0.1, lam=0.2, bonus="practical", exploration="greedy", stop=False)
    same = learner.run(env, 60, np.random.default_rng(0), log_prior=prior)
    np.testing.assert_array_equal(same.counts.transitions, run("kl_ucb", 60).counts.transitions)


def test_the_prior_alone_never_changes() -> None:
    _, prior = instance()
    result = run("prior_alone", 300)
    np.testing.assert_allclose(result.policy, np.exp(prior))
    assert len(set(result.trace.regret)) == 1


def test_one_episode_of_q_learning_moves_each_value_all_the_way_to_its_target() -> None:
    env, prior = instance()
    values = q_learning._Values(Problem.of(env, prior), QLearning(0.4, lam=0.2), None)
    path = [(0, 1, 2), (2, 0, 3), (3, 2, 1), (1, 1, 4)]
    for step, (state, action, _) in enumerate(path):
        wanted = env.r[step, state, action]
        values_after = values.observe(path) if step == 0 else values.q
        assert values_after[step, state, action] == pytest.approx(wanted)
    assert np.count_nonzero(values.q) == 4
    values.observe(path)
    rate = (env.horizon + 1) / (env.horizon + 2)
    soft = 0.2 * np.log((np.exp(prior[3, 1]) * np.exp(np.where(np.arange(3) == 1, env.r[3, 1, 1], 0) / 0.2)).sum())
    before = env.r[2, 3, 2]
    assert values.q[2, 3, 2] == pytest.approx(before + rate * (env.r[2, 3, 2] + soft - before))


def test_q_learning_without_price_and_prior_is_epsilon_greedy() -> None:
    env, _ = instance()
    values = q_learning._Values(Problem.of(env, uniform(env)), QLearning(0.4, explore=0.3), None)
    values.observe([(0, 1, 2), (2, 0, 3), (3, 2, 1), (1, 1, 4)])
    np.testing.assert_allclose(values.policy[0, 0], [0.1, 0.8, 0.1])
    np.testing.assert_allclose(values.policy[0, 1], 1 / 3)


def test_q_learning_refuses_counts_without_values() -> None:
    env, prior = instance()
    counts = run("ucbvi", 5).counts
    with pytest.raises(InputError, match="carry no values"):
        QLearning(0.4).run(env, 5, np.random.default_rng(0), log_prior=prior, resume=counts)


def test_with_many_counts_posterior_sampling_plays_the_solution() -> None:
    env = chain(4, 5)
    result = PosteriorSampling(0.4, lam=0.3).run(env, 4000, np.random.default_rng(0))
    wanted = solve(env, uniform(env), 0.3).policy
    assert abs(result.policy[0, env.initial_state] - wanted[0, env.initial_state]).max() < 0.05


@pytest.mark.parametrize(
    "make",
    [
        lambda: Ucbvi(-1.0, 0.1),
        lambda: KlUcb(0.4, 0.1, lam=-1.0),
        lambda: QLearning(0.4, explore=2.0),
        lambda: QLearning(0.4, lam=-1.0),
        lambda: PosteriorSampling(0.4, concentration=0.0),
        lambda: PosteriorSampling(0.4, lam=math.inf),
        lambda: PriorAlone(0.0),
    ],
)
def test_a_setting_outside_its_range_is_refused(make: object) -> None:
    assert callable(make)
    with pytest.raises(InputError, match="must be"):
        make()
