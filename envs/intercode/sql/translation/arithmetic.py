"""Translates arithmetic."""

from sqlglot import exp

from envs.intercode.sql.translation.conversions import as_number
from envs.intercode.sql.translation.dialect import MySQLError
from envs.intercode.sql.translation.scope import Scope, Term
from envs.intercode.sql.translation.translator import ARITHMETIC, Translator
from envs.intercode.sql.translation.values import DOUBLE, INT, NULL, Type


class Arithmetic(Translator):
    """Arithmetic and bits."""

    def arithmetic(self, node: exp.Expr, scope: Scope) -> Term:
        """Translate ``+``, ``-`` and ``*``."""
        left, right = node.this, node.args["expression"]
        if isinstance(right, exp.Interval) or isinstance(left, exp.Interval):
            value, interval = (left, right) if isinstance(right, exp.Interval) else (right, left)
            return self.shifted(
                "DATE_SUB" if node.key == "sub" else "DATE_ADD", self.term(value, scope), interval, scope
            )
        first, second = self.numeric(left, scope), self.numeric(right, scope)
        kind = DOUBLE
        if first.type.exact and second.type.exact:
            digits = first.type.digits, second.type.digits
            scale = sum(digits) if node.key == "mul" else max(digits)
            kind = INT if first.type == second.type == INT else Type("decimal", min(30, scale))
        return Term(f"({first.sql} {ARITHMETIC[node.key]} {second.sql})", kind)

    def _on_div(self, node: exp.Div, scope: Scope) -> Term:
        first, second = self.numeric(node.this, scope), self.numeric(node.args["expression"], scope)
        exact = first.type.exact and second.type.exact
        return Term(
            f"(CAST({first.sql} AS REAL) / {second.sql})",
            Type("decimal", min(30, first.type.digits + 4)) if exact else DOUBLE,
        )

    def _on_intdiv(self, node: exp.IntDiv, scope: Scope) -> Term:
        first, second = self.numeric(node.this, scope), self.numeric(node.args["expression"], scope)
        if first.type == second.type == INT:
            return Term(f"({first.sql} / {second.sql})", INT)
        return Term(f"CAST(CAST({first.sql} AS REAL) / {second.sql} AS INTEGER)", INT)

    def _on_mod(self, node: exp.Mod, scope: Scope) -> Term:
        return self.call("MOD", [self.numeric(node.this, scope), self.numeric(node.args["expression"], scope)])

    def _on_neg(self, node: exp.Neg, scope: Scope) -> Term:
        inner = self.numeric(node.this, scope)
        return Term(f"(- {inner.sql})", inner.type)

    def _on_bitwisexor(self, node: exp.BitwiseXor, scope: Scope) -> Term:
        parts = [self.whole(each, scope) for each in node.flatten()]
        if len(parts) > 100:
            raise MySQLError("Thread stack overrun: the statement is nested too deeply")
        return Term(f"my__XOR({', '.join(parts)})", INT)

    def _on_bitwisenot(self, node: exp.BitwiseNot, scope: Scope) -> Term:
        return Term(f"(~ {self.whole(node.this, scope)})", INT)

    def numeric(self, node: exp.Expr, scope: Scope) -> Term:
        """Translate an operand of arithmetic: dates become numbers, texts their numbers."""
        found = self.term(node, scope)
        return found if found.type.numeric or found.type == NULL else Term(as_number(found), DOUBLE)

    def whole(self, node: exp.Expr, scope: Scope) -> str:
        """Translate an operand of bitwise operators."""
        return f"my__WHOLE({self.term(node, scope).sql})"


__all__ = ["Arithmetic"]
