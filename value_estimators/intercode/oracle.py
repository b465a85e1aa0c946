"""The paper's Monte-Carlo value: what submitting would earn, asked of the grader. An oracle."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from envs.intercode.graded import is_skip
from slinvit.budget import Budget
from slinvit.errors import InputError
from slinvit.protocols import Grader, Prior, Simulator
from slinvit.registry import Spec
from slinvit.types import FloatArray, State
from value_estimators.options import check_spec, positive_int


@dataclass(frozen=True)
class Oracle:
    """Mean reward of submitting after ``depth`` more steps of the prior, over ``n`` rollouts; in units of return.

    Attributes:
        prior: what is followed.
        simulator: where.
        grader: knows the wanted answer.
        n: rollouts per state; without steps all are equal, and one is made.
        depth: most steps per rollout; 0: submit here.
    """

    prior: Prior
    simulator: Simulator
    grader: Grader
    n: int = 1
    depth: int = 0
    name: ClassVar[str] = "oracle"
    oracle: ClassVar[bool] = True

    def estimate(self, states: Sequence[State], *, budget: Budget, rng: np.random.Generator) -> FloatArray:
        """Return ``[B]`` mean rewards; spends simulator steps, one more per grade, and what the prior asks for.

        Raises:
            BudgetExceeded: the next step would pass a limit; the steps made so far are booked.
        """
        rollouts = self.n if self.depth else 1
        current = [state for state in states for _ in range(rollouts)]
        for _ in range(self.depth):
            self._advance(current, budget, rng)
        rewards = self.grader.grade(current, budget=budget)
        given_up = [bool(state.history) and is_skip(state.history[-1][0]) for state in current]
        return np.asarray(np.where(given_up, 0.0, rewards).reshape(len(states), rollouts).mean(axis=1))

    def provenance(self) -> Mapping[str, Any]:
        """Return what decides the values; JSON values."""
        return {"n": self.n, "depth": self.depth}

    def _advance(self, current: list[State], budget: Budget, rng: np.random.Generator) -> None:
        running = [i for i, state in enumerate(current) if not state.over]
        distinct = list(dict.fromkeys(current[i] for i in running))
        if not distinct:
            return
        proposals = dict(zip(distinct, self.prior.propose(distinct, budget=budget, rng=rng), strict=True))
        actions = [proposals[current[i]].sample(rng) for i in running]
        moved = self.simulator.step([current[i] for i in running], actions, budget=budget)
        for i, transition in zip(running, moved, strict=True):
            current[i] = transition.state


def oracle(spec: Spec, *, prior: Prior, simulator: Simulator) -> Oracle:
    """Oracle: the reward of submitting, n= rollouts of depth= steps ahead; needs a world that grades."""
    check_spec(spec, options=("n", "depth"))
    if not isinstance(simulator, Grader):
        raise InputError(
            f"the value {spec.name!r} asks a grader, and the simulator of this run is none; it is for intercode-sql "
            "and intercode-bash with --simulator exact; rewards of other worlds: rollout"
        )
    depth = 0 if spec.options.get("depth") == "0" else positive_int(spec, "depth", 1) if "depth" in spec.options else 0
    return Oracle(prior, simulator, simulator, positive_int(spec, "n", 4), depth)
