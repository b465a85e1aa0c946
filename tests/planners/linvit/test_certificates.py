"""Certificates: the formulas by hand, their order, and that they hold where the truth is known."""

import math

import numpy as np
import pytest

from envs.tabular import TabularMDP, garnet
from planners.linvit import Linvit, LinvitResult, at_kl, solve
from planners.linvit.bounds import Problem
from planners.linvit.certificates import fast_certificate, gap_certificate, model_nats, proved_certificate
from planners.linvit.counts import Counts
from planners.linvit.lemmas import expected_sum, shortfall

LAM = 0.5


@pytest.fixture(scope="module")
def env() -> TabularMDP:
    return garnet(4, 3, 3, 2, seed=3, stationary=False)


@pytest.fixture(scope="module")
def result(env: TabularMDP) -> LinvitResult:
    learner = Linvit(0.4, 0.1, lam=LAM, stop=False, oracle=False)
    return learner.run(env, 2000, np.random.default_rng(0), log_prior=at_kl(env, 0.3))


def test_the_fast_certificate_is_the_mean_over_episodes_in_the_estimated_model(
    env: TabularMDP, result: LinvitResult
) -> None:
    assert result.bounds is not None
    model = result.counts.model()
    model[result.counts.visits == 0, 0] = 1.0  # not reached, so of no weight
    learned = TabularMDP(model, env.r, env.initial_state)
    charge = (result.bounds.spread**2).max(axis=-1) / (2 * LAM)
    wanted = expected_sum(learned, result.bounds.optimistic, charge)
    assert result.certificate == pytest.approx(wanted, rel=1e-12)


def test_the_gap_is_upper_minus_lower_at_the_start(env: TabularMDP, result: LinvitResult) -> None:
    assert result.bounds is not None
    found = result.bounds.v_upper[0, env.initial_state] - result.bounds.v_lower[0, env.initial_state]
    assert gap_certificate(result.bounds, env.initial_state) == found == result.gap


def test_without_a_price_only_the_gap_is_defined(env: TabularMDP, result: LinvitResult) -> None:
    assert result.bounds is not None
    assert fast_certificate(result.bounds, result.counts.model(), 0.0, env.initial_state) == math.inf


def test_the_proved_certificate_is_at_least_the_shortfall_and_approaches_it_with_more_episodes(env: TabularMDP) -> None:
    prior = at_kl(env, 0.3)
    solution, problem = solve(env, prior, LAM), Problem.of(env, prior)
    learner = Linvit(0.4, 0.1, lam=LAM, stop=False, oracle=False)
    found: list[float] = []
    counts, rng = Counts.empty(env), np.random.default_rng(0)
    for _ in range(3):
        result = learner.run(env, 3000, rng, log_prior=prior, resume=counts)
        counts = result.counts
        assert result.bounds is not None
        found.append(proved_certificate(result.bounds, problem, counts, LAM, 0.1))
        assert found[-1] >= shortfall(env, solution, result.bounds.optimistic, prior, LAM)
    assert found[2] < found[1] < found[0]


def test_before_the_first_episode_the_proved_certificate_is_at_most_the_sum_of_the_caps(env: TabularMDP) -> None:
    result = Linvit(0.4, 0.1, lam=LAM, certificate="proved").run(env, 0, np.random.default_rng(0))
    assert 0 < result.certificate <= 3 + 2 + 1
    assert np.isinf(model_nats(Counts.empty(env).visits, 0.1)).all()


def test_the_divergence_of_a_seen_row_from_the_true_one_stays_below_its_bound(env: TabularMDP) -> None:
    rng, true = np.random.default_rng(4), np.array([0.6, 0.3, 0.1, 0.0])
    for _ in range(50):
        drawn = np.cumsum(rng.multinomial(1, true, size=300), axis=0)
        for n in (1, 3, 10, 100, 300):
            seen = drawn[n - 1] / n
            inside = seen > 0
            nats = (seen[inside] * np.log(seen[inside] / true[inside])).sum()
            assert nats <= model_nats(np.full((1, 4, 1), n), 0.1)[0, 0, 0]
