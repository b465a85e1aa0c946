"""Translates calls of functions."""

from collections.abc import Callable

from sqlglot import exp

from envs.intercode.sql.translation import dates
from envs.intercode.sql.translation.conversions import as_number, cast, quote, spelled
from envs.intercode.sql.translation.dialect import MySQLError, syntax_error
from envs.intercode.sql.translation.functions import AGGREGATES, SCALARS, WINDOWS
from envs.intercode.sql.translation.scope import Scope, Term
from envs.intercode.sql.translation.translator import Translator
from envs.intercode.sql.translation.values import DATE, DATETIME, DOUBLE, INT, TEXT, Type

SAME_AS = {"ADDDATE": "DATE_ADD", "SUBDATE": "DATE_SUB"}


class Calls(Translator):
    """Functions of one row, casts and intervals."""

    def _on_anonymous(self, node: exp.Anonymous, scope: Scope) -> Term:
        function = str(node.this).upper()
        if function in AGGREGATES:
            return self.aggregate(function, node.expressions, scope)
        if function in WINDOWS:
            raise syntax_error(node.sql(dialect="mysql"), 0)
        special: Callable[[list[exp.Expr], Scope], Term] | None = getattr(self, f"_call_{function.lower()}", None)
        if special is not None:
            return special(node.expressions, scope)
        if function in ("DATE_ADD", "DATE_SUB", "ADDDATE", "SUBDATE"):
            return self.date_shift(SAME_AS.get(function, function), node.expressions, scope)
        if function in ("DATABASE", "SCHEMA"):
            return Term("NULL" if self.database is None else quote(self.database), TEXT)
        return self.call(function, self.terms(node.expressions, scope))

    def call(self, function: str, arguments: list[Term]) -> Term:
        """Call a function by its name.

        Raises:
            MySQLError: there is no such function, or it takes another number of arguments.
        """
        known = SCALARS.get(function)
        if known is None or function.startswith("_"):
            raise MySQLError(f"FUNCTION {f'{self.database}.' if self.database else ''}{function} does not exist")
        if not known.least <= len(arguments) <= known.most:
            raise MySQLError(f"Incorrect parameter count in the call to native function '{function}'")
        wanted = [spelled(argument) if known.texts else argument.sql for argument in arguments]
        prefix = "" if known.call is None else "my_"
        return Term(f"{prefix}{function}({', '.join(wanted)})", known.type([each.type for each in arguments]))

    def _on_cast(self, node: exp.Cast, scope: Scope) -> Term:
        value, target = self.term(node.this, scope), node.args["to"]
        return cast(value, target)

    def _on_extract(self, node: exp.Extract, scope: Scope) -> Term:
        unit = node.this.name.upper()
        if unit not in dates.EXTRACTS and unit != "WEEK":
            raise syntax_error(unit, 0)
        return self.call(unit, [self.term(node.args["expression"], scope)])

    def _on_trim(self, node: exp.Trim, scope: Scope) -> Term:
        what = node.args.get("expression")
        parts = [self.term(node.this, scope), self.term(what, scope) if what is not None else Term("' '", TEXT)]
        return self.call("TRIM", [*parts, Term(quote(str(node.args.get("position") or "BOTH")), TEXT)])

    def _on_substring(self, node: exp.Substring, scope: Scope) -> Term:
        parts = [node.args.get(part) for part in ("this", "start", "length")]
        return self.call("SUBSTRING", [self.term(part, scope) for part in parts if part is not None])

    def _on_strposition(self, node: exp.StrPosition, scope: Scope) -> Term:
        return self.call("LOCATE", [self.term(node.args["substr"], scope), self.term(node.this, scope)])

    def _on_chr(self, node: exp.Chr, scope: Scope) -> Term:
        inner = [f"char({self.whole(each, scope)})" for each in node.expressions]
        return Term("(" + " || ".join(inner) + ")", TEXT)

    def _on_matchagainst(self, node: exp.MatchAgainst, scope: Scope) -> Term:
        raise MySQLError("Can't find FULLTEXT index matching the column list")

    def date_shift(self, function: str, arguments: list[exp.Expr], scope: Scope) -> Term:
        """Call DATE_ADD and its like."""
        if len(arguments) != 2:
            raise MySQLError(f"Incorrect parameter count in the call to native function '{function}'")
        interval = arguments[1]
        if not isinstance(interval, exp.Interval):
            interval = exp.Interval(this=interval.copy(), unit=exp.var("DAY"))
        return self.shifted(function, self.term(arguments[0], scope), interval, scope)

    def shifted(self, function: str, value: Term, interval: exp.Expr, scope: Scope) -> Term:
        """Add an interval to a date."""
        unit = str(interval.args["unit"]).upper() if interval.args.get("unit") is not None else "DAY"
        if unit not in dates.UNITS:
            raise MySQLError(f"the SQLite engine does not know intervals of {unit}")
        amount = self.term(interval.this, scope)
        kind = DATETIME if value.type == DATE and dates.SECONDS.get(unit, 86_400) < 86_400 else value.type
        return Term(f"my_{function}({value.sql}, {as_number(amount)}, '{unit}')", kind if kind.temporal else TEXT)

    def unit_first(self, function: str, arguments: list[exp.Expr], scope: Scope) -> Term:
        """Call a function whose first argument is a unit."""
        unit = arguments[0].name.upper().removeprefix("SQL_TSI_") if arguments else ""
        if len(arguments) != 3 or unit not in dates.UNITS:
            raise syntax_error(unit or ")", 0)
        if function == "TIMESTAMPADD":
            return self.shifted("DATE_ADD", self.term(arguments[2], scope),
                                exp.Interval(this=arguments[1].copy(), unit=exp.var(unit)), scope)  # fmt: skip
        return self.call(function, [Term(f"'{unit}'", TEXT), *self.terms(arguments[1:], scope)])

    def _call_timestampdiff(self, arguments: list[exp.Expr], scope: Scope) -> Term:
        return self.unit_first("TIMESTAMPDIFF", arguments, scope)

    def _call_timestampadd(self, arguments: list[exp.Expr], scope: Scope) -> Term:
        return self.unit_first("TIMESTAMPADD", arguments, scope)

    def _call_round(self, arguments: list[exp.Expr], scope: Scope) -> Term:
        if len(arguments) not in (1, 2):
            raise MySQLError("Incorrect parameter count in the call to native function 'ROUND'")
        value = self.numeric(arguments[0], scope)
        digits = self.whole(arguments[1], scope) if len(arguments) == 2 else "0"
        fixed = int(arguments[1].name) if len(arguments) == 2 and arguments[1].is_int else 0
        kind = DOUBLE
        if value.type.exact:
            scale = max(0, min(fixed, value.type.digits))
            kind = INT if value.type == INT else Type("decimal", scale)
        return Term(f"my__ROUND({value.sql}, {digits}, {int(value.type.exact)})", kind)

    def _call_str_to_date(self, arguments: list[exp.Expr], scope: Scope) -> Term:
        found = self.call("STR_TO_DATE", self.terms(arguments, scope))
        layout = arguments[1].name if arguments[1].is_string else None
        return found if layout is None else Term(found.sql, DATETIME if dates.timed(layout) else DATE)

    def _call_regexp_like(self, arguments: list[exp.Expr], scope: Scope) -> Term:
        if len(arguments) not in (2, 3):
            raise MySQLError("Incorrect parameter count in the call to native function 'REGEXP_LIKE'")
        binary = int(len(arguments) == 3 and "c" in arguments[2].name)
        value, pattern = self.terms(arguments[:2], scope)
        return Term(f"my__REGEXP({spelled(value)}, {spelled(pattern)}, {binary})", INT)

    def _call_regexp_replace(self, arguments: list[exp.Expr], scope: Scope) -> Term:
        if len(arguments) != 3:
            raise MySQLError("Incorrect parameter count in the call to native function 'REGEXP_REPLACE'")
        return Term(f"my_REGEXP_REPLACE({', '.join(spelled(each) for each in self.terms(arguments, scope))})", TEXT)

    def _call_isnull(self, arguments: list[exp.Expr], scope: Scope) -> Term:
        return Term(f"({self.term(arguments[0], scope).sql} IS NULL)", INT)

    def _call_nullif(self, arguments: list[exp.Expr], scope: Scope) -> Term:
        if len(arguments) != 2:
            raise MySQLError("Incorrect parameter count in the call to native function 'NULLIF'")
        left, right = self.terms(arguments, scope)
        return Term(f"CASE WHEN {self.compare('eq', left, right)} THEN NULL ELSE {left.sql} END", left.type)

    def _call_not(self, arguments: list[exp.Expr], scope: Scope) -> Term:
        return Term(f"(NOT {self.term(arguments[0], scope).sql})", INT)

    def _call_sleep(self, arguments: list[exp.Expr], scope: Scope) -> Term:
        return Term(f"my_SLEEP({as_number(self.term(arguments[0], scope))})", INT)

    def _call_benchmark(self, arguments: list[exp.Expr], scope: Scope) -> Term:
        return Term("my_SLEEP(1e9)", INT)


__all__ = ["Calls"]
