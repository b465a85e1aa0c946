"""One agent's world on a MySQL-protocol server: a value, the image, which every step starts from."""

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from envs.intercode.sql.catalog import Catalog, Table
from envs.intercode.sql.dump import Dump
from envs.intercode.sql.journal import MysqlImage, Store, Write, fingerprints, schema
from envs.intercode.sql.mariadb import adapted
from envs.intercode.sql.mysql_connection import AgentConnection, Lost
from envs.intercode.sql.mysql_refused import refused
from envs.intercode.sql.result import Result
from slinvit.errors import InputError, SnapshotError, did_you_mean

if TYPE_CHECKING:
    from envs.intercode.sql.mysql import MysqlEngine

QUOTED = re.compile(r"'(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.|\"\")*\"|`[^`]*`", re.DOTALL)
READS = re.compile(r"[\s(]*(?:SELECT|SHOW|DESC|DESCRIBE|EXPLAIN|USE|WITH|TABLE|VALUES|HELP)\b", re.IGNORECASE)
LASTING = re.compile(r"@|:=|/\*[!M]|\b(?:GET_LOCK|INTO|DELETE|UPDATE|SHARE|LAST_INSERT_ID)\b", re.IGNORECASE)
STORED = re.compile(r"\s*(?:INSERT|REPLACE|UPDATE|DELETE|CREATE|DROP|ALTER|TRUNCATE|RENAME)\b", re.IGNORECASE)
ROWS_ONLY = re.compile(r"\s*(?:INSERT|REPLACE|UPDATE|DELETE)\b", re.IGNORECASE)
USE = re.compile(r"\s*USE\b", re.IGNORECASE)
RELAXED = re.compile(r"\s*SET\b.*\bsql_mode\b(?!.*ONLY_FULL_GROUP_BY)", re.IGNORECASE | re.DOTALL)
TEMPORARY = re.compile(r"\bTEMPORARY\b", re.IGNORECASE)
LEAVES_NOTHING = re.compile(r"\s*(?:EXPLAIN|DESC|DESCRIBE|SHOW|HELP|CHECK|CHECKSUM|KILL)\b", re.IGNORECASE)
BOUNDARY = re.compile(r"\s*(?:BEGIN|START\s+TRANSACTION|COMMIT|ROLLBACK)(?:\s+WORK)?[\s;]*", re.IGNORECASE)
CONSTANT_SET = re.compile(r"\s*SET\b[^@(]*", re.IGNORECASE)


class MysqlSession:
    """What one agent sees of a server that it shares.

    Args:
        engine: connected.
        dump: the pristine data.
    """

    def __init__(self, engine: "MysqlEngine", dump: Dump) -> None:
        self._engine = engine
        self._dump = dump
        self._image = MysqlImage(None, (), None, dump.key)
        self._schemas: dict[str | None, Mapping[str, Mapping[str, Table]]] = {
            None: {name: database.tables for name, database in dump.databases.items()}
        }
        self._catalogs: dict[tuple[str | None, str | None], Catalog] = {}

    @property
    def catalog(self) -> Catalog:
        """The schema as it is now, with the current database."""
        place = (self._image.content, self._image.database)
        if place not in self._catalogs:
            if self._image.content not in self._schemas:
                self._look()
            self._catalogs[place] = Catalog(self._image.database, self._schemas[self._image.content])
        return self._catalogs[place]

    def open(self, database: str) -> None:
        """Start afresh with pristine data and ``database`` current; connects again after a failure.

        Raises:
            InputError: the dump has no such database.
            EnvironmentFailure: the server is gone.
        """
        name = database.lower()
        if name not in self._dump.databases:
            known = sorted(self._dump.databases)
            raise InputError(f"the dump has no database {database!r}{did_you_mean(name, known)}")
        with self._engine.guarded():
            self._engine.store(self._dump)
        self._image = MysqlImage(name, (), None, self._dump.key)

    def execute(self, statement: str) -> Result:
        """Execute one statement; what goes wrong in it is in the result.

        Raises:
            EnvironmentFailure: the server is gone; the session can be opened again.
        """
        started = time.perf_counter()
        if refused := self._refused(statement):
            return Result(error=refused, seconds=time.perf_counter() - started)
        if self._engine.mariadb:
            statement = adapted(statement)
        result = self._execute(statement)
        return replace(result, seconds=time.perf_counter() - started)

    def image(self) -> MysqlImage:
        """Return the situation; it is a value already."""
        return self._image

    def restore(self, image: MysqlImage) -> None:
        """Return to ``image``.

        Raises:
            SnapshotError: it belongs to another dump.
        """
        if image.source != self._dump.key:
            raise SnapshotError("the image was taken over another dump")
        self._image = image

    def close(self) -> None:
        """Do nothing: the server holds nothing of this session."""

    def _refused(self, statement: str) -> str | None:
        try:
            statement.encode()
        except UnicodeEncodeError as error:
            return f"Invalid utf8mb4 character string: '{ord(statement[error.start]):X}'"
        if message := refused(statement):
            return message
        rules = self._engine.rules
        if rules is None or any(RELAXED.match(write.statement) for write in self._image.journal):
            return None
        return rules(statement, self.catalog)

    def _execute(self, statement: str) -> Result:
        engine = self._engine
        with engine.guarded():
            store = engine.store(self._dump)
            with store.locked():
                try:
                    if reads(statement) and not self._image.journal:
                        return self._read(engine.reader(), statement)
                    return self._write(store, statement)
                except Lost as error:
                    # An agent may end its own connection; that is no failure of the server.
                    if not engine.alive():
                        raise
                    return Result(error=str(error))

    def _look(self) -> None:
        """Learn the schema of an image that was written elsewhere."""
        with self._engine.guarded():
            store = self._engine.store(self._dump)
            with store.locked(), self._writing(store) as agent:
                self._schemas[self._image.content] = schema(agent.raw, store.names())

    def _read(self, agent: AgentConnection, statement: str) -> Result:
        agent.select(self._image.database)
        result = agent.run(statement)
        return self._moved(agent, statement, result)

    def _moved(self, agent: AgentConnection, statement: str, result: Result) -> Result:
        if result.error is not None or not USE.match(statement):
            return replace(result, changed=False)
        before, self._image = self._image, replace(self._image, database=agent.current())
        return replace(result, changed=before != self._image)

    @contextmanager
    def _writing(self, store: Store) -> Iterator[AgentConnection]:
        """Give a connection of its own in which all that was written is there; afterwards nothing of it is."""
        agent = self._engine.writer()
        try:
            self._rerun(agent)
            agent.select(self._image.database)
            yield agent
        finally:
            agent.close()
            if self._image.journal or agent.wrote:
                self._engine.repair(store)

    def _write(self, store: Store, statement: str) -> Result:
        with self._writing(store) as agent:
            clock = int(time.time())
            agent.fix(clock)
            result = agent.run(statement)
            if not agent.open or not agent.wrote:
                return replace(result, changed=False)
            if reads(statement):
                return self._moved(agent, statement, result)
            if _passes(statement, self._image.journal):
                return replace(result, changed=False)
            failed = result.error is not None
            sets = not failed and _sets(statement, self._image.journal)
            write = Write(self._image.database, statement, clock, failed, sets)
            return self._journaled(agent, store, write, result)

    def _rerun(self, agent: AgentConnection) -> None:
        for write in self._image.journal:
            agent.select(write.database)
            agent.fix(write.clock)
            result = agent.run(write.statement)
            if bool(result.error) != write.failed:
                raise SnapshotError(f"running {write.statement[:60]!r} again gave {result.observation[:80]!r}")

    def _journaled(self, agent: AgentConnection, store: Store, write: Write, result: Result) -> Result:
        """Keep what was written, when the statement has left something behind."""
        before = self._image
        agent.settle()
        names = store.names()
        settings = tuple(each.statement for each in (*before.journal, write) if each.sets)
        content = store.digest(fingerprints(agent.raw, names), settings)
        if content not in self._schemas:
            same = ROWS_ONLY.match(write.statement) and before.content in self._schemas
            self._schemas[content] = self._schemas[before.content] if same else schema(agent.raw, names)
        if content != before.content:
            self._image = MysqlImage(agent.current(), (*before.journal, write), content, before.source)
        return replace(result, changed=content != before.content)


def reads(statement: str) -> bool:
    """Return whether a statement certainly leaves nothing behind, neither data nor settings of its connection."""
    return READS.match(statement) is not None and LASTING.search(QUOTED.sub("''", statement)) is None


def _sets(statement: str, journal: Sequence[Write]) -> bool:
    """Return whether a statement may leave something in its connection that no fingerprint of the data shows."""
    if not STORED.match(statement):
        return True
    return _temporary(statement) or any(_temporary(write.statement) for write in journal)


def _temporary(statement: str) -> bool:
    return TEMPORARY.search(QUOTED.sub("''", statement)) is not None


def _passes(statement: str, journal: Sequence[Write]) -> bool:
    """Return whether all is after a statement as it was before."""
    if not journal:
        return BOUNDARY.fullmatch(statement) is not None or LEAVES_NOTHING.match(statement) is not None
    again = statement == journal[-1].statement and CONSTANT_SET.fullmatch(statement) is not None
    return again or LEAVES_NOTHING.match(statement) is not None


__all__ = ["MysqlSession", "reads"]
