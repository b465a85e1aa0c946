"""Did the last command run, and did anything come back?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from envs.intercode.answer import Answer
from slinvit.budget import Budget
from slinvit.protocols import Prior, Simulator
from slinvit.registry import Spec
from slinvit.types import FloatArray, State
from value_estimators.intercode.turn import Turn, turns
from value_estimators.options import check_spec

NOTHING, SILENT, HOLLOW, FULL = 0.0, 0.25, 0.5, 1.0
"""The levels of :func:`level`."""

EMPTY_VALUES = (None, "", 0)


@dataclass(frozen=True)
class Executes:
    """How much the last command gave, at four levels: 0, 0.25, 0.5 and 1; see :func:`level`."""

    name: ClassVar[str] = "executes"
    oracle: ClassVar[bool] = False

    def estimate(self, states: Sequence[State], *, budget: Budget, rng: np.random.Generator) -> FloatArray:
        """Return ``[B]`` levels; raises ``InputError`` outside InterCode."""
        return np.array([level(turn) for turn in turns(states, self.name)], dtype=np.float64)


def level(turn: Turn) -> float:
    """Return how much the last command gave.

    * 0: no command yet, given up, or an error (Bash: an exit code other than 0 and no output).
    * 0.25: it ran, and nothing came back: no rows; no output and no file changed. Bash: also a command that came to
      something and then failed, as ``find`` does that may not read one of many folders.
    * 0.5: every value that came back is NULL, an empty text or 0; Bash: only white space.
    * 1: anything else.
    """
    answer = turn.answer
    if answer is None or (turn.sql and not answer.ok):
        return NOTHING
    if not turn.sql:
        return _of_output(answer)
    if not answer.rows:
        return SILENT
    return HOLLOW if all(value in EMPTY_VALUES for row in answer.rows for value in row) else FULL


def _of_output(answer: Answer) -> float:
    something = FULL if answer.changed or answer.text.strip() else HOLLOW if answer.text else SILENT
    if answer.ok:
        return something
    return SILENT if something == FULL else NOTHING


def executes(spec: Spec, *, prior: Prior, simulator: Simulator) -> Executes:
    """InterCode: the last command ran, and something came back."""
    check_spec(spec)
    return Executes()
