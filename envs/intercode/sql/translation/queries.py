"""Translates MySQL's queries into SQLite's: tables, joins, grouping, order, unions, common table expressions."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlglot import exp

from envs.intercode.sql.translation.conversions import as_kind, collated, column_name, name
from envs.intercode.sql.translation.dialect import MySQLError, syntax_error
from envs.intercode.sql.translation.ordering import appearance, distinct_rows, limit, reading, sorted_groups
from envs.intercode.sql.translation.scope import FIELDS, GROUP, HAVING, ORDER, WHERE, Scope, Source, Term
from envs.intercode.sql.translation.tables import Common, Query, Tables, different
from envs.intercode.sql.translation.values import Type, merge

SETS = (exp.Union, exp.Intersect, exp.Except)


class Queries(Tables):
    """Translates one statement."""

    def query(self, node: exp.Expr, scope: Scope | None, columns: int | None) -> tuple[str, list[Type], bool]:
        """Translate a subquery that must have so many columns."""
        found = self.translate(node, scope)
        if columns is not None and len(found.names) != columns:
            raise MySQLError(f"Operand should contain {columns} column(s)")
        return found.sql, list(found.types), found.single

    def translate(self, node: exp.Expr, parent: Scope | None = None) -> Query:
        """Translate a query.

        Raises:
            MySQLError: MySQL would refuse it, or this engine does not know it.
        """
        if isinstance(node, exp.Subquery):
            return self.parenthesised(node, parent)
        with self.expressions(node) as prefix:
            if isinstance(node, exp.Select):
                found = self.select(node, parent)
            elif isinstance(node, SETS):
                found = self.combined(node, parent)
            else:
                raise syntax_error(node.sql(dialect="mysql"), 0)
        return Query(prefix + found.sql, found.names, found.types, found.single)

    def parenthesised(self, node: exp.Subquery, parent: Scope | None) -> Query:
        """Translate a query in parentheses, perhaps with an order and limit behind them."""
        inner = self.translate(node.this, parent)
        if not any(node.args.get(part) for part in ("order", "limit", "offset")):
            return inner
        tail = self.places(node, inner) + limit(node)
        return Query(f"SELECT * FROM ({inner.sql}){tail}", inner.names, inner.types, inner.single)

    @contextmanager
    def expressions(self, node: exp.Expr) -> Iterator[str]:
        """Read WITH: its names are known inside."""
        before = dict(self.common)
        clause = node.args.get("with_")
        parts = (
            [self.expression_table(each, bool(clause.args.get("recursive"))) for each in clause.expressions]
            if clause
            else []
        )
        keyword = "WITH RECURSIVE " if clause is not None and clause.args.get("recursive") else "WITH "
        try:
            yield f"{keyword}{', '.join(parts)} " if parts else ""
        finally:
            self.common = before

    def expression_table(self, node: exp.Expr, recursive: bool) -> str:
        """Translate one common table expression, and learn its columns."""
        label, sql = node.alias.lower(), self.fresh("w")
        given = tuple(column.name for column in node.args["alias"].args.get("columns") or ())
        body = node.this
        if recursive and isinstance(body, exp.Union):
            anchor = self.translate(body.left)
            self.common[label] = Common(sql, given or anchor.names, anchor.types)
        before, self.recursive = self.recursive, recursive
        found = self.translate(body)
        self.recursive = before
        names = given or found.names
        if len(names) != len(found.names):
            raise MySQLError(
                "In definition of view, derived table or common table expression, SELECT list and column names list "
                "have different column counts"
            )
        different(names)
        self.common[label] = Common(sql, names, found.types)
        columns = ", ".join(f'"c{place}"' for place in range(len(names)))
        return f"{sql}({columns}) AS ({found.sql})"

    def combined(self, node: exp.Expr, parent: Scope | None) -> Query:
        """Translate UNION, INTERSECT and EXCEPT."""
        left, right = self.arm(node.args["this"], parent), self.arm(node.args["expression"], parent)
        if len(left.names) != len(right.names):
            raise MySQLError("The used SELECT statements have a different number of columns")
        word = node.key.upper()
        types = tuple(merge(pair) for pair in zip(left.types, right.types, strict=True))
        if not self.recursive:
            left, right = like_kind(left, types), like_kind(right, types)
        if not node.args.get("distinct"):
            if word != "UNION":
                raise MySQLError(f"the SQLite engine does not know {word} ALL")
            sql = f"{left.sql} UNION ALL {right.sql}"
        elif left.sql.startswith("SELECT") and self.recursive:
            sql = f"{left.sql} {word} {right.sql}"
        else:
            sql = distinct_rows(word, left.sql, right.sql, len(types))
        both = Query(sql, left.names, types)
        tail = self.places(node, both) + limit(node)
        if tail and " ORDER BY min(place)" in both.sql[-24:]:
            return Query(f"SELECT * FROM ({both.sql}){tail}", both.names, types)
        return Query(both.sql + tail, both.names, types)

    def arm(self, node: exp.Expr, parent: Scope | None) -> Query:
        """Translate one side; what has an order or a limit of its own, or is a set itself, is wrapped."""
        found = self.translate(node, parent)
        bare = node.unnest() if isinstance(node, exp.Subquery) else node
        simple = isinstance(bare, exp.Select) and not any(
            bare.args.get(p) for p in ("order", "limit", "with_", "group")
        )
        return found if simple else Query(f"SELECT * FROM ({found.sql})", found.names, found.types)

    def places(self, node: exp.Expr, found: Query) -> str:
        """Translate ORDER BY of a union: by columns of its result."""
        order = node.args.get("order")
        scope = Scope(clause=ORDER)
        scope.sources.append(
            Source(
                "",
                None,
                tuple(
                    Term(f'"c{i}"', t, name=n) for i, (n, t) in enumerate(zip(found.names, found.types, strict=True))
                ),
            )
        )
        return "" if order is None else " ORDER BY " + ", ".join(
            self.place(each, len(found.names)) or self.ordered(each, scope) for each in order.expressions
        )  # fmt: skip

    def place(self, node: exp.Expr, columns: int) -> str | None:
        """An item of ORDER BY that is a position."""
        if not (isinstance(node.this, exp.Literal) and node.this.is_int):
            return None
        if not 1 <= int(node.this.name) <= columns:
            raise MySQLError(f"Unknown column '{node.this.name}' in '{ORDER}'")
        return f"{int(node.this.name)}{' DESC' if node.args.get('desc') else ''}"

    def select(self, node: exp.Select, parent: Scope | None) -> Query:
        """Translate one SELECT."""
        if node.args.get("into") is not None:
            raise MySQLError("Access denied; you need (at least one of) the FILE privilege(s) for this operation")
        if not node.expressions:
            raise syntax_error(node.sql(dialect="mysql").removeprefix("SELECT").strip(), 0)
        scope = Scope(parent)
        tables = self.tables(node, scope)
        where = self.condition(node.args.get("where"), scope, WHERE)
        scope.clause = FIELDS
        names, items = self.items(node, scope)
        groups = self.groups(node, scope, items)
        having = self.condition(node.args.get("having"), scope, HAVING)
        windows = self.windows(node, scope)
        order = self.order(node, scope, len(items))
        grouped = bool(groups) or scope.aggregates > 0
        if having and not grouped:
            where, having = " AND ".join(filter(None, (where, having))), ""
        if groups:
            order = [*order, *(groups if sorted_groups(scope) else appearance(node, scope))]
        elif not grouped and len(scope.sources) > 1 and (node is self.top or node.args.get("limit") is not None):
            order = [*order, *reading(node, scope)]
        columns = ", ".join(f'{collated(item)} AS "c{place}"' for place, item in enumerate(items))
        parts = [
            f"SELECT {'DISTINCT ' if node.args.get('distinct') else ''}{columns}",
            tables and f"FROM {tables}",
            where and f"WHERE {where}",
            groups and "GROUP BY " + ", ".join(groups),
            having and f"HAVING {having}",
            windows and f"WINDOW {windows}",
            order and "ORDER BY " + ", ".join(order),
        ]
        sql = " ".join(part for part in parts if part) + limit(node)
        single = (grouped and not groups) or not tables or limit(node).startswith((" LIMIT 1 ", " LIMIT 0 "))
        return Query(sql, tuple(names), tuple(item.type for item in items), single)

    def condition(self, node: exp.Expr | None, scope: Scope, clause: str) -> str:
        """Translate WHERE or HAVING."""
        if node is None:
            return ""
        scope.clause = clause
        return self.term(node.this, scope).sql

    def items(self, node: exp.Select, scope: Scope) -> tuple[list[str], list[Term]]:
        """Translate the select list."""
        names: list[str] = []
        items: list[Term] = []
        for each in node.expressions:
            star = self.starred(each, scope)
            if isinstance(each, exp.Star) and items:
                raise syntax_error("*", 0)
            found = star if star is not None else [self.term(each, scope)]
            scope.read.update(term.sql for term in star or ())
            for term in found:
                label = (term.name or "") if star is not None else column_name(each)
                names.append(label)
                items.append(term)
                scope.items.append((label.lower(), isinstance(each, exp.Alias), term))
        return names, items

    def starred(self, node: exp.Expr, scope: Scope) -> list[Term] | None:
        """The columns of ``*`` and ``t.*``; ``None`` for anything else."""
        if isinstance(node, exp.Star):
            if not scope.sources:
                raise MySQLError("No tables used")
            joined = list(scope.joined.values())
            rest = [c for s in scope.sources for c in s.columns if (c.name or "").lower() not in scope.joined]
            return joined + rest
        if not (isinstance(node, exp.Column) and isinstance(node.this, exp.Star)):
            return None
        found = list(scope.named(node.table, node.db or None))
        if not found:
            raise MySQLError(f"Unknown table '{node.table}'")
        return [column for source in found for column in source.columns]

    def groups(self, node: exp.Select, scope: Scope, items: list[Term]) -> list[str]:
        """Translate GROUP BY."""
        group = node.args.get("group")
        if group is None:
            return []
        if group.args.get("rollup") or group.args.get("cube"):
            raise MySQLError("the SQLite engine does not know WITH ROLLUP")
        scope.clause = GROUP
        outer = 0
        for each in group.expressions:
            if isinstance(each, exp.Literal) and each.is_int:
                if not 1 <= int(each.name) <= len(items):
                    raise MySQLError(f"Unknown column '{each.name}' in '{GROUP}'")
                scope.groups.append(items[int(each.name) - 1])
            else:
                before, scope.read = scope.read, set()
                term = self.term(each, scope)
                # SQLite knows no columns of an outer query here; in a group they are constants.
                constant = not scope.read
                scope.read |= before
                outer += constant
                if not constant:
                    scope.groups.append(term)
        listed = [f"+{term.sql}" if term.sql.isdigit() else collated(term) for term in scope.groups]
        return listed or (["(1 = 1)"] if outer else [])

    def windows(self, node: exp.Select, scope: Scope) -> str:
        """Translate WINDOW."""
        scope.clause = FIELDS
        return ", ".join(f"{name(each.name)} AS ({self.frame(each, scope)})" for each in node.args.get("windows") or ())

    def order(self, node: exp.Select, scope: Scope, columns: int) -> list[str]:
        """Translate ORDER BY; an alias alone is its position, so that it is computed once."""
        found, scope.clause = [], ORDER
        clause = node.args.get("order")
        for each in clause.expressions if clause is not None else ():
            place = self.place(each, columns) or self.alias_place(each, scope)
            found.append(place or self.ordered(each, scope))
        return found

    def alias_place(self, node: exp.Expr, scope: Scope) -> str | None:
        """An item of ORDER BY that is an alias."""
        if not isinstance(node.this, exp.Column) or node.this.table:
            return None
        wanted = node.this.name.lower()
        for place, (label, explicit, _) in enumerate(scope.items, 1):
            if explicit and label == wanted:
                return f"{place}{' DESC' if node.args.get('desc') else ''}"
        return None


def like_kind(arm: Query, types: tuple[Type, ...]) -> Query:
    """Return one side of a union with its columns as the union has them, so that equal rows are equal."""
    if all(a == b and a.plain == b.plain for a, b in zip(arm.types, types, strict=True)):
        return arm
    terms = [Term(f'"c{place}"', kind) for place, kind in enumerate(arm.types)]
    items = [
        f'{as_kind(term, kind)} AS "c{place}"' for place, (term, kind) in enumerate(zip(terms, types, strict=True))
    ]
    return Query(f"SELECT {', '.join(items)} FROM ({arm.sql})", arm.names, types)


__all__ = ["Queries", "Query"]
