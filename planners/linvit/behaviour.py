"""Playing episodes with a table of probabilities, and at most one step of exploration."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from envs.tabular import TabularMDP
from planners.linvit.solve import evaluate
from slinvit.kl import kl_divergence
from slinvit.types import FloatArray

Trajectory: TypeAlias = Sequence[tuple[int, int, int]]
"""(state, action, successor) at each step."""


@dataclass(frozen=True, eq=False)
class Behaviour:
    """How episodes are played between two planning rounds.

    Attributes:
        policy: ``[H, S, A]`` probabilities.
        explore: ``[H, S]``, the action taken instead at one step h' of each episode, with h' uniform over no step and
            each of the H steps. ``None``: the policy at every step.
    """

    policy: FloatArray
    explore: npt.NDArray[np.intp] | None = None


def play(env: TabularMDP, behaviour: Behaviour, rng: np.random.Generator) -> Trajectory:
    """Return one episode.

    Takes ``2 H + 1`` uniform numbers from ``rng``, whatever happens: one chooses the step that explores, then each step
    takes one for its action and one for its successor, both by inverting the cumulative probabilities.

    Args:
        env: the world; only ``sample`` is called.
        behaviour: what to do.
        rng: source of randomness.
    """
    exploring = int(rng.random() * (env.horizon + 1)) - 1
    state, steps = env.initial_state, []
    for step in range(env.horizon):
        drawn = rng.random()
        if behaviour.explore is not None and step == exploring:
            action = int(behaviour.explore[step, state])
        else:
            action = inverse_cdf(behaviour.policy[step, state], drawn)
        successor = env.sample(step, state, action, rng)
        steps.append((state, action, successor))
        state = successor
    return steps


def inverse_cdf(probabilities: FloatArray, drawn: float) -> int:
    """Return the index of ``probabilities`` ``[A]`` whose interval holds ``drawn``; never one without probability."""
    cumulative = probabilities.cumsum()
    found = int(cumulative.searchsorted(drawn, side="right"))
    return found if found < len(cumulative) else int(cumulative.searchsorted(cumulative[-1], side="left"))


def next_planning(episode: int) -> int:
    """Return the episode before which to plan again, after planning before ``episode``: 2 % later, at least one."""
    return episode + max(1, episode // 50)


def behaviour_value(env: TabularMDP, behaviour: Behaviour, log_prior: FloatArray) -> tuple[float, float]:
    """Return the mean over h' of what an episode of ``behaviour`` earns, and of its KL from the prior in nats.

    Source: derived: docs/theory.md §4
    """
    plain = evaluate(env, behaviour.policy, log_prior)
    value, nats = float(plain.v[0, env.initial_state]), float(plain.kl[0, env.initial_state])
    if behaviour.explore is None:
        return value, nats
    with np.errstate(divide="ignore"):
        kl = kl_divergence(np.log(behaviour.policy), log_prior)
    rewards = np.where(env.legal_actions, env.r, 0.0)
    rows = np.arange(env.num_states)
    once_v, once_kl = np.zeros(env.num_states), np.zeros(env.num_states)  # sums over the h' not yet passed
    for step in reversed(range(env.horizon)):
        policy, chosen, later = behaviour.policy[step], behaviour.explore[step], env.horizon - 1 - step
        q = rewards[step] + env.expected(step, plain.v[step + 1])
        follow = later * rewards[step] + env.expected(step, once_v)
        once_v = q[rows, chosen] + (policy * follow).sum(axis=-1)
        q_kl = env.expected(step, plain.kl[step + 1]) - log_prior[step]
        once_kl = q_kl[rows, chosen] + later * kl[step] + (policy * env.expected(step, once_kl)).sum(axis=-1)
    start = env.initial_state
    return (value + float(once_v[start])) / (env.horizon + 1), (nats + float(once_kl[start])) / (env.horizon + 1)
