"""Translates the definitions of tables and databases."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from envs.intercode.sql.build import create_index, create_table
from envs.intercode.sql.catalog import Catalog, Column, Key, Table
from envs.intercode.sql.tables import Words, read_table, split
from envs.intercode.sql.tokens import Token
from envs.intercode.sql.translation.alterations import altered
from envs.intercode.sql.translation.conversions import attached_name, name
from envs.intercode.sql.translation.dialect import MySQLError, parse, syntax_error
from envs.intercode.sql.translation.effects import Change
from envs.intercode.sql.translation.queries import Queries
from envs.intercode.sql.translation.tables import different
from envs.intercode.sql.translation.values import Type


@dataclass
class Definitions:
    """Translates statements that define tables and databases, from their words."""

    catalog: Catalog
    words: Sequence[Token]

    def place(self, database: str | None) -> str:
        """The database that is meant, which must be there."""
        found = (database or self.catalog.database or "").lower()
        if not found:
            raise MySQLError("No database selected")
        if found not in self.catalog.databases:
            raise MySQLError(f"Unknown database '{found}'")
        if found == "information_schema":
            raise MySQLError("Access denied for user 'admin'@'%' to database 'information_schema'")
        return found

    def named(self, left: Words) -> tuple[str, str]:
        """Read the name of a table."""
        database, label = None, left.next().name
        if left.accept("."):
            database, label = label, left.next().name
        return self.place(database), label.lower()

    def existing(self, left: Words) -> tuple[str, Table]:
        """Read the name of a table that is there."""
        database, label = self.named(left)
        table = self.catalog.table(label, database)
        if table is None:
            raise MySQLError(f"Table '{database}.{label}' doesn't exist")
        return database, table

    def changed(self, database: str, sql: Sequence[str], *, touched: set[str], used: frozenset[str] = frozenset(),
                add: Table | None = None, drop: Sequence[str] = ()) -> Change:  # fmt: skip
        """The change of the tables of a database."""
        tables = {key: table for key, table in self.catalog.databases[database].items() if key not in drop}
        if add is not None:
            tables[add.name] = add
        return Change(database, tuple(sql), frozenset(touched), tables, used=used | {database}, definition=True)

    def create(self, statement: str) -> Change:
        """CREATE TABLE, also by LIKE and AS."""
        words = [word for word in self.words if word.upper != "TEMPORARY"]
        left = Words(words, 2)
        lenient = left.accept("IF", "NOT", "EXISTS")
        database, label = self.named(left)
        if self.catalog.table(label, database) is not None:
            if lenient:
                return Change()
            raise MySQLError(f"Table '{label}' already exists")
        if left.peek() == "LIKE" or (left.peek() == "(" and left.peek(1) == "LIKE"):
            while left.next().upper != "LIKE":
                pass
            _, other = self.existing(left)
            table = replace(other, name=label, foreign_keys=())
        elif left.peek() in ("AS", "SELECT", "WITH", "("):
            select = next((word for word in words[left.at :] if word.upper in ("SELECT", "WITH")), None)
            if left.peek() != "(" or (select is not None and words[left.at + 1] is select):
                return self.create_as(statement, select, database, label)
            table = read_table(words)[1]
        else:
            raise syntax_error(statement, words[-1].start)
        self.check(table)
        return self.changed(
            database, create_table(table, self.catalog.databases[database], database), touched={label}, add=table
        )

    def check(self, table: Table) -> None:
        """Refuse types and keys that MySQL would refuse."""
        different(column.name for column in table.columns)
        if not table.columns:
            raise MySQLError("A table must have at least 1 column")
        for column in table.columns:
            if column.base not in KNOWN:
                raise syntax_error(column.type, 0)
        for key in table.keys:
            for part in key.columns:
                if table.column(part) is None:
                    raise MySQLError(f"Key column '{part}' doesn't exist in table")

    def create_as(self, statement: str, select: Token | None, database: str, label: str) -> Change:
        """CREATE TABLE ... AS SELECT."""
        if select is None:
            raise syntax_error(statement, 0)
        queries = Queries(self.catalog)
        found = queries.translate(parse(statement[select.start :].rstrip(" ;)\n") if "(" in statement[: select.start]
                                        else statement[select.start :]))  # fmt: skip
        different(found.names)
        table = Table(label, tuple(Column(n, sql_type(kind)) for n, kind in zip(found.names, found.types, strict=True)))
        fill = f"INSERT INTO {attached_name(database)}.{name(label)} {found.sql}"
        made = [*create_table(table, self.catalog.databases[database], database), fill]
        return self.changed(database, made, touched={label}, used=frozenset(queries.used), add=table)

    def index(self, statement: str) -> Change:
        """CREATE INDEX."""
        left = Words(self.words, 1)
        unique = left.accept("UNIQUE")
        left.accept("INDEX")
        label = left.next().name
        if not left.accept("ON"):
            raise syntax_error(statement, 0)
        database, table = self.existing(left)
        columns = tuple(part[0].name for part in split(left.group()))
        key = Key(label, columns, unique, (None,) * len(columns))
        made = replace(table, keys=(*table.keys, key))
        self.check(made)
        sql = create_index(made, key, f"{attached_name(database)}.")
        return self.changed(database, [sql], touched=set(), add=made)

    def drop(self, statement: str) -> Change:
        """DROP TABLE."""
        left = Words(self.words, 2)
        lenient = left.accept("IF", "EXISTS")
        sql, gone, place = [], [], None
        while not left.done:
            database, label = self.named(left)
            if place not in (None, database):
                raise MySQLError("the SQLite engine does not know DROP of tables of several databases")
            place = database
            if self.catalog.table(label, database) is not None:
                gone.append(label)
                sql.append(f"DROP TABLE {attached_name(database)}.{name(label)}")
            elif not lenient:
                raise MySQLError(f"Unknown table '{database}.{label}'")
            left.accept(",")
        if place is None:
            raise syntax_error(statement, len(statement))
        self.unreferenced(place, gone)
        return self.changed(place, sql, touched=set(gone), drop=gone)

    def unreferenced(self, database: str, gone: Sequence[str]) -> None:
        """Refuse to drop tables that others refer to."""
        for table in self.catalog.databases[database].values():
            for key in table.foreign_keys:
                if key.table in gone and table.name not in gone:
                    raise MySQLError(
                        f"Cannot drop table '{key.table}' referenced by a foreign key constraint '{key.name}' "
                        f"on table '{table.name}'."
                    )

    def create_database(self, statement: str) -> Change:
        """CREATE DATABASE."""
        left = Words(self.words, 2)
        lenient = left.accept("IF", "NOT", "EXISTS")
        label = left.next().name.lower()
        if label in self.catalog.databases:
            if lenient:
                return Change()
            raise MySQLError(f"Can't create database '{label}'; database exists")
        return Change(label, (), frozenset(), {}, definition=True)

    def drop_database(self, statement: str) -> Change:
        """DROP DATABASE."""
        left = Words(self.words, 2)
        lenient = left.accept("IF", "EXISTS")
        label = left.next().name.lower()
        if label not in self.catalog.databases:
            if lenient:
                return Change()
            raise MySQLError(f"Can't drop database '{label}'; database doesn't exist")
        return Change(self.place(label), dropped=True, definition=True)

    def truncate(self) -> Change:
        """TRUNCATE."""
        left = Words(self.words, 1)
        left.accept("TABLE")
        database, table = self.existing(left)
        sql = f"DELETE FROM {attached_name(database)}.{name(table.name)}"
        return self.changed(database, [sql], touched={table.name})

    def rename(self, statement: str) -> Change:
        """RENAME TABLE."""
        left = Words(self.words, 2)
        database, table = self.existing(left)
        if not left.accept("TO"):
            raise syntax_error(statement, 0)
        return self.rebuilt(database, table, replace(table, name=self.named(left)[1]), {})

    def alter(self, statement: str) -> Change:
        """ALTER TABLE: columns and keys added, dropped, changed and renamed."""
        left = Words(self.words, 2)
        database, table = self.existing(left)
        made, origin = table, {column.name: column.name for column in table.columns}
        for action in split(left.items[left.at :]):
            made = altered(made, Words(action), origin, statement)
        self.check(made)
        return self.rebuilt(database, table, made, origin)

    def rebuilt(self, database: str, old: Table, new: Table, origin: Mapping[str, str]) -> Change:
        """Replace a table by another with its rows."""
        if new.name != old.name and self.catalog.table(new.name, database) is not None:
            raise MySQLError(f"Table '{new.name}' already exists")
        origin = origin or {column.name: column.name for column in old.columns}
        place = f"{attached_name(database)}."
        kept = [column.name for column in new.columns if column.name in origin]
        aside = name(f"{old.name} aside")
        create, *indexes = create_table(new, self.catalog.databases[database], database)
        sql = [f"ALTER TABLE {place}{name(old.name)} RENAME TO {aside}", create]
        if kept:
            source = ", ".join(name(origin[column]) for column in kept)
            listed = ", ".join(name(column) for column in kept)
            sql.append(f"INSERT INTO {place}{name(new.name)} ({listed}) SELECT {source} FROM {place}{aside}")
        sql += [f"DROP TABLE {place}{aside}", *indexes]
        return self.changed(database, sql, touched={old.name, new.name}, add=new, drop=[old.name])


def sql_type(kind: Type) -> str:
    """Return the type of a column that holds such values."""
    if kind.kind == "decimal":
        return f"decimal(65,{kind.digits})"
    return {"int": "bigint", "null": "varbinary(0)", "bytes": "longblob", "text": "longtext"}.get(kind.kind, kind.kind)


KNOWN = frozenset(
    [
        "bigint",
        "binary",
        "bit",
        "blob",
        "char",
        "date",
        "datetime",
        "decimal",
        "double",
        "enum",
        "float",
        "int",
        "json",
        "longblob",
        "longtext",
        "mediumblob",
        "mediumint",
        "mediumtext",
        "set",
        "smallint",
        "text",
        "time",
        "timestamp",
        "tinyblob",
        "tinyint",
        "tinytext",
        "varbinary",
        "varchar",
        "year",
    ]
)


__all__ = ["Definitions"]
