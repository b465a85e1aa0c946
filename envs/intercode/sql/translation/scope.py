"""Which column a name means, in the words of MySQL's errors when it means none or several."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from envs.intercode.sql.catalog import Table
from envs.intercode.sql.translation.dialect import MySQLError
from envs.intercode.sql.translation.values import Type

FIELDS, WHERE, ON, GROUP, HAVING, ORDER = (
    "field list",
    "where clause",
    "on clause",
    "group statement",
    "having clause",
    "order clause",
)


@dataclass(frozen=True, slots=True)
class Term:
    """A piece of SQLite's SQL with the type MySQL gives it.

    Attributes:
        sql: the text.
        type: of its value.
        literal: the text of a string constant.
        name: of the column, when it is one.
    """

    sql: str
    type: Type
    literal: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """A table of FROM.

    Attributes:
        alias: lower case.
        database: of a plain table, lower case.
        columns: in order.
        table: its definition, when it is a plain table.
    """

    alias: str
    database: str | None
    columns: tuple[Term, ...]
    table: Table | None = None

    def named(self, name: str) -> list[Term]:
        """The columns of this name."""
        return [term for term in self.columns if (term.name or "").lower() == name]


@dataclass
class Scope:
    """What names mean in one SELECT.

    Attributes:
        parent: the enclosing one, for correlated subqueries.
        sources: visible tables.
        joined: columns that USING or NATURAL made one, by lower-case name.
        items: the select list so far: lower-case alias or column name, and term.
        groups: terms of GROUP BY.
        clause: being read.
        aggregating: within the arguments of an aggregate.
        aggregates: how many were read.
        distinct: one of them is of distinct values.
        read: columns of its tables that were named, as SQLite spells them.
    """

    parent: "Scope | None" = None
    sources: list[Source] = field(default_factory=list)
    joined: dict[str, Term] = field(default_factory=dict)
    items: list[tuple[str, bool, Term]] = field(default_factory=list)
    groups: list[Term] = field(default_factory=list)
    clause: str = FIELDS
    aggregating: bool = False
    aggregates: int = 0
    distinct: bool = False
    read: set[str] = field(default_factory=set)

    def add(self, source: Source) -> None:
        """Add a table.

        Raises:
            MySQLError: another one has its name.
        """
        for other in self.sources:
            if other.alias == source.alias and (other.database or source.database) == (
                source.database or other.database
            ):
                raise MySQLError(f"Not unique table/alias: '{source.alias}'")
        self.sources.append(source)

    def find(self, name: str, table: str | None, database: str | None) -> list[Term]:
        """All columns that a name may mean here."""
        key = name.lower()
        if table is None and key in self.joined:
            return [self.joined[key]]
        return [term for source in self.named(table, database) for term in source.named(key)]

    def named(self, table: str | None, database: str | None) -> Iterator[Source]:
        """The tables of a name; all without one."""
        for source in self.sources:
            if (table is None or source.alias == table.lower()) and (
                database is None or source.database == database.lower()
            ):
                yield source

    def aliases(self, name: str, only: bool = False) -> list[Term]:
        """Items of the select list of this name; ``only``: those named by AS."""
        return [term for item, explicit, term in self.items if item == name.lower() and (explicit or not only)]

    def resolve(self, name: str, table: str | None = None, database: str | None = None) -> Term:
        """Return the column that a name means.

        Raises:
            MySQLError: there is none, or it is ambiguous.
        """
        spelled = ".".join(part for part in (database, table, name) if part)
        scope: Scope | None = self
        while scope is not None:
            term = scope.local(name, table, database, spelled, inner=scope is not self)
            if term is not None:
                scope.read.add(term.sql)
                return term
            scope = scope.parent
        raise MySQLError(f"Unknown column '{spelled}' in '{self.clause}'")

    def local(self, name: str, table: str | None, database: str | None, spelled: str, inner: bool) -> Term | None:
        """Return what a name means in this SELECT alone."""
        if table is None and not self.aggregating and self.clause in (HAVING, ORDER):
            named = self.aliases(name, only=True) or self.aliases(name)
            if len({term.sql for term in named}) > 1:
                raise MySQLError(f"Column '{spelled}' in {self.clause} is ambiguous")
            if named:
                return named[0]
        found = self.find(name, table, database)
        if len({term.sql for term in found}) > 1:
            raise MySQLError(f"Column '{spelled}' in {self.clause} is ambiguous")
        if not found:
            late = table is None and (self.clause == GROUP or inner)
            return next(iter(self.aliases(name, only=True)), None) if late else None
        hidden = self.clause == HAVING and not self.aggregating
        known = [term.sql for _, _, term in self.items] + [term.sql for term in self.groups]
        return None if hidden and found[0].sql not in known else found[0]


__all__ = ["FIELDS", "GROUP", "HAVING", "ON", "ORDER", "WHERE", "Scope", "Source", "Term"]
