"""Words SQLite's errors as MySQL does, since agents read them."""

import re
from collections.abc import Callable, Mapping

from envs.intercode.sql.catalog import Table

OVERRUN = "Thread stack overrun: the statement is nested too deeply"

Words = Callable[[re.Match[str], Mapping[str, Table]], str]


def duplicate(match: re.Match[str], tables: Mapping[str, Table]) -> str:
    """Error 1062, without the value, which SQLite does not tell."""
    table, columns = match.group(1).split(", ")[0].partition(".")[0], {
        part.partition(".")[2].lower() for part in match.group(1).split(", ")
    }  # fmt: skip
    known = tables.get(table)
    key = next((k.name for k in known.keys if {c.lower() for c in k.columns} == columns), None) if known else None
    return f"Duplicate entry for key '{table}.{key or '.'.join(sorted(columns))}'"


PATTERNS: tuple[tuple[str, Words], ...] = (
    (r"UNIQUE constraint failed: (.+)", duplicate),
    (r"NOT NULL constraint failed: .+\.(.+)", lambda m, _: f"Column '{m.group(1)}' cannot be null"),
    (
        r"FOREIGN KEY constraint failed",
        lambda *_: "Cannot add, update or delete a row: a foreign key constraint fails",
    ),
    (
        r"cannot store (\w+) value in (\w+) column .+\.(.+)",
        lambda m, _: f"Incorrect {m.group(2).lower()} value for column '{m.group(3)}' at row 1",
    ),
    (r"database or disk is full", lambda *_: "The table is full"),
    (r"string or blob too big", lambda *_: "Result was larger than max_allowed_packet - truncated"),
    (r"integer overflow|int too large", lambda *_: "BIGINT value is out of range"),
    (r"Expression tree is too large|parser stack overflow|recursion", lambda *_: OVERRUN),
    (
        r"reserved for internal use: (.+)",
        lambda m, _: f"the SQLite engine keeps names that begin with sqlite_ for itself: '{m.group(1)}'",
    ),
    (r"circular reference|recursive", lambda *_: "Recursive common table expression is not allowed here"),
)


def translate_error(text: str, tables: Mapping[str, Table]) -> str:
    """Return MySQL's message for an error of SQLite."""
    for pattern, words in PATTERNS:
        match = re.search(pattern, text)
        if match:
            return words(match, tables)
    return f"the SQLite engine failed: {text or 'out of memory'}"


__all__ = ["translate_error"]
