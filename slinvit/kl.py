"""KL-regularised decisions over a finite set of actions; the last axis is the action axis.

Log-probabilities are in nats; an action with log-probability ``-inf`` is outside the prior's support and never chosen.
``lam`` turns nats into units of return. ``lam = 0`` and ``lam = inf`` are limits, computed as such. All functions are
stable for Q / lam of 1e3 and priors of 1e-30.
"""

import math

import numpy as np
import numpy.typing as npt

from slinvit.errors import InputError
from slinvit.types import FloatArray


def kl_divergence(log_p: npt.ArrayLike, log_q: npt.ArrayLike) -> FloatArray:
    """Return KL(p || q) in nats; ``[..., A]`` to ``[...]``; ``inf`` where q excludes what p allows.

    Source: derived: docs/theory.md §1
    """
    p, q = np.asarray(log_p, dtype=np.float64), np.asarray(log_q, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        allowed = np.where(np.isneginf(q), np.inf, np.exp(p) * (p - q))
        terms = np.where(np.isneginf(p), 0.0, allowed)
    return np.asarray(np.maximum(terms.sum(axis=-1), 0.0))


def gibbs_policy(q: npt.ArrayLike, log_prior: npt.ArrayLike, lam: float) -> FloatArray:
    """Return log pi ``[..., A]`` with pi proportional to prior * exp(q / lam), the maximiser of E_pi[q] - lam KL.

    ``lam = 0``: the prior restricted to the best actions of its support. ``lam = inf``: the prior.

    Source: derived: docs/theory.md §1
    """
    values, prior = _checked(q, log_prior, lam)
    if math.isinf(lam):
        return prior - _log_sum_exp(prior)
    shifted = _above_best(values, prior)
    logits = np.where(shifted == 0, prior, -np.inf) if lam == 0 else prior + _in_nats(shifted, lam)
    return logits - _log_sum_exp(logits)


def soft_value(q: npt.ArrayLike, log_prior: npt.ArrayLike, lam: float) -> FloatArray:
    """Return lam * log sum_a prior(a) exp(q(a) / lam), ``[..., A]`` to ``[...]``, in units of return.

    ``lam = 0``: the largest q in the prior's support. ``lam = inf``: the mean of q under the prior.

    Source: derived: docs/theory.md §1
    """
    values, prior = _checked(q, log_prior, lam)
    supported = ~np.isneginf(prior)
    if math.isinf(lam):
        return np.asarray((np.exp(prior) * np.where(supported, values, 0.0)).sum(axis=-1))
    best = np.where(supported, values, -np.inf).max(axis=-1)
    if lam == 0:
        return np.asarray(best)
    logits = prior + _in_nats(_above_best(values, prior), lam)
    return np.asarray(best + lam * _log_sum_exp(logits)[..., 0])


def regularised_value(q: npt.ArrayLike, log_policy: npt.ArrayLike, log_prior: npt.ArrayLike, lam: float) -> FloatArray:
    """Return E_pi[q] - lam KL(pi || prior), ``[..., A]`` to ``[...]``: what :func:`gibbs_policy` maximises.

    Source: derived: docs/theory.md §1
    """
    values, prior = _checked(q, log_prior, lam)
    policy = np.asarray(log_policy, dtype=np.float64)
    mean = (np.exp(policy) * np.where(np.isneginf(policy), 0.0, values)).sum(axis=-1)
    nats = kl_divergence(policy, prior)
    with np.errstate(invalid="ignore"):
        return np.asarray(mean - np.where((nats > 0) & (lam > 0), lam * nats, 0.0))


def regularised_backup(
    rewards: npt.ArrayLike, transitions: npt.ArrayLike, next_values: npt.ArrayLike, log_prior: npt.ArrayLike, lam: float
) -> tuple[FloatArray, FloatArray]:
    """Return (q ``[S, A]``, v ``[S]``): q = r + P v', v = soft value of q.

    Args:
        rewards: ``[S, A]``.
        transitions: ``[S, A, S]``, rows sum to 1.
        next_values: ``[S]``, values one step later.
        log_prior: ``[S, A]`` in nats.
        lam: units of return per nat.

    Source: derived: docs/theory.md §1
    """
    q = np.asarray(rewards, dtype=np.float64) + np.asarray(transitions) @ np.asarray(next_values, dtype=np.float64)
    return q, soft_value(q, log_prior, lam)


def proposal_posterior(q: npt.ArrayLike, counts: npt.ArrayLike, lam: float) -> FloatArray:
    """Return log-probabilities ``[K]`` of K proposals drawn ``counts`` times each: counts * exp(q / lam), normalised.

    Self-normalised importance sampling of the Gibbs policy with the prior as proposal.

    Source: arXiv:2410.07927, Proposition 1
    """
    drawn = np.asarray(counts, dtype=np.float64)
    if (drawn < 0).any() or not drawn.sum():
        raise InputError("proposal counts must be 0 or more, and one of them positive")
    with np.errstate(divide="ignore"):
        return gibbs_policy(q, np.log(drawn / drawn.sum()), lam)


def _checked(q: npt.ArrayLike, log_prior: npt.ArrayLike, lam: float) -> tuple[FloatArray, FloatArray]:
    values, prior = np.broadcast_arrays(np.asarray(q, dtype=np.float64), np.asarray(log_prior, dtype=np.float64))
    if np.isnan(values).any() or np.isposinf(values).any() or np.isnan(prior).any():
        raise InputError("q must be below infinity, and neither q nor the prior may be NaN")
    if math.isnan(lam) or lam < 0:
        raise InputError(f"lam must be 0 or more, not {lam}")
    if np.isneginf(prior).all(axis=-1).any():
        raise InputError("the prior excludes every action of a state")
    return values, prior


def _above_best(values: FloatArray, prior: FloatArray) -> FloatArray:
    """Return q minus the best q in the support, at most 0 there and ``-inf`` elsewhere."""
    supported = np.where(np.isneginf(prior), -np.inf, values)
    return np.asarray(supported - supported.max(axis=-1, keepdims=True))


def _in_nats(shifted: FloatArray, lam: float) -> FloatArray:
    with np.errstate(over="ignore"):  # a gap too large for a float is -inf nats, the limit
        return np.asarray(shifted / lam)


def _log_sum_exp(logits: FloatArray) -> FloatArray:
    peak = logits.max(axis=-1, keepdims=True)
    return np.asarray(peak + np.log(np.exp(logits - peak).sum(axis=-1, keepdims=True)))
