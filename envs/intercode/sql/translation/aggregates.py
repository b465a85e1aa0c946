"""MySQL's aggregates that SQLite does not have, and the registration of all functions on a connection."""

import math
import sqlite3
from collections.abc import Callable
from typing import Any

from envs.intercode.sql.translation import texts
from envs.intercode.sql.translation.functions import SCALARS, TIMED, Function
from envs.intercode.sql.translation.values import COLLATION, StatementError, plain

CONCAT_LENGTH = 1_024
"""Characters of GROUP_CONCAT, the server's ``group_concat_max_len``."""


CONCAT_SIZE = 16_000_000
"""Characters that GROUP_CONCAT collects before it gives up."""


class Only:
    """The value of a subquery that may have one row at most."""

    def __init__(self) -> None:
        self.rows: list[Any] = []

    def step(self, value: Any) -> None:
        if self.rows:
            raise StatementError("Subquery returns more than 1 row")
        self.rows.append(value)

    def finalize(self) -> Any:
        return self.rows[0] if self.rows else None


class AnyValue:
    """The first value."""

    def __init__(self) -> None:
        self.rows: list[Any] = []

    def step(self, value: Any) -> None:
        if not self.rows:
            self.rows.append(value)

    def finalize(self) -> Any:
        return self.rows[0] if self.rows else None


class Moments:
    """Running mean and squares for variances (Welford)."""

    def __init__(self) -> None:
        self.count, self.mean, self.squares = 0, 0.0, 0.0

    def step(self, value: Any) -> None:
        known = texts.number(value)
        if known is not None:
            self.count += 1
            delta = known - self.mean
            self.mean += delta / self.count
            self.squares += delta * (known - self.mean)

    def variance(self, spare: int) -> float | None:
        return self.squares / (self.count - spare) if self.count > spare else None


def moments(spare: int, root: bool) -> type[Moments]:
    """Return the aggregate of a population (``spare=0``) or a sample (1), or its square root."""

    class Variance(Moments):
        def finalize(self) -> float | None:
            variance = self.variance(spare)
            return math.sqrt(variance) if root and variance is not None else variance

    return Variance


def bits(start: int, join: Callable[[int, int], int]) -> type[Any]:
    """Return an aggregate of bits."""

    class Bits:
        def __init__(self) -> None:
            self.value = start

        def step(self, value: Any) -> None:
            if value is not None:
                self.value = join(self.value, texts.whole(value) or 0)

        def finalize(self) -> int:
            return self.value

    return Bits


class GroupConcat:
    """GROUP_CONCAT(value, separator, distinct, descending flags as text, keys...)."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, tuple[Any, ...]]] = []
        self.separator, self.distinct, self.flags, self.size = ",", 0, "", 0

    def step(self, value: Any, separator: str, distinct: int, flags: str, *keys: Any) -> None:
        self.separator, self.distinct, self.flags = separator, distinct, flags
        if value is not None:
            text = plain(value)
            self.size += len(text) + 100 + sum(len(key) for key in keys if isinstance(key, str | bytes))
            if self.size > CONCAT_SIZE:
                raise StatementError("Out of sort memory, consider increasing server sort buffer size")
            self.rows.append((text, keys))

    def finalize(self) -> str | None:
        rows = self.rows
        for place in reversed(range(len(self.flags))):
            rows = sorted(rows, key=lambda row: sort_key(row[1][place]), reverse=self.flags[place] == "d")
        found = [text for text, _ in rows]
        if self.distinct:
            first: dict[str, str] = {}
            for text in found:
                first.setdefault(texts.fold(text), text)
            found = list(first.values())
        return self.separator.join(found)[:CONCAT_LENGTH] if found else None


def sort_key(value: Any) -> tuple[int, Any]:
    """Order values of one kind: NULL, numbers, texts."""
    if value is None:
        return 0, 0
    return (1, value) if isinstance(value, int | float) else (2, texts.fold(plain(value)))


AGGREGATE_CLASSES: dict[str, type[Any]] = {
    "my_only": Only,
    "my_any_value": AnyValue,
    "my_group_concat": GroupConcat,
    "my_std": moments(0, True),
    "my_stddev_samp": moments(1, True),
    "my_variance": moments(0, False),
    "my_var_samp": moments(1, False),
    "my_bit_and": bits(-1, lambda a, b: a & b),
    "my_bit_or": bits(0, lambda a, b: a | b),
    "my_bit_xor": bits(0, lambda a, b: a ^ b),
}


class Failures:
    """Keeps what a function of a connection raised, which SQLite itself forgets."""

    def __init__(self) -> None:
        self.message: str | None = None

    def guard(self, function: Function) -> Callable[..., Any]:
        """Wrap a function: NULL for NULL where it is strict, and errors kept."""
        call = function.call
        assert call is not None

        def guarded(*values: Any) -> Any:
            if function.strict and None in values:
                return None
            try:
                if function.texts:
                    values = tuple(plain(v) if isinstance(v, bytes | float) or type(v) is int else v for v in values)
                return call(*values)
            except Exception as error:
                self.message = str(error) if isinstance(error, StatementError) else invalid(error)
                raise

        return guarded

    def aggregate(self, kind: type[Any]) -> type[Any]:
        """Wrap an aggregate so that its errors are kept."""
        failures = self

        class Guarded(kind):  # type: ignore[misc]
            def step(self, *values: Any) -> None:
                try:
                    super().step(*values)
                except StatementError as error:
                    failures.message = str(error)
                    raise

        return Guarded

    def timed(self, call: Callable[..., Any], left: Callable[[], float]) -> Callable[..., Any]:
        """Wrap a function that takes the time that is left."""

        def limited(*values: Any) -> Any:
            try:
                return call(*values, left())
            except StatementError as error:
                self.message = str(error)
                raise

        return limited


def invalid(error: Exception) -> str:
    """Word an error of a function as the server would word it."""
    return f"Incorrect arguments to function: {str(error)[:200]}"


def register(connection: sqlite3.Connection, failures: Failures, left: Callable[[], float] = lambda: 1.0) -> None:
    """Give a connection MySQL's functions, aggregates and collation; ``left`` tells the seconds that remain."""
    connection.create_collation(COLLATION, texts.collate)
    for name, function in SCALARS.items():
        if function.call is not None:
            connection.create_function(f"my_{name}", -1, failures.guard(function), deterministic=function.pure)
    for name, call in TIMED.items():
        connection.create_function(f"my_{name}", -1, failures.timed(call, left), deterministic=True)
    for name, kind in AGGREGATE_CLASSES.items():
        arguments = -1 if name == "my_group_concat" else 1
        connection.create_aggregate(name, arguments, failures.aggregate(kind))


__all__ = ["Failures", "register"]
