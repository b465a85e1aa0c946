"""Policies that know the solution: upper references, oracles."""

import json
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from priors.simple import admissible, check_options
from slinvit.budget import Budget
from slinvit.errors import InputError, PriorError
from slinvit.registry import Spec
from slinvit.types import Action, ActionDistribution, State


@dataclass(frozen=True)
class Walkthrough:
    """The next command of a stored solution; uniform where the episode has left it or it does not continue.

    Attributes:
        plans: commands by task id.
        origin: what identifies them.
    """

    plans: Mapping[str, Sequence[Action]] = field(repr=False)
    origin: Mapping[str, Any] = field(default_factory=dict)
    deterministic: ClassVar[bool] = True

    def propose(
        self, states: Sequence[State], *, k: int | None = None, budget: Budget, rng: np.random.Generator
    ) -> list[ActionDistribution]:
        """Return one distribution per state; raises ``PriorError`` for a task without a solution here."""
        return [self._answer(state) for state in states]

    def situation(self, state: State) -> Hashable:
        """Return what the answer depends on."""
        return state.task.id, tuple(action for action, _ in state.history), state.actions

    def provenance(self) -> Mapping[str, Any]:
        """Return what identifies the solutions, and that this prior is an oracle."""
        return {**self.origin, "oracle": True}

    def _answer(self, state: State) -> ActionDistribution:
        if state.task.id not in self.plans:
            raise PriorError(f"task {state.task.id!r}: no walkthrough among the {len(self.plans)} given")
        plan, done = self.plans[state.task.id], [action for action, _ in state.history]
        actions = admissible(state)
        following = len(done) < len(plan) and done == list(plan[: len(done)]) and plan[len(done)] in actions
        with np.errstate(divide="ignore"):
            scores = np.log([float(not following or action == plan[len(done)]) for action in actions])
        return ActionDistribution.normalised(actions, scores, method="scripted")


def walkthrough(spec: Spec) -> Walkthrough:
    """Upper reference (oracle): solutions from a JSON file {task id: [command, ...]}."""
    check_options(spec)
    if not spec.argument:
        raise InputError("--prior walkthrough:FILE.json needs a file {task id: [command, ...]}")
    try:
        raw = Path(spec.argument).read_bytes()
        plans = json.loads(raw)
    except (OSError, ValueError) as error:
        raise InputError(f"--prior walkthrough:{spec.argument}: cannot read a JSON object there: {error}") from error
    if not isinstance(plans, dict) or not all(map(_is_plan, plans.values())):
        raise InputError(f"--prior walkthrough:{spec.argument}: expected {{task id: [command, ...]}}")
    return Walkthrough(plans, {"walkthroughs": len(plans), "sha256": sha256(raw).hexdigest()})


def _is_plan(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(command, str) for command in value)
