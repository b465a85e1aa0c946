"""Does the answer have the shape that the question asks for?"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from statistics import fmean
from typing import Any, ClassVar

import numpy as np

from envs.intercode.answer import Answer
from slinvit.budget import Budget
from slinvit.protocols import Prior, Simulator
from slinvit.registry import Spec
from slinvit.types import FloatArray, State
from value_estimators.intercode.turn import Turn, turns
from value_estimators.intercode.wording import wanted_rows, wants_changes, wants_number
from value_estimators.options import check_spec


@dataclass(frozen=True)
class Shape:
    """Share of the checks that the answer passes, in [0, 1]: columns, rows, number; Bash: output, changes, number."""

    name: ClassVar[str] = "shape"
    oracle: ClassVar[bool] = False

    def estimate(self, states: Sequence[State], *, budget: Budget, rng: np.random.Generator) -> FloatArray:
        """Return ``[B]`` shares; raises ``InputError`` outside InterCode."""
        return np.array([fit(turn) for turn in turns(states, self.name)], dtype=np.float64)


def fit(turn: Turn) -> float:
    """Return the share of the checks that apply which the answer passes; 0 without one, and for an error of SQL."""
    answer = turn.answer
    if answer is None or (turn.sql and not answer.ok):
        return 0.0
    checks = _rows_fit(turn.question, answer) if turn.sql else _output_fits(turn.question, answer)
    return fmean(checks)


def is_number(value: Any) -> bool:
    """Say whether a value of a row is a number, or a text that reads like one."""
    if isinstance(value, str):
        return value.replace(".", "", 1).lstrip("-").isdecimal()
    return isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)


def _rows_fit(question: str, answer: Answer) -> Iterator[bool]:
    wanted, rows = wanted_rows(question), answer.rows or ()
    yield bool(rows)
    if wanted.rows is not None:
        yield len(rows) == wanted.rows
    if wanted.columns is not None:
        yield bool(rows) and len(rows[0]) == wanted.columns
    if wanted.number:
        yield len(rows) == 1 and len(rows[0]) == 1 and is_number(rows[0][0])


def _output_fits(request: str, answer: Answer) -> Iterator[bool]:
    if wants_changes(request):
        yield bool(answer.changed)
        return
    yield bool(answer.text.strip())
    yield not answer.changed
    if wants_number(request):
        yield any(character.isdecimal() for character in answer.text)


def shape(spec: Spec, *, prior: Prior, simulator: Simulator) -> Shape:
    """InterCode: the answer has the shape that the question asks for."""
    check_spec(spec)
    return Shape()
