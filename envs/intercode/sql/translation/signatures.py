"""What is said of a function: how many arguments, of which type, by which Python code."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from envs.intercode.sql.translation import dates, texts
from envs.intercode.sql.translation.values import (
    DOUBLE,
    INT,
    TEXT,
    Type,
    merge,
)

TypeRule = Callable[[Sequence[Type]], Type]


@dataclass(frozen=True, slots=True)
class Function:
    """One function.

    Attributes:
        call: of Python values; ``None`` when SQLite's own of the same name is meant.
        least: arguments at least.
        most: arguments at most.
        type: of the result, from those of the arguments.
        texts: arguments are wanted as texts.
        strict: the result is NULL when an argument is.
        pure: equal arguments give equal results.
    """

    call: Callable[..., Any] | None
    least: int
    most: int
    type: TypeRule
    texts: bool = False
    strict: bool = True
    pure: bool = True


def always(kind: Type) -> TypeRule:
    """The same type whatever the arguments."""
    return lambda _: kind


def first(types: Sequence[Type]) -> Type:
    """The type of the first argument, when it is a number."""
    return types[0] if types and types[0].numeric else DOUBLE


def integral(types: Sequence[Type]) -> Type:
    """Of CEIL and FLOOR."""
    return INT if types and types[0].exact else DOUBLE


def of_text(call: Callable[..., Any], least: int, most: int | None = None, kind: Type = TEXT) -> Function:
    """A function of texts."""
    return Function(call, least, least if most is None else most, always(kind), texts=True)


def of_date(call: Callable[..., Any], least: int, most: int | None = None, kind: Type = INT) -> Function:
    """A function of dates."""
    return Function(call, least, least if most is None else most, always(kind))


def of_number(call: Callable[..., Any], least: int = 1, most: int | None = None, kind: Type = DOUBLE) -> Function:
    """A function of real numbers, NULL outside its domain."""
    return Function(texts.safely(call), least, least if most is None else most, always(kind))


def current(kind: Type, write: Callable[[], Any]) -> Function:
    """A function of the present."""
    return Function(lambda *_: write(), 0, 1, always(kind), pure=False)


def constant(value: Any, kind: Type = TEXT) -> Function:
    """A function without arguments."""
    return Function(lambda: value, 0, 0, always(kind))


def shifted(kind: TypeRule, sign: int) -> Function:
    """ADDDATE and SUBDATE, once their interval is spelled out: value, amount, unit."""
    return Function(lambda value, amount, unit: dates.shift(value, amount, unit, sign), 3, 3, kind)


def moved(types: Sequence[Type]) -> Type:
    """Of a date with an interval: its own type when it is a date."""
    return types[0] if types[0].temporal else TEXT


def extreme(choose: Callable[..., Any]) -> Function:
    """GREATEST and LEAST."""

    def pick(*values: Any) -> Any:
        if all(isinstance(value, str) for value in values):
            return choose(values, key=texts.fold)
        return choose(values, key=lambda value: value if isinstance(value, int | float) else texts.number(value))

    return Function(pick, 2, 100, merge)


def rand(*seed: Any) -> float:
    """RAND; the seed is taken per call."""
    return random.Random(seed[0]).random() if seed else random.random()


__all__ = [
    "Function",
    "TypeRule",
    "always",
    "constant",
    "current",
    "extreme",
    "first",
    "integral",
    "moved",
    "of_date",
    "of_number",
    "of_text",
    "shifted",
]
