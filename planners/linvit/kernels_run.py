"""Loops that numba compiles: the whole run of a learner for one seed. Importing this imports numba.

The same run as :func:`planners.linvit.online.learn`, from the same uniform numbers.
"""

import math
from typing import NamedTuple

import numpy as np

from planners.linvit.algorithm import TIE
from planners.linvit.core import SMALLEST_LAM
from planners.linvit.kernels import (
    BEST,
    SOFT,
    Rows,
    compiled,
    exactly_compiled,
    reduce_actions,
    row_means,
    write_policy,
)
from planners.linvit.kernels_judge import Memory, Oracle, World, policy_value, worst_violation
from slinvit.types import FloatArray

GREEDY, MIXTURE, UNIFORM = 0, 1, 2
"""Ways to explore."""


class Settings(NamedTuple):
    """What the learner was asked for; ``largest``, the most that eps_llm can be, counts only where it is unknown."""

    lams: FloatArray
    unknown: bool
    largest: float
    delta: float
    scale: float
    epsilon: float
    exploration: int
    stop: bool


class Found(NamedTuple):
    """What planning found: the guess in use, whether the run may stop, the fast certificate and the gap."""

    guess: int
    certified: bool
    fast: float
    gap: float


@compiled
def learn(
    rng: np.random.Generator,
    episodes: int,
    world: World,
    settings: Settings,
    oracle: Oracle,
    memory: Memory,
    planned: Rows,
    records: FloatArray,
) -> tuple[int, int]:
    """Return (planning rounds, guess in use) of one run; ``planned`` gets the counts of the last scheduled round."""
    found = plan(world, settings, memory, 0)
    record(world, settings, oracle, memory, 0, found, records[0])
    rounds, seen, played = 1, 0, 0
    while played < episodes and not (settings.stop and found.certified):
        due = seen + max(1, seen // 50)
        for _ in range(min(due, episodes) - played):
            play(rng, world, memory, settings.exploration == MIXTURE)
        played = min(due, episodes)
        if played < due:
            break
        seen = played
        found = plan(world, settings, memory, found.guess)
        record(world, settings, oracle, memory, seen, found, records[rounds])
        rounds += 1
        if seen + max(1, seen // 50) > episodes:
            keep(memory.counts, planned)
    if settings.stop and found.certified:
        keep(memory.counts, planned)
    if played > seen:
        last = plan(world, settings, memory, found.guess)
        record(world, settings, oracle, memory, played, last, records[rounds])
        rounds += 1
    return rounds, found.guess


@exactly_compiled
def play(rng: np.random.Generator, world: World, memory: Memory, mixing: bool) -> None:
    """Play one episode with 2 H + 1 uniform numbers, and count what happened."""
    horizon, _, actions = world.rewards.shape
    exploring = int(rng.random() * (horizon + 1)) - 1
    state = world.start
    for step in range(horizon):
        drawn = rng.random()
        if mixing and step == exploring:
            action = memory.explore[step, state]
        else:
            action = drawn_index(memory.played[step, state], drawn)
        row = state * actions + action
        state = succeed(world.truth, memory.counts, step, row, memory.visits.shape[1], rng.random())
        memory.visits[step, row] += 1


@exactly_compiled
def succeed(truth: Rows, counts: Rows, step: int, row: int, width: int, drawn: float) -> int:
    """Draw a successor of ``row`` at ``step``, count it and return it."""
    if len(truth.table):
        first = 0 if len(truth.table) == width else step * width
        state = drawn_index(truth.table[first + row], drawn)
        counts.table[step * width + row, state] += 1
        return state
    first = 0 if len(truth.starts) - 1 == width else step * width
    begin, end = truth.starts[first + row], truth.starts[first + row + 1]
    entry = drawn_index(truth.entries[begin:end], drawn)
    counts.entries[counts.starts[step * width + row] + entry] += 1
    return int(truth.states[begin + entry])


@exactly_compiled
def drawn_index(probabilities: FloatArray, drawn: float) -> int:
    """Return the first index at which the running sum is above ``drawn``, or else the last with a probability."""
    total, last = 0.0, 0
    for k in range(probabilities.size):
        total += probabilities[k]
        if drawn < total:
            return k
        if probabilities[k] > 0:
            last = k
    return last


@compiled
def keep(counts: Rows, planned: Rows) -> None:
    """Copy the counts."""
    planned.table[:] = counts.table
    planned.entries[:] = counts.entries


@compiled
def plan(world: World, settings: Settings, memory: Memory, guess: int) -> Found:
    """Plan with the first guess from ``guess`` on that is not certified, or with the last."""
    half = settings.epsilon / 2
    fast, gap = plan_at(world, settings, memory, settings.lams[guess])
    while min(fast, gap) <= half and guess < len(settings.lams) - 1:
        guess += 1
        fast, gap = plan_at(world, settings, memory, settings.lams[guess])
    if settings.exploration != UNIFORM:
        memory.played[:] = memory.optimistic
    if not settings.unknown:
        return Found(guess, min(fast, gap) <= half, fast, gap)
    best = plain_upper(world, settings, memory)
    bias = min(settings.lams[guess] * settings.largest, best - memory.v_lower[0, world.start])
    return Found(guess, min(fast, gap) + bias <= settings.epsilon, fast, gap)


@compiled
def plan_at(world: World, settings: Settings, memory: Memory, lam: float) -> tuple[float, float]:
    """Write the bounds and their policies at ``lam``; return the fast certificate and the gap."""
    horizon, states, actions = world.rewards.shape
    kind, unit = (SOFT, lam) if lam >= SMALLEST_LAM else (BEST, 1.0)
    weights = world.log_prior if kind == SOFT else world.penalty
    scratch, widths, means = np.empty((states, actions)), np.empty(states * actions), np.empty(states * actions)
    charged = np.zeros(states)
    for step in range(horizon - 1, -1, -1):
        write_widths(world, settings, memory.visits, step, widths)
        bound(world, memory, step, memory.v_lower[step + 1], -1.0, widths, memory.q_lower[step])
        reduce_actions(memory.q_lower[step], weights[step], kind, unit, scratch, memory.v_lower[step])
        write_policy(scratch, world.log_prior[step], kind, memory.pessimistic[step])
        bound(world, memory, step, memory.v_upper[step + 1], 1.0, widths, memory.q_upper[step])
        reduce_actions(memory.q_upper[step], weights[step], kind, unit, scratch, memory.v_upper[step])
        write_policy(scratch, world.log_prior[step], kind, memory.optimistic[step])
        row_means(memory.counts, step, charged, means)
        charge(world, memory, step, means, charged)
    gap = memory.v_upper[0, world.start] - memory.v_lower[0, world.start]
    return (charged[world.start] / (2 * lam) if lam > 0 else np.inf), gap


@compiled
def write_widths(world: World, settings: Settings, visits: FloatArray, step: int, widths: FloatArray) -> None:
    """Write the bonus of each row of ``step``."""
    most = settings.scale * world.caps[step + 1]
    for row in range(widths.size):
        seen = max(visits[step, row], 1.0)
        widths[row] = most * math.sqrt(math.log(4 * visits.size * seen**2 / settings.delta) / (2 * seen))


@compiled
def bound(
    world: World, memory: Memory, step: int, values: FloatArray, sign: float, widths: FloatArray, q: FloatArray
) -> None:
    """Write ``q`` ``[S, A]``, the bound on the values of actions from the one on the ``values`` of successors."""
    flat, rewards, cap = q.reshape(widths.size), world.rewards[step].reshape(widths.size), world.caps[step]
    row_means(memory.counts, step, values, flat)
    for row in range(widths.size):
        visits = memory.visits[step, row]
        if visits > 0:
            flat[row] = min(max(rewards[row] + flat[row] / visits + sign * widths[row], 0.0), cap)
        else:
            flat[row] = cap if sign > 0 else rewards[row]


@compiled
def charge(world: World, memory: Memory, step: int, means: FloatArray, charged: FloatArray) -> None:
    """Replace ``charged`` ``[S]`` by the expected sum of squared spreads from ``step`` on; write where to explore."""
    states, actions = world.rewards.shape[1:]
    for state in range(states):
        largest, later = 0.0, 0.0
        for action in range(actions):
            largest = max(largest, spread(world, memory, step, state, action))
            row = state * actions + action
            later += memory.optimistic[step, state, action] * means[row] / max(memory.visits[step, row], 1.0)
        charged[state] = largest**2 + later
        for action in range(actions - 1, -1, -1):
            if spread(world, memory, step, state, action) >= largest - TIE:
                memory.explore[step, state] = action


@compiled
def spread(world: World, memory: Memory, step: int, state: int, action: int) -> float:
    """Return the upper minus the lower bound of an action, -1 for an illegal one."""
    if world.penalty[step, state, action] != 0:
        return -1.0
    return float(memory.q_upper[step, state, action] - memory.q_lower[step, state, action])


@compiled
def plain_upper(world: World, settings: Settings, memory: Memory) -> float:
    """Return the upper bound on V*, without a price, at the start."""
    horizon, states, actions = world.rewards.shape
    q, scratch = np.empty((states, actions)), np.empty((states, actions))
    widths, values = np.empty(states * actions), np.zeros(states)
    for step in range(horizon - 1, -1, -1):
        write_widths(world, settings, memory.visits, step, widths)
        bound(world, memory, step, values, 1.0, widths, q)
        reduce_actions(q, world.penalty[step], BEST, 1.0, scratch, values)
    return float(values[world.start])


@compiled
def record(
    world: World, settings: Settings, oracle: Oracle, memory: Memory, episode: int, found: Found, row: FloatArray
) -> None:
    """Write one row of the trace, in the order of :class:`planners.linvit.result.Record`."""
    lam = settings.lams[found.guess]
    row[0], row[1], row[2], row[3], row[4] = episode, found.fast, found.gap, found.certified, lam
    if oracle.used:
        value, _ = policy_value(world, memory.optimistic, memory.explore, False)
        earned, nats = policy_value(world, memory.played, memory.explore, settings.exploration == MIXTURE)
        row[6] = oracle.best - value
        if found.fast > found.gap:
            value, _ = policy_value(world, memory.pessimistic, memory.explore, False)
        row[5] = oracle.best - value
        row[7] = worst_violation(world, oracle, memory, found.guess)
        row[8] = oracle.best - earned
        row[9] = oracle.v[found.guess, 0, world.start] - earned + lam * nats
