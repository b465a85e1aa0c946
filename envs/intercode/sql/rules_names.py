"""Which names a clause may use: error 1054, where other engines are more generous."""

from collections.abc import Iterator

from sqlglot import exp

from envs.intercode.sql.rules_scope import Refused, Scope, is_aggregate
from envs.intercode.sql.rules_words import KEYWORD_VALUES

CLAUSES = {"where": "where clause", "group": "group statement", "having": "having clause", "order": "order clause"}
FORMATS = ("DATE", "TIME", "DATETIME", "TIMESTAMP")
"""What GET_FORMAT takes first."""


def names(scope: Scope) -> None:
    """Check one SELECT.

    Raises:
        Refused: a column is not known in its clause.
    """
    for column in _columns(scope.select.expressions):
        _seen(scope, column, "field list")
    for clause, place in CLAUSES.items():
        tree = scope.select.args.get(clause)
        for column in _columns([tree] if tree is not None else []):
            if clause != "where" and not column.table and scope.alias(column.name) is not None:
                continue
            if clause in ("having", "order") and _selected(scope, column):
                continue
            _seen(scope, column, place)
    having = scope.select.args.get("having")
    if having is not None:
        _having(scope, having)


def _columns(trees: list[exp.Expr]) -> Iterator[exp.Column]:
    """Yield the columns of clauses; those of subqueries have scopes of their own."""
    for tree in trees:
        if isinstance(tree, exp.Query):
            continue
        if isinstance(tree, exp.Column):
            if not isinstance(tree.this, exp.Star):
                yield tree
            continue
        yield from _columns([*tree.iter_expressions()])


def _seen(scope: Scope, column: exp.Column, place: str) -> None:
    if column.args.get("db") or scope.visible(column) or _keyword(column):
        return
    name = f"{column.table}.{column.name}" if column.table else column.name
    raise Refused(f"Unknown column '{name}' in '{place}'")


def _keyword(column: exp.Column) -> bool:
    """Return whether it may be no column at all: keywords that the parser takes for names."""
    word, call = column.name.upper(), column.parent
    if isinstance(call, exp.Anonymous) and call.name.upper() == "GET_FORMAT" and word in FORMATS:
        return True
    return not column.table and (word in KEYWORD_VALUES or word in ("NULL", "TRUE", "FALSE", "UNKNOWN"))


def _selected(scope: Scope, column: exp.Column) -> bool:
    """Return whether SELECT gives a column under this name."""
    return any(output.name == column.name.lower() for output in scope.outputs)


def _having(scope: Scope, having: exp.Expr) -> None:
    """Outside of aggregates HAVING knows what is selected and what is grouped by, nothing else of FROM."""
    known = {column.name.lower() for item in scope.group for column in item.find_all(exp.Column)}
    for column in _plain(having):
        own = scope.own(column)
        if own is None or _selected(scope, column) or own.name in known or _as_column(scope, column):
            continue
        name = f"{column.table}.{column.name}" if column.table else column.name
        raise Refused(f"Unknown column '{name}' in 'having clause'")


def _plain(tree: exp.Expr) -> Iterator[exp.Column]:
    if isinstance(tree, exp.Query) or is_aggregate(tree):
        return
    if isinstance(tree, exp.Column):
        yield tree
        return
    for part in tree.iter_expressions():
        yield from _plain(part)


def _as_column(scope: Scope, column: exp.Column) -> bool:
    own = scope.own(column)
    return any(
        (isinstance(output.value, exp.Column) and scope.own(output.value) == own) or output.value == own
        for output in scope.outputs
    )


__all__ = ["names"]
