"""Parses MySQL: functions stay the names they were written with, and errors read like the server's."""

from functools import lru_cache
from typing import Any, ClassVar

from sqlglot import TokenType, exp
from sqlglot.dialects.mysql import MySQL
from sqlglot.errors import ParseError, TokenError
from sqlglot.parsers.mysql import MySQLParser

SPECIAL = (
    "CAST",
    "CONVERT",
    "EXTRACT",
    "GROUP_CONCAT",
    "TRIM",
    "SUBSTRING",
    "SUBSTR",
    "POSITION",
    "VALUES",
    "CHAR",
    "MATCH",
)
"""Functions whose arguments have a grammar of their own."""

LONGEST = 50_000
"""Characters of a statement: parsing is not interrupted by the limit of time."""

REMEMBERED = 2_000
"""Characters of the longest statement whose tree and translation are kept: those of long ones take megabytes."""

TOO_LONG = "Got a packet bigger than 'max_allowed_packet' bytes"

SYNTAX = (
    "You have an error in your SQL syntax; check the manual that corresponds to your MySQL server version "
    "for the right syntax to use near '{}' at line {}"
)


class PlainParser(MySQLParser):
    """The parser of :class:`PlainMySQL`."""

    FUNCTIONS: ClassVar[dict[str, Any]] = {}
    FUNCTION_PARSERS: ClassVar[Any] = {
        name: parse for name, parse in MySQLParser.FUNCTION_PARSERS.items() if name in SPECIAL
    }

    def _parse_join(self, *arguments: Any, **options: Any) -> Any:
        # A comma binds less than JOIN: what stands before it is out of reach of ON.
        comma = self._curr is not None and self._curr.token_type == TokenType.COMMA
        join = super()._parse_join(*arguments, **options)
        if comma and isinstance(join, exp.Join):
            join.meta["comma"] = True
        return join


class PlainMySQL(MySQL):
    """MySQL whose functions are all :class:`sqlglot.exp.Anonymous`: their meaning is ours to give."""

    Parser = PlainParser


class MySQLError(Exception):
    """Raised when MySQL would refuse a statement; the text is the server's message."""


def syntax_error(statement: str, offset: int) -> MySQLError:
    """Return the error 1064 for the text from ``offset`` on."""
    line = statement.count("\n", 0, offset) + 1
    return MySQLError(SYNTAX.format(statement[offset : offset + 80], line))


def parse(statement: str) -> exp.Expr:
    """Parse one statement; the result is shared and must not be changed.

    Raises:
        MySQLError: it is no statement, or there are several, which the original's connector refuses.
    """
    if len(statement) > LONGEST:
        raise MySQLError(TOO_LONG)
    return known_parse(statement) if len(statement) <= REMEMBERED else parsed(statement)


def parsed(statement: str) -> exp.Expr:
    """Parse one statement.

    Raises:
        MySQLError: it is none.
    """
    try:
        found = [tree for tree in PlainMySQL().parse(statement) if tree is not None]
    except ParseError as error:
        place = error.errors[0] if error.errors else {}
        raise syntax_error(statement, offset_of(statement, place)) from error
    except TokenError as error:
        raise syntax_error(statement, len(statement)) from error
    except RecursionError as error:
        raise MySQLError("Thread stack overrun: the statement is nested too deeply") from error
    if not found or all(isinstance(tree, exp.Semicolon) for tree in found):
        raise MySQLError("Query was empty")
    if len([tree for tree in found if not isinstance(tree, exp.Semicolon)]) > 1:
        raise MySQLError("Use cmd_query_iter for statements with multiple queries.")
    return found[0]


known_parse = lru_cache(maxsize=4_096)(parsed)


def offset_of(statement: str, place: dict[str, Any]) -> int:
    """Return where in the statement the parser stopped."""
    line, column = int(place.get("line") or 1), int(place.get("col") or 1)
    highlight = str(place.get("highlight") or "")
    lines = statement.splitlines(keepends=True)
    before = sum(len(text) for text in lines[: line - 1])
    return max(0, min(len(statement), before + column - len(highlight)))


__all__ = ["LONGEST", "REMEMBERED", "TOO_LONG", "MySQLError", "PlainMySQL", "parse", "syntax_error"]
