"""What MySQL says of one table: its columns, keys and definition."""

from typing import Any

from envs.intercode.sql.catalog import Column, Key, Table
from envs.intercode.sql.result import Row

FIELDS = ("Field", "Type", "Null", "Key", "Default", "Extra")
FULL = ("Field", "Type", "Collation", "Null", "Key", "Default", "Extra", "Privileges", "Comment")
COLLATION = "utf8mb4_general_ci"
INDEX = (
    "Table",
    "Non_unique",
    "Key_name",
    "Seq_in_index",
    "Column_name",
    "Collation",
    "Cardinality",
    "Sub_part",
    "Packed",
    "Null",
    "Index_type",
    "Comment",
    "Index_comment",
    "Visible",
    "Expression",
)


def index_row(table: Table, key: Key, place: int, rows: int) -> Row:
    """One row of SHOW INDEX; the cardinality is the number of rows."""
    column = table.column(key.columns[place])
    nullable = "YES" if column is not None and column.nullable else ""
    prefix = key.prefixes[place] if key.prefixes else None
    facts = (table.name, int(not key.unique), key.name, place + 1, key.columns[place], "A", rows, prefix)
    return (*facts, None, nullable, "BTREE", "", "", "YES", None)


def marks(table: Table, column: Column) -> str:
    """PRI, UNI, MUL or nothing."""
    if column.name in table.primary:
        return "PRI"
    leading = [key for key in table.keys if key.columns[0] == column.name]
    if any(key.unique and len(key.columns) == 1 for key in leading):
        alone = not table.primary and not column.nullable
        return "PRI" if alone else "UNI"
    return "MUL" if leading else ""


def row(table: Table, column: Column) -> Row:
    """One row of DESCRIBE."""
    nullable = "YES" if column.nullable else "NO"
    return column.name, column.type, nullable, marks(table, column), column.default, column.extra


def full_row(table: Table, column: Column) -> Row:
    """One row of SHOW FULL COLUMNS."""
    name, kind, nullable, mark, default, extra = row(table, column)
    collation = (column.collation or COLLATION) if textual(column) else None
    return name, kind, collation, nullable, mark, default, extra, "select,insert,update,references", column.comment


def textual(column: Column) -> bool:
    """Whether a column has a collation."""
    return column.base.endswith(("char", "text")) or column.base in ("enum", "set")


def definition(table: Table) -> str:
    """The text of SHOW CREATE TABLE."""
    lines = [f"  {column_text(column)}" for column in table.columns]
    for key in table.keys:
        parts = ",".join(
            f"`{column}`" + (f"({length})" if length else "")
            for column, length in zip(key.columns, key.prefixes or (None,) * len(key.columns), strict=True)
        )
        head = "PRIMARY KEY" if key.primary else f"{'UNIQUE ' if key.unique else ''}KEY `{key.name}`"
        lines.append(f"  {head} ({parts})")
    for foreign in table.foreign_keys:
        here, there = (",".join(f"`{column}`" for column in columns) for columns in (foreign.columns, foreign.target))
        action = f" {foreign.action}" if foreign.action else ""
        lines.append(
            f"  CONSTRAINT `{foreign.name}` FOREIGN KEY ({here}) REFERENCES `{foreign.table}` ({there}){action}"
        )
    return f"CREATE TABLE `{table.name}` (\n" + ",\n".join(lines) + f"\n) {table.options}"


def column_text(column: Column) -> str:
    """The text of one column in SHOW CREATE TABLE."""
    parts: list[Any] = [f"`{column.name}`", column.type]
    if textual(column) and column.collation:
        parts.append(f"COLLATE {column.collation}")
    if not column.nullable:
        parts.append("NOT NULL")
    generated = column.extra.startswith("DEFAULT_GENERATED")
    if column.default is not None:
        parts.append(
            f"DEFAULT {column.default}" if generated else "DEFAULT '" + column.default.replace("'", "''") + "'"
        )
    elif column.nullable and column.base not in ("text", "blob", "json"):
        parts.append("DEFAULT NULL")
    if column.extra == "auto_increment":
        parts.append("AUTO_INCREMENT")
    if column.comment:
        parts.append("COMMENT '" + column.comment.replace("'", "''") + "'")
    return " ".join(parts)


__all__ = ["COLLATION", "FIELDS", "FULL", "INDEX", "definition", "full_row", "index_row", "marks", "row", "textual"]
