"""What the observations of an episode say about tables and columns."""

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from priors.intercode.prompts import parted, place
from slinvit.types import State

_SHOWN = re.compile(r"^\* (?P<table>[^\n(]+)\((?P<columns>.*)\)$", re.MULTILINE)
_DESCRIBE = re.compile(
    r"(?:describe|desc|show columns from)\s*(?:`(?P<quoted>(?:[^`]|``)+)`|\b(?P<plain>[\w$]+))", re.IGNORECASE
)
_NUMERIC = ("int", "decimal", "float", "double", "numeric", "real")


@dataclass(frozen=True)
class Column:
    """A column.

    Attributes:
        name: as the database has it.
        numeric: whether it holds numbers; ``None`` where nothing said so.
        key: whether it is the primary key, or part of it.
    """

    name: str
    numeric: bool | None = None
    key: bool = False


@dataclass(frozen=True)
class Schema:
    """What is known.

    Attributes:
        tables: columns by table; ``None`` for a table whose columns nobody asked for.
        listed: whether all tables are known.
    """

    tables: Mapping[str, tuple[Column, ...] | None] = field(default_factory=dict)
    listed: bool = False

    @property
    def described(self) -> Mapping[str, tuple[Column, ...]]:
        """The tables whose columns are known."""
        return {name: columns for name, columns in self.tables.items() if columns is not None}


def schema_of(state: State) -> Schema:
    """Return what the first observation and the answers to ``SHOW TABLES`` and ``DESCRIBE`` tell."""
    tables: dict[str, tuple[Column, ...] | None] = {
        match["table"]: tuple(Column(name.strip()) for name in match["columns"].split(","))
        for match in _SHOWN.finditer(place(state))
    }
    listed = bool(tables)
    for action, seen in state.history:
        rows = _rows(parted(seen)[0])
        if action.strip().lower().startswith("show tables") and rows is not None:
            listed = True
            for row in rows:
                tables.setdefault(str(row[0]), None)
        elif (asked := _DESCRIBE.match(action.strip())) and rows:
            name = asked["plain"] or asked["quoted"].replace("``", "`")
            tables[name] = tuple(map(_column, rows))
    return Schema(tables, listed)


def quoted(name: str) -> str:
    """Return the name of a table or column as a query has it: in back-ticks where it would not be read as a name."""
    from sqlglot.expressions import to_identifier

    return to_identifier(name).sql("mysql")


def _rows(seen: str) -> list[tuple[Any, ...]] | None:
    """Return the rows that an observation shows; ``None`` where it shows none, or values that are no plain text."""
    try:
        rows = ast.literal_eval(seen)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    is_result = isinstance(rows, list) and all(isinstance(row, tuple) and row for row in rows)
    return rows if is_result else None


def _column(row: tuple[Any, ...]) -> Column:
    name, kind, _, key = (*row, "", "", "")[:4]
    said = kind.decode() if isinstance(kind, bytes) else str(kind)
    return Column(str(name), said.lower().startswith(_NUMERIC), key in ("PRI", b"PRI"))


__all__ = ["Column", "Schema", "quoted", "schema_of"]
