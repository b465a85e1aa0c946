"""Translates what changes data or schema."""

from collections.abc import Sequence

from envs.intercode.sql.catalog import Catalog
from envs.intercode.sql.tokens import Token
from envs.intercode.sql.translation.definitions import Definitions
from envs.intercode.sql.translation.dialect import MySQLError, syntax_error
from envs.intercode.sql.translation.effects import Change
from envs.intercode.sql.translation.writes import Writes
from slinvit.errors import InputError


def change(statement: str, words: Sequence[Token], catalog: Catalog) -> Change:
    """Translate a statement that changes something.

    Raises:
        MySQLError: MySQL would refuse it, or this engine does not know it.
    """
    verb, what = words[0].upper, words[1].upper if len(words) > 1 else ""
    if verb in ("INSERT", "REPLACE", "UPDATE", "DELETE"):
        return Writes(catalog).write(statement, verb)
    definitions = Definitions(catalog, words)
    known = {
        ("CREATE", "TABLE"): definitions.create,
        ("CREATE", "TEMPORARY"): definitions.create,
        ("CREATE", "INDEX"): definitions.index,
        ("CREATE", "UNIQUE"): definitions.index,
        ("CREATE", "DATABASE"): definitions.create_database,
        ("CREATE", "SCHEMA"): definitions.create_database,
        ("DROP", "TABLE"): definitions.drop,
        ("DROP", "DATABASE"): definitions.drop_database,
        ("DROP", "SCHEMA"): definitions.drop_database,
        ("ALTER", "TABLE"): definitions.alter,
        ("RENAME", "TABLE"): definitions.rename,
    }
    if verb == "TRUNCATE":
        return definitions.truncate()
    if (verb, what) not in known:
        raise MySQLError(f"the SQLite engine does not know {verb} {what}".rstrip())
    try:
        return known[verb, what](statement)
    except InputError as error:
        raise syntax_error(statement, words[min(1, len(words) - 1)].start) from error


__all__ = ["Change", "change"]
