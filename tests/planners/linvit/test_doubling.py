"""An unknown distance of the prior: the guesses, when a run moves on, and what it may claim."""

import numpy as np
import pytest

from envs.tabular import garnet
from planners.linvit import Linvit, at_kl, evaluate, optimal, uniform
from planners.linvit.doubling import Guesses
from planners.linvit.lemmas import largest_kl


def test_guesses_double_from_a_tenth_up_to_the_ceiling() -> None:
    env = garnet(4, 3, 3, 2, seed=0)
    guesses = Guesses.doubling(0.4, uniform(env))
    nats = [0.4 / 2 / lam for lam in guesses.lams]
    assert nats == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 3 * np.log(3)])
    assert guesses.largest == pytest.approx(3 * np.log(3))
    assert guesses.unknown
    assert not Guesses((0.3,)).unknown


def test_a_run_with_unknown_distance_moves_from_guess_to_guess_and_its_policy_is_within_epsilon() -> None:
    env = garnet(5, 3, 4, 2, seed=0, stationary=False)
    learner = Linvit(0.4, 0.1, bonus="practical")
    result = learner.run(env, 40000, np.random.default_rng(0), log_prior=at_kl(env, 0.2))
    assert result.stopped_by != "episodes"
    assert (np.diff(result.trace.lam) <= 0).all()
    assert len(set(result.trace.lam)) > 2
    assert result.trace.certified.tolist() == [False] * (len(result.trace) - 1) + [True]
    lost = optimal(env).v[0, env.initial_state] - evaluate(env, result.policy).v[0, env.initial_state]
    assert lost <= 0.4


def test_the_last_guess_alone_would_have_been_the_ceiling() -> None:
    env = garnet(5, 3, 4, 2, seed=0, stationary=False)
    prior = at_kl(env, 0.2)
    assert Guesses.doubling(0.4, prior).lams[-1] * largest_kl(prior) == pytest.approx(0.2)


def test_a_doubling_run_can_be_resumed_in_the_middle_of_a_guess() -> None:
    env, prior = garnet(5, 3, 4, 2, seed=0, stationary=False), None
    learner = Linvit(0.4, 0.1, bonus="practical", oracle=False)
    whole = learner.run(env, 3000, np.random.default_rng(1), log_prior=prior)
    rng = np.random.default_rng(1)
    half = learner.run(env, 1777, rng, log_prior=prior)
    rest = learner.run(env, 3000 - 1777, rng, log_prior=prior, resume=half.counts)
    np.testing.assert_array_equal(whole.counts.transitions, rest.counts.transitions)
    assert (whole.lam, whole.gap) == (rest.lam, rest.gap)
