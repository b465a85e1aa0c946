"""The states in which a prior is measured: where it comes by itself, where it should be, and anywhere else."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from envs.domain import Domain, Instance
from slinvit.budget import Budget
from slinvit.errors import InputError
from slinvit.protocols import Prior
from slinvit.rng import generator
from slinvit.types import Action, ActionDistribution, FloatArray, State

Kind: TypeAlias = Literal["optimal", "own", "against", "random"]
"""``optimal``: on a shortest plan, optimal actions drawn uniformly; ``own``: on trajectories sampled from the prior;
``against``: on those of the stronger policy; ``random``: drawn from all states."""

Act: TypeAlias = Callable[[Sequence[State], Sequence[np.random.Generator]], list[Action]]

OPTIMAL_WITHIN = 1e-9
"""Actions this close to the best one are equally good."""


class Truth(Protocol):
    """What is known exactly of a world."""

    def q_values(self, state: State) -> FloatArray:
        """Return Q* ``[A]`` of the admissible actions of ``state``, in units of return."""
        ...

    def random_states(self, instance: Any, count: int, rng: np.random.Generator) -> list[State]:
        """Return ``count`` states of ``instance`` in which the episode goes on."""
        ...


@dataclass(frozen=True)
class Visit:
    """One state, how it was come to, and the true values ``[A]`` of its actions where they are known."""

    kind: Kind
    task: str
    state: State
    q: FloatArray | None = None

    @property
    def optimal(self) -> npt.NDArray[np.bool_]:
        """``[A]`` which actions are optimal; raises ``ValueError`` where this is not known."""
        if self.q is None:
            raise ValueError("the true values of this state are not known")
        return np.asarray(self.q >= self.q.max() - OPTIMAL_WITHIN)


def sampled(policy: Prior, budget: Budget) -> Act:
    """Return the rule that follows ``policy``: one call for all states, each action drawn with its task's generator."""

    def act(states: Sequence[State], rngs: Sequence[np.random.Generator]) -> list[Action]:
        answers = propose(policy, states, budget, rngs[0])
        return [answer.sample(rng) for answer, rng in zip(answers, rngs, strict=True)]

    return act


def shortest(truth: Truth) -> Act:
    """Return the rule that draws uniformly from the optimal actions."""

    def act(states: Sequence[State], rngs: Sequence[np.random.Generator]) -> list[Action]:
        chosen = []
        for state, rng in zip(states, rngs, strict=True):
            best = np.flatnonzero(Visit("optimal", "", state, truth.q_values(state)).optimal)
            chosen.append(listed(state)[int(rng.choice(best))])
        return chosen

    return act


def walk(
    domain: Domain[Any], instances: Sequence[Instance], kind: Kind, act: Act, *, seed: int, budget: Budget
) -> list[Visit]:
    """Return every state visited in one episode per task, all tasks in lockstep; spends ``env_steps``."""
    worlds = [domain.environment(instance) for instance in instances]
    rngs = [generator(seed, "calibrate", kind, instance.task.id) for instance in instances]
    visits = []
    try:
        states = [world.reset(seed=seed) for world in worlds]
        while going := [i for i, state in enumerate(states) if not state.over and state.actions != ()]:
            actions = act([states[i] for i in going], [rngs[i] for i in going])
            budget.spend(env_steps=len(going))
            for i, action in zip(going, actions, strict=True):
                visits.append(Visit(kind, instances[i].task.id, states[i]))
                states[i] = worlds[i].step(action).state
    finally:
        for world in worlds:
            world.close()
    return visits


def anywhere(truth: Truth, instances: Sequence[Instance], count: int, *, seed: int) -> list[Visit]:
    """Return ``count`` random states per task."""
    return [
        Visit("random", instance.task.id, state)
        for instance in instances
        for state in truth.random_states(instance, count, generator(seed, "calibrate", "random", instance.task.id))
    ]


def propose(
    policy: Prior, states: Sequence[State], budget: Budget, rng: np.random.Generator
) -> list[ActionDistribution]:
    """Return the policy's distributions over the admissible actions of ``states``, all in one call."""
    for state in states:
        listed(state)
    return policy.propose(states, budget=budget, rng=rng)


def listed(state: State) -> tuple[Action, ...]:
    """Return the admissible actions; raises ``InputError`` where any text may be typed."""
    if state.actions is None:
        raise InputError(
            f"task {state.task.id!r}: calibration compares probabilities of admissible actions, and in "
            f"{state.task.domain!r} any text may be typed"
        )
    return state.actions
