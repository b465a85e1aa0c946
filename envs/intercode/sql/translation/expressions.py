"""Translates MySQL's expressions into SQLite's, with their types."""

from sqlglot import exp

from envs.intercode.sql.translation.arithmetic import Arithmetic
from envs.intercode.sql.translation.calls import Calls
from envs.intercode.sql.translation.comparisons import Comparisons
from envs.intercode.sql.translation.conversions import quote
from envs.intercode.sql.translation.dialect import MySQLError, syntax_error
from envs.intercode.sql.translation.functions import SCALARS
from envs.intercode.sql.translation.grouped import Grouped
from envs.intercode.sql.translation.scope import Scope, Term
from envs.intercode.sql.translation.values import BYTES, DECIMAL, DOUBLE, INT, NULL, TEXT, Type, is_plain, merge


class Expressions(Comparisons, Arithmetic, Grouped, Calls):
    """All expressions; queries are left to the class that extends it."""

    def _on_column(self, node: exp.Column, scope: Scope) -> Term:
        if isinstance(node.this, exp.Star):
            raise syntax_error(node.sql(dialect="mysql"), 0)
        if (
            not node.table
            and not node.this.args.get("quoted")
            and node.name.upper()
            in SCALARS.keys()
            & {
                "UTC_DATE",
                "UTC_TIME",
                "UTC_TIMESTAMP",
            }
        ):
            return self.call(node.name.upper(), [])
        return scope.resolve(node.name, node.table or None, node.db or None)

    def _on_literal(self, node: exp.Literal, scope: Scope) -> Term:
        if node.is_string:
            return Term(quote(node.name), Type("text", plain=is_plain(node.name)), literal=node.name)
        text = str(node.this)
        if text.isdigit():
            if len(text.lstrip("0")) > 81:
                raise MySQLError("Illegal decimal '" + text[:80] + "...': it has more than 81 digits")
            return Term(text, INT if int(text) < 2**63 else DECIMAL)
        _, _, digits = text.partition(".")
        return Term(text, Type("decimal", len(digits)) if "e" not in text.lower() else DOUBLE)

    def _on_boolean(self, node: exp.Boolean, scope: Scope) -> Term:
        return Term("1" if node.this else "0", INT)

    def _on_null(self, node: exp.Null, scope: Scope) -> Term:
        return Term("NULL", NULL)

    def _on_hexstring(self, node: exp.HexString, scope: Scope) -> Term:
        digits = str(node.this)
        return Term(f"x'{digits if len(digits) % 2 == 0 else '0' + digits}'", BYTES)

    def _on_bitstring(self, node: exp.BitString, scope: Scope) -> Term:
        return Term(str(int(str(node.this) or "0", 2)), INT)

    def _on_national(self, node: exp.National, scope: Scope) -> Term:
        return Term(quote(node.name), TEXT, literal=node.name)

    def _on_introducer(self, node: exp.Introducer, scope: Scope) -> Term:
        return self.term(node.args["expression"], scope)

    def _on_sessionparameter(self, node: exp.SessionParameter, scope: Scope) -> Term:
        known = {"version": "8.0.32", "sql_mode": "ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES", "hostname": "localhost"}
        key = node.name.lower()
        if key not in known:
            raise MySQLError(f"Unknown system variable '{node.name}'")
        return Term(quote(known[key]), TEXT)

    def _on_parameter(self, node: exp.Parameter, scope: Scope) -> Term:
        return Term("NULL", NULL)

    def _on_paren(self, node: exp.Paren, scope: Scope) -> Term:
        inner = self.term(node.this, scope)
        return Term(f"({inner.sql})", inner.type, inner.literal, inner.name)

    def _on_alias(self, node: exp.Alias, scope: Scope) -> Term:
        return self.term(node.this, scope)

    def _on_tuple(self, node: exp.Tuple, scope: Scope) -> Term:
        raise MySQLError("Operand should contain 1 column(s)")

    def _on_collate(self, node: exp.Collate, scope: Scope) -> Term:
        inner = self.term(node.this, scope)
        label = node.args["expression"].name.lower()
        return Term(inner.sql, Type("text", binary=label.endswith(("_bin", "_cs"))), inner.literal)

    def _on_subquery(self, node: exp.Subquery, scope: Scope) -> Term:
        sql, types, single = self.query(node, scope, 1)
        return Term(f"({sql})" if single else f'(SELECT my_only("c0") FROM ({sql}))', types[0])

    def _on_exists(self, node: exp.Exists, scope: Scope) -> Term:
        return Term(f"EXISTS ({self.query(node.this, scope, None)[0]})", INT)

    def _on_case(self, node: exp.Case, scope: Scope) -> Term:
        parts, types = ["CASE"], []
        operand = None if node.this is None else self.term(node.this, scope)
        for branch in node.args["ifs"]:
            found = self.term(branch.this, scope)
            test = found.sql if operand is None else self.compare("eq", operand, found)
            value = self.term(branch.args["true"], scope)
            types.append(value.type)
            parts.append(f"WHEN {test} THEN {value.sql}")
        if node.args.get("default") is not None:
            value = self.term(node.args["default"], scope)
            types.append(value.type)
            parts.append(f"ELSE {value.sql}")
        return Term(" ".join([*parts, "END"]), merge(types))

    def _on_if(self, node: exp.If, scope: Scope) -> Term:
        test, yes = self.term(node.this, scope), self.term(node.args["true"], scope)
        no = self.term(node.args["false"], scope) if node.args.get("false") is not None else Term("NULL", NULL)
        return Term(f"CASE WHEN {test.sql} THEN {yes.sql} ELSE {no.sql} END", merge([yes.type, no.type]))


__all__ = ["Expressions"]
