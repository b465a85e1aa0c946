"""One agent's connection to a MySQL-protocol server: results as MySQL's own connector gives them, within limits."""

import re
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from envs.intercode.sql.mariadb import message
from envs.intercode.sql.mysql_values import converters, size_of
from envs.intercode.sql.result import Limits, Result, Row
from slinvit.errors import MissingExtra

if TYPE_CHECKING:
    from pymysql.connections import Connection
    from pymysql.cursors import Cursor

GRACE_SECONDS = 1.0
"""What the server has to keep the time limit itself, before its connection is ended."""

TIMEOUT = "Query execution was interrupted, maximum statement execution time exceeded"
UNREADABLE = "The result is not in utf8mb4"
MODES = "STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION"
"""MySQL 8's sql_mode but for ONLY_FULL_GROUP_BY, which MariaDB has in a stricter form."""

PASSWORD = re.compile(r"'\*[0-9A-F]{40}'")
LOST = (1053, 1152, 1159, 1160, 1161, 1184, 1927, 2006, 2013, 2014, 2055, 4031)
"""Errors after which there is no connection any more."""
TIMED_OUT = (1969, 3024)
TEXT = "character_set_client = utf8mb4, character_set_results = utf8mb4"
RECURSION = 1000
"""Rounds of a recursive query, MySQL's default."""
RECURSION_WARNING = 1931
NEVER_RAN = (1064, 1065)
"""Errors of the parser: such a statement did nothing."""


def require_driver() -> None:
    """Make sure that PyMySQL is there.

    Raises:
        MissingExtra: it is not.
    """
    try:
        import pymysql  # noqa: F401
    except ImportError as error:
        raise MissingExtra("PyMySQL", "intercode") from error


class Lost(Exception):
    """The connection is gone; the server may be, too."""


@dataclass(frozen=True)
class Address:
    """Where a server is, and an account there; ``plain`` leaves TLS out."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    plain: bool = False

    def connect(self, *, timeout: float, autocommit: bool = False, several: bool = False) -> "Connection[Cursor]":
        """Return a new connection.

        Args:
            timeout: seconds without an answer after which reading fails.
            autocommit: no transaction stays open between statements.
            several: one text may hold several statements.

        Raises:
            pymysql.err.MySQLError: there is no such server or account.
        """
        import pymysql
        from pymysql.constants import CLIENT, CR

        try:
            return pymysql.connect(
                host=self.host,
                port=self.port,
                user=self.user,
                password=self.password,
                charset="utf8mb4",
                collation="utf8mb4_general_ci",
                connect_timeout=10,
                read_timeout=timeout,
                write_timeout=timeout,
                conv=converters(),
                ssl_disabled=self.plain,
                autocommit=autocommit,
                client_flag=CLIENT.MULTI_STATEMENTS if several else 0,
            )
        except (RuntimeError, UnicodeError) as error:
            # No cryptography for MySQL's default way to log in without TLS; a name that is none.
            raise pymysql.err.OperationalError(CR.CR_UNKNOWN_ERROR, str(error)) from error


class AgentConnection:
    """A connection that runs what agents type.

    Attributes:
        wrote: something was executed that may have changed anything.

    Args:
        address: with the agents' account.
        limits: of one statement.
        mariadb: the server is MariaDB, not MySQL.
        kill: ends a connection of the server by its number.
        autocommit: no transaction stays open between statements.
    """

    def __init__(
        self, address: Address, limits: Limits, *, mariadb: bool, kill: Callable[[int], None], autocommit: bool
    ) -> None:
        self._address = address
        self.limits = limits
        self.mariadb = mariadb
        self._kill = kill
        self._connection = address.connect(timeout=limits.seconds + GRACE_SECONDS, autocommit=autocommit)
        self._number = int(self._connection.thread_id())  # type: ignore[no-untyped-call]
        self._database: str | None = None
        self.wrote = False
        self.settle()

    @property
    def raw(self) -> "Connection[Cursor]":
        """For statements of our own in the agent's transaction."""
        return self._connection

    @property
    def open(self) -> bool:
        """Whether it can be used."""
        return bool(self._connection.open)

    def settle(self) -> None:
        """Set what a session starts with, whatever the agent has changed."""
        wait = max(1, int(self.limits.seconds))
        settings = [f"lock_wait_timeout = {wait}", f"innodb_lock_wait_timeout = {wait}", "sql_select_limit = DEFAULT"]
        if self.mariadb:
            settings += [f"max_statement_time = {self.limits.seconds:g}", f"sql_mode = '{MODES}'"]
            settings += ["group_concat_max_len = 1024", f"max_recursive_iterations = {RECURSION}"]
            # MariaDB breaks ties by where a row is; in memory that is another place each time.
            settings += ["tmp_memory_table_size = 0"]
        else:
            settings += [f"max_execution_time = {int(1000 * self.limits.seconds)}"]
        self._own(f"SET SESSION {', SESSION '.join(settings)}, {TEXT}")

    def fix(self, clock: int) -> None:
        """Let this be the time (seconds since 1970) and the seed of RAND, and let texts come as UTF-8."""
        seeds = f"rand_seed1 = {clock % 2**30}, rand_seed2 = {clock * 7919 % 2**30}"
        self._own(f"SET timestamp = {clock}, {seeds}, {TEXT}")

    def select(self, database: str | None) -> None:
        """Make a database current; ``None`` leaves what is."""
        if database is not None and database != self._database:
            self._connection.select_db(database)
            self._database = database

    def current(self) -> str | None:
        """Ask which database is current."""
        with self._connection.cursor() as cursor:
            cursor.execute("SELECT DATABASE()")
            (self._database,) = cursor.fetchone() or (None,)
        return self._database

    def run(self, statement: str) -> Result:
        """Execute a statement; a limit that it meets is an error of the result, and ends the connection if need be.

        Raises:
            Lost: the connection is gone.
        """
        from pymysql.cursors import SSCursor
        from pymysql.err import Error

        started = time.perf_counter()
        code: Any = 0
        cursor = self._connection.cursor(SSCursor)
        try:
            result = self._fetched(cursor, statement, started)
        except Error as error:
            code, text = error.args if len(error.args) == 2 else (0, *error.args, "")[:2]
            result = Result(error=TIMEOUT if code in TIMED_OUT else self._worded(str(text)))
        except UnicodeDecodeError:
            result = Result(error=UNREADABLE)
        finally:
            self.wrote = self.wrote or code not in NEVER_RAN
        seconds = time.perf_counter() - started
        late = seconds >= self.limits.seconds
        if code in LOST or not self.open or late or result.error in (*self._floods, UNREADABLE):
            self._abandon(cursor)
        if late:
            # The server may call it done: MariaDB ends SLEEP and BENCHMARK early without an error.
            return Result(error=TIMEOUT, seconds=seconds)
        if code in LOST:
            raise Lost(str(text))
        return replace(result, seconds=seconds)

    def close(self) -> None:
        """Close it; what was not committed is rolled back."""
        from pymysql.err import Error

        if self.open:
            with suppress(Error):
                self._connection.rollback()
        if self.open:
            self._connection.close()

    def _worded(self, text: str) -> str:
        text = self._without_account(text)
        return message(text) if self.mariadb else text

    def _without_account(self, text: str) -> str:
        """Return a text without the account's name and password, which differ from run to run."""
        if self._address.user not in text:
            return text
        return PASSWORD.sub("'*'", text.replace(self._address.user, "agent"))

    def _public(self, row: Row) -> Row:
        if not any(isinstance(value, str) and self._address.user in value for value in row):
            return row
        return tuple(self._without_account(value) if isinstance(value, str) else value for value in row)

    def _own(self, statement: str) -> None:
        with self._connection.cursor() as cursor:
            cursor.execute(statement)

    def _fetched(self, cursor: "Cursor", statement: str, started: float) -> Result:
        cursor.execute(statement)
        if cursor.description is None:
            return Result(changed=cursor.rowcount > 0)
        columns = tuple(column[0] for column in cursor.description)
        rows: list[Row] = []
        size = 0
        while (row := cursor.fetchone()) is not None:
            rows.append(self._public(row))
            size += size_of(row)
            if len(rows) > self.limits.rows:
                return Result(error=self._floods[0])
            if size > self.limits.size:
                return Result(error=self._floods[1])
            if time.perf_counter() - started > self.limits.seconds + GRACE_SECONDS:
                return Result(error=TIMEOUT)
        if self.mariadb and cursor.warning_count and "recursive" in statement.lower():
            self._check_recursion()
        return Result(tuple(rows), columns)

    @property
    def _floods(self) -> tuple[str, str]:
        limits = self.limits
        return f"The result has more than {limits.rows} rows", f"The result has more than {limits.size} characters"

    def _check_recursion(self) -> None:
        """MariaDB gives what it has after so many rounds, with a warning; to MySQL it is an error."""
        from pymysql.err import OperationalError

        with self._connection.cursor() as cursor:
            cursor.execute("SHOW WARNINGS")
            for _, code, _ in cursor.fetchall():
                if code == RECURSION_WARNING:
                    rounds = RECURSION + 1
                    advice = "Try increasing @@cte_max_recursion_depth to a larger value."
                    raise OperationalError(3636, f"Recursive query aborted after {rounds} iterations. {advice}")

    def _abandon(self, cursor: Any) -> None:
        """Stop reading; the client library would otherwise wait for all that is still to come."""
        self._kill(self._number)
        if self.open:
            self._connection.close()
        if (unread := cursor._result) is not None:
            unread.unbuffered_active = False
        cursor.connection = None


__all__ = ["GRACE_SECONDS", "LOST", "TIMEOUT", "Address", "AgentConnection", "Lost", "require_driver"]
