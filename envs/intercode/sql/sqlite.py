"""InterCode-SQL on SQLite: MySQL's statements on a throw-away copy in memory, without a server."""

import sqlite3
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlglot import exp

from envs.intercode.sql import rules as mysql8
from envs.intercode.sql.build import build
from envs.intercode.sql.catalog import Catalog, Table
from envs.intercode.sql.dump import Dump
from envs.intercode.sql.result import Limits, Result, Row
from envs.intercode.sql.schema import NAME as SCHEMA
from envs.intercode.sql.schema import TABLES, information
from envs.intercode.sql.show import show
from envs.intercode.sql.statements import EXPLAINED, refuse, spelled
from envs.intercode.sql.store import Store, Stored
from envs.intercode.sql.tokens import Token
from envs.intercode.sql.translation.changes import Change, change
from envs.intercode.sql.translation.conversions import attached_name, name
from envs.intercode.sql.translation.dialect import LONGEST, REMEMBERED, TOO_LONG, MySQLError, parse, syntax_error
from envs.intercode.sql.translation.queries import Queries, Query
from envs.intercode.sql.translation.values import converter
from slinvit.errors import InputError, did_you_mean

Rules = Callable[[str, Catalog], str | None]

QUERIES = ("SELECT", "WITH", "(", "TABLE", "VALUES")
CHANGES = ("INSERT", "REPLACE", "UPDATE", "DELETE", "CREATE", "DROP", "ALTER", "TRUNCATE", "RENAME")
SHOWN = ("SHOW", "DESCRIBE", "DESC", "EXPLAIN")
HARMLESS = ("NAMES", "CHARACTER", "AUTOCOMMIT", "FOREIGN_KEY_CHECKS", "TIME_ZONE", "SQL_SAFE_UPDATES")
TRANSACTIONS = ("BEGIN", "START", "COMMIT", "ROLLBACK")


@dataclass(frozen=True, slots=True)
class SqliteImage:
    """The content of a session: only what differs from the dump is in it.

    Attributes:
        dump: key of the dump.
        database: the current one.
        changed: what differs, by name of the database; ``None``: dropped.
    """

    dump: str
    database: str | None
    changed: tuple[tuple[str, Stored | None], ...] = ()

    @property
    def key(self) -> Hashable:
        """Equal for equal content and current database."""
        return self.dump, self.database, tuple((where, stored and stored.key) for where, stored in self.changed)


class SqliteEngine:
    """Makes sessions; the image of each database is built once per process.

    Args:
        limits: of each statement.
        rules: what MySQL 8 refuses; ``None``: nothing is refused beforehand.
    """

    def __init__(self, *, limits: Limits | None = None, rules: Rules | None = mysql8.check) -> None:
        self.limits, self.rules = limits or Limits(), rules

    def session(self, dump: Dump) -> "SqliteSession":
        """Return a new session over the databases of ``dump``."""
        return SqliteSession(dump, self.limits, self.rules)

    def provenance(self) -> Mapping[str, Any]:
        """State the engine, its version and its limits."""
        limits = {part: getattr(self.limits, part) for part in ("seconds", "rows", "size", "storage")}
        return {
            "engine": "sqlite",
            "sqlite": sqlite3.sqlite_version,
            "rules": "mysql8" if self.rules is mysql8.check else None if self.rules is None else repr(self.rules),
            "limits": limits,
        }

    def close(self) -> None:
        """Nothing is held."""


@lru_cache(maxsize=1_024)
def pristine(dump: Dump, database: str | None) -> Catalog:
    """Return the schema of a dump, the same object for the same arguments."""
    tables = {where: each.tables for where, each in dump.databases.items()}
    return Catalog(database, {**tables, SCHEMA: TABLES})


def planned(statement: str, catalog: Catalog) -> tuple[Query, frozenset[str]]:
    """Translate a query, and tell which databases it reads."""
    return (known_plan if len(statement) <= REMEMBERED else plan)(statement, catalog)


def plan(statement: str, catalog: Catalog) -> tuple[Query, frozenset[str]]:
    """Translate a query that is new.

    Raises:
        MySQLError: MySQL would refuse it, or it is more than this engine can hold.
    """
    try:
        tree = parse(statement)
        queries = Queries(catalog, top=tree)
        found = queries.translate(tree)
    except RecursionError as error:
        raise MySQLError("Thread stack overrun: the statement is nested too deeply") from error
    except (MemoryError, ValueError, OverflowError) as error:
        raise MySQLError(f"the SQLite engine cannot hold a part of the statement: {str(error)[:100]}") from error
    return found, frozenset(queries.used)


known_plan = lru_cache(maxsize=16_384)(plan)


class SqliteSession:
    """One agent's databases."""

    def __init__(self, dump: Dump, limits: Limits, rules: Rules | None) -> None:
        self._dump, self._limits, self._rules = dump, limits, rules
        self._store = Store(dump, limits)
        self._catalog = pristine(dump, None)
        self._committed: SqliteImage | None = None

    @property
    def catalog(self) -> Catalog:
        """The schema as it is now, with the current database."""
        return self._catalog

    def open(self, database: str) -> None:
        """Start afresh with pristine data and ``database`` current.

        Raises:
            InputError: the dump has no such database.
        """
        label = database.lower()
        if label not in self._dump.databases:
            names = sorted(self._dump.databases)
            raise InputError(f"the dump has no database {database!r}{did_you_mean(label, names)}; it has {names}")
        self.restore(SqliteImage(self._dump.key, label))

    def image(self) -> SqliteImage:
        """Freeze the content; cheap while nothing has changed."""
        return SqliteImage(self._dump.key, self._catalog.database, self._store.changed())

    def restore(self, image: SqliteImage) -> None:
        """Return to ``image``; databases are read in again when they are needed, and only if they differ."""
        if image.dump != self._dump.key:
            raise InputError("the image is of another dump")
        self._store.restore(image.changed)
        self._committed = image
        self._schema(image.database)

    def close(self) -> None:
        """Release the copies."""
        self._store.connection.close()

    def execute(self, statement: str) -> Result:
        """Execute one statement; what goes wrong in it is in the result."""
        start = time.monotonic()
        text = statement.encode("utf-8", "replace").decode()
        self._store.connection.start()
        try:
            result = self._run(text)
        except MySQLError as error:
            result = Result(error=str(error))
        seconds = time.monotonic() - start
        return Result(result.rows, result.columns, result.error, result.changed, seconds)

    def _run(self, statement: str) -> Result:
        if len(statement) > LONGEST:
            raise MySQLError(TOO_LONG)
        words = spelled(statement)
        if self._rules is not None:
            refused = self._rules(statement, self._catalog)
            if refused is not None:
                raise MySQLError(refused)
        verb = words[0].upper
        if verb in QUERIES:
            refuse(statement, words)
            return self._query(statement)
        if verb in CHANGES:
            return self._change(change(statement, words, self._catalog))
        if verb in SHOWN:
            explained = (
                verb != "SHOW" and len(words) > 1 and words[1].upper in (*QUERIES, *CHANGES, "ANALYZE", "FORMAT")
            )
            return self._explain(statement, words) if explained else show(statement, words, self._catalog, self._count)
        if verb == "USE" and len(words) == 2:
            return self._use(words[1].name)
        if verb in TRANSACTIONS:
            return self._transaction(verb)
        if verb == "SET" and len(words) > 1 and words[1].upper in HARMLESS:
            return Result()
        if verb in ("SET", "CALL", "LOAD", "GRANT", "REVOKE", "KILL", "SHUTDOWN", "LOCK", "UNLOCK", "PREPARE", "DO"):
            raise MySQLError(f"the SQLite engine does not know {verb}")
        raise syntax_error(statement, words[0].start)

    def _query(self, statement: str) -> Result:
        found, used = planned(statement, self._catalog)
        self._ready(used)
        rows = self._store.connection.fetch(found.sql)
        convert = [converter(kind) for kind in found.types]
        if any(convert):
            rows = tuple(converted(row, convert) for row in rows)
        self._store.connection.check_time()
        return Result(rows, found.names)

    def _ready(self, used: frozenset[str]) -> None:
        """Have the databases at hand that a statement reads."""
        if SCHEMA in used:
            self._store.put(SCHEMA, build(information(self._catalog, self._counts())), used)
        self._store.attach(used - {SCHEMA})

    def _counts(self) -> dict[tuple[str, str], int]:
        """The rows of the tables in the dump: an estimate, as the server's own is."""
        return {(d.name, t): len(rows) for d in self._dump.databases.values() for t, rows in d.rows.items()}

    def _count(self, database: str, table: str) -> int:
        """The rows of a table."""
        self._ready(frozenset({database}))
        return int(self._store.connection.fetch(f"SELECT count(*) FROM {attached_name(database)}.{name(table)}")[0][0])

    def _change(self, made: Change) -> Result:
        """Carry out a change."""
        if made.database is None:
            return Result()
        tables = self._catalog.databases.get(made.database, {})
        if made.dropped or (made.tables is not None and made.database not in self._catalog.databases):
            self._store.define(made.database, None if made.dropped else {})
        else:
            self._ready(made.used | {made.database})
            self._store.write(made, tables)
        if made.tables is not None or made.dropped:
            gone = made.dropped and made.database == self._catalog.database
            self._schema(None if gone else self._catalog.database)
        if made.definition:
            self._committed = self.image()
        return Result(changed=True)

    def _schema(self, database: str | None) -> None:
        """Make the schema that belongs to the stored databases."""
        known = pristine(self._dump, database)
        differing = self._store.definitions()
        if differing:
            databases: dict[str, Mapping[str, Table]] = dict(known.databases)
            for where, tables in differing.items():
                databases.pop(where, None)
                if tables is not None:
                    databases[where] = tables
            known = Catalog(database, databases)
        self._catalog = known

    def _use(self, database: str) -> Result:
        label = database.lower()
        if label not in self._catalog.databases:
            raise MySQLError(f"Unknown database '{label}'")
        changed = label != self._catalog.database
        self._schema(label)
        return Result(changed=changed)

    def _transaction(self, verb: str) -> Result:
        """COMMIT remembers the content, ROLLBACK returns to it; definitions commit by themselves."""
        if verb != "ROLLBACK" or self._committed is None:
            self._committed = self.image()
            return Result()
        before = self._catalog.database
        self.restore(self._committed)
        self._schema(before if before in self._catalog.databases else None)
        return Result(changed=True)

    def _explain(self, statement: str, words: Sequence[Token]) -> Result:
        """EXPLAIN of a query that would run: its tables, without a plan."""
        begin = next((word for word in words[1:] if word.upper in QUERIES), None)
        if begin is None:
            raise MySQLError("the SQLite engine knows EXPLAIN only of queries and tables")
        query = statement[begin.start :]
        planned(query, self._catalog)
        labels: list[str | None] = [table.alias_or_name for table in parse(query).find_all(exp.Table)]
        rows = tuple(
            (1, "SIMPLE", label, None, "ALL", None, None, None, None, None, 100.0, None) for label in labels or [None]
        )
        return Result(rows, EXPLAINED)


def converted(row: Row, convert: Sequence[Callable[[Any], Any] | None]) -> Row:
    """Return a row with the values MySQL's connector gives."""
    return tuple(v if v is None or call is None else call(v) for v, call in zip(row, convert, strict=True))


__all__ = ["SqliteEngine", "SqliteImage", "SqliteSession"]
