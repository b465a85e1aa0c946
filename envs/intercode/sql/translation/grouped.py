"""Translates aggregates and window functions."""

from sqlglot import exp

from envs.intercode.sql.translation.conversions import as_number, collated, name, quote, spelled
from envs.intercode.sql.translation.dialect import MySQLError, syntax_error
from envs.intercode.sql.translation.functions import AGGREGATES, WINDOWS
from envs.intercode.sql.translation.scope import GROUP, ON, WHERE, Scope, Term
from envs.intercode.sql.translation.translator import Translator
from envs.intercode.sql.translation.values import DOUBLE, INT, NULL, TEXT

NATIVE = ("COUNT", "SUM", "AVG", "MIN", "MAX")
POPULATION = {"STDDEV": "STD", "STDDEV_POP": "STD", "VAR_POP": "VARIANCE"}


class Grouped(Translator):
    """Aggregates and window functions."""

    def aggregate(self, function: str, arguments: list[exp.Expr], scope: Scope) -> Term:
        """Call an aggregate."""
        if scope.clause in (WHERE, ON, GROUP) or scope.aggregating:
            raise MySQLError("Invalid use of group function")
        scope.aggregates += 1
        if arguments and isinstance(arguments[0], exp.Star):
            if function != "COUNT":
                raise syntax_error("*)", 0)
            return Term("count(*)", INT)
        scope.aggregating = True
        try:
            return self.aggregated(function, arguments, scope)
        finally:
            scope.aggregating = False

    def aggregated(self, function: str, arguments: list[exp.Expr], scope: Scope) -> Term:
        """Call an aggregate of translated arguments."""
        distinct = bool(arguments) and isinstance(arguments[0], exp.Distinct)
        scope.distinct |= distinct
        before, scope.read = scope.read, set()
        inner = self.terms(arguments[0].expressions if distinct else arguments, scope)
        if len(inner) != 1 and not (function == "COUNT" and distinct and inner):
            raise syntax_error(")", 0)
        outer = not scope.read and any(node.find(exp.Column) for node in arguments)
        scope.read |= before
        value = inner[0].sql if len(inner) == 1 else f"my__PACK({', '.join(each.sql for each in inner)})"
        if function in ("SUM", "AVG") and not inner[0].type.numeric and inner[0].type != NULL:
            inner = [Term(as_number(inner[0]), INT if inner[0].type.temporal else DOUBLE)]
            value = inner[0].sql
        elif len(inner) == 1 and inner[0].type.kind == "text":
            value = collated(inner[0])
        if outer and scope.sources and scope.sources[0].columns:
            # SQLite would give an aggregate of outer columns to the outer query.
            value = f"CASE typeof({scope.sources[0].columns[0].sql}) WHEN '' THEN NULL ELSE {value} END"
        called = function.lower() if function in NATIVE else f"my_{POPULATION.get(function, function).lower()}"
        kind = AGGREGATES[function]([each.type for each in inner])
        return Term(f"{called}({'DISTINCT ' if distinct else ''}{value})", kind)

    def _on_groupconcat(self, node: exp.GroupConcat, scope: Scope) -> Term:
        if scope.clause in (WHERE, ON, GROUP) or scope.aggregating:
            raise MySQLError("Invalid use of group function")
        scope.aggregating, scope.aggregates, scope.distinct = True, scope.aggregates + 1, True
        inner, order = node.this, []
        if isinstance(inner, exp.Order):
            order, inner = inner.expressions, inner.this
        distinct = isinstance(inner, exp.Distinct)
        parts = inner.expressions if distinct or isinstance(inner, exp.Concat) else [inner]
        values = [self.term(part, scope) for part in parts]
        keys = [self.term(each.this, scope).sql for each in order]
        scope.aggregating = False
        value = spelled(values[0]) if len(values) == 1 else self.call("CONCAT", values).sql
        flags = "".join("d" if each.args.get("desc") else "a" for each in order)
        mark = quote(node.args["separator"].name) if node.args.get("separator") is not None else "','"
        extra = "".join(f", {key}" for key in keys)
        return Term(f"my_group_concat({value}, {mark}, {int(distinct)}, '{flags}'{extra})", TEXT)

    def _on_window(self, node: exp.Window, scope: Scope) -> Term:
        function = node.this
        label = str(function.this).upper() if isinstance(function, exp.Anonymous) else ""
        if label in WINDOWS:
            inner = self.terms(function.expressions, scope)
            found = Term(
                f"{label.lower()}({', '.join(each.sql for each in inner)})", WINDOWS[label]([t.type for t in inner])
            )
        else:
            before = scope.aggregates
            found = self.term(function, scope)
            scope.aggregates = before
        if node.args.get("alias") is not None and not node.args.get("partition_by") and not node.args.get("order"):
            return Term(f"{found.sql} OVER {name(node.alias)}", found.type)
        return Term(f"{found.sql} OVER ({self.frame(node, scope)})", found.type)

    def frame(self, node: exp.Expr, scope: Scope) -> str:
        """Translate the definition of a window."""
        parts = []
        if node.args.get("partition_by"):
            parts.append(
                "PARTITION BY " + ", ".join(collated(self.term(each, scope)) for each in node.args["partition_by"])
            )
        if node.args.get("order") is not None:
            parts.append("ORDER BY " + ", ".join(self.ordered(each, scope) for each in node.args["order"].expressions))
        if node.args.get("spec") is not None:
            parts.append(node.args["spec"].sql(dialect="sqlite"))
        return " ".join(parts)

    def ordered(self, node: exp.Expr, scope: Scope) -> str:
        """Translate an item of ORDER BY."""
        return collated(self.term(node.this, scope)) + (" DESC" if node.args.get("desc") else "")


__all__ = ["Grouped"]
