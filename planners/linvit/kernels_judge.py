"""Loops that numba compiles: what the true transitions say of a planning round. Importing this imports numba."""

import math
from typing import NamedTuple

import numpy as np

from planners.linvit.counts import IntArray
from planners.linvit.kernels import Rows, compiled, row_means
from slinvit.types import FloatArray


class World(NamedTuple):
    """Where a run happens; ``[H, S, A]`` but for ``caps`` ``[H + 1]``; ``penalty`` is 0, and ``-inf`` where illegal."""

    truth: Rows
    rewards: FloatArray
    log_prior: FloatArray
    penalty: FloatArray
    caps: FloatArray
    start: int


class Oracle(NamedTuple):
    """What judges a round: V* at the start, and the regularised values per guess, ``[guesses, H(+ 1), S(, A)]``."""

    used: bool
    best: float
    q: FloatArray
    v: FloatArray


class Memory(NamedTuple):
    """What a run writes to: counts ``H * S * A`` rows, visits ``[H, S * A]``, and what was planned from them."""

    counts: Rows
    visits: FloatArray
    q_upper: FloatArray
    q_lower: FloatArray
    v_upper: FloatArray
    v_lower: FloatArray
    optimistic: FloatArray
    pessimistic: FloatArray
    played: FloatArray
    explore: IntArray


@compiled
def policy_value(world: World, policy: FloatArray, explore: IntArray, mixing: bool) -> tuple[float, float]:
    """Return what an episode of ``policy`` earns in the mean, and its KL from the prior in nats.

    ``mixing``: with the action ``explore`` ``[H, S]`` at one step h', uniform over no step and each of the H.
    """
    horizon, states, actions = world.rewards.shape
    v, kl, once_v, once_kl = np.zeros(states), np.zeros(states), np.zeros(states), np.zeros(states)
    means = np.empty((4, states * actions))
    for step in range(horizon - 1, -1, -1):
        row_means(world.truth, step, v, means[0])
        row_means(world.truth, step, kl, means[1])
        if mixing:
            row_means(world.truth, step, once_v, means[2])
            row_means(world.truth, step, once_kl, means[3])
        later = horizon - 1 - step
        for state in range(states):
            nats = step_nats(policy[step, state], world.log_prior[step, state])
            chosen = explore[step, state]
            row = state * actions + chosen
            sum_v, sum_kl = 0.0, 0.0
            sum_once_v = world.rewards[step, state, chosen] + means[0, row]
            sum_once_kl = means[1, row] - world.log_prior[step, state, chosen] + later * nats
            for action in range(actions):
                share, row = policy[step, state, action], state * actions + action
                sum_v += share * (world.rewards[step, state, action] + means[0, row])
                sum_kl += share * means[1, row]
                sum_once_v += share * (later * world.rewards[step, state, action] + means[2, row])
                sum_once_kl += share * means[3, row]
            v[state], kl[state] = sum_v, nats + sum_kl
            once_v[state], once_kl[state] = sum_once_v, sum_once_kl
    if not mixing:
        return v[world.start], kl[world.start]
    return (v[world.start] + once_v[world.start]) / (horizon + 1), (kl[world.start] + once_kl[world.start]) / (
        horizon + 1
    )


@compiled
def step_nats(policy: FloatArray, log_prior: FloatArray) -> float:
    """Return KL(policy || prior) at one state."""
    total = 0.0
    for action in range(policy.size):
        if policy[action] > 0:
            total += policy[action] * (math.log(policy[action]) - log_prior[action])
    return max(total, 0.0)


@compiled
def worst_violation(world: World, oracle: Oracle, memory: Memory, guess: int) -> float:
    """Return by how much the true regularised values lie outside the bounds at the worst place; 0 if nowhere."""
    horizon, states, actions = world.rewards.shape
    worst = 0.0
    for step in range(horizon):
        for state in range(states):
            true = oracle.v[guess, step, state]
            worst = max(worst, memory.v_lower[step, state] - true, true - memory.v_upper[step, state])
            for action in range(actions):
                if world.penalty[step, state, action] == 0:
                    true = oracle.q[guess, step, state, action]
                    above, below = (
                        memory.q_lower[step, state, action] - true,
                        true - memory.q_upper[step, state, action],
                    )
                    worst = max(worst, above, below)
    return worst
