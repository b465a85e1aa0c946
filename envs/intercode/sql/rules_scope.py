"""What one SELECT sees: its tables, their columns, what it gives and what it groups by."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from sqlglot import exp

from envs.intercode.sql.catalog import Table

AGGREGATES = frozenset({"JSON_ARRAYAGG", "JSON_OBJECTAGG", "BIT_AND", "BIT_OR", "BIT_XOR", "STD", "VAR_POP"})
"""Aggregates that the parser does not know as such."""


class Unknown(Exception):
    """The query is beyond the checks: the engine decides."""


class Refused(Exception):
    """MySQL refuses the query; the message is MySQL's."""


@dataclass(frozen=True, slots=True)
class Col:
    """A column of a source of one scope; both names lower case."""

    source: str
    name: str


@dataclass(frozen=True, slots=True)
class Output:
    """A column of a result: its name, and the expression it comes from (``Col`` where a star was expanded)."""

    name: str
    value: exp.Expr | Col


@dataclass(frozen=True)
class Source:
    """What stands in FROM.

    Attributes:
        alias: lower case.
        columns: lower-case names.
        table: where it is one.
        query: its scope, where it is a query with one SELECT.
        place: database and name for messages.
    """

    alias: str
    columns: tuple[str, ...]
    table: Table | None = None
    query: "Scope | None" = None
    place: str = ""

    def cols(self) -> frozenset[Col]:
        """All of its columns."""
        return frozenset(Col(self.alias, name) for name in self.columns)


@dataclass(eq=False)
class Scope:
    """One SELECT with what it sees.

    Attributes:
        select: the query.
        parent: of a subquery: the scope it stands in, whose columns are constants here.
        known: the scopes of all SELECTs of the statement, by their identity.
        sources: by alias.
    """

    select: exp.Select
    parent: "Scope | None"
    known: Mapping[int, "Scope"]
    sources: dict[str, Source] = field(default_factory=dict)

    def own(self, column: exp.Column) -> Col | None:
        """Return the column of this scope that is meant; ``None`` where it belongs to an outer query, or to nobody."""
        name, table = column.name.lower(), column.table.lower()
        if table:
            source = self.sources.get(table)
            return Col(table, name) if source is not None and name in source.columns else None
        found = [alias for alias, source in self.sources.items() if name in source.columns]
        return Col(found[0], name) if found else None

    def visible(self, column: exp.Column) -> bool:
        """Return whether this or an outer query has such a column."""
        scope: Scope | None = self
        while scope is not None:
            if scope.own(column) is not None:
                return True
            scope = scope.parent
        return False

    @cached_property
    def outputs(self) -> tuple[Output, ...]:
        """What SELECT gives, stars expanded."""
        found: list[Output] = []
        for item in self.select.expressions:
            if item.is_star:
                found += self._expanded(item)
            else:
                found.append(Output(item.alias_or_name.lower() or item.sql(dialect="mysql").lower(), item.unalias()))
        return tuple(found)

    def _expanded(self, star: exp.Expr) -> Iterator[Output]:
        table = star.table.lower() if isinstance(star, exp.Column) else ""
        sources = [self.sources[table]] if table in self.sources else [] if table else [*self.sources.values()]
        if not sources:
            raise Unknown
        merged = _merged(self.select)
        seen: set[str] = set()
        for source in sources:
            for name in source.columns:
                if table or name not in merged or name not in seen:
                    yield Output(name, Col(source.alias, name))
                seen.add(name)

    @cached_property
    def group(self) -> tuple[exp.Expr, ...]:
        """The expressions of GROUP BY; numbers and aliases stand for what they mean."""
        clause = self.select.args.get("group")
        if clause is None:
            return ()
        if any(clause.args.get(name) for name in ("rollup", "cube", "grouping_sets", "totals", "all")):
            raise Unknown
        return tuple(self._meant(item) for item in clause.expressions)

    def _meant(self, item: exp.Expr) -> exp.Expr:
        if isinstance(item, exp.Literal) and not item.is_string and item.name.isdigit():
            return self._numbered(int(item.name))
        if isinstance(item, exp.Column) and not item.table and self.own(item) is None:
            return self.alias(item.name) or item
        return item

    def _numbered(self, number: int) -> exp.Expr:
        if not 1 <= number <= len(self.outputs):
            raise Unknown
        value = self.outputs[number - 1].value
        return exp.column(value.name, table=value.source) if isinstance(value, Col) else value

    def alias(self, name: str) -> exp.Expr | None:
        """Return the expression of SELECT with this alias."""
        for item in self.select.expressions:
            if isinstance(item, exp.Alias) and item.alias.lower() == name.lower():
                value: exp.Expr = item.this
                return value
        return None

    def positions(self, clause: str) -> tuple[exp.Expr, ...]:
        """Return the expressions of ORDER BY as they mean it: aliases come first there."""
        order = self.select.args.get(clause)
        found = []
        for item in order.expressions if order else ():
            value = item.this if isinstance(item, exp.Ordered) else item
            if isinstance(value, exp.Literal) and not value.is_string and value.name.isdigit():
                value = self._numbered(int(value.name))
            elif isinstance(value, exp.Column) and not value.table:
                value = self.alias(value.name) or value
            found.append(value)
        return tuple(found)

    def canonical(self, tree: exp.Expr | Col) -> exp.Expr | Col:
        """Return an expression with its columns fully named, for comparison; ``Col`` for a column alone."""
        if isinstance(tree, Col):
            return tree
        tree = tree.unnest()
        if isinstance(tree, exp.Column):
            return self.own(tree) or tree

        def named(node: exp.Expr) -> exp.Expr:
            own = self.own(node) if isinstance(node, exp.Column) else None
            return node if own is None else exp.column(own.name, table=own.source)

        return tree.transform(named)

    @cached_property
    def keys(self) -> frozenset[exp.Expr | Col]:
        """The expressions of GROUP BY, for comparison."""
        return frozenset(self.canonical(item) for item in self.group)

    @cached_property
    def grouped(self) -> bool:
        """Whether rows are put together, with GROUP BY or by an aggregate."""
        if self.select.args.get("group") is not None:
            return True
        places = [*self.select.expressions, self.select.args.get("having"), self.select.args.get("order")]
        return any(place is not None and next(aggregates(place), None) is not None for place in places)


def aggregates(tree: exp.Expr) -> Iterator[exp.Expr]:
    """Yield the aggregates of a clause, none of subqueries and no window functions."""
    if isinstance(tree, exp.Query):
        return
    if is_aggregate(tree):
        yield tree
        return
    if isinstance(tree, exp.Window):
        for part in (*tree.this.iter_expressions(), *tree.args.get("partition_by", ()), tree.args.get("order")):
            if part is not None:
                yield from aggregates(part)
        return
    for part in tree.iter_expressions():
        yield from aggregates(part)


def is_aggregate(node: exp.Expr) -> bool:
    """Return whether a node is an aggregate function; ``ANY_VALUE`` is not one to MySQL."""
    if isinstance(node, exp.AggFunc):
        return not isinstance(node, exp.AnyValue)
    return isinstance(node, exp.Anonymous) and node.name.upper() in AGGREGATES


def _merged(select: exp.Select) -> frozenset[str]:
    """Return the columns that USING makes one; NATURAL joins are beyond the checks."""
    joins = select.args.get("joins", ())
    if any(join.method == "NATURAL" for join in joins):
        raise Unknown
    return frozenset(name.name.lower() for join in joins for name in join.args.get("using") or ())


__all__ = ["Col", "Output", "Refused", "Scope", "Source", "Unknown", "aggregates", "is_aggregate"]
