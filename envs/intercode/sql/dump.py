"""Reads what mysqldump writes: databases, tables with their keys, and rows."""

import hashlib
import logging
import lzma
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

from envs.intercode.sql.catalog import Table
from envs.intercode.sql.tables import Words, read_table
from envs.intercode.sql.tokens import Token, line_of, statements, unescape
from envs.intercode.sql.translation.values import is_plain
from slinvit.errors import InputError

Row = tuple[Any, ...]

PASSED_OVER = ("SET", "LOCK", "UNLOCK", "GRANT", "FLUSH", "COMMIT", "START", "BEGIN", "ANALYZE", "CHANGE", "ALTER")
"""First words of statements that say nothing about tables or rows (mysqldump's ALTER only switches keys)."""

ROUTINES = re.compile(r"^DELIMITER\s+(?!;\s*$)\S+.*?^DELIMITER\s+;\s*$", re.MULTILINE | re.DOTALL)

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Database:
    """One database of a dump.

    Attributes:
        name: lower case, as with ``lower_case_table_names=1``.
        tables: by lower-case name.
        rows: of each table, in the order of the dump: int, float, Decimal, str, bytes, None.
    """

    name: str
    tables: Mapping[str, Table]
    rows: Mapping[str, tuple[Row, ...]] = field(repr=False)


@dataclass(frozen=True, eq=False)
class Dump:
    """All databases of a dump; picklable.

    Attributes:
        databases: by lower-case name.
        text: the dump itself, for engines that load it themselves.
        key: SHA-256 of ``text``.
    """

    databases: Mapping[str, Database]
    text: str = field(repr=False)
    key: str


def read_dump(path: Path) -> Dump:
    """Read a dump, plain or ``.xz``; the same object for the same unchanged file within a process.

    Raises:
        InputError: the file cannot be read, or is not a dump; with the line.
    """
    try:
        facts = path.stat()
    except OSError as error:
        raise InputError(f"cannot read the dump {path}: {error.strerror}") from error
    return _read(path.resolve(), facts.st_mtime_ns, facts.st_size)


@lru_cache(maxsize=8)
def _read(path: Path, _modified: int, _size: int) -> Dump:
    try:
        data = path.read_bytes()
        if path.suffix == ".xz":
            data = lzma.decompress(data)
    except (OSError, lzma.LZMAError) as error:
        raise InputError(f"cannot read the dump {path}: {error}") from error
    return parse_dump(data.decode("utf-8", "surrogateescape"), name=path.name.split(".")[0], source=str(path))


def parse_dump(text: str, *, name: str = "main", source: str = "the dump") -> Dump:
    """Read the text of a dump; tables before any ``USE`` belong to the database ``name``.

    Raises:
        InputError: a statement is not understood; with ``source`` and the line.
    """
    reader = Reader(name.lower())
    code = ROUTINES.sub(lambda match: "\n" * match.group().count("\n"), text)
    where = 0
    try:
        for words in statements(code):
            where = words[0].start
            reader.take(words)
    except InputError as error:
        place = "" if str(error).startswith("line ") else f"line {line_of(code, where)}: "
        raise InputError(f"{source}: {place}{error}") from error
    if not any(reader.tables.values()):
        raise InputError(f"{source}: there is no CREATE TABLE in it; is it what mysqldump wrote?")
    key = hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
    return Dump(reader.databases(), text, key)


class Reader:
    """Collects databases statement by statement."""

    def __init__(self, name: str) -> None:
        self.current = name
        self.tables: dict[str, dict[str, Table]] = {}
        self.rows: dict[str, dict[str, list[Row]]] = {}

    def databases(self) -> dict[str, Database]:
        """What was read so far."""
        found = {}
        for name, tables in self.tables.items():
            rows = {table: tuple(self.rows[name][table]) for table in tables}
            found[name] = Database(name, {key: known(table, rows[key]) for key, table in tables.items()}, rows)
        return found

    def place(self, database: str) -> None:
        """Make sure that a database is there."""
        self.tables.setdefault(database, {})
        self.rows.setdefault(database, {})

    def take(self, statement: Sequence[Token]) -> None:
        """Read one statement.

        Raises:
            InputError: it is none that mysqldump writes.
        """
        words = Words(statement)
        verb = words.peek()
        if verb == "CREATE":
            self.create(statement)
        elif verb == "USE":
            words.next()
            self.current = words.next().name.lower()
            self.place(self.current)
        elif verb in ("INSERT", "REPLACE"):
            self.insert(words)
        elif verb == "DROP":
            self.drop(words)
        elif verb not in PASSED_OVER:
            raise InputError(f"{statement[0].text[:40]!r} begins no statement that mysqldump writes")

    def create(self, statement: Sequence[Token]) -> None:
        """Read CREATE DATABASE and CREATE TABLE; views, users and routines are left out."""
        words = Words(statement[1:])
        if words.accept("DATABASE") or words.accept("SCHEMA"):
            words.accept("IF", "NOT", "EXISTS")
            self.place(words.next().name.lower())
        elif words.peek() == "TABLE":
            named, table = read_table(statement)
            database = (named or self.current).lower()
            self.place(database)
            self.tables[database][table.name] = table
            self.rows[database][table.name] = []
        elif any(word.upper == "VIEW" for word in statement):
            logger.warning("views of dumps are left out: %s", " ".join(word.text for word in statement[:12]))

    def drop(self, words: Words) -> None:
        """Forget a table that is dropped."""
        words.next()
        if words.accept("TABLE"):
            words.accept("IF", "EXISTS")
            self.tables.get(self.current, {}).pop(words.next().name.lower(), None)

    def insert(self, words: Words) -> None:
        """Read the rows of INSERT."""
        words.next()
        words.accept("IGNORE")
        words.accept("INTO")
        database, name = self.current, words.next().name.lower()
        if words.accept("."):
            database, name = name, words.next().name.lower()
        table = self.tables.get(database, {}).get(name)
        if table is None:
            raise InputError(f"INSERT INTO {name}: no such table was created before")
        columns = [column.name.lower() for column in table.columns]
        given = [word.name.lower() for word in words.group() if word.text != ","] if words.peek() == "(" else columns
        if not words.accept("VALUES") and not words.accept("VALUE"):
            raise InputError(f"INSERT INTO {name}: VALUES is missing")
        for row in rows(words):
            if len(row) != len(given):
                raise InputError(f"INSERT INTO {name}: a row has {len(row)} values, not {len(given)}")
            if given is not columns:
                by_name = dict(zip(given, row, strict=True))
                row = tuple(by_name.get(column) for column in columns)
            self.rows[database][name].append(row)


def known(table: Table, values: Sequence[Row]) -> Table:
    """Return the table with what its rows say of its columns."""
    columns = [
        replace(
            column,
            plain=all(row[place] is None or (type(row[place]) is str and is_plain(row[place])) for row in values),
        )
        for place, column in enumerate(table.columns)
    ]
    return replace(table, columns=tuple(columns))


def rows(words: Words) -> list[Row]:
    """Read ``(..),(..)``."""
    found = []
    while True:
        if words.next().text != "(":
            raise InputError("INSERT: a row must begin with a parenthesis")
        values: list[Any] = []
        while True:
            values.append(value(words))
            mark = words.next().text
            if mark == ")":
                break
            if mark != ",":
                raise InputError(f"INSERT: {mark[:20]!r} where a comma is due")
        found.append(tuple(values))
        if words.done:
            return found
        if words.next().text != ",":
            raise InputError("INSERT: a comma is due between rows")


def value(words: Words) -> Any:
    """Read one value.

    Raises:
        InputError: it is no literal.
    """
    word = words.next()
    if word.kind == "string":
        return unescape(word.text)
    if word.kind == "number":
        return number(word.text)
    if word.kind == "hex":
        digits = word.text[2:].rstrip("'")
        return bytes.fromhex(digits if len(digits) % 2 == 0 else f"0{digits}")
    if word.kind == "bits":
        return int(word.text[2:].rstrip("'") or "0", 2)
    if word.upper == "NULL":
        return None
    if word.upper in ("TRUE", "FALSE"):
        return int(word.upper == "TRUE")
    if word.upper == "_BINARY":
        given = value(words)
        return given.encode("utf-8", "surrogateescape") if isinstance(given, str) else given
    if word.text.startswith("_"):
        return value(words)
    raise InputError(f"{word.text[:40]!r} is no value")


def number(text: str) -> int | float | Decimal:
    """Read a number as exactly as it is written."""
    if text.lstrip("+-").isdigit():
        return int(text)
    return float(text) if "e" in text.lower() else Decimal(text)


__all__ = ["Database", "Dump", "parse_dump", "read_dump"]
