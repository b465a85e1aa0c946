"""Which columns of a query have one value per group: functional dependencies as MySQL 8 finds them.

Dependencies come from primary keys and unique keys without NULL, from equalities in WHERE and in the conditions of
joins (of an outer join only towards the side that may be NULL), and through derived tables from those inside.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sqlglot import exp

from envs.intercode.sql.rules_scope import Col, Scope, Source, aggregates


@dataclass(frozen=True, slots=True)
class Dependency:
    """Equal values of ``given`` mean equal values of ``then``; nothing given: the column is constant."""

    given: frozenset[Col]
    then: Col


def closure(scope: Scope, known: Iterable[Col]) -> frozenset[Col]:
    """Return all columns of ``scope`` that depend on ``known``."""
    dependencies = tuple(_dependencies(scope))
    determined = set(known)
    size = -1
    while len(determined) > size:
        size = len(determined)
        determined |= {each.then for each in dependencies if each.given <= determined}
        for source in scope.sources.values():
            determined |= _within(source, determined)
    return frozenset(determined)


def columns(scope: Scope, tree: exp.Expr) -> Iterator[tuple[exp.Column, Col]]:
    """Yield the columns of ``scope`` in an expression, those in subqueries among them."""
    for column in tree.find_all(exp.Column):
        if isinstance(column.this, exp.Star) or _shadowed(scope, column):
            continue
        found = scope.own(column)
        if found is not None:
            yield column, found


def _shadowed(scope: Scope, column: exp.Column) -> bool:
    """Return whether an inner query between ``column`` and ``scope`` has a column of that name itself."""
    node = column.parent
    while node is not None and node is not scope.select:
        inner = scope.known.get(id(node))
        if inner is not None and inner is not scope and inner.own(column) is not None:
            return True
        node = node.parent
    return False


def _within(source: Source, determined: set[Col]) -> frozenset[Col]:
    """Return what follows within one source: all columns from a key, or what a derived table lets follow."""
    if source.table is not None:
        for key in source.table.keys:
            names = [name.lower() for name in key.columns]
            firm = key.unique and key.whole and not any(source.table.by_name[name].nullable for name in names)
            if firm and all(Col(source.alias, name) in determined for name in names):
                return source.cols()
        return frozenset()
    if source.query is None:
        return frozenset()
    given = {col.name for col in determined if col.source == source.alias}
    return frozenset(Col(source.alias, name) for name in outputs_from(source.query, given))


def outputs_from(scope: Scope, given: set[str]) -> frozenset[str]:
    """Return the names of the outputs of a query that depend on the outputs ``given``."""
    values = {output.name: output.value for output in scope.outputs}
    inner = {col for name in given if name in values for col in _plain(scope, values[name])}
    determined = closure(scope, inner)
    known = frozenset(scope.canonical(values[name]) for name in given if name in values)
    if scope.grouped and _covers(scope, determined, known):
        return frozenset(values)
    found = set()
    for name, value in values.items():
        if isinstance(value, Col):
            if value in determined:
                found.add(name)
        elif next(aggregates(value), None) is None and all(col in determined for _, col in columns(scope, value)):
            found.add(name)
    return frozenset(found)


def _plain(scope: Scope, value: exp.Expr | Col) -> list[Col]:
    if isinstance(value, Col):
        return [value]
    own = scope.own(value) if isinstance(value, exp.Column) else None
    return [] if own is None else [own]


def _covers(scope: Scope, determined: frozenset[Col], known: frozenset[exp.Expr | Col]) -> bool:
    """Return whether all that is grouped by follows; nothing to follow where there is but one row."""
    return all(
        scope.canonical(item) in known or all(col in determined for _, col in columns(scope, item))
        for item in scope.group
    )


def _dependencies(scope: Scope) -> Iterator[Dependency]:
    select = scope.select
    where = select.args.get("where")
    if where is not None:
        for left, right in _equalities(where.this):
            yield from _both(scope, left, right)
    seen = _aliases(select.args["from_"].this) if select.args.get("from_") else set()
    for join in _joins(select):
        here = _aliases(join.this)
        weak = here if join.side == "LEFT" else set(seen) if join.side == "RIGHT" else set()
        yield from _of_join(scope, join, weak, sorted(seen))
        seen |= here


def _joins(select: exp.Select) -> Iterator[exp.Join]:
    """Yield the joins of FROM, those in parentheses too; an outer join around parentheses adds nothing by them."""
    start = select.args.get("from_")
    for item in [start] if start is not None else []:
        yield from _inner_joins(item.this)
    for join in select.args.get("joins", ()):
        if join.side not in ("LEFT", "RIGHT"):
            yield from _inner_joins(join.this)
        yield join


def _inner_joins(item: exp.Expr) -> Iterator[exp.Join]:
    if isinstance(item, exp.Subquery) and isinstance(item.this, exp.Table | exp.Subquery):
        yield from _inner_joins(item.this)
    yield from item.args.get("joins", ()) if not isinstance(item, exp.Query) or isinstance(item, exp.Subquery) else ()


def _of_join(scope: Scope, join: exp.Join, weak: set[str], before: list[str]) -> Iterator[Dependency]:
    here = _aliases(join.this)
    for name in join.args.get("using") or ():
        left = next((s for s in before if name.name.lower() in scope.sources[s].columns), None)
        right = next((s for s in sorted(here) if name.name.lower() in scope.sources[s].columns), None)
        if left and right:
            pair = Col(left, name.name.lower()), Col(right, name.name.lower())
            for one, other in (pair, pair[::-1]):
                if not weak or other.source in weak:
                    yield Dependency(frozenset({one}), other)
    condition = join.args.get("on")
    if condition is None:
        return
    strong = frozenset(col for _, col in columns(scope, condition) if col.source not in weak)
    for left_side, right_side in _equalities(condition):
        for each in _both(scope, left_side, right_side):
            if not weak:
                yield each
            elif each.then.source in weak:
                # Whether a row is filled with NULL depends on all of the condition.
                yield Dependency(each.given | strong, each.then)


def _both(scope: Scope, left: exp.Expr, right: exp.Expr) -> Iterator[Dependency]:
    for one, other in ((left, right), (right, left)):
        if isinstance(other, exp.Column) and (then := scope.own(other)) is not None:
            yield Dependency(frozenset(col for _, col in columns(scope, one)), then)


def _equalities(condition: exp.Expr) -> Iterator[tuple[exp.Expr, exp.Expr]]:
    """Yield the two sides of each equality that holds in all rows."""
    while isinstance(condition, exp.Paren):
        condition = condition.this
    if isinstance(condition, exp.And):
        yield from _equalities(condition.this)
        yield from _equalities(condition.expression)
    elif isinstance(condition, exp.EQ | exp.NullSafeEQ):
        yield _bare(condition.this), _bare(condition.expression)
    elif isinstance(condition, exp.Is) and isinstance(condition.expression, exp.Null):
        yield _bare(condition.this), condition.expression
    elif isinstance(condition, exp.In) and len(condition.expressions) == 1:
        yield _bare(condition.this), _bare(condition.expressions[0])


def _bare(side: exp.Expr) -> exp.Expr:
    while isinstance(side, exp.Paren):
        side = side.this
    return side


def _aliases(item: exp.Expr) -> set[str]:
    """Return the names under which the tables of a part of FROM are known."""
    if isinstance(item, exp.Subquery) and isinstance(item.this, exp.Table | exp.Subquery) and not item.alias:
        names = _aliases(item.this)
    else:
        names = {item.alias_or_name.lower()}
    for join in item.args.get("joins", ()):
        names |= _aliases(join.this)
    return names


__all__ = ["Dependency", "closure", "columns", "outputs_from"]
