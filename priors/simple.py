"""Priors without a model: uniform, and answers written by hand."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from slinvit.budget import Budget
from slinvit.errors import InputError, PriorError, did_you_mean
from slinvit.registry import Spec
from slinvit.types import Action, ActionDistribution, State, Usage

COMBINATORS = ("temperature", "uniform", "mask", "adversarial", "metered")
"""Options that every prior takes."""


@dataclass(frozen=True)
class Uniform:
    """Every admissible action is equally probable: the control without a language model."""

    deterministic: ClassVar[bool] = True

    def propose(
        self, states: Sequence[State], *, k: int | None = None, budget: Budget, rng: np.random.Generator
    ) -> list[ActionDistribution]:
        """Return the uniform distribution over the admissible actions of each state; costs nothing."""
        return [
            ActionDistribution.normalised(actions, np.zeros(len(actions)), method="uniform")
            for actions in map(admissible, states)
        ]


Answer = Callable[[State], Mapping[Action, float]]


@dataclass(frozen=True)
class Scripted:
    """Answers given in advance, for tests and teaching; counts calls like a model.

    Args:
        answers: probabilities by action: one mapping by observation, or a function of the state. They are normalised
            over the admissible actions; an admissible action that is not mentioned has probability 0.
    """

    answers: Mapping[str, Mapping[Action, float]] | Answer
    deterministic: ClassVar[bool] = True

    def propose(
        self, states: Sequence[State], *, k: int | None = None, budget: Budget, rng: np.random.Generator
    ) -> list[ActionDistribution]:
        """Return the scripted distributions; raises ``PriorError`` for a state without an answer."""
        budget.spend(llm_calls=len(states))
        return [self._answer(state) for state in states]

    def _answer(self, state: State) -> ActionDistribution:
        if callable(self.answers):
            weights = self.answers(state)
        elif state.observation in self.answers:
            weights = self.answers[state.observation]
        else:
            raise PriorError(f"task {state.task.id!r}: no scripted answer for the observation {state.observation!r}")
        actions = tuple(weights) if state.actions is None else state.actions
        with np.errstate(divide="ignore"):
            scores = np.log([weights.get(action, 0.0) for action in actions])
        return ActionDistribution.normalised(actions, scores, method="scripted", usage=Usage(llm_calls=1))


def admissible(state: State) -> tuple[Action, ...]:
    """Return the admissible actions; raises ``PriorError`` where the state lists none."""
    if not state.actions:
        listed = "any text may be typed" if state.actions is None else "the episode is stuck"
        raise PriorError(f"task {state.task.id!r}: this prior needs admissible actions, but here {listed}")
    return state.actions


def uniform(spec: Spec) -> Uniform:
    """The control: every admissible action equally probable."""
    check_options(spec)
    if spec.argument:
        raise InputError(f"the prior uniform takes no argument, found {spec.argument!r}")
    return Uniform()


def from_file(spec: Spec) -> Scripted:
    """Test double: probabilities from a JSON file {observation: {action: probability}}."""
    check_options(spec)
    if not spec.argument:
        raise InputError("--prior scripted:FILE.json needs a file")
    path = Path(spec.argument)
    try:
        answers: Any = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise InputError(f"--prior scripted:{path}: cannot read a JSON object there: {error}") from error
    if not isinstance(answers, dict) or not all(map(_is_answer, answers.values())):
        raise InputError(f"--prior scripted:{path}: expected {{observation: {{action: probability of 0 or more}}}}")
    return Scripted(answers)


def check_options(spec: Spec, allowed: Sequence[str] = ()) -> None:
    """Raise ``InputError`` for an option that a prior does not have."""
    for key in spec.options:
        if key not in allowed:
            raise InputError(
                f"the prior {spec.name!r} has no option {key!r}{did_you_mean(key, (*allowed, *COMBINATORS))}; it has: "
                f"{', '.join((*allowed, *COMBINATORS))}"
            )


def _is_answer(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(p, (int, float)) and p >= 0 for p in value.values())
