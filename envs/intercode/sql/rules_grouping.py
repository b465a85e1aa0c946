"""The mode ONLY_FULL_GROUP_BY of MySQL 8: errors 1055, 1140, 3065 and 3066."""

from collections.abc import Iterator

from sqlglot import exp

from envs.intercode.sql.functional_dependencies import closure, columns
from envs.intercode.sql.rules_scope import Col, Refused, Scope, aggregates, is_aggregate

MODE = "this is incompatible with sql_mode=only_full_group_by"


def grouping(scope: Scope) -> None:
    """Check one SELECT.

    Raises:
        Refused: a column has no single value per group, or DISTINCT leaves none to order by.
    """
    if scope.grouped and not _redundant(scope):
        _check_groups(scope)
    if scope.select.args.get("distinct") and not _distinct_anyway(scope):
        _check_distinct(scope)


def _redundant(scope: Scope) -> bool:
    """Return whether MySQL drops GROUP BY: in a subquery after IN, EXISTS, ANY or ALL that only asks for rows."""
    select = scope.select
    node = select.parent
    while isinstance(node, exp.Subquery | exp.SetOperation):
        node = node.parent
    if not isinstance(node, exp.In | exp.Exists | exp.Any | exp.All):
        return False
    has_aggregate = any(next(aggregates(item), None) is not None for item in select.expressions)
    return not has_aggregate and select.args.get("having") is None


def _check_groups(scope: Scope) -> None:
    group = scope.group
    plain = [col for item in group if isinstance(item, exp.Column) and (col := scope.own(item)) is not None]
    determined = closure(scope, plain)
    for number, output in enumerate(scope.outputs, 1):
        value = output.value
        wrong = _of_star(value, determined) if isinstance(value, Col) else _loose(scope, value, determined)
        if wrong is not None:
            raise Refused(_message(scope, number, "SELECT list", wrong))
    if not group:
        # A single row needs no order.
        return
    selected = _selected(scope)
    for number, value in enumerate(scope.positions("order"), 1):
        wrong = None if scope.canonical(value) in selected else _loose(scope, value, determined)
        if wrong is not None:
            raise Refused(_message(scope, number, "ORDER BY clause", wrong))


def _of_star(col: Col, determined: frozenset[Col]) -> Col | None:
    return None if col in determined else col


def _loose(scope: Scope, tree: exp.Expr, determined: frozenset[Col]) -> Col | None:
    """Return a column outside of aggregates without a single value per group."""
    for node in _outside(scope, tree):
        if isinstance(node, exp.Query):
            wrong = next((col for _, col in columns(scope, node) if col not in determined), None)
        else:
            own = scope.own(node) if isinstance(node, exp.Column) else None
            wrong = own if own is not None and own not in determined else None
        if wrong is not None:
            return wrong
    return None


def _outside(scope: Scope, tree: exp.Expr) -> Iterator[exp.Expr]:
    """Yield columns and subqueries that are neither grouped by nor aggregated."""
    if is_aggregate(tree) or isinstance(tree, exp.AnyValue) or scope.canonical(tree) in scope.keys:
        return
    if isinstance(tree, exp.Column | exp.Query):
        yield tree
    elif isinstance(tree, exp.Window):
        for part in (*tree.this.iter_expressions(), *tree.args.get("partition_by", ()), tree.args.get("order")):
            if part is not None:
                yield from _outside(scope, part)
    else:
        for part in tree.iter_expressions():
            yield from _outside(scope, part)


def _message(scope: Scope, number: int, clause: str, wrong: Col) -> str:
    column = f"{scope.sources[wrong.source].place}.{wrong.name}"
    if not scope.group:
        return (
            f"In aggregated query without GROUP BY, expression #{number} of {clause} contains nonaggregated column "
            f"'{column}'; {MODE}"
        )
    return (
        f"Expression #{number} of {clause} is not in GROUP BY clause and contains nonaggregated column '{column}' "
        f"which is not functionally dependent on columns in GROUP BY clause; {MODE}"
    )


def _distinct_anyway(scope: Scope) -> bool:
    """Return whether DISTINCT does nothing: all that is grouped by is selected."""
    return scope.grouped and scope.keys <= _selected(scope)


def _selected(scope: Scope) -> frozenset[exp.Expr | Col]:
    return frozenset(scope.canonical(output.value) for output in scope.outputs)


def _check_distinct(scope: Scope) -> None:
    selected = _selected(scope)
    for number, value in enumerate(scope.positions("order"), 1):
        if scope.canonical(value) in selected:
            continue
        start = f"Expression #{number} of ORDER BY clause is not in SELECT list, "
        if next(aggregates(value), None) is not None:
            raise Refused(f"{start}contains aggregate function; this is incompatible with DISTINCT")
        wrong = next((col for _, col in columns(scope, value) if col not in selected), None)
        if wrong is not None:
            column = f"{scope.sources[wrong.source].place}.{wrong.name}"
            raise Refused(
                f"{start}references column '{column}' which is not in SELECT list; this is incompatible with DISTINCT"
            )


__all__ = ["grouping"]
