"""Translates FROM: tables, derived tables, common table expressions, joins."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlglot import exp

from envs.intercode.sql.catalog import Catalog, Table
from envs.intercode.sql.translation.conversions import attached_name, name
from envs.intercode.sql.translation.dialect import MySQLError, syntax_error
from envs.intercode.sql.translation.expressions import Expressions
from envs.intercode.sql.translation.scope import ON, Scope, Source, Term
from envs.intercode.sql.translation.values import Type, type_of


@dataclass(frozen=True, slots=True)
class Query:
    """A translated query.

    Attributes:
        sql: SQLite's; its columns are called c0, c1, ...
        names: of the columns, as MySQL shows them.
        types: of the columns.
        single: one row at most.
    """

    sql: str
    names: tuple[str, ...]
    types: tuple[Type, ...]
    single: bool = False


@dataclass(frozen=True, slots=True)
class Common:
    """A common table expression: what it is called in SQLite, and its columns."""

    sql: str
    names: tuple[str, ...]
    types: tuple[Type, ...]


@dataclass
class Tables(Expressions):
    """Translates FROM.

    Attributes:
        catalog: the schema.
        used: databases that the statement reads.
        common: common table expressions in reach, by lower-case name.
        counter: of names given.
        recursive: within WITH RECURSIVE.
        top: the statement itself, whose rows are seen in their order.
    """

    catalog: Catalog
    used: set[str] = field(default_factory=set)
    common: dict[str, Common] = field(default_factory=dict)
    counter: int = 0
    recursive: bool = False
    top: exp.Expr | None = None

    @property
    def database(self) -> str | None:  # type: ignore[override]
        """The current database."""
        return self.catalog.database

    def fresh(self, letter: str = "s") -> str:
        """A name of SQLite that nothing else has."""
        self.counter += 1
        return f"{letter}{self.counter}"

    def translate(self, node: exp.Expr, parent: Scope | None = None) -> Query:
        """Translate a query."""
        raise NotImplementedError

    def tables(self, node: exp.Select, scope: Scope) -> str:
        """Translate FROM with its joins."""
        clause = node.args.get("from_")
        if clause is None:
            return ""
        if isinstance(clause.this, exp.Table) and clause.this.name.lower() == "dual" and not node.args.get("joins"):
            return ""
        sql, group = self.joined(clause.this, [], scope)
        for join in node.args.get("joins") or ():
            if comma(join):
                more, group = self.joined(join.this, [], scope)
                sql += f" JOIN {more}"
            else:
                sql += self.join(join, group, scope)
        return sql

    def joined(self, node: exp.Expr, group: list[Source], scope: Scope) -> tuple[str, list[Source]]:
        """Translate a table and what is joined to it; return the text and the tables in reach of ON."""
        text, sources = self.source(node, scope)
        group = [*group, *sources]
        for join in node.args.get("joins") or ():
            text += self.join(join, group, scope)
        return (f"({text})" if node.args.get("joins") else text), group

    def join(self, node: exp.Expr, group: list[Source], scope: Scope) -> str:
        """Translate one join; its tables are added to ``group``."""
        side, kind = str(node.args.get("side") or ""), str(node.args.get("kind") or "")
        if side == "FULL" or kind not in ("", "INNER", "OUTER", "CROSS", "STRAIGHT_JOIN"):
            raise syntax_error(f"{side} {kind} JOIN".strip(), 0)
        bare = not (node.args.get("on") or node.args.get("using") or node.args.get("method"))
        text, reached = self.joined(node.this, group if bare else [], scope)
        word = f"{side} JOIN" if side else "CROSS JOIN" if kind == "STRAIGHT_JOIN" else "JOIN"
        condition = self.join_condition(node, group, reached, scope, side)
        if side and not condition:
            raise syntax_error("", 0)
        group += [source for source in reached if source not in group]
        return f" {word} {text}" + (f" ON {condition}" if condition else "")

    def join_condition(self, node: exp.Expr, left: list[Source], right: list[Source], scope: Scope, side: str) -> str:
        """Translate ON, USING and NATURAL."""
        if node.args.get("on") is not None:
            inner = Scope(scope.parent, [*left, *right], scope.joined, clause=ON, read=scope.read)
            return self.term(node.args["on"], inner).sql
        columns = [each.name for each in node.args.get("using") or ()]
        if str(node.args.get("method") or "") == "NATURAL":
            there = {(c.name or "").lower() for source in right for c in source.columns}
            columns = list(
                dict.fromkeys(c.name or "" for s in left for c in s.columns if (c.name or "").lower() in there)
            )
        parts = []
        for column in columns:
            first = Scope(None, left, scope.joined, clause="from clause").resolve(column)
            second = Scope(None, right, clause="from clause").resolve(column)
            scope.read |= {first.sql, second.sql}
            parts.append(self.compare("eq", first, second))
            scope.joined[column.lower()] = second if side == "RIGHT" else first
        return " AND ".join(parts) or ("1" if str(node.args.get("method") or "") == "NATURAL" else "")

    def source(self, node: exp.Expr, scope: Scope) -> tuple[str, list[Source]]:
        """Translate a table, a derived table, or tables in parentheses."""
        if isinstance(node, exp.Subquery) and isinstance(node.this, exp.Table | exp.Subquery) and not node.alias:
            return self.nested(node.this, scope)
        if isinstance(node, exp.Table):
            return self.table(node, scope)
        if isinstance(node, exp.Subquery | exp.Lateral):
            return self.derived(node, scope)
        raise syntax_error(node.sql(dialect="mysql"), 0)

    def nested(self, node: exp.Expr, scope: Scope) -> tuple[str, list[Source]]:
        """Translate tables in parentheses."""
        if isinstance(node, exp.Subquery) and isinstance(node.this, exp.Query):
            return self.derived(node, scope)
        text, group = self.joined(node, [], scope)
        return text, group

    def derived(self, node: exp.Expr, scope: Scope) -> tuple[str, list[Source]]:
        """Translate a derived table."""
        if not node.alias:
            raise MySQLError("Every derived table must have its own alias")
        inner = node.this.this if isinstance(node, exp.Lateral) else node.this
        found = self.translate(inner, scope if isinstance(node, exp.Lateral) else scope.parent)
        given = [column.name for column in node.args["alias"].args.get("columns") or ()]
        names = tuple(given) or found.names
        if len(names) != len(found.names):
            raise MySQLError(
                "In definition of view, derived table or common table expression, SELECT list and column names list "
                "have different column counts"
            )
        different(names)
        label = self.fresh()
        source = Source(node.alias.lower(), None, columns_of(label, names, found.types))
        scope.add(source)
        return f"({found.sql}) AS {label}", [source]

    def table(self, node: exp.Table, scope: Scope) -> tuple[str, list[Source]]:
        """Translate a table or a common table expression."""
        known = self.common.get(node.name.lower()) if not node.db else None
        label, alias = self.fresh(), (node.alias or node.name).lower()
        if known is not None:
            source = Source(alias, None, columns_of(label, known.names, known.types))
            scope.add(source)
            return f"{known.sql} AS {label}", [source]
        database, table = self.lookup(node)
        columns = tuple(Term(f"{label}.{name(c.name)}", type_of(c), name=c.name) for c in table.columns)
        source = Source(alias, database, columns, table)
        scope.add(source)
        self.used.add(database)
        return f"{attached_name(database)}.{name(table.name)} AS {label}", [source]

    def lookup(self, node: exp.Table) -> tuple[str, Table]:
        """Return the database and definition of a table.

        Raises:
            MySQLError: there is none.
        """
        if not isinstance(node.this, exp.Identifier) or node.catalog:
            raise syntax_error(node.sql(dialect="mysql"), 0)
        database = (node.db or self.catalog.database or "").lower()
        if not database:
            raise MySQLError("No database selected")
        if node.db and database not in self.catalog.databases:
            raise MySQLError(f"Unknown database '{database}'")
        table = self.catalog.table(node.name, database)
        if table is None:
            raise MySQLError(f"Table '{database}.{node.name.lower()}' doesn't exist")
        return database, table


def columns_of(label: str, names: Iterable[str], types: Iterable[Type]) -> tuple[Term, ...]:
    """The columns of a derived table."""
    pairs = zip(names, types, strict=True)
    return tuple(Term(f'{label}."c{place}"', kind, name=column) for place, (column, kind) in enumerate(pairs))


def different(names: Iterable[str]) -> None:
    """Refuse columns of one name in a derived table."""
    seen: set[str] = set()
    for column in names:
        if column.lower() in seen:
            raise MySQLError(f"Duplicate column name '{column}'")
        seen.add(column.lower())


def comma(join: exp.Expr) -> bool:
    """Whether a join is written as a comma."""
    return bool(join.meta.get("comma"))


__all__ = ["Common", "Query", "Tables", "columns_of", "different"]
