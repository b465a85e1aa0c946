"""What MySQL 8 refuses although MariaDB, or SQLite after translation, would execute it.

The checks are conservative: what the parser does not understand, or what names unknown tables, is left to the engine.
"""

from functools import lru_cache

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from envs.intercode.sql.catalog import Catalog
from envs.intercode.sql.rules_grouping import grouping
from envs.intercode.sql.rules_names import names
from envs.intercode.sql.rules_resolve import scopes
from envs.intercode.sql.rules_scope import Refused, Unknown
from envs.intercode.sql.rules_syntax import is_query, structure, words


@lru_cache(maxsize=8192)
def check(statement: str, catalog: Catalog) -> str | None:
    """Return the message with which MySQL 8 in its default mode refuses ``statement``, or ``None``.

    Pure; ``catalog`` has the tables of all databases, one of which is current.
    """
    try:
        tokens = sqlglot.tokenize(statement, read="mysql")
        if not tokens:
            return "Query was empty"
        if not is_query(statement, tokens):
            return None
        return words(statement, tokens, catalog.database) or _checked(statement, catalog)
    except (SqlglotError, Unknown, RecursionError):
        return None


def _checked(statement: str, catalog: Catalog) -> str | None:
    trees = [tree for tree in sqlglot.parse(statement, read="mysql") if tree is not None]
    if len(trees) != 1 or not isinstance(trees[0], exp.Query):
        return None
    if message := structure(statement, trees[0]):
        return message
    try:
        for scope in scopes(trees[0], catalog):
            names(scope)
            grouping(scope)
    except Refused as refused:
        return str(refused)
    return None


__all__ = ["check"]
