"""The databases of one session: which versions are wanted, which are loaded, and what was written."""

import hashlib
import marshal
import sqlite3
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from envs.intercode.sql.build import build
from envs.intercode.sql.catalog import Table
from envs.intercode.sql.connection import Connection
from envs.intercode.sql.dump import Database, Dump
from envs.intercode.sql.result import Limits, Row
from envs.intercode.sql.translation.conversions import name
from envs.intercode.sql.translation.dialect import MySQLError
from envs.intercode.sql.translation.effects import Change

ATTACHED = 8
"""Databases held at once; SQLite attaches ten."""

ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Stored:
    """A version of one database.

    Attributes:
        tables: its schema.
        data: SQLite's image.
        differing: checksums of the tables that differ from the dump, by name.
    """

    tables: Mapping[str, Table]
    data: bytes = field(repr=False)
    differing: tuple[tuple[str, str], ...]

    @property
    def key(self) -> Hashable:
        """Equal for equal content."""
        return self.differing


@lru_cache(maxsize=512)
def original(dump: Dump, database: str) -> Stored:
    """Return a database as the dump has it, built once."""
    found = dump.databases[database]
    return Stored(found.tables, build(found), ())


@lru_cache(maxsize=4_096)
def original_sum(dump: Dump, database: str, table: str) -> str:
    """Return the checksum of a table as the dump has it."""
    known = dump.databases[database].tables.get(table) if database in dump.databases else None
    if known is None:
        return ABSENT
    raw = sqlite3.connect(":memory:")
    raw.text_factory = bytes
    try:
        raw.deserialize(original(dump, database).data)
        return checksum(known, raw.execute(f"SELECT * FROM {name(table)} NOT INDEXED").fetchall())
    finally:
        raw.close()


def checksum(table: Table, rows: list[Row]) -> str:
    """Return a checksum of the definition and the rows of a table."""
    digest = hashlib.sha256(repr((table.columns, table.keys, table.foreign_keys)).encode())
    # Version 2 of the format has no references, which would depend on the identity of objects.
    digest.update(marshal.dumps(rows, 2))
    return digest.hexdigest()


class Store:
    """Holds the databases of one session.

    Args:
        dump: where they come from.
        limits: of statements.
    """

    def __init__(self, dump: Dump, limits: Limits) -> None:
        self.connection = Connection(limits)
        self._dump = dump
        self._wanted: dict[str, Stored | None] = {}
        self._loaded: dict[str, Stored] = {}
        self._touched: dict[str, set[str]] = {}

    def restore(self, changed: Iterable[tuple[str, Stored | None]]) -> None:
        """Want these versions, and those of the dump for all others; they are loaded when needed."""
        for database in self._touched:
            # What was written since the last image is in no version: the database has to be read in again.
            self._loaded.pop(database, None)
        self._wanted, self._touched = dict(changed), {}

    def definitions(self) -> dict[str, Mapping[str, Table] | None]:
        """The schemas of the databases that differ; ``None``: dropped."""
        return {where: None if stored is None else stored.tables for where, stored in self._wanted.items()}

    def changed(self) -> tuple[tuple[str, Stored | None], ...]:
        """The versions that differ from the dump; what was written since the last call is stored first."""
        for database in list(self._touched):
            self._freeze(database)
        return tuple(sorted(self._wanted.items(), key=lambda item: item[0]))

    def _freeze(self, database: str) -> None:
        """Store what was written to a database."""
        touched = self._touched.pop(database)
        before = self._version(database)
        differing = dict(before.differing)
        for label in touched:
            table = before.tables.get(label)
            now = ABSENT if table is None else checksum(table, self.connection.everything(database, label))
            differing.pop(label, None)
            if now != original_sum(self._dump, database, label):
                differing[label] = now
        if not differing and database in self._dump.databases:
            self._wanted.pop(database, None)
            self._loaded.pop(database, None)
            return
        stored = Stored(before.tables, self.connection.data(database), tuple(sorted(differing.items())))
        self._wanted[database] = self._loaded[database] = stored

    def _version(self, database: str) -> Stored:
        """The version of a database that is wanted."""
        found = self._wanted.get(database)
        return original(self._dump, database) if found is None else found

    def attach(self, names: Iterable[str]) -> None:
        """Have these databases attached in the versions that are wanted."""
        needed = set(names)
        for database in sorted(needed):
            version = self._version(database)
            if database not in self._touched and self._loaded.get(database) is not version:
                self.put(database, version.data, needed)
                self._loaded[database] = version

    def put(self, database: str, data: bytes, needed: Iterable[str] = ()) -> None:
        """Attach an image under a name, beside those that are ``needed`` with it."""
        attached = self.connection.attached()
        if database not in attached and len(attached) >= ATTACHED:
            self._make_room(attached, {*needed, database})
        self.connection.put(database, data)

    def _make_room(self, attached: list[str], needed: set[str]) -> None:
        """Detach a database that is not needed, after storing it."""
        spare = [each for each in attached if each not in needed]
        if not spare:
            raise MySQLError(f"the SQLite engine joins at most {ATTACHED} databases in one statement")
        gone = next((each for each in spare if each not in self._touched), spare[0])
        if gone in self._touched:
            self._freeze(gone)
        self._loaded.pop(gone, None)
        self.connection.detach(gone)

    def write(self, change: Change, before: Mapping[str, Table]) -> None:
        """Carry out the statements of a change, all or none.

        Raises:
            MySQLError: one fails.
        """
        database = str(change.database)
        self.connection.write(change.sql, before, checked=not change.definition)
        self._touched.setdefault(database, set()).update(change.touched)
        if change.tables is not None:
            version = self._version(database)
            self._wanted[database] = Stored(change.tables, version.data, version.differing)

    def define(self, database: str, tables: Mapping[str, Table] | None) -> None:
        """Create an empty database, or drop one (``None``)."""
        self._touched.pop(database, None)
        self._loaded.pop(database, None)
        if tables is not None:
            self._wanted[database] = Stored(tables, build(Database(database, {}, {})), (("", "created"),))
        elif database in self._dump.databases:
            self._wanted[database] = None
        else:
            self._wanted.pop(database, None)


__all__ = ["Store", "Stored"]
