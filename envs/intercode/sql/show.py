"""Answers SHOW, DESCRIBE and their like from the catalog, as MySQL 8 does."""

from collections.abc import Callable, Mapping, Sequence

from envs.intercode.sql.catalog import Catalog, Table
from envs.intercode.sql.describe import COLLATION, FIELDS, FULL, INDEX, definition, full_row, index_row, row
from envs.intercode.sql.result import Result, Row
from envs.intercode.sql.rules_words import RESERVED
from envs.intercode.sql.tables import Words
from envs.intercode.sql.tokens import Token, unescape
from envs.intercode.sql.translation.dialect import MySQLError, syntax_error
from envs.intercode.sql.translation.patterns import like

SYSTEM = ("mysql", "performance_schema", "sys")

Count = Callable[[str, str], int]


def show(statement: str, words: Sequence[Token], catalog: Catalog, count: Count) -> Result:
    """Answer SHOW, DESCRIBE, DESC or EXPLAIN of a table; ``count`` gives the rows of a table.

    Raises:
        MySQLError: MySQL would refuse it, or this engine does not know it.
    """
    asked = Shown(statement, Words(words, 1), catalog, count)
    if words[0].upper != "SHOW":
        return asked.describe()
    full = asked.left.accept("FULL")
    for keyword in ("EXTENDED", "GLOBAL", "SESSION"):
        asked.left.accept(keyword)
    what = asked.left.next().upper if not asked.left.done else ""
    known: Mapping[str, Callable[[], Result]] = {
        "TABLES": lambda: asked.tables(full),
        "DATABASES": asked.databases,
        "SCHEMAS": asked.databases,
        "COLUMNS": lambda: asked.columns(full),
        "FIELDS": lambda: asked.columns(full),
        "INDEX": asked.indexes,
        "INDEXES": asked.indexes,
        "KEYS": asked.indexes,
        "CREATE": asked.create,
        "TABLE": asked.status,
        "WARNINGS": lambda: Result((), ("Level", "Code", "Message")),
        "ERRORS": lambda: Result((), ("Level", "Code", "Message")),
        "GRANTS": lambda: Result((("GRANT ALL PRIVILEGES ON *.* TO `admin`@`%`",),), ("Grants for admin@%",)),
        "VARIABLES": lambda: asked.matching("Variable_name", VARIABLES, ("Variable_name", "Value")),
        "STATUS": lambda: asked.matching("Variable_name", (), ("Variable_name", "Value")),
        "PROCESSLIST": lambda: Result((), ("Id", "User", "Host", "db", "Command", "Time", "State", "Info")),
        "TRIGGERS": lambda: Result((), ("Trigger", "Event", "Table", "Statement", "Timing")),
    }
    if what not in known:
        raise syntax_error(statement, words[min(1, len(words) - 1)].start)
    return known[what]()


VARIABLES = (
    ("character_set_database", "utf8mb4"),
    ("collation_database", COLLATION),
    ("lower_case_table_names", "1"),
    ("sql_mode", "ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,"
                 "NO_ENGINE_SUBSTITUTION"),
    ("version", "8.0.32"),
)  # fmt: skip


class Shown:
    """One question about the schema, read word by word."""

    def __init__(self, statement: str, left: Words, catalog: Catalog, count: Count) -> None:
        self.statement, self.left, self.catalog, self.count = statement, left, catalog, count

    def database(self) -> str:
        """The database of FROM or IN, or the current one."""
        if self.left.accept("FROM") or self.left.accept("IN"):
            named = self.left.next().name.lower()
            if named not in self.catalog.databases and named not in SYSTEM:
                raise MySQLError(f"Unknown database '{named}'")
            return named
        if self.catalog.database is None:
            raise MySQLError("No database selected")
        return self.catalog.database

    def table(self) -> tuple[str, Table]:
        """The table that comes next, perhaps with its database."""
        if self.left.done:
            raise syntax_error(self.statement, len(self.statement))
        if self.left.peek() in RESERVED:
            raise syntax_error(self.statement, self.left.next().start)
        database, name = None, self.left.next().name
        if self.left.accept("."):
            database, name = name, self.left.next().name
        place = database.lower() if database else self.database()
        found = self.catalog.table(name, place)
        if database and place not in self.catalog.databases:
            raise MySQLError(f"Unknown database '{place}'")
        if found is None:
            raise MySQLError(f"Table '{place}.{name.lower()}' doesn't exist")
        return place, found

    def after(self) -> tuple[str, Table]:
        """The table behind FROM or IN."""
        if not (self.left.accept("FROM") or self.left.accept("IN")):
            raise syntax_error(self.statement, len(self.statement))
        return self.table()

    def matching(self, label: str, rows: Sequence[Row], columns: tuple[str, ...]) -> Result:
        """Filter rows by LIKE, or by WHERE on one column."""
        keep = tuple(rows)
        if self.left.accept("LIKE"):
            pattern = self.pattern()
            keep = tuple(row for row in keep if like(row[0], pattern))
        elif self.left.accept("WHERE"):
            column = self.left.next().name.lower()
            names = [name.lower() for name in columns]
            comparison = self.left.next().upper
            if column not in names or comparison not in ("=", "LIKE"):
                raise MySQLError("the SQLite engine knows WHERE of SHOW only as: column = 'text' or column LIKE 'text'")
            pattern = self.pattern()
            keep = tuple(row for row in keep if like(row[names.index(column)], pattern))
        self.end()
        return Result(keep, columns)

    def pattern(self) -> str:
        """The text that comes next."""
        word = self.left.next() if not self.left.done else None
        if word is None or word.kind != "string":
            raise syntax_error(self.statement, len(self.statement))
        return unescape(word.text)

    def end(self) -> None:
        """Refuse what is left over."""
        if not self.left.done:
            raise syntax_error(self.statement, self.left.next().start)

    def tables(self, full: bool) -> Result:
        """SHOW TABLES."""
        database = self.database()
        names = sorted(self.catalog.databases.get(database, {}))
        rows = [(name, "BASE TABLE") if full else (name,) for name in names]
        like_part = ""
        if self.left.peek() == "LIKE" and self.left.at + 1 < len(self.left.items):
            like_part = f" ({unescape(self.left.items[self.left.at + 1].text)})"
        first = f"Tables_in_{database}{like_part}"
        return self.matching(first, rows, (first, "Table_type") if full else (first,))

    def databases(self) -> Result:
        """SHOW DATABASES."""
        names = sorted({*self.catalog.databases, *SYSTEM})
        return self.matching("Database", [(name,) for name in names], ("Database",))

    def columns(self, full: bool) -> Result:
        """SHOW COLUMNS."""
        if not (self.left.accept("FROM") or self.left.accept("IN")):
            raise syntax_error(self.statement, len(self.statement))
        _, table = self.qualified()
        rows = [full_row(table, column) if full else row(table, column) for column in table.columns]
        return self.matching("Field", rows, FULL if full else FIELDS)

    def qualified(self) -> tuple[str, Table]:
        """A table that may be followed by FROM and its database."""
        if self.left.peek(1) in ("FROM", "IN"):
            name = self.left.next().name
            database = self.database()
            found = self.catalog.table(name, database)
            if found is None:
                raise MySQLError(f"Table '{database}.{name.lower()}' doesn't exist")
            return database, found
        return self.table()

    def describe(self) -> Result:
        """DESCRIBE, perhaps of one column."""
        self.left.accept("TABLE")
        _, table = self.table()
        if not self.left.done:
            word = self.left.next()
            wanted = unescape(word.text) if word.kind == "string" else word.name
            self.end()
            return Result(tuple(row(table, column) for column in table.columns if like(column.name, wanted)), FIELDS)
        return Result(tuple(row(table, column) for column in table.columns), FIELDS)

    def indexes(self) -> Result:
        """SHOW INDEX."""
        if not (self.left.accept("FROM") or self.left.accept("IN")):
            raise syntax_error(self.statement, len(self.statement))
        database, table = self.qualified()
        rows = [
            index_row(table, key, place, self.count(database, table.name))
            for key in table.keys
            for place in range(len(key.columns))
        ]
        return self.matching("Table", rows, INDEX)

    def create(self) -> Result:
        """SHOW CREATE TABLE and SHOW CREATE DATABASE."""
        if self.left.accept("DATABASE") or self.left.accept("SCHEMA"):
            name = self.left.next().name.lower()
            if name not in self.catalog.databases:
                raise MySQLError(f"Unknown database '{name}'")
            text = f"CREATE DATABASE `{name}` /*!40100 DEFAULT CHARACTER SET utf8mb4 COLLATE {COLLATION} */"
            return Result(((name, text),), ("Database", "Create Database"))
        if not self.left.accept("TABLE"):
            raise syntax_error(self.statement, len(self.statement))
        _, table = self.table()
        self.end()
        return Result(((table.name, definition(table)),), ("Table", "Create Table"))

    def status(self) -> Result:
        """SHOW TABLE STATUS, with what does not depend on storage."""
        if not self.left.accept("STATUS"):
            raise syntax_error(self.statement, len(self.statement))
        database = self.database()
        names = sorted(self.catalog.databases.get(database, {}))
        rows: list[Row] = [(name, "InnoDB", 10, "Dynamic", self.count(database, name), COLLATION, "") for name in names]
        return self.matching("Name", rows, ("Name", "Engine", "Version", "Row_format", "Rows", "Collation", "Comment"))


__all__ = ["show"]
