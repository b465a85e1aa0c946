"""Types of MySQL values: what expressions have, how SQLite stores them, how they come back."""

import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any

from envs.intercode.sql.catalog import Column

INTEGERS = ("tinyint", "smallint", "mediumint", "int", "bigint", "year", "bit")
BINARIES = ("blob", "tinyblob", "mediumblob", "longblob", "binary", "varbinary", "geometry", "point")
WIDE = Context(prec=65, rounding=ROUND_HALF_UP)

Convert = Callable[[Any], Any]


class StatementError(Exception):
    """Raised inside SQLite by a function, with the message that MySQL gives."""


@dataclass(frozen=True, slots=True)
class Type:
    """What an expression gives.

    Attributes:
        kind: ``int``, ``decimal``, ``double``, ``float``, ``text``, ``date``, ``datetime``, ``time``, ``bytes`` or
            ``null``.
        scale: digits after the point; ``None`` when a double has no fixed number of them.
        binary: texts are compared byte by byte.
        plain: texts that SQLite's own collation orders rightly; see :class:`~envs.intercode.sql.catalog.Column`.
    """

    kind: str
    scale: int | None = None
    binary: bool = False
    plain: bool = field(default=False, compare=False)

    @property
    def numeric(self) -> bool:
        """Whether it is a number."""
        return self.kind in ("int", "decimal", "double", "float")

    @property
    def exact(self) -> bool:
        """Whether it is a number without rounding errors."""
        return self.kind in ("int", "decimal")

    @property
    def temporal(self) -> bool:
        """Whether it is a date or time."""
        return self.kind in ("date", "datetime", "time")

    @property
    def digits(self) -> int:
        """Digits after the point of an exact number."""
        return self.scale or 0


INT, DOUBLE, TEXT, NULL = Type("int"), Type("double"), Type("text"), Type("null")
DATE, DATETIME, TIME, BYTES = Type("date"), Type("datetime"), Type("time"), Type("bytes")
DECIMAL = Type("decimal", 0)


def type_of(column: Column) -> Type:
    """Return the type of what a column holds."""
    base = column.base
    if base in INTEGERS:
        return INT
    if base in ("decimal", "float", "double"):
        digits = column.type.partition("(")[2].partition(")")[0].split(",")
        return Type(base, int(digits[1]) if len(digits) == 2 else None if base != "decimal" else 0)
    if base in ("date", "time"):
        return Type(base)
    if base in ("datetime", "timestamp"):
        return DATETIME
    if base in BINARIES:
        return BYTES
    return Type("text", binary=(column.collation or "").endswith("_bin"), plain=column.plain)


def is_plain(text: str) -> bool:
    """Whether SQLite's own collation orders a text as ``utf8mb4_general_ci`` does."""
    return text.isascii() and not text.endswith(" ") and AWKWARD.isdisjoint(text)


AWKWARD = frozenset("[\\]^_`\0")
"""Signs between the capital and the small letters, which the two order differently."""


def collation(*types: Type) -> str:
    """The collation, within SQLite, that texts of these types are compared by."""
    if any(each.binary for each in types):
        return "BINARY"
    return "NOCASE" if all(each.plain for each in types) else COLLATION


COLLATION = "mysql"
"""The name, within SQLite, of ``utf8mb4_general_ci``."""


def affinity(column: Column) -> str:
    """Return the SQLite type that stores a column."""
    kind = type_of(column).kind
    return {"int": "INTEGER", "decimal": "REAL", "float": "REAL", "double": "REAL", "bytes": "BLOB"}.get(kind, "TEXT")


def merge(types: Iterable[Type]) -> Type:
    """Return the type that holds all of these: of IF, CASE, COALESCE and UNION."""
    known = [each for each in types if each != NULL]
    if not known:
        return NULL
    if all(each == known[0] for each in known):
        return next((each for each in known if not each.plain), known[0])
    if all(each.exact for each in known):
        return Type("decimal", max(each.digits for each in known))
    if all(each.numeric for each in known):
        return DOUBLE
    if all(each.kind in ("date", "datetime") for each in known):
        return DATETIME
    return Type("text", binary=any(each.binary for each in known))


def stored(value: Any, column: Column) -> Any:
    """Return a value of a dump as SQLite holds it: decimals as doubles, floats in single precision."""
    kind = type_of(column).kind
    if value is None:
        return None
    if kind == "int":
        return int.from_bytes(value, "big") if isinstance(value, bytes) else int(value)
    if kind == "float":
        return single(float(value))
    if kind in ("decimal", "double"):
        return float(value)
    if kind == "bytes":
        return value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def single(value: float) -> float:
    """Round to single precision."""
    try:
        return float(struct.unpack("f", struct.pack("f", value))[0])
    except OverflowError:
        return value


def converter(kind: Type) -> Convert | None:
    """Return what turns a value of SQLite into the one MySQL's connector gives; ``None``: nothing to do."""
    if kind.kind == "decimal":
        unit = Decimal(1).scaleb(-kind.digits)
        return lambda value: as_decimal(value, unit)
    if kind.kind in ("double", "float") and kind.scale is not None:
        scale = kind.scale
        return lambda value: float(f"{value:.{scale}f}") if isinstance(value, int | float) else value
    return CONVERTERS.get(kind.kind)


def as_decimal(value: Any, unit: Decimal) -> Decimal:
    """Return an exact number with the digits of ``unit``."""
    exact = Decimal(repr(value)) if isinstance(value, float) else Decimal(str(value))
    return exact.quantize(unit, context=WIDE)


def as_int(value: Any) -> Any:
    """Return a whole number; doubles beyond 64 bits stay as they are."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def as_text(value: Any) -> Any:
    """Return the text of a value that stands where texts are expected."""
    return value if isinstance(value, str) else plain(value)


def plain(value: Any) -> str:
    """Return a value as MySQL writes it into texts."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else f"{value:.15g}"
    return str(value)


def as_date(value: Any) -> Any:
    """Return a date; ``None`` for those no calendar has, as the connector does."""
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        return None


def as_datetime(value: Any) -> Any:
    """Return date and time; ``None`` for those no calendar has, as the connector does."""
    try:
        return datetime.fromisoformat(str(value))
    except ValueError:
        return None


def as_time(value: Any) -> Any:
    """Return a time as the span the connector makes of it."""
    text = str(value)
    hours, minutes, seconds = [float(part) for part in text.lstrip("-").split(":")]
    span = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    return -span if text.startswith("-") else span


CONVERTERS: dict[str, Convert] = {
    "int": as_int,
    "double": lambda value: float(value) if isinstance(value, int) else value,
    "float": lambda value: float(f"{value:.6g}") if isinstance(value, int | float) else value,
    "text": as_text,
    "date": as_date,
    "datetime": as_datetime,
    "time": as_time,
}

__all__ = [
    "BYTES",
    "COLLATION",
    "DATE",
    "DATETIME",
    "DECIMAL",
    "DOUBLE",
    "INT",
    "NULL",
    "TEXT",
    "TIME",
    "StatementError",
    "Type",
    "affinity",
    "collation",
    "converter",
    "is_plain",
    "merge",
    "plain",
    "stored",
    "type_of",
]
