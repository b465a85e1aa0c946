"""What a server holds: the pristine databases, what a session wrote on top of them, and how both are compared."""

import hashlib
import json
import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from envs.intercode.sql.catalog import Table
from envs.intercode.sql.dump import Dump
from envs.intercode.sql.mysql_connection import LOST
from envs.intercode.sql.mysql_scripts import quoted, scripts
from envs.intercode.sql.tables import read_table
from envs.intercode.sql.tokens import statements
from slinvit.errors import EnvironmentFailure, InputError

if TYPE_CHECKING:
    from pymysql.connections import Connection
    from pymysql.cursors import Cursor

logger = logging.getLogger(__name__)

RECORD = "slinvit_intercode"
"""Name of the database that says which databases are ours, and of the lock that steps take."""

LOCK_SECONDS = 120
DENIED = (1142, 1044)

DEFINER = re.compile(r"\bDEFINER=`[^`]*`@`[^`]*`\s*")
"""In the definition of an agent's view: the name of its account, which is another one in each process."""

SETTINGS = "SET SESSION foreign_key_checks=0, sql_mode='NO_AUTO_VALUE_ON_ZERO', time_zone='+00:00'"
"""What mysqldump asks for, but for unique_checks=0: with it MariaDB does not say which row is wrong."""

Prints = Mapping[str, str]
"""Fingerprints of databases by name."""


@dataclass(frozen=True, slots=True)
class Write:
    """A statement that left something behind.

    Attributes:
        database: the current one when it ran.
        statement: its text.
        clock: seconds since 1970 that it took for the time; also seeds RAND.
        failed: it ended with an error, and yet something was different afterwards.
        sets: it left something in its connection, which no fingerprint of the data shows.
    """

    database: str | None
    statement: str
    clock: int
    failed: bool
    sets: bool


@dataclass(frozen=True, slots=True)
class MysqlImage:
    """A situation: the pristine data, what was written since, and the current database.

    Attributes:
        database: the current one.
        journal: what was written, oldest first; running it again on the pristine data gives the situation.
        content: fingerprint of the data and of the session's settings; ``None`` where nothing was written.
        source: :attr:`Dump.key` of the pristine data.
    """

    database: str | None
    journal: tuple[Write, ...]
    content: str | None
    source: str

    @property
    def key(self) -> tuple[str, str | None, str | None]:
        """Equal for equal content and current database."""
        return self.source, self.database, self.content


class Store:
    """The databases of a dump on a server, through an account with all rights; agents never use this connection.

    Args:
        connection: of that account.
        dump: the pristine data.
        mariadb: the server is MariaDB, not MySQL.
        recalculates: the server renews the statistics of tables by itself, unless these are created otherwise.

    Attributes:
        fixed: the statistics of all tables, and so the plans, are those of this moment's rows whenever they are asked.

    Raises:
        InputError: the server holds a database of that name that is not the dump's, or refuses a statement of the dump.
    """

    def __init__(
        self, connection: "Connection[Cursor]", dump: Dump, *, mariadb: bool, recalculates: bool = False
    ) -> None:
        self.connection = connection
        self.dump = dump
        self.fixed = True
        self._mariadb = mariadb
        self._scripts = scripts(dump, mariadb=mariadb, fixed=recalculates)
        with self.locked():
            self._pristine = self._loaded()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the server for oneself: no other worker is in the middle of a step.

        Raises:
            EnvironmentFailure: others hold it for too long.
        """
        if not self.ask(f"SELECT GET_LOCK('{RECORD}', {LOCK_SECONDS})")[0][0]:
            raise EnvironmentFailure(f"the MySQL server is held by another worker for over {LOCK_SECONDS} s")
        try:
            yield
        finally:
            # A connection that is gone has released it.
            if self.connection.open:
                self.ask(f"SELECT RELEASE_LOCK('{RECORD}')")

    def ask(self, statement: str, values: tuple[Any, ...] | None = None) -> tuple[tuple[Any, ...], ...]:
        """Return the rows of a statement of our own; ``values`` fill its ``%s``."""
        with self.connection.cursor() as cursor:
            cursor.execute(statement, values)
            rows = tuple(cursor.fetchall())
            while cursor.nextset():
                pass
            return rows

    def repair(self) -> None:
        """Make everything pristine again after a step that wrote; the caller holds the lock."""
        now = fingerprints(self.connection, self.names())
        for name, print_ in self._pristine.items():
            if now.get(name) != print_:
                self._load(name)

    def digest(self, now: Prints, settings: tuple[str, ...]) -> str | None:
        """Return what identifies the data together with settings of a session; ``None`` when all is pristine."""
        if now == self._pristine and not settings:
            return None
        return hashlib.sha256(json.dumps([sorted(now.items()), settings]).encode()).hexdigest()

    def names(self) -> tuple[str, ...]:
        """The databases there are on the server that agents can reach: the dump's."""
        rows = self.ask("SELECT schema_name FROM information_schema.schemata")
        return tuple(sorted(name for (name,) in rows if name in self._scripts))

    def _loaded(self) -> Prints:
        """Load what is missing or altered, and return the fingerprints of the pristine databases."""
        self.ask(f"CREATE DATABASE IF NOT EXISTS `{RECORD}`")
        self.ask(
            f"CREATE TABLE IF NOT EXISTS `{RECORD}`.loaded "
            "(name VARCHAR(64) PRIMARY KEY, source CHAR(64) NOT NULL, print CHAR(64) NOT NULL)"
        )
        ours = {name: (source, print_) for name, source, print_ in self.ask(f"SELECT * FROM `{RECORD}`.loaded")}
        now = fingerprints(self.connection, self.names())
        pristine = {}
        for name in self._scripts:
            source, print_ = ours.get(name, (None, None))
            if name in now and source is None:
                self._adopt(name)
            elif source != self.dump.key or print_ != now.get(name):
                self._load(name)
        pristine = fingerprints(self.connection, self.names())
        for name in self._scripts:
            self.ask(f"REPLACE INTO `{RECORD}`.loaded VALUES (%s, %s, %s)", (name, self.dump.key, pristine[name]))
        self.connection.commit()
        return pristine

    def _load(self, name: str) -> None:
        from pymysql.err import Error

        self.ask(SETTINGS)
        self.ask(f"DROP DATABASE IF EXISTS {quoted(name)}")
        try:
            for packet in self._scripts[name]:
                self.ask(packet)
        except Error as error:
            if error.args[0] in LOST:
                raise
            self.ask(f"DROP DATABASE IF EXISTS {quoted(name)}")
            place = f"{self.connection.host}:{self.connection.port}"
            raise InputError(f"the server at {place} refuses the dump's database {name!r}: {error.args[-1]}") from error
        if self._mariadb:
            self._count(name)
        self.connection.commit()

    def _count(self, name: str) -> None:
        """Store the numbers of rows that the server has counted; it would plan for empty tables when started again."""
        from pymysql.err import OperationalError

        query = "UPDATE mysql.innodb_table_stats SET n_rows = %s WHERE database_name = %s AND table_name = %s"
        try:
            for table, its in self.dump.databases[name].rows.items():
                self.ask(query, (len(its), name, table))
        except OperationalError as error:
            if error.args[0] not in DENIED:
                raise
            logger.warning("%s; row orders may differ after a restart of the server", error.args[-1])
            self.fixed = False

    def _adopt(self, name: str) -> None:
        """Take over a database that somebody loaded from the same dump; never one with other tables or rows."""
        wanted = self.dump.databases[name]
        query = "SELECT table_name FROM information_schema.tables WHERE table_schema = %s AND table_type <> 'VIEW'"
        tables = {table.lower() for (table,) in self.ask(query, (name,))}
        same = tables == set(wanted.tables) and all(
            self.ask(f"SELECT COUNT(*) FROM {quoted(name)}.{quoted(table)}")[0][0] == len(wanted.rows[table])
            for table in tables
        )
        if not same:
            raise InputError(
                f"the server at {self.connection.host}:{self.connection.port} has a database {name!r} of its own that "
                "is not the dump's; use another server, --engine mariadb for a private one, or drop that database"
            )
        self.fixed = False


def fingerprints(connection: "Connection[Cursor]", databases: tuple[str, ...]) -> dict[str, str]:
    """Return a digest of all tables, columns, keys, counters and rows of each database, as ``connection`` sees them.

    Rows enter as the server's CHECKSUM TABLE: 32 bits per table.
    """
    found = {}
    with connection.cursor() as cursor:
        for database in databases:
            facts = []
            definitions = _definitions(cursor, database)
            if definitions:
                names = ", ".join(f"{quoted(database)}.{quoted(table)}" for table in definitions)
                cursor.execute(f"CHECKSUM TABLE {names}")
                facts = [[name, total] for name, total, *_ in cursor.fetchall()]
            cursor.execute(f"SHOW CREATE DATABASE {quoted(database)}")
            text = json.dumps([cursor.fetchall(), sorted(definitions.items()), sorted(map(str, facts))])
            found[database] = hashlib.sha256(text.encode()).hexdigest()
    return found


def schema(connection: "Connection[Cursor]", databases: tuple[str, ...]) -> dict[str, dict[str, Table]]:
    """Return the tables of each database as they are now; views only by name."""
    found: dict[str, dict[str, Table]] = {}
    with connection.cursor() as cursor:
        for database in databases:
            tables = found.setdefault(database, {})
            for name, text in _definitions(cursor, database).items():
                if text.lstrip().upper().startswith("CREATE TABLE"):
                    tables[name] = read_table(next(iter(statements(text))))[1]
                else:
                    tables[name] = Table(name, (), view=True)
    return found


def _definitions(cursor: "Cursor", database: str) -> dict[str, str]:
    cursor.execute(f"SHOW TABLES FROM {quoted(database)}")
    found = {}
    for (name,) in cursor.fetchall():
        cursor.execute(f"SHOW CREATE TABLE {quoted(database)}.{quoted(name)}")
        found[name.lower()] = DEFINER.sub("", (cursor.fetchone() or ("", ""))[1])
    return found


__all__ = ["MysqlImage", "Store", "Write", "fingerprints", "schema"]
