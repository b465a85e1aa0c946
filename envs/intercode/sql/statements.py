"""The words of what an agent typed, and what is wrong with it before any parser sees it."""

from collections.abc import Sequence
from itertools import islice

from envs.intercode.sql.rules_words import RESERVED
from envs.intercode.sql.tokens import Token, statements
from envs.intercode.sql.translation.dialect import MySQLError, syntax_error
from slinvit.errors import InputError

EXPLAINED = (
    "id",
    "select_type",
    "table",
    "partitions",
    "type",
    "possible_keys",
    "key",
    "key_len",
    "ref",
    "rows",
    "filtered",
    "Extra",
)


def spelled(statement: str) -> list[Token]:
    """Return the words of a statement.

    Raises:
        MySQLError: there is none, several, or a quote is never closed.
    """
    try:
        found = list(islice(statements(statement), 2))
    except InputError as error:
        raise syntax_error(statement, max(0, len(statement) - 80)) from error
    if not found:
        raise MySQLError("Query was empty")
    if len(found) > 1:
        raise MySQLError("Use cmd_query_iter for statements with multiple queries.")
    return found[0]


CLAUSES = {"FROM": 1, "JOIN": 1, "WHERE": 2, "GROUP": 3, "HAVING": 4, "WINDOW": 5, "ORDER": 6, "LIMIT": 7}
FRESH = ("SELECT", "UNION", "EXCEPT", "INTERSECT")
BEFORE_NOT = (
    "IS",
    "AND",
    "OR",
    "XOR",
    "NOT",
    "(",
    ",",
    "SELECT",
    "WHERE",
    "ON",
    "HAVING",
    "WHEN",
    "THEN",
    "ELSE",
    "BY",
)


NO_OPERAND = {"", "FROM", ")", ",", ";"}
"""What cannot follow a comma; the end is the empty text."""

OPENS = {"SELECT", "DISTINCT", "(", ",", "BY", "WHERE"}
"""What no comma can follow."""


def refuse_slips(statement: str, words: Sequence[Token]) -> None:
    """Refuse slips that the parser forgives: commas too many, ``x ! LIKE``, BETWEEN without AND, ``FROM t 'a'``.

    Raises:
        MySQLError: there is one.
    """
    waiting = [0]
    end = Token("mark", "", len(statement))
    for before, word, after in zip([end, *words], words, [*words[1:], end], strict=False):
        known = word.upper
        if known == "," and (before.upper in OPENS or (after.upper in NO_OPERAND and after.kind in ("mark", "word"))):
            raise syntax_error(statement, word.start)
        if known == "!" and after.text != "=" and (before.kind in ("string", "quoted", "number") or named(before)):
            raise syntax_error(statement, word.start)
        waiting[-1] += {"BETWEEN": 1, "AND": -1}.get(known, 0)
        if known == "AND":
            waiting[-1] = max(0, waiting[-1])
        ends = known == ")" or after is end or (known in CLAUSES and before.text != ".") or known in FRESH
        if ends and waiting[-1]:
            raise syntax_error(statement, word.start)
        if known == "(":
            waiting.append(0)
        elif known == ")" and len(waiting) > 1:
            waiting.pop()
    for start, table, alias in zip(words, words[1:], words[2:], strict=False):
        if start.upper in ("FROM", "JOIN") and table.kind in ("word", "quoted") and alias.kind == "string":
            raise syntax_error(statement, alias.start)


def named(word: Token) -> bool:
    """Whether a word is a name, after which only an operator can stand."""
    return word.text == ")" or (word.kind == "word" and word.upper not in RESERVED)


def refuse(statement: str, words: Sequence[Token]) -> None:
    """Refuse what the parser takes but MySQL does not: clauses in a wrong order, and ``x NOT NULL``.

    Raises:
        MySQLError: it is a syntax error.
    """
    refuse_slips(statement, words)
    ranks = [0]
    for before, word, after in zip([words[0], *words], words, [*words[1:], words[-1]], strict=False):
        known = word.upper
        if known == "(":
            ranks.append(0)
        elif known == ")" and len(ranks) > 1:
            ranks.pop()
        elif known in FRESH:
            ranks[-1] = 0
        elif known in CLAUSES and before.text != "." and (known not in ("GROUP", "ORDER") or after.upper == "BY"):
            if CLAUSES[known] < ranks[-1] or (CLAUSES[known] == ranks[-1] and known != "JOIN"):
                raise syntax_error(statement, word.start)
            ranks[-1] = CLAUSES[known]
        elif (known, after.upper) == ("NOT", "NULL") and before.upper not in BEFORE_NOT:
            raise syntax_error(statement, word.start)


__all__ = ["EXPLAINED", "refuse", "spelled"]
