"""Finds the scopes of a query: what each SELECT in it sees."""

from collections.abc import Iterator, Mapping, Sequence

from sqlglot import exp

from envs.intercode.sql.catalog import Catalog
from envs.intercode.sql.rules_scope import Refused, Scope, Source, Unknown


def scopes(tree: exp.Expr, catalog: Catalog) -> list[Scope]:
    """Return the scopes of all SELECTs of a query, inner ones before outer ones where these build on them.

    Raises:
        Unknown: a table is not in the catalog, or something is beyond the checks.
        Refused: two tables have one name, or two columns of a derived table.
    """
    builder = _Builder(catalog)
    builder.query(tree, None, {})
    return builder.found


class _Builder:
    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.found: list[Scope] = []
        self.known: dict[int, Scope] = {}

    def query(self, tree: exp.Expr, parent: Scope | None, ctes: Mapping[str, Source]) -> Source:
        """Return the result of a query as a source without a name."""
        ctes = self._with(tree, parent, ctes)
        if isinstance(tree, exp.Subquery):
            return self.query(tree.this, parent, ctes)
        if isinstance(tree, exp.SetOperation):
            left = self.query(tree.this, parent, ctes)
            self.query(tree.expression, parent, ctes)
            return Source("", left.columns)
        if not isinstance(tree, exp.Select):
            raise Unknown
        scope = self._select(tree, parent, ctes)
        return Source("", tuple(output.name for output in scope.outputs), query=scope)

    def _with(self, tree: exp.Expr, parent: Scope | None, ctes: Mapping[str, Source]) -> Mapping[str, Source]:
        clause = tree.args.get("with_")
        if clause is None:
            return ctes
        if clause.args.get("recursive"):
            raise Unknown
        known = dict(ctes)
        for cte in clause.expressions:
            known[cte.alias.lower()] = self._named(cte.this, cte, parent, known)
        return known

    def _select(self, tree: exp.Select, parent: Scope | None, ctes: Mapping[str, Source]) -> Scope:
        scope = Scope(tree, parent, self.known)
        start = tree.args.get("from_")
        if tree.args.get("laterals") or tree.args.get("pivots"):
            raise Unknown
        for item in [start, *tree.args.get("joins", ())] if start is not None else []:
            self._take(item.this, scope, ctes)
        for inner in _subqueries(tree):
            self.query(inner, scope, ctes)
        self.known[id(tree)] = scope
        self.found.append(scope)
        return scope

    def _take(self, item: exp.Expr, scope: Scope, ctes: Mapping[str, Source]) -> None:
        if isinstance(item, exp.Table):
            self._add(scope, self._table(item, ctes))
        elif isinstance(item, exp.Subquery) and isinstance(item.this, exp.Table | exp.Subquery) and not item.alias:
            self._take(item.this, scope, ctes)
        elif isinstance(item, exp.Subquery):
            self._add(scope, self._named(item.this, item, scope.parent, ctes))
        else:
            raise Unknown
        for join in item.args.get("joins", ()):
            self._take(join.this, scope, ctes)

    def _add(self, scope: Scope, source: Source) -> None:
        if source.alias in scope.sources:
            if scope.sources[source.alias].place.rpartition(".")[0] == source.place.rpartition(".")[0]:
                raise Refused(f"Not unique table/alias: '{source.alias}'")
            raise Unknown
        scope.sources[source.alias] = source

    def _table(self, item: exp.Table, ctes: Mapping[str, Source]) -> Source:
        alias = (item.alias or item.name).lower()
        if not item.db and item.name.lower() in ctes:
            known = ctes[item.name.lower()]
            return Source(alias, known.columns, query=known.query, place=alias)
        table = self.catalog.table(item.name, item.db or None)
        if table is None or table.view:
            raise Unknown
        place = f"{(item.db or self.catalog.database or '').lower()}.{alias}"
        return Source(alias, tuple(table.by_name), table=table, place=place)

    def _named(self, tree: exp.Expr, named: exp.Expr, parent: Scope | None, ctes: Mapping[str, Source]) -> Source:
        """Return a derived table or CTE; a derived table does not see the tables beside it."""
        result = self.query(tree, parent, ctes)
        alias = named.args["alias"]
        columns = tuple(name.name.lower() for name in alias.columns) or result.columns
        if len(columns) != len(result.columns):
            raise Unknown
        twice = next((name for i, name in enumerate(columns) if name in columns[:i]), None)
        if twice is not None:
            raise Refused(f"Duplicate column name '{twice}'")
        renamed = bool(alias.columns)
        return Source(named.alias.lower(), columns, query=None if renamed else result.query, place=named.alias.lower())


def _subqueries(tree: exp.Expr) -> Iterator[exp.Expr]:
    """Yield the queries in the expressions of a SELECT, not those in FROM, WITH, or within others."""
    for key, value in tree.args.items():
        if key in ("from_", "with_"):
            continue
        for part in value if isinstance(value, Sequence) and not isinstance(value, str) else (value,):
            if isinstance(part, exp.Join):
                part = part.args.get("on")
            if isinstance(part, exp.Expr):
                yield from _outermost(part)


def _outermost(part: exp.Expr) -> Iterator[exp.Expr]:
    if isinstance(part, exp.Query):
        yield part
        return
    for inner in part.iter_expressions():
        yield from _outermost(inner)


__all__ = ["scopes"]
