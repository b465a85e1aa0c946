"""Optimistic and pessimistic values of an MDP of which only counts are known."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from envs.tabular import TabularMDP
from planners.linvit.counts import Counts, IntArray
from slinvit.errors import InputError
from slinvit.kl import gibbs_policy, soft_value
from slinvit.types import FloatArray


@dataclass(frozen=True, eq=False)
class Problem:
    """What a learner knows before its first episode.

    Attributes:
        rewards: ``[H, S, A]``; 0 for illegal actions.
        legal: ``[H, S, A]``.
        log_prior: ``[H, S, A]`` in nats; finite exactly where legal.
        caps: ``[H + 1]``, the most that can be earned from each step on; the last is 0.
        initial_state: where episodes start.
    """

    rewards: FloatArray
    legal: npt.NDArray[np.bool_]
    log_prior: FloatArray
    caps: FloatArray
    initial_state: int

    @classmethod
    def of(cls, env: TabularMDP, log_prior: FloatArray, max_return: float | None = None) -> "Problem":
        """Return what is known of ``env``; its transitions are not looked at.

        Raises:
            InputError: a ``max_return`` below the largest single reward.
        """
        rewards = np.where(env.legal_actions, env.r, 0.0)
        if max_return is not None and not max_return >= rewards.max():
            raise InputError(f"{env.name}: max_return {max_return:g} is below the largest reward {rewards.max():g}")
        caps = value_caps(env.horizon, max_return)
        return cls(rewards, env.legal_actions, log_prior, caps, env.initial_state)


@dataclass(frozen=True, eq=False)
class Bounds:
    """Upper and lower bounds on the regularised optimum, and the policies that are greedy for them.

    Attributes:
        q_upper: ``[H, S, A]``; of illegal actions it says nothing, as ``q_lower``.
        q_lower: ``[H, S, A]``.
        v_upper: ``[H + 1, S]``; the last row is 0, as in ``v_lower``.
        v_lower: ``[H + 1, S]``.
        optimistic: ``[H, S, A]``, probabilities proportional to prior * exp(q_upper / lam).
        pessimistic: ``[H, S, A]``, probabilities proportional to prior * exp(q_lower / lam).
        spread: ``[H, S, A]``, q_upper - q_lower; 0 for illegal actions.
    """

    q_upper: FloatArray
    q_lower: FloatArray
    v_upper: FloatArray
    v_lower: FloatArray
    optimistic: FloatArray
    pessimistic: FloatArray
    spread: FloatArray


def value_caps(horizon: int, max_return: float | None = None) -> FloatArray:
    """Return ``[H + 1]``: steps that are left, or ``max_return`` where that is less.

    Source: derived: docs/theory.md §4
    """
    left = np.arange(horizon, -1, -1, dtype=np.float64)
    return left if max_return is None else np.minimum(left, max_return)


def bonus(visits: IntArray, caps: FloatArray, delta: float, scale: float = 1.0) -> FloatArray:
    """Return ``[H, S, A]``: how far the mean of V* over the successors seen may be from the truth.

    Args:
        visits: ``[H, S, A]``.
        caps: ``[H + 1]``, the most that can be earned from each step on.
        delta: probability with which it may be further at any (step, state, action) and any time.
        scale: factor; the proof needs 1.

    Source: derived: docs/theory.md §4
    """
    seen = np.maximum(visits, 1).astype(np.float64)
    width = np.sqrt(np.log(4 * visits.size * seen**2 / delta) / (2 * seen))
    return np.asarray(scale * caps[1:, None, None] * width)


def bounds(problem: Problem, counts: Counts, lam: float, delta: float, scale: float = 1.0) -> Bounds:
    """Return upper and lower bounds from one backward sweep.

    An action that was never taken is worth at most the cap and at least its reward.

    Args:
        problem: what is known.
        counts: what was seen.
        lam: units of return per nat; 0 for plain values.
        delta: probability with which a bound may fail, anywhere and at any time.
        scale: factor on the bonus.

    Source: derived: docs/theory.md §4
    """
    visits, model = counts.visits, counts.model()
    width, caps = bonus(visits, problem.caps, delta, scale), problem.caps
    horizon, states, actions = problem.rewards.shape
    q, v = np.zeros((horizon, 2, states, actions)), np.zeros((horizon + 1, 2, states))
    for step in reversed(range(horizon)):
        means = problem.rewards[step] + (model[step] @ v[step + 1].T).transpose(2, 0, 1)
        means[0] += width[step]
        means[1] -= width[step]
        np.clip(means, 0.0, caps[step], out=means)
        unseen = visits[step] == 0
        means[0][unseen], means[1][unseen] = caps[step], problem.rewards[step][unseen]
        q[step], v[step] = means, soft_value(means, problem.log_prior[step], lam)
    policies = np.exp(gibbs_policy(q, problem.log_prior[:, None], lam))
    spread = np.where(problem.legal, q[:, 0] - q[:, 1], 0.0)
    return Bounds(q[:, 0], q[:, 1], v[:, 0], v[:, 1], policies[:, 0], policies[:, 1], spread)
