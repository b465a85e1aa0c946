"""Backward induction of the KL-regularised Bellman equations, without argument checks; batches of any shape.

Axes: ``H`` steps, ``...`` a batch, ``S`` states, ``A`` actions; log-probabilities in nats, values in units of return.
"""

import math
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import numpy as np

from envs.tabular import TabularMDP
from slinvit.types import FloatArray

Expected: TypeAlias = Callable[[int, FloatArray], FloatArray]
"""``(step, values [..., S])`` to the mean of the values over the successors of each action, ``[..., S, A]``."""

Reduction: TypeAlias = Callable[[FloatArray, FloatArray], FloatArray]
"""``(q [..., S, A], weights [..., S, A])`` to ``v [..., S]``."""

SMALLEST_LAM = 1e-200
"""Below it Q / lam overflows, and the soft value differs from the hard one by less than a rounding error."""


class Rule(NamedTuple):
    """How the values of actions become the value of a state at one lam.

    Attributes:
        reduce: the reduction over actions; values count in ``unit``.
        weights: its second argument, ``[H, ..., S, A]``.
        unit: units of return per unit of its values: lam where it is finite, so that values are in nats and no step
            divides.
    """

    reduce: Reduction
    weights: FloatArray
    unit: float


def backward_induction(
    expected: Expected,
    rewards: FloatArray,
    log_prior: FloatArray,
    lam: float,
    *,
    bonus: FloatArray | None = None,
    ceiling: FloatArray | None = None,
) -> tuple[FloatArray, FloatArray]:
    """Return (q ``[H, ..., S, A]``, v ``[H + 1, ..., S]``) with q = r + b + P v' and v the soft value of q.

    Args:
        expected: the model.
        rewards: ``[H, ..., S, A]``, finite, also for illegal actions.
        log_prior: ``[H, ..., S, A]`` in nats, ``-inf`` for illegal actions, one legal action per state at least.
        lam: 0 or more, ``inf`` allowed, units of return per nat.
        bonus: ``[H, ..., S, A]`` added to the rewards; negative for a lower bound.
        ceiling: ``[H]``, largest value from each step on; given, q is clipped to [0, ceiling].

    Source: derived: docs/theory.md §3
    """
    reduce, weights, unit = rule(log_prior, lam)
    gains = (rewards if bonus is None else rewards + bonus) / unit
    q = np.empty(gains.shape)
    v = np.zeros((len(q) + 1, *q.shape[1:-1]))
    for step in reversed(range(len(q))):
        np.add(expected(step, v[step + 1]), gains[step], out=q[step])
        if ceiling is not None:
            np.clip(q[step], 0.0, ceiling[step] / unit, out=q[step])
        v[step] = reduce(q[step], weights[step])
    q *= unit
    v *= unit
    return q, v


def rule(log_prior: FloatArray, lam: float) -> Rule:
    """Return the reduction over actions at ``lam``: the prior's mean at ``inf``, the best of its support at 0."""
    if math.isinf(lam):
        return Rule(_mean, np.exp(log_prior), 1.0)
    if lam < SMALLEST_LAM:
        return Rule(_best, np.where(np.isneginf(log_prior), -np.inf, 0.0), 1.0)
    return Rule(_log_mean_exp, log_prior, lam)


def dense_model(p: FloatArray) -> Expected:
    """Return the model of dense transitions ``[H, ..., S, A, S]``."""
    *lead, states, actions, _ = p.shape
    rows = p.reshape(*lead, states * actions, states)

    def expected(step: int, values: FloatArray) -> FloatArray:
        """Return the means of ``values`` over the successors at ``step``."""
        means = np.matmul(rows[step], values[..., None])
        return np.asarray(means).reshape(*values.shape[:-1], states, actions)

    return expected


def finite_rewards(mdp: TabularMDP) -> FloatArray:
    """Return the rewards ``[H, S, A]`` with 0 for illegal actions, whatever the MDP says of them."""
    return np.where(mdp.legal_actions, mdp.r, 0.0)


def _log_mean_exp(q: FloatArray, log_prior: FloatArray) -> FloatArray:
    logits = q + log_prior
    peak = np.maximum.reduce(logits, axis=-1)
    logits -= peak[..., None]
    # a product with ones sums a short last axis faster than a reduction does
    return np.asarray(peak + np.log(np.exp(logits) @ np.ones(logits.shape[-1])))


def _best(q: FloatArray, penalty: FloatArray) -> FloatArray:
    return np.asarray(np.maximum.reduce(q + penalty, axis=-1))


def _mean(q: FloatArray, prior: FloatArray) -> FloatArray:
    return np.asarray((q * prior) @ np.ones(q.shape[-1]))
