r"""SQL statements in text: where one begins, where it ends, and whether it is one at all."""

import re

from priors.intercode.wrapping import command_length

QUOTED = re.compile(r"""'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*"|`[^`\n]*`""", re.DOTALL)

_TALK = r"(?!\s+(?:the|your|my|this|that|these|those|each|us|me|to)\b)"
_NAME = r"`?[\w.$]+`?"
_FORM = rf"""(?:
    \(?\s*SELECT\b{_TALK}\s*\S
  | WITH\s+(?:RECURSIVE\s+)?{_NAME}\s*(?:\([^)]*\)\s*)?AS\s*\(
  | SHOW\s+(?:FULL\s+|EXTENDED\s+|GLOBAL\s+|SESSION\s+)*
      (?:TABLES?|DATABASES|SCHEMAS|COLUMNS|FIELDS|CREATE|INDEX|INDEXES|KEYS|VARIABLES|STATUS|WARNINGS|ERRORS|GRANTS)\b
  | (?:DESC|DESCRIBE){_TALK}\s+{_NAME}
  | EXPLAIN{_TALK}\s+(?:SELECT\b|WITH\b|{_NAME}\s*;?\s*$)
  | USE{_TALK}\s+{_NAME}\s*;?\s*$
  | (?:INSERT|REPLACE)\s+(?:IGNORE\s+)?INTO\s
  | UPDATE\b[^;]*?\bSET\s
  | DELETE\s+(?:[\w.,]+\s+)*?FROM\s
  | (?:CREATE|DROP|ALTER)\s+(?:OR\s+REPLACE\s+|TEMPORARY\s+|UNIQUE\s+)*(?:TABLE|DATABASE|SCHEMA|VIEW|INDEX|USER)\b
  | TRUNCATE\s+(?:TABLE\s+)?{_NAME}\s*;?\s*$
  | SET\s+[@\w.]+\s*=
  | TABLE\s+{_NAME}\s*;?\s*$
  | VALUES\s+ROW\s*\(
)"""
_FLAGS = re.IGNORECASE | re.MULTILINE | re.VERBOSE
_STARTS = (
    re.compile(rf"^[ \t]*(?P<form>{_FORM})", _FLAGS),
    re.compile(rf":[ \t]*(?P<form>{_FORM})", _FLAGS),
)
"""At the start of a line, or behind a colon."""

_SELECT, _FROM = re.compile(r"(?<!`)\bSELECT\b"), re.compile(r"\bFROM\b")

_GOES_ON = r"UNION|EXCEPT|INTERSECT|SELECT|FROM|WHERE|GROUP|ORDER|HAVING|LIMIT|AND|OR|ON|(?:\w+\s+)*JOIN|SET|VALUES"
_END = re.compile(rf";|\n[ \t]*\n(?!\s*(?:\)|(?:{_GOES_ON})\b))|```", re.IGNORECASE)
_LOOK = re.compile(r"\s*(?:SHOW|DESC|DESCRIBE|EXPLAIN|USE)\b", re.IGNORECASE)


def first_statement(text: str) -> str | None:
    """Return the first SQL statement in ``text`` without its semicolon, or ``None``.

    Underscores that were escaped for Markdown are restored outside quotes; talk behind the statement is left out.
    """
    text = _unescaped(text)
    if (start := _start(text)) is None:
        return None
    text = text[start:].lstrip()
    hidden = QUOTED.sub(lambda quoted: "x" * len(quoted[0]), text)
    end = _END.search(hidden)
    length = command_length(hidden[: end.start()] if end else hidden)
    return text[:length].strip() or None


def is_look(statement: str) -> bool:
    """Say whether a statement only asks what is there."""
    return _LOOK.match(statement) is not None


def _start(text: str) -> int | None:
    for form in _STARTS:
        if (found := form.search(text)) is not None:
            return found.start("form")
    capitals = _SELECT.search(text)
    return capitals.start() if capitals and _FROM.search(text, capitals.end()) else None


def _unescaped(text: str) -> str:
    parts, end = [], 0
    for quoted in QUOTED.finditer(text):
        parts += [text[end : quoted.start()].replace(r"\_", "_"), quoted[0]]
        end = quoted.end()
    return "".join([*parts, text[end:].replace(r"\_", "_")])


__all__ = ["QUOTED", "first_statement", "is_look"]
