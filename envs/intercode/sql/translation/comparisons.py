"""Translates comparisons and logic."""

from sqlglot import exp

from envs.intercode.sql.translation.conversions import comparable, quote, spelled
from envs.intercode.sql.translation.dialect import MySQLError, syntax_error
from envs.intercode.sql.translation.scope import Scope, Term
from envs.intercode.sql.translation.translator import COMPARISONS, Translator
from envs.intercode.sql.translation.values import BYTES, INT


class Comparisons(Translator):
    """Comparisons, logic, IN, LIKE and REGEXP."""

    def comparison(self, node: exp.Expr, scope: Scope) -> Term:
        """Translate ``=``, ``<`` and their like, of values, rows, and with ANY or ALL."""
        left, right = node.this, node.args["expression"]
        if isinstance(right, exp.Any | exp.All):
            return self.quantified(node, right, scope)
        if isinstance(left.unnest(), exp.Tuple) and isinstance(right.unnest(), exp.Tuple):
            first, second = (self.terms(side.unnest().expressions, scope) for side in (left, right))
            return Term(self.compare_rows(node.key, first, second), INT)
        return Term(self.compare(node.key, self.term(left, scope), self.term(right, scope)), INT)

    def compare(self, key: str, left: Term, right: Term) -> str:
        """Compare two values as MySQL converts them."""
        first, second = comparable(left, right), comparable(right, left)
        return f"({first} {COMPARISONS[key]} {second})"

    def compare_rows(self, key: str, left: list[Term], right: list[Term]) -> str:
        """Compare two rows, the first differing value deciding.

        Raises:
            MySQLError: one is longer.
        """
        if len(left) != len(right):
            raise MySQLError(f"Operand should contain {len(left)} column(s)")
        if key in ("eq", "neq", "nullsafeeq"):
            each = "nullsafeeq" if key == "nullsafeeq" else "eq"
            equal = " AND ".join(self.compare(each, a, b) for a, b in zip(left, right, strict=True))
            return f"(NOT ({equal}))" if key == "neq" else f"({equal})"
        first = ", ".join(comparable(a, b) for a, b in zip(left, right, strict=True))
        second = ", ".join(comparable(b, a) for a, b in zip(left, right, strict=True))
        return f"(({first}) {COMPARISONS[key]} ({second}))"

    def quantified(self, node: exp.Expr, quantifier: exp.Expr, scope: Scope) -> Term:
        """Translate a comparison with ANY or ALL of a subquery."""
        sql, types, _ = self.query(quantifier.this, scope, 1)
        test = self.compare(node.key, self.term(node.this, scope), Term('q."c0"', types[0]))
        decisive, empty = ("0", "1") if isinstance(quantifier, exp.All) else ("1", "0")
        return Term(
            f"(SELECT CASE WHEN count(*) = 0 THEN {empty} WHEN sum(t = {decisive}) > 0 THEN {decisive} "
            f"WHEN count(t) < count(*) THEN NULL ELSE {empty} END FROM (SELECT {test} AS t FROM ({sql}) AS q))",
            INT,
        )

    def _on_between(self, node: exp.Between, scope: Scope) -> Term:
        value, low, high = (self.term(node.args[part], scope) for part in ("this", "low", "high"))
        return Term(f"({self.compare('gte', value, low)} AND {self.compare('lte', value, high)})", INT)

    def _on_in(self, node: exp.In, scope: Scope) -> Term:
        if node.args.get("query") is not None:
            return self.in_query(node, scope)
        if isinstance(node.this.unnest(), exp.Tuple):
            row = self.terms(node.this.unnest().expressions, scope)
            others = [each.unnest() for each in node.expressions]
            if not all(isinstance(each, exp.Tuple) for each in others):
                raise MySQLError(f"Operand should contain {len(row)} column(s)")
            tests = [self.compare_rows("eq", row, self.terms(each.expressions, scope)) for each in others]
            return Term("(" + " OR ".join(tests) + ")", INT)
        value, options = self.term(node.this, scope), self.terms(node.expressions, scope)
        pairs = [(comparable(value, option), comparable(option, value)) for option in options]
        if len({left for left, _ in pairs}) == 1:
            return Term(f"({pairs[0][0]} IN ({', '.join(right for _, right in pairs)}))", INT)
        return Term("(" + " OR ".join(f"{left} = {right}" for left, right in pairs) + ")", INT)

    def in_query(self, node: exp.In, scope: Scope) -> Term:
        """Translate IN (SELECT ...)."""
        row = node.this.unnest().expressions if isinstance(node.this.unnest(), exp.Tuple) else [node.this]
        values = self.terms(row, scope)
        sql, types, _ = self.query(node.args["query"], scope, len(values))
        options = [Term(f'"c{place}"', kind) for place, kind in enumerate(types)]
        left = [comparable(value, option) for value, option in zip(values, options, strict=True)]
        right = [comparable(option, value) for value, option in zip(values, options, strict=True)]
        plain = all(made.split(" COLLATE ")[0] == option.sql for made, option in zip(right, options, strict=True))
        inner = sql if plain else f"SELECT {', '.join(right)} FROM ({sql})"
        operand = left[0] if len(left) == 1 else f"({', '.join(left)})"
        return Term(f"({operand} IN ({inner}))", INT)

    def _on_like(self, node: exp.Like, scope: Scope, escape: str = "\\") -> Term:
        value, pattern = self.term(node.this, scope), self.term(node.args["expression"], scope)
        binary = int(value.type.binary or pattern.type.binary or BYTES in (value.type, pattern.type))
        found = f"my__LIKE({spelled(value)}, {spelled(pattern)}, {quote(escape)}, {binary})"
        plain = pattern.literal is not None and pattern.literal.isascii() and escape not in pattern.literal
        if plain and not binary and value.name is not None and value.type.kind == "text":
            # SQLite's own LIKE is many times faster, and differs only for letters beyond ASCII.
            longer = f"length({value.sql}) < length(CAST({value.sql} AS BLOB))"
            rest = "" if value.type.plain else f" OR ({longer} AND {found})"
            found = f"({value.sql} LIKE {pattern.sql}{rest})"
        return Term(f"(NOT {found})" if node.args.get("negate") else found, INT)

    def _on_escape(self, node: exp.Escape, scope: Scope) -> Term:
        return self._on_like(node.this, scope, node.args["expression"].name)

    def _on_regexplike(self, node: exp.RegexpLike, scope: Scope) -> Term:
        value, pattern = self.term(node.this, scope), self.term(node.args["expression"], scope)
        binary = int(value.type.binary or pattern.type.binary)
        return Term(f"my__REGEXP({spelled(value)}, {spelled(pattern)}, {binary})", INT)

    def _on_soundex(self, node: exp.Soundex, scope: Scope) -> Term:
        return self.call("SOUNDEX", [self.term(node.this, scope)])

    def _on_and(self, node: exp.And, scope: Scope) -> Term:
        parts = [self.term(part, scope).sql for part in node.flatten()]
        return Term("(" + " AND ".join(parts) + ")", INT)

    def _on_or(self, node: exp.Or, scope: Scope) -> Term:
        parts = [self.term(part, scope).sql for part in node.flatten()]
        return Term("(" + " OR ".join(parts) + ")", INT)

    def _on_xor(self, node: exp.Xor, scope: Scope) -> Term:
        left, right = self.term(node.this, scope).sql, self.term(node.args["expression"], scope).sql
        return Term(f"((NOT {left}) <> (NOT {right}))", INT)

    def _on_not(self, node: exp.Not, scope: Scope) -> Term:
        return Term(f"(NOT {self.term(node.this, scope).sql})", INT)

    def _on_is(self, node: exp.Is, scope: Scope) -> Term:
        left, right = self.term(node.this, scope).sql, node.args["expression"]
        if isinstance(right, exp.Boolean):
            return Term(f"({left} IS {'TRUE' if right.this else 'FALSE'})", INT)
        unknown = isinstance(right, exp.Column) and not right.table and right.name.upper() == "UNKNOWN"
        if not (unknown or isinstance(right, exp.Null)):
            raise syntax_error(right.sql(dialect="mysql"), 0)
        return Term(f"({left} IS NULL)", INT)


__all__ = ["Comparisons"]
