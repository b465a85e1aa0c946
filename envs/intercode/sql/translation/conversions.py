"""Pieces of SQLite's SQL: values as MySQL converts them where a text, a number or a date is wanted."""

from sqlglot import exp

from envs.intercode.sql.translation import dates, texts
from envs.intercode.sql.translation.dialect import MySQLError, syntax_error
from envs.intercode.sql.translation.scope import Term
from envs.intercode.sql.translation.values import DATE, DATETIME, DOUBLE, INT, NULL, TEXT, TIME, Type, collation


def quote(text: str) -> str:
    """Spell a text for SQLite."""
    if "\0" in text:
        return "CAST(x'" + text.encode("utf-8", "replace").hex() + "' AS TEXT)"
    return "'" + text.encode("utf-8", "replace").decode().replace("'", "''") + "'"


def name(text: str) -> str:
    """Spell an identifier for SQLite."""
    return '"' + text.replace('"', '""') + '"'


ATTACHED = "d:"
"""Stands before the names of databases in SQLite, which has some of its own: main, temp."""


def attached_name(database: str) -> str:
    """Spell the name of a database for SQLite."""
    return name(ATTACHED + database)


def column_name(node: exp.Expr) -> str:
    """The name MySQL gives to an item of the select list."""
    if isinstance(node, exp.Alias):
        return str(node.alias)
    if isinstance(node, exp.Column):
        return str(node.name)
    if isinstance(node, exp.Literal):
        return str(node.this)
    return str(node.sql(dialect="mysql"))


def collated(term: Term) -> str:
    """Return a text with the collation it is compared by."""
    if term.type.kind != "text":
        return term.sql
    return f"{term.sql} COLLATE {collation(term.type)}"


def spelled(term: Term) -> str:
    """Return a value where a text is wanted: decimals with all their digits."""
    if term.type.kind in ("decimal", "double", "float") and term.type.digits:
        return f"CASE WHEN {term.sql} IS NOT NULL THEN printf('%.{term.type.digits}f', {term.sql}) END"
    if term.type.kind == "float":
        return f"CASE WHEN {term.sql} IS NOT NULL THEN printf('%.6g', {term.sql}) END"
    return term.sql


def as_number(term: Term) -> str:
    """Return a value where a number is wanted."""
    if term.literal is not None:
        return repr(texts.number(term.literal))
    if term.type.kind in ("text", "bytes"):
        return f"my__NUMBER({term.sql})"
    if term.type.kind in ("date", "datetime"):
        return f"my_{term.type.kind.upper()}_NUMBER({term.sql})"
    return term.sql


def as_kind(term: Term, kind: Type) -> str:
    """Return a value as a union has it whose column is of a ``kind``."""
    if kind.kind == "text" and term.type != NULL:
        text = term.sql if term.type.kind == "text" else f"my__PLAIN({spelled(term)})"
        return f"{text} COLLATE {collation(kind)}"
    if (term.type.kind, kind.kind) == ("date", "datetime"):
        return f"({term.sql} || ' 00:00:00')"
    return term.sql


def comparable(term: Term, other: Term) -> str:
    """Return ``term`` as it is compared with ``other``.

    Raises:
        MySQLError: a constant is no date where one is needed.
    """
    kinds = term.type.kind, other.type.kind
    if kinds[0] == "text" and kinds[1] == "text":
        return f"{term.sql} COLLATE {collation(term.type, other.type)}"
    if kinds[0] in ("text", "bytes") and other.type.numeric:
        return as_number(term)
    if kinds[0] in ("date", "datetime") and other.type.numeric:
        return as_number(term)
    if kinds[0] == "text" and other.type.temporal:
        return as_temporal(term, other.type)
    if kinds == ("date", "datetime"):
        return f"({term.sql} || ' 00:00:00')"
    return term.sql


def as_temporal(term: Term, kind: Type) -> str:
    """Return a text as the date or time it names; with a time of day also beside a date that has none."""
    if kind == TIME:
        return f"my_TIME({term.sql})"
    if term.literal is None:
        return f"my_{'DATE' if kind == DATE else 'TIMESTAMP'}({term.sql})"
    when = dates.moment(term.literal)
    if when is None:
        raise MySQLError(f"Incorrect {kind.kind.upper()} value: '{term.literal}'")
    if kind == DATE and when.time() == when.time().min:
        return quote(str(dates.write_date(when)))
    return quote(str(dates.write(when)))


def cast(value: Term, target: exp.Expr) -> Term:
    """CAST and CONVERT."""
    kind = str(target.this.value if hasattr(target.this, "value") else target.this).upper()
    digits = [int(each.name) for each in target.expressions if each.name.isdigit()]
    if kind in ("BIGINT", "UBIGINT", "INT", "UINT"):
        return Term(f"my__WHOLE({as_number(value) if value.type.temporal else value.sql})", INT)
    if kind in ("DECIMAL", "NUMERIC"):
        scale = digits[1] if len(digits) > 1 else 0
        return Term(f"my__ROUND({as_number(value)}, {scale}, 1)", Type("decimal", scale))
    if kind in ("DOUBLE", "FLOAT", "REAL"):
        return Term(f"CAST({as_number(value)} AS REAL)", DOUBLE)
    if kind == "DATE":
        return Term(f"my_DATE({value.sql})", DATE)
    if kind in ("DATETIME", "TIMESTAMP", "TIMESTAMPTZ"):
        return Term(f"my_TIMESTAMP({value.sql})", DATETIME)
    if kind == "TIME":
        return Term(f"my_TIME({value.sql})", TIME)
    if kind in ("BINARY", "VARBINARY"):
        return Term(value.sql, Type("text", binary=True), value.literal)
    if kind in ("CHAR", "NCHAR", "VARCHAR", "TEXT", "CHARACTER SET", "CHARACTER_SET"):
        text = f"my__PLAIN({spelled(value)})"
        return Term(f"substr({text}, 1, {digits[0]})" if digits else text, TEXT, value.literal)
    raise syntax_error(target.sql(dialect="mysql"), 0)


__all__ = [
    "ATTACHED",
    "as_kind",
    "as_number",
    "as_temporal",
    "attached_name",
    "cast",
    "collated",
    "column_name",
    "comparable",
    "name",
    "quote",
    "spelled",
]
