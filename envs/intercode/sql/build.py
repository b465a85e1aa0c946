"""Builds the SQLite image of one database of a dump."""

import sqlite3
from collections.abc import Mapping

from envs.intercode.sql.catalog import Column, ForeignKey, Key, Table
from envs.intercode.sql.dump import Database
from envs.intercode.sql.translation.aggregates import Failures, register
from envs.intercode.sql.translation.conversions import attached_name, name, quote
from envs.intercode.sql.translation.values import affinity, collation, stored, type_of
from slinvit.errors import InputError


def create_table(table: Table, among: Mapping[str, Table], database: str | None = None) -> list[str]:
    """Return SQLite's statements that create a table with its keys; ``among``: the other tables of its database."""
    place = f"{attached_name(database)}." if database else ""
    single = table.primary[0].lower() if len(table.primary) == 1 else None
    lines = [column_line(column, column.name.lower() == single) for column in table.columns]
    known = {**among, table.name: table}
    lines += [line for key in table.foreign_keys if (line := reference(key, known.get(key.table)))]
    inline = single is not None and integer(table, single)
    made = [f"CREATE TABLE {place}{name(table.name)} ({', '.join(lines)}) STRICT"]
    for key in table.keys:
        if not (key.primary and inline):
            made.append(create_index(table, key, place))
    return made


def reference(key: ForeignKey, target: Table | None) -> str:
    """Return a foreign key; empty where SQLite cannot check it, because what it refers to is no whole key."""
    columns = {column.lower() for column in key.target}
    keys = target.keys if target is not None and key.database is None else ()
    if target is None or not any(k.unique and k.whole and {c.lower() for c in k.columns} == columns for k in keys):
        return ""
    here, there = (", ".join(name(column) for column in part) for part in (key.columns, key.target))
    return f"FOREIGN KEY ({here}) REFERENCES {name(key.table)} ({there}) {key.action}".rstrip()


def integer(table: Table, column: str) -> bool:
    """Whether a column is stored as SQLite's row number when it is the primary key."""
    found = table.column(column)
    return found is not None and affinity(found) == "INTEGER"


def column_line(column: Column, primary: bool) -> str:
    """Return the definition of a column."""
    kind = affinity(column)
    line = f"{name(column.name)} {kind}"
    if primary and kind == "INTEGER":
        return f"{line} PRIMARY KEY"
    if kind == "TEXT":
        line += f" COLLATE {collation(type_of(column))}"
    return line + ("" if column.nullable else " NOT NULL") + default(column)


def default(column: Column) -> str:
    """Return the default of a column."""
    if column.extra.startswith("DEFAULT_GENERATED"):
        return " DEFAULT CURRENT_TIMESTAMP" if type_of(column).temporal else ""
    if column.default is None:
        return ""
    number = type_of(column).numeric
    return f" DEFAULT {float(column.default)!r}" if number and affinity(column) == "REAL" else (
        f" DEFAULT {int(float(column.default))}" if number else f" DEFAULT {quote(column.default)}"
    )  # fmt: skip


def create_index(table: Table, key: Key, place: str = "") -> str:
    """Return the index of a key; what is unique in a prefix only is checked in full."""
    label = name(f"{table.name}.{key.name}")
    columns = ", ".join(name(column) for column in key.columns)
    return f"CREATE {'UNIQUE ' if key.unique else ''}INDEX {place}{label} ON {name(table.name)} ({columns})"


def build(database: Database) -> bytes:
    """Return the SQLite image of a database.

    Raises:
        InputError: its rows break its own keys, or a value does not fit its column.
    """
    connection = sqlite3.connect(":memory:", isolation_level=None)
    try:
        register(connection, Failures())
        # Without a first page there would be nothing to serialize.
        connection.execute("PRAGMA user_version = 1")
        connection.execute("BEGIN")
        for table in database.tables.values():
            fill(connection, table, database)
        connection.execute("COMMIT")
        return connection.serialize()
    except (sqlite3.Error, ValueError, OverflowError) as error:
        raise InputError(f"database {database.name}: its rows cannot be stored: {error}") from error
    finally:
        connection.close()


def fill(connection: sqlite3.Connection, table: Table, database: Database) -> None:
    """Create one table and insert its rows."""
    create, *indexes = create_table(table, database.tables)
    connection.execute(create)
    marks = ", ".join("?" for _ in table.columns)
    values = (tuple(stored(v, c) for v, c in zip(row, table.columns, strict=True)) for row in database.rows[table.name])
    connection.executemany(f"INSERT INTO {name(table.name)} VALUES ({marks})", values)
    for index in indexes:
        connection.execute(index)


__all__ = ["build", "create_index", "create_table"]
