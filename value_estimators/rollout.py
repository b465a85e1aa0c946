"""Monte-Carlo: follow a prior in the simulator and see what it earns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from priors import build as build_prior
from priors import provenance as prior_provenance
from slinvit.budget import Budget
from slinvit.errors import InputError
from slinvit.protocols import Prior, Simulator
from slinvit.registry import Spec
from slinvit.types import Action, FloatArray, State
from value_estimators.options import check_spec, positive_int


@dataclass(frozen=True)
class Rollout:
    """Mean undiscounted return of ``n`` rollouts of ``prior``, in units of return.

    All rollouts of all states advance in lockstep: one prior call and one simulator call per step. A rollout ends where
    the episode is over, where no action is admissible, or after ``depth`` steps; what would have been earned after
    that counts as 0, so a short ``depth`` underestimates. A refused action takes a step like any other.

    Attributes:
        prior: what is followed.
        simulator: where.
        n: rollouts per state.
        depth: most steps per rollout; ``None``: to the horizon of the task.
    """

    prior: Prior
    simulator: Simulator
    n: int = 4
    depth: int | None = None
    name: ClassVar[str] = "rollout"
    oracle: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if self.n < 1 or (self.depth is not None and self.depth < 1):
            raise InputError(f"rollouts need n and depth of 1 or more, not n={self.n}, depth={self.depth}")

    def estimate(self, states: Sequence[State], *, budget: Budget, rng: np.random.Generator) -> FloatArray:
        """Return ``[B]`` mean returns; spends simulator steps and what the prior asks for.

        Raises:
            BudgetExceeded: the next step would pass a limit; the steps made so far are booked.
        """
        current = [state for state in states for _ in range(self.n)]
        returns = np.zeros(len(current))
        steps = 0
        while (self.depth is None or steps < self.depth) and (running := _running(current)):
            actions = self._sample([current[i] for i in running], budget, rng)
            transitions = self.simulator.step([current[i] for i in running], actions, budget=budget)
            for i, transition in zip(running, transitions, strict=True):
                current[i] = transition.state
                returns[i] += transition.reward
            steps += 1
        return np.asarray(returns.reshape(len(states), self.n).mean(axis=1))

    def provenance(self) -> Mapping[str, Any]:
        """Return what decides the values; JSON values."""
        return {"n": self.n, "depth": self.depth, "prior": dict(prior_provenance(self.prior))}

    def _sample(self, states: Sequence[State], budget: Budget, rng: np.random.Generator) -> list[Action]:
        """Draw one action per state; equal states, frequent early on, are put to the prior once."""
        distinct = list(dict.fromkeys(states))
        proposals = dict(zip(distinct, self.prior.propose(distinct, k=1, budget=budget, rng=rng), strict=True))
        return [proposals[state].sample(rng) for state in states]


def _running(states: Sequence[State]) -> list[int]:
    return [i for i, state in enumerate(states) if not state.over and state.actions != ()]


def rollout(spec: Spec, *, prior: Prior, simulator: Simulator) -> Rollout:
    """Monte-Carlo under the prior of the run, or another: n=4, depth=STEPS, prior=NAME."""
    check_spec(spec, options=("n", "depth", "prior"))
    followed = build_prior(spec.options["prior"], run=spec.run) if "prior" in spec.options else prior
    depth = positive_int(spec, "depth", 1) if "depth" in spec.options else None
    return Rollout(followed, simulator, positive_int(spec, "n", 4), depth)
