"""How good is a state, in the opinion of a language model: the fraction of subgoals it sees done."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from typing import Any, ClassVar

import numpy as np

from priors.remote.subgoals import PROMPT as SUBGOALS_PROMPT
from priors.remote.subgoals import decompose
from priors.remote.text import TEXT_OPTIONS, Question, TextModel, text_model
from slinvit.budget import Budget
from slinvit.errors import InputError
from slinvit.protocols import Prior, Simulator
from slinvit.registry import Spec
from slinvit.types import FloatArray, State
from value_estimators.options import check_spec

SITUATION = "Task: {goal}\n\n{history}Situation: {observation}\n\n"

COUNT = (
    "Into which subgoals does this task fall, and how many of them are reached in the situation above? Think briefly, "
    "then end with one line that holds the number reached and the number of all, like\nDone: 1/4"
)

WHICH = (
    "Subgoals:\n{subgoals}\n\nHow many of these {count} subgoals are reached in the situation above? Think briefly, "
    "then end with one line that holds the number reached and the number of all, like\nDone: 1/{count}"
)

DONE = re.compile(r"Done:\s*(\d+)\s*/\s*(\d+)")


@dataclass(frozen=True)
class Critic:
    """Asks a model for the fraction of subgoals reached, times ``scale``, in units of undiscounted return.

    The last line of an answer must be ``Done: i/m`` with i of 0 to m. What is something else is asked once more, with
    what was wrong, and then is an error: a value is never made up.

    Attributes:
        model: what is asked.
        scale: return of a task that is done.
        subgoals: let the model name the subgoals first, once per task, so that all states are measured by the same.
    """

    model: TextModel
    scale: float = 1.0
    subgoals: bool = False
    _named: dict[str, tuple[str, ...]] = field(default_factory=dict, compare=False, repr=False)
    name: ClassVar[str] = "critic"
    oracle: ClassVar[bool] = False

    def estimate(self, states: Sequence[State], *, budget: Budget, rng: np.random.Generator) -> FloatArray:
        """Return ``[B]`` values between 0 and ``scale``; spends one ``llm_calls`` per state, more where asked twice.

        Raises:
            PriorError: no answer, or none that can be read.
            BudgetExceeded: nothing more was asked.
        """
        if self.subgoals:
            self._name(states, budget)
        fractions = self.model.ask([self._question(state) for state in states], budget=budget)
        return self.scale * np.array(fractions, dtype=np.float64)

    def provenance(self) -> Mapping[str, Any]:
        """Return what decides the values."""
        prompts = sha256("".join((SITUATION, COUNT, WHICH, SUBGOALS_PROMPT)).encode()).hexdigest()
        return {**self.model.provenance(), "scale": self.scale, "subgoals": self.subgoals, "prompts": prompts[:8]}

    def _name(self, states: Sequence[State], budget: Budget) -> None:
        """Let the model name the subgoals of tasks that are new."""
        new = list({state.task.id: state for state in states if state.task.id not in self._named}.values())
        if new:
            found = decompose(self.model, new, budget=budget)
            self._named.update({state.task.id: named for state, named in zip(new, found, strict=True)})

    def _question(self, state: State) -> Question[float]:
        history = "".join(f"Action: {action}\nObservation: {seen}\n\n" for action, seen in state.history)
        prompt = SITUATION.format(goal=state.task.goal, history=history, observation=state.observation)
        if not self.subgoals:
            return Question(prompt + COUNT, read_fraction, lead="Done:", stop="\n")
        named = self._named[state.task.id]
        listed = "\n".join(f"{number}. {subgoal}" for number, subgoal in enumerate(named, start=1))
        which = WHICH.format(subgoals=listed, count=len(named))
        return Question(prompt + which, partial(read_fraction, count=len(named)), lead="Done:", stop="\n")


def read_fraction(text: str, count: int | None = None) -> float:
    """Return i/m of the last line ``Done: i/m``, m being ``count``; raises ``ValueError`` for anything else."""
    lines = [line.strip(" *`.") for line in text.splitlines() if line.strip()]
    match = DONE.fullmatch(lines[-1]) if lines else None
    if match is None:
        raise ValueError(f"the last line must be like 'Done: 1/4', not {lines[-1][:60] if lines else ''!r}")
    done, of = int(match.group(1)), int(match.group(2))
    if of < 1 or done > of:
        raise ValueError(f"{done} of {of} is no fraction")
    if count not in (None, of):
        raise ValueError(f"there are {count} subgoals, not {of}")
    return done / of


def critic(spec: Spec, *, prior: Prior, simulator: Simulator) -> Critic:
    """Ask a remote model: critic:MODEL[@URL],endpoint=chat|completions,subgoals=true,scale=1."""
    if not spec.argument:
        raise InputError("--value critic:MODEL or critic:MODEL@BASE_URL needs the name of a remote model")
    model, rest = text_model(spec)
    check_spec(Spec(spec.name, spec.argument, rest), options=(*TEXT_OPTIONS, "scale", "subgoals"), argument=True)
    return Critic(model, _scale(rest.get("scale", "1")), _yes(rest.get("subgoals", "false")))


def _scale(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < np.inf:
        raise InputError(f"the option scale={text} of the value 'critic' must be a number above 0")
    return value


def _yes(text: str) -> bool:
    if text not in ("true", "false"):
        raise InputError(f"the option subgoals={text} of the value 'critic' must be true or false")
    return text == "true"
