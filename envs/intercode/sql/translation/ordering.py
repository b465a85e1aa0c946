"""The order in which MySQL gives rows that no ORDER BY orders, and LIMIT."""

from collections.abc import Iterator
from typing import Any

from sqlglot import exp

from envs.intercode.sql.catalog import Column, Key, Table
from envs.intercode.sql.translation.dialect import syntax_error
from envs.intercode.sql.translation.scope import Scope, Source


def sorted_groups(scope: Scope) -> bool:
    """Whether MySQL forms groups in the order of their columns, not by their first row.

    It sorts for aggregates of distinct values, and it reads an index that begins with the columns.
    """
    if scope.distinct:
        return True
    source = scope.sources[0] if len(scope.sources) == 1 else None
    if source is None or source.table is None:
        return False
    grouped = {(term.name or "").lower() for term in scope.groups}
    return any(
        {column.lower() for column in key.columns[: len(grouped)]} == grouped
        for key in source.table.keys
        if key.whole and (key.primary or covers(key, source, scope))
    )


def covers(key: Key, source: Source, scope: Scope) -> bool:
    """Whether an index has all columns that are read of a table; each has those of the primary key."""
    primary = source.table.primary if source.table is not None else ()
    known = {column.lower() for column in (*key.columns, *primary)}
    return key.whole and all((term.name or "").lower() in known for term in source.columns if term.sql in scope.read)


def appearance(node: exp.Select, scope: Scope) -> list[str]:
    """Order groups by their first row, as MySQL's temporary tables do."""
    return [f"min({place})" for place in reading(node, scope)]


def reading(node: exp.Select, scope: Scope) -> list[str]:
    """The order in which MySQL reads the rows of a join.

    They come in the order of the table that is read first, and that in the order of its shortest index with all
    columns that are needed, or of its primary key.
    """
    source = read_first(node, scope)
    if source is None or source.table is None:
        return []
    label = source.columns[0].sql.split(".")[0]
    keys = [key for key in source.table.keys if not key.primary and covers(key, source, scope)]
    if not keys:
        return [f"{label}.rowid"]
    shortest = min(keys, key=lambda key: width(key, source.table))
    columns = [term.sql for part in shortest.columns for term in source.named(part.lower())]
    return [f"my__PLACE({', '.join([*columns, f'{label}.rowid'])})"]


def read_first(node: exp.Select, scope: Scope) -> Source | None:
    """The table that MySQL reads first: one that is not found row by row by a unique key of its own.

    The first of an outer join is always before the others.
    """
    sides = {str(join.args.get("side") or "") for join in node.args.get("joins") or ()}
    if sides and sides != {""}:
        return scope.sources[-1 if sides == {"RIGHT"} else 0]
    found_by_key = set()
    for equality in equalities(node):
        columns = [each for each in (equality.this, equality.args["expression"]) if isinstance(each, exp.Column)]
        if len(columns) == 2:
            found_by_key |= {source.alias for each in columns if (source := unique_source(each, scope)) is not None}
    return next((s for s in scope.sources if s.alias not in found_by_key), next(iter(scope.sources), None))


def equalities(node: exp.Select) -> Iterator[exp.EQ]:
    """The equalities that every row of FROM and WHERE fulfils."""
    conditions = [node.args.get("where"), *(join.args.get("on") for join in node.args.get("joins") or ())]
    for condition in conditions:
        inner = condition.this if isinstance(condition, exp.Where) else condition
        parts = inner.flatten() if isinstance(inner, exp.And) else [inner]
        yield from (part for part in parts if isinstance(part, exp.EQ))


def unique_source(column: exp.Column, scope: Scope) -> Source | None:
    """The table of which a column is a unique key."""
    for source in scope.named(column.table or None, column.db or None):
        keys = source.table.keys if source.table is not None else ()
        if any(key.unique and [part.lower() for part in key.columns] == [column.name.lower()] for key in keys):
            return source
    return None


def width(key: Key, table: Table | None) -> int:
    """About how many bytes an entry of an index has."""
    return sum(size(found) for part in key.columns if table is not None and (found := table.column(part)) is not None)


def size(column: Column) -> int:
    """About how many bytes a value has: four for each letter."""
    length = column.type.partition("(")[2].partition(")")[0]
    if column.base.endswith("char") and length.isdigit():
        return 4 * int(length) + 2
    return {"tinyint": 1, "smallint": 2, "int": 4, "float": 4, "date": 3}.get(column.base, 8)


def distinct_rows(word: str, left: str, right: str, columns: int) -> str:
    """Combine two queries without repeating rows, in the order in which rows appear first, as MySQL does."""
    both = f"SELECT *, 0 AS side FROM ({left}) UNION ALL SELECT *, 1 FROM ({right})"
    listed = ", ".join(f'"c{place}"' for place in range(columns))
    keep = {"UNION": "", "EXCEPT": " HAVING max(side) = 0", "INTERSECT": " HAVING min(side) < max(side)"}[word]
    numbered = f"SELECT *, row_number() OVER () AS place FROM ({both})"
    return f"SELECT {listed} FROM ({numbered}) GROUP BY {listed}{keep} ORDER BY min(place)"


def limit(node: exp.Expr) -> str:
    """Translate LIMIT and OFFSET.

    Raises:
        MySQLError: they are no numbers.
    """
    values = []
    for part in ("limit", "offset"):
        clause: Any = node.args.get(part)
        if clause is not None:
            value = clause.args.get("expression")
            if not (isinstance(value, exp.Literal) and value.is_int and len(value.name) <= 20):
                raise syntax_error(clause.sql(dialect="mysql").strip(), 0)
            values.append(f" {part.upper()} {min(int(value.name), 2**63 - 1)} ")
    if values and not values[0].startswith(" LIMIT"):
        values.insert(0, " LIMIT -1 ")
    return "".join(values).rstrip() + (" " if values else "")


__all__ = ["appearance", "distinct_rows", "limit", "reading", "sorted_groups"]
