"""What a statement that changes something does."""

from collections.abc import Mapping
from dataclasses import dataclass

from envs.intercode.sql.catalog import Table


@dataclass(frozen=True, slots=True)
class Change:
    """What a statement does.

    Attributes:
        database: that it changes; ``None``: nothing.
        sql: statements of SQLite.
        touched: tables whose rows may differ.
        tables: of the database afterwards; ``None``: as before.
        dropped: the database is gone.
        used: databases that are read.
        definition: it commits, as definitions do.
    """

    database: str | None = None
    sql: tuple[str, ...] = ()
    touched: frozenset[str] = frozenset()
    tables: Mapping[str, Table] | None = None
    dropped: bool = False
    used: frozenset[str] = frozenset()
    definition: bool = False


__all__ = ["Change"]
