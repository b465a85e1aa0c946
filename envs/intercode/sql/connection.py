"""A SQLite connection that knows MySQL's functions, and that no statement can overload."""

import re
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache

from envs.intercode.sql.catalog import Table
from envs.intercode.sql.result import Limits, Row
from envs.intercode.sql.server_words import translate_error
from envs.intercode.sql.translation import texts
from envs.intercode.sql.translation.aggregates import Failures, register
from envs.intercode.sql.translation.conversions import ATTACHED, attached_name, name
from envs.intercode.sql.translation.dialect import MySQLError
from envs.intercode.sql.translation.values import COLLATION, StatementError

STEPS = 20_000
"""Instructions of SQLite between two looks at the clock."""

PATIENCE = 4
"""A statement may take its seconds of the processor, and this many times as long by the clock."""

HEAP = 536_870_912
"""Bytes that SQLite may take in one process, temporary tables and sorting among them."""

PAGE = 4_096
FORBIDDEN = frozenset(
    {sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH, sqlite3.SQLITE_PRAGMA, sqlite3.SQLITE_CREATE_VTABLE}
)
FUNCTIONS = frozenset({"load_extension", "readfile", "writefile", "edit", "fts3_tokenizer", "randomblob", "zeroblob"})
TOO_LONG = "Query execution was interrupted, maximum statement execution time exceeded"


class Connection:
    """Runs translated statements within limits, on databases in memory.

    Args:
        limits: of each statement.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._ends = self._wall = float("inf")
        self._trusted = self._indexing = True
        self._failures = Failures()
        self._raw = self._connect()

    def _connect(self) -> sqlite3.Connection:
        # A prepared statement kept from before would not notice that another image has taken the old one's place.
        raw = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False, cached_statements=0)
        raw.text_factory = decoded
        register(raw, self._failures, lambda: max(0.001, self._ends - time.thread_time()))
        raw.create_function("my_SLEEP", 1, self._sleep)
        raw.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 2 * texts.PACKET)
        raw.execute("PRAGMA legacy_alter_table = ON")
        raw.execute("PRAGMA temp_store = MEMORY")
        raw.execute(f"PRAGMA hard_heap_limit = {HEAP}")
        raw.set_progress_handler(lambda: int(self._late()), STEPS)
        raw.set_authorizer(self._authorize)
        return raw

    def _authorize(self, action: int, _: str | None, second: str | None, *__: str | None) -> int:
        """Refuse what no translated statement contains."""
        if self._trusted:
            return sqlite3.SQLITE_OK
        named = action == sqlite3.SQLITE_FUNCTION and (second or "").lower() in FUNCTIONS
        return sqlite3.SQLITE_DENY if action in FORBIDDEN or named else sqlite3.SQLITE_OK

    def _sleep(self, seconds: float | None) -> int:
        """SLEEP, ended by the limit of time."""
        until = time.monotonic() + max(0.0, float(seconds or 0))
        ends = self._wall - (PATIENCE - 1) * self._limits.seconds
        time.sleep(max(0.0, min(until, ends) - time.monotonic()))
        if until > ends:
            self._failures.message = TOO_LONG
            raise StatementError(TOO_LONG)
        return 0

    def start(self) -> None:
        """Give the next statement its time."""
        self._ends = time.thread_time() + self._limits.seconds
        self._wall = time.monotonic() + PATIENCE * self._limits.seconds

    def _late(self) -> bool:
        """Whether the time is over: of the processor, so that busy neighbours change no result, and by the clock."""
        return time.thread_time() > self._ends or time.monotonic() > self._wall

    def check_time(self) -> None:
        """Refuse to go on when the time is over.

        Raises:
            MySQLError: it is.
        """
        if self._late():
            raise MySQLError(TOO_LONG)

    def close(self) -> None:
        """Close; harmless when repeated."""
        self._raw.close()

    @contextmanager
    def _guarded(self, tables: Mapping[str, Table]) -> Iterator[None]:
        """Word SQLite's errors as MySQL does."""
        self._failures.message, self._trusted = None, False
        try:
            yield
        except (sqlite3.Error, sqlite3.Warning, MemoryError, OverflowError, RecursionError) as error:
            message = self._failures.message
            if message is None and self._late():
                message = TOO_LONG
            raise MySQLError(message or translate_error(str(error), tables)) from error
        finally:
            self._trusted = True

    def fetch(self, sql: str) -> tuple[Row, ...]:
        """Return the rows of a query.

        Raises:
            MySQLError: it fails, or takes more time, rows or space than it may.
        """
        rows: list[Row] = []
        size = 0
        self._index_automatically([sql])
        with self._guarded({}):
            cursor = self._raw.execute(sql)
            try:
                for row in cursor:
                    rows.append(row)
                    size += volume(row)
                    if len(rows) > self._limits.rows:
                        raise MySQLError(f"The result has more than {self._limits.rows} rows")
                    if size > self._limits.size:
                        raise MySQLError(f"The result is longer than {self._limits.size} characters")
            finally:
                cursor.close()
        return tuple(rows)

    def write(self, statements: Iterable[str], tables: Mapping[str, Table], *, checked: bool) -> None:
        """Carry out statements, all or none; foreign keys are ``checked`` or not.

        Raises:
            MySQLError: one fails.
        """
        statements = list(statements)
        self._index_automatically(statements)
        self._raw.execute(f"PRAGMA foreign_keys = {'ON' if checked else 'OFF'}")
        with self._guarded(tables):
            self._raw.execute("BEGIN")
            try:
                for sql in statements:
                    self._raw.execute(sql).close()
                self._raw.execute("COMMIT")
            finally:
                if self._raw.in_transaction:
                    self._raw.execute("ROLLBACK")

    def _index_automatically(self, statements: Iterable[str]) -> None:
        """Let SQLite make indexes of its own, but where they would lose rows."""
        wanted = not (loses_rows() and any(COLLATED.search(sql) for sql in statements))
        if wanted != self._indexing:
            self._raw.execute(f"PRAGMA automatic_index = {'ON' if wanted else 'OFF'}")
            self._indexing = wanted

    def everything(self, database: str, table: str) -> list[Row]:
        """All rows of a table, as SQLite holds them: texts are bytes."""
        self._raw.text_factory = bytes
        try:
            return self._raw.execute(f"SELECT * FROM {attached_name(database)}.{name(table)} NOT INDEXED").fetchall()
        finally:
            self._raw.text_factory = decoded

    def attached(self) -> list[str]:
        """The databases that are attached."""
        found = self._raw.execute("PRAGMA database_list").fetchall()
        return [row[1].removeprefix(ATTACHED) for row in found if row[1].startswith(ATTACHED)]

    def detach(self, database: str) -> None:
        """Let a database go."""
        self._raw.execute(f"DETACH {attached_name(database)}")

    def put(self, database: str, data: bytes) -> None:
        """Attach an image, or replace the one of that name."""
        if database not in self.attached():
            self._raw.execute(f"ATTACH ':memory:' AS {attached_name(database)}")
        self._raw.deserialize(data, name=ATTACHED + database)
        self._raw.execute(f"PRAGMA {attached_name(database)}.max_page_count = {self._limits.storage // PAGE}")

    def data(self, database: str) -> bytes:
        """The image of a database."""
        return self._raw.serialize(name=ATTACHED + database)


COLLATED = re.compile(rf"COLLATE {COLLATION}\)* (?:=|IS|IN)\W")
"""An equality of texts by a collation that is ours."""


@lru_cache(maxsize=1)
def loses_rows() -> bool:
    """Whether this SQLite's automatic indexes miss texts that are equal by a collation but differ in length.

    Some versions put a Bloom filter before them that looks at lengths.
    """
    raw = sqlite3.connect(":memory:")
    try:
        raw.create_collation("spaces", lambda a, b: (a.rstrip() > b.rstrip()) - (a.rstrip() < b.rstrip()))
        for table, end in (("a", ""), ("b", " ")):
            raw.execute(f"CREATE TABLE {table} (n TEXT COLLATE spaces)")
            raw.executemany(f"INSERT INTO {table} VALUES (?)", [(f"v{i}{end}",) for i in range(300)])
        return bool(raw.execute("SELECT count(*) FROM a JOIN b ON a.n = b.n").fetchone()[0] != 300)
    finally:
        raw.close()


def decoded(data: bytes) -> str:
    """Read a text that functions may have cut in the middle of a letter."""
    return data.decode("utf-8", "replace")


def volume(row: Row) -> int:
    """About how long a row is as text."""
    return sum(len(value) + 4 if isinstance(value, str | bytes) else 12 for value in row)


__all__ = ["Connection"]
