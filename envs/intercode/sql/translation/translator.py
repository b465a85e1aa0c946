"""What all parts of the translation of expressions share."""

from collections.abc import Callable
from typing import Any

from sqlglot import exp

from envs.intercode.sql.translation.dialect import MySQLError
from envs.intercode.sql.translation.scope import Scope, Term
from envs.intercode.sql.translation.values import INT, Type

COMPARISONS = {"eq": "=", "neq": "<>", "gt": ">", "gte": ">=", "lt": "<", "lte": "<=", "nullsafeeq": "IS"}
GROWTH = 1_000_000
"""Characters of a translated expression: operands that are named twice double with each level."""

ARITHMETIC = {"add": "+", "sub": "-", "mul": "*"}
BITWISE = {"bitwiseand": "&", "bitwiseor": "|", "bitwiseleftshift": "<<", "bitwiserightshift": ">>"}
PRESENT = {
    "currentdate": "CURDATE",
    "currenttimestamp": "NOW",
    "currenttime": "CURTIME",
    "localtime": "NOW",
    "localtimestamp": "NOW",
    "currentuser": "CURRENT_USER",
    "utcdate": "UTC_DATE",
    "utctime": "UTC_TIME",
    "utctimestamp": "UTC_TIMESTAMP",
}


class Translator:
    """Dispatches expressions to the methods named after them."""

    database: str | None

    def comparison(self, node: exp.Expr, scope: Scope) -> Term:
        """Translate ``=``, ``<`` and their like."""
        raise NotImplementedError

    def compare(self, key: str, left: Term, right: Term) -> str:
        """Compare two values as MySQL converts them."""
        raise NotImplementedError

    def arithmetic(self, node: exp.Expr, scope: Scope) -> Term:
        """Translate ``+``, ``-`` and ``*``."""
        raise NotImplementedError

    def numeric(self, node: exp.Expr, scope: Scope) -> Term:
        """Translate an operand of arithmetic."""
        raise NotImplementedError

    def whole(self, node: exp.Expr, scope: Scope) -> str:
        """Translate an operand of bitwise operators."""
        raise NotImplementedError

    def call(self, function: str, arguments: list[Term]) -> Term:
        """Call a function by its name."""
        raise NotImplementedError

    def aggregate(self, function: str, arguments: list[exp.Expr], scope: Scope) -> Term:
        """Call an aggregate."""
        raise NotImplementedError

    def shifted(self, function: str, value: Term, interval: exp.Expr, scope: Scope) -> Term:
        """Add an interval to a date."""
        raise NotImplementedError

    def term(self, node: exp.Expr | None, scope: Scope) -> Term:
        """Translate one expression.

        Raises:
            MySQLError: MySQL would refuse it, or this engine does not know it.
        """
        if node is None:
            raise MySQLError("You have an error in your SQL syntax; an expression is missing")
        found = self._visited(node, scope)
        if len(found.sql) > GROWTH:
            raise MySQLError("Thread stack overrun: the statement is nested too deeply")
        return found

    def _visited(self, node: exp.Expr, scope: Scope) -> Term:
        """Translate one expression by the method of its kind."""
        key = node.key
        if key in COMPARISONS:
            return self.comparison(node, scope)
        visit: Callable[[Any, Scope], Term] | None = getattr(self, f"_on_{key}", None)
        if visit is not None:
            return visit(node, scope)
        if key in ARITHMETIC:
            return self.arithmetic(node, scope)
        if key in BITWISE:
            left, right = self.whole(node.this, scope), self.whole(node.args["expression"], scope)
            return Term(f"({left} {BITWISE[key]} {right})", INT)
        if key in PRESENT:
            return self.call(PRESENT[key], [])
        raise MySQLError(f"the SQLite engine does not know {key.upper()}: {node.sql(dialect='mysql')[:80]}")

    def terms(self, nodes: list[exp.Expr], scope: Scope) -> list[Term]:
        """Translate several."""
        return [self.term(node, scope) for node in nodes]

    def query(self, node: exp.Expr, scope: Scope | None, columns: int | None) -> tuple[str, list[Type], bool]:
        """Translate a subquery; return its text, its types and whether it has one row at most."""
        raise NotImplementedError


__all__ = ["ARITHMETIC", "COMPARISONS", "Translator"]
