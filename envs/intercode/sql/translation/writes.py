"""Translates INSERT, REPLACE, UPDATE and DELETE."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sqlglot import exp

from envs.intercode.sql.catalog import Column, Table
from envs.intercode.sql.translation.conversions import as_temporal, attached_name, name
from envs.intercode.sql.translation.dialect import MySQLError, parse, syntax_error
from envs.intercode.sql.translation.effects import Change
from envs.intercode.sql.translation.ordering import limit
from envs.intercode.sql.translation.queries import Queries
from envs.intercode.sql.translation.scope import FIELDS, WHERE, Scope, Source, Term
from envs.intercode.sql.translation.tables import different
from envs.intercode.sql.translation.values import INT, type_of


class Writes(Queries):
    """Translates statements that change rows."""

    def write(self, statement: str, verb: str) -> Change:
        """Translate INSERT, REPLACE, UPDATE or DELETE."""
        # The parser keeps REPLACE as a text; it is an INSERT in all but the word.
        text = statement.lstrip()
        node = parse("INSERT" + text[7:] if verb == "REPLACE" else text)
        if isinstance(node, exp.Insert):
            return self.insert(node, verb == "REPLACE")
        if isinstance(node, exp.Update):
            return self.update(node)
        if isinstance(node, exp.Delete):
            return self.delete(node)
        raise syntax_error(statement, 0)

    def target(self, node: exp.Expr | None) -> tuple[str, Table]:
        """The table that is changed."""
        if not isinstance(node, exp.Table) or node.args.get("joins"):
            raise MySQLError("the SQLite engine does not know changes of several tables at once")
        database, table = self.lookup(node)
        if database == "information_schema":
            raise MySQLError("Access denied for user 'admin'@'%' to database 'information_schema'")
        self.used.add(database)
        return database, table

    def done(self, database: str, table: Table, sql: str) -> Change:
        """The change of rows, also of those that foreign keys carry along."""
        touched = {table.name}
        while True:
            more = {
                other.name
                for other in self.catalog.databases[database].values()
                for key in other.foreign_keys
                if key.table in touched and key.action
            }
            if more <= touched:
                return Change(
                    database, (sql,), frozenset(touched), self.unsure(database, touched), used=frozenset(self.used)
                )
            touched |= more

    def unsure(self, database: str, touched: set[str]) -> Mapping[str, Table] | None:
        """The tables of a database when nothing is known any more of the texts in those that are written."""
        tables = self.catalog.databases[database]
        if not any(column.plain for label in touched for column in tables[label].columns):
            return None
        return {
            label: replace(table, columns=tuple(replace(column, plain=False) for column in table.columns))
            if label in touched
            else table
            for label, table in tables.items()
        }

    def insert(self, node: exp.Insert, replacing: bool) -> Change:
        """Translate INSERT and REPLACE."""
        schema = node.this if isinstance(node.this, exp.Schema) else None
        database, table = self.target(schema.this if schema else node.this)
        given = [each.name for each in schema.expressions] if schema else [c.name for c in table.columns]
        columns = [self.known(table, column) for column in given]
        different(given)
        word = "INSERT OR REPLACE" if replacing else "INSERT OR IGNORE" if node.args.get("ignore") else "INSERT"
        listed = ", ".join(name(column.name) for column in columns)
        sql = f"{word} INTO {attached_name(database)}.{name(table.name)} ({listed}) {self.rows(node, columns)}"
        conflict = node.args.get("conflict")
        if conflict is not None:
            sql += " ON CONFLICT DO UPDATE SET " + self.assignments(
                conflict.expressions, table, self.scope(table, database, name(table.name))
            )
        return self.done(database, table, sql)

    def known(self, table: Table, column: str) -> Column:
        """A column of the changed table."""
        found = table.column(column)
        if found is None:
            raise MySQLError(f"Unknown column '{column}' in '{FIELDS}'")
        return found

    def rows(self, node: exp.Insert, columns: Sequence[Column]) -> str:
        """Translate VALUES, or the query behind INSERT."""
        body = node.args.get("expression")
        if not isinstance(body, exp.Values):
            if body is None:
                raise syntax_error("", 0)
            found = self.translate(body)
            if len(found.names) != len(columns):
                raise MySQLError("Column count doesn't match value count at row 1")
            values = [
                fitted(Term(f'"c{i}"', kind), c) for i, (kind, c) in enumerate(zip(found.types, columns, strict=True))
            ]
            return f"SELECT {', '.join(values)} FROM ({found.sql}) WHERE 1"
        lines = []
        for number, row in enumerate(body.expressions, 1):
            values = [self.value(each, c) for each, c in zip(row.expressions, columns, strict=False)]
            if len(row.expressions) != len(columns):
                raise MySQLError(f"Column count doesn't match value count at row {number}")
            lines.append(f"({', '.join(values)})")
        return "VALUES " + ", ".join(lines)

    def value(self, node: exp.Expr, column: Column) -> str:
        """Translate one value for a column."""
        if isinstance(node, exp.Column) and node.name.upper() == "DEFAULT":
            node = exp.Null() if column.default is None else exp.Literal.string(column.default)
        return fitted(self.term(node, Scope()), column)

    def scope(self, table: Table, database: str, label: str) -> Scope:
        """What names mean beside the changed row."""
        terms = tuple(Term(f"{label}.{name(c.name)}", type_of(c), name=c.name) for c in table.columns)
        return Scope(sources=[Source(table.name, database, terms)])

    def assignments(self, nodes: Sequence[exp.Expr], table: Table, scope: Scope) -> str:
        """Translate SET."""
        parts = []
        for node in nodes:
            if not isinstance(node, exp.EQ) or not isinstance(node.this, exp.Column):
                raise syntax_error(node.sql(dialect="mysql"), 0)
            column = self.known(table, node.this.name)
            parts.append(f"{name(column.name)} = {fitted(self.term(node.args['expression'], scope), column)}")
        return ", ".join(parts)

    def _call_values(self, arguments: list[exp.Expr], scope: Scope) -> Term:
        """VALUES(column) of ON DUPLICATE KEY UPDATE."""
        term = scope.resolve(arguments[0].name)
        return Term(f"excluded.{name(term.name or '')}", term.type, name=term.name)

    def update(self, node: exp.Update) -> Change:
        """Translate UPDATE of one table."""
        database, table = self.target(node.this)
        label = self.fresh()
        scope = self.scope(table, database, label)
        if node.this.alias:
            scope.sources = [Source(node.this.alias.lower(), database, scope.sources[0].columns)]
        sets = self.assignments(node.expressions, table, scope)
        place = f"{attached_name(database)}.{name(table.name)}"
        return self.done(
            database, table, f"UPDATE {place} AS {label} SET {sets}{self.chosen(node, place, label, scope)}"
        )

    def delete(self, node: exp.Delete) -> Change:
        """Translate DELETE from one table."""
        if node.args.get("tables"):
            raise MySQLError("the SQLite engine does not know changes of several tables at once")
        database, table = self.target(node.this)
        label = self.fresh()
        scope, place = self.scope(table, database, label), f"{attached_name(database)}.{name(table.name)}"
        return self.done(database, table, f"DELETE FROM {place} AS {label}{self.chosen(node, place, label, scope)}")

    def chosen(self, node: exp.Expr, place: str, label: str, scope: Scope) -> str:
        """Translate WHERE, ORDER BY and LIMIT of a change."""
        where = self.condition(node.args.get("where"), scope, WHERE)
        if node.args.get("limit") is None:
            return f" WHERE {where}" if where else ""
        inner = f"SELECT {label}.rowid FROM {place} AS {label}" + (f" WHERE {where}" if where else "")
        clause = node.args.get("order")
        if clause is not None:
            inner += " ORDER BY " + ", ".join(self.ordered(each, scope) for each in clause.expressions)
        return f" WHERE {label}.rowid IN ({inner}{limit(node)})"


def fitted(term: Term, column: Column) -> str:
    """Return a value as its column stores it."""
    kind = type_of(column)
    if kind.temporal and term.literal is not None:
        return as_temporal(term, kind)
    if kind == INT and term.type.numeric and term.type != INT:
        return f"my__WHOLE({term.sql})"
    return term.sql


__all__ = ["Writes"]
