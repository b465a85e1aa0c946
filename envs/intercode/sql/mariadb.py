"""What a statement for MySQL 8 needs before MariaDB does the same with it, and MariaDB's messages in MySQL's words."""

import re
from functools import lru_cache
from itertools import pairwise

import sqlglot
from sqlglot import Token, TokenType, exp
from sqlglot.errors import SqlglotError

from envs.intercode.sql.rules_syntax import is_query, word_of

ENDS = (TokenType.LIMIT, TokenType.OFFSET, TokenType.FOR, TokenType.LOCK, TokenType.INTO)


CLAUSES = {
    "SELECT": "field list",
    "WHERE": "where clause",
    "ON": "on clause",
    "GROUP BY": "group statement",
    "HAVING": "having clause",
    "ORDER BY": "order clause",
}
"""How both name the place of an unknown column."""

PLACE = re.compile(rf"(?<=in ')(?:{'|'.join(CLAUSES)})(?='$)")


@lru_cache(maxsize=4096)
def adapted(statement: str) -> str:
    """Return ``statement`` as MariaDB needs it; what the parser does not understand stays as it is.

    * MySQL 8 does not sort groups, MariaDB does unless told ``ORDER BY NULL``.
    * ``ANY_VALUE(x)`` is not known to MariaDB 10; without ONLY_FULL_GROUP_BY ``(x)`` is the same.
    """
    lower = statement.lower()
    if "group" not in lower and "any_value" not in lower:
        return statement
    try:
        tokens = sqlglot.tokenize(statement, read="mysql")
        if not is_query(statement, tokens):
            return statement
        grouped = _groups(sqlglot.parse_one(statement, read="mysql"))
    except (SqlglotError, RecursionError):
        return statement
    cuts = [
        (token.start, token.end + 1, "")
        for token, paren in pairwise(tokens)
        if word_of(token, statement) == "ANY_VALUE" and paren.token_type == TokenType.L_PAREN
    ]
    if grouped:
        end = _end(tokens)
        cuts.append((end, end, " ORDER BY NULL "))
    for start, stop, text in reversed(cuts):
        statement = f"{statement[:start].rstrip() if text else statement[:start]}{text}{statement[stop:].lstrip()}"
    return statement.rstrip()


def message(text: str) -> str:
    """Return an error message of MariaDB as MySQL words it."""
    return PLACE.sub(lambda match: CLAUSES[match[0]], text.replace("MariaDB", "MySQL"))


def _groups(tree: exp.Expr) -> bool:
    group = tree.args.get("group") if isinstance(tree, exp.Select) else None
    plain = group is not None and not any(group.args.get(name) for name in ("rollup", "cube", "grouping_sets"))
    return plain and not tree.args.get("order")


def _end(tokens: list[Token]) -> int:
    """Return where ORDER BY belongs: before LIMIT and what follows it, at depth 0."""
    depth, end, grouped = 0, 0, False
    for token in tokens:
        if token.token_type == TokenType.L_PAREN:
            depth += 1
        elif token.token_type == TokenType.R_PAREN:
            depth -= 1
        elif depth == 0 and token.token_type == TokenType.GROUP_BY:
            grouped = True
        elif depth == 0 and (token.token_type == TokenType.SEMICOLON or (grouped and token.token_type in ENDS)):
            return int(token.start)
        end = int(token.end) + 1
    return end


__all__ = ["adapted", "message"]
