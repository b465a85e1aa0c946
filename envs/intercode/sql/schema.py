"""The database ``information_schema``, made from the catalog when it is asked."""

from collections.abc import Mapping
from typing import Any

from envs.intercode.sql.catalog import Catalog, Column, Table
from envs.intercode.sql.describe import COLLATION, marks, textual
from envs.intercode.sql.dump import Database

NAME = "information_schema"
INTEGERS = (
    "ORDINAL_POSITION",
    "TABLE_ROWS",
    "CHARACTER_MAXIMUM_LENGTH",
    "SEQ_IN_INDEX",
    "NON_UNIQUE",
    "POSITION_IN_UNIQUE_CONSTRAINT",
    "VERSION",
    "NUMERIC_PRECISION",
    "NUMERIC_SCALE",
)
LAYOUT = {
    "schemata": "CATALOG_NAME SCHEMA_NAME DEFAULT_CHARACTER_SET_NAME DEFAULT_COLLATION_NAME SQL_PATH "
    "DEFAULT_ENCRYPTION",
    "tables": "TABLE_CATALOG TABLE_SCHEMA TABLE_NAME TABLE_TYPE ENGINE VERSION ROW_FORMAT TABLE_ROWS TABLE_COLLATION "
    "CREATE_OPTIONS TABLE_COMMENT",
    "columns": "TABLE_CATALOG TABLE_SCHEMA TABLE_NAME COLUMN_NAME ORDINAL_POSITION COLUMN_DEFAULT IS_NULLABLE "
    "DATA_TYPE CHARACTER_MAXIMUM_LENGTH NUMERIC_PRECISION NUMERIC_SCALE CHARACTER_SET_NAME COLLATION_NAME "
    "COLUMN_TYPE COLUMN_KEY EXTRA PRIVILEGES COLUMN_COMMENT",
    "statistics": "TABLE_CATALOG TABLE_SCHEMA TABLE_NAME NON_UNIQUE INDEX_SCHEMA INDEX_NAME SEQ_IN_INDEX COLUMN_NAME",
    "key_column_usage": "CONSTRAINT_CATALOG CONSTRAINT_SCHEMA CONSTRAINT_NAME TABLE_CATALOG TABLE_SCHEMA TABLE_NAME "
    "COLUMN_NAME ORDINAL_POSITION POSITION_IN_UNIQUE_CONSTRAINT REFERENCED_TABLE_SCHEMA REFERENCED_TABLE_NAME "
    "REFERENCED_COLUMN_NAME",
    "table_constraints": "CONSTRAINT_CATALOG CONSTRAINT_SCHEMA CONSTRAINT_NAME TABLE_SCHEMA TABLE_NAME CONSTRAINT_TYPE",
    "views": "TABLE_CATALOG TABLE_SCHEMA TABLE_NAME VIEW_DEFINITION",
    "routines": "SPECIFIC_NAME ROUTINE_SCHEMA ROUTINE_NAME ROUTINE_TYPE",
    "triggers": "TRIGGER_CATALOG TRIGGER_SCHEMA TRIGGER_NAME EVENT_OBJECT_TABLE",
}

Row = Mapping[str, Any]


def table(name: str, columns: str) -> Table:
    """One table of the schema."""
    kinds = ((column, "bigint" if column in INTEGERS else "varchar(255)") for column in columns.split())
    return Table(name, tuple(Column(column, kind) for column, kind in kinds), view=True)


TABLES: Mapping[str, Table] = {name: table(name, columns) for name, columns in LAYOUT.items()}


def information(catalog: Catalog, rows: Mapping[tuple[str, str], int]) -> Database:
    """Return the schema's tables filled from the catalog; ``rows`` counts the rows of tables."""
    own = {name: tables for name, tables in sorted(catalog.databases.items()) if name != NAME}
    found: dict[str, list[Row]] = {name: [] for name in LAYOUT}
    found["schemata"] = [schema_row(name) for name in own]
    for database, tables in own.items():
        for _, each in sorted(tables.items()):
            place = {"TABLE_CATALOG": "def", "TABLE_SCHEMA": database, "TABLE_NAME": each.name}
            found["tables"].append({**place, **table_facts(rows.get((database, each.name), 0))})
            found["columns"] += [{**place, **column_facts(each, at)} for at in range(len(each.columns))]
            key_rows(found, place, each)
    filled = {
        name: tuple(tuple(row.get(column.name) for column in TABLES[name].columns) for row in found[name])
        for name in LAYOUT
    }
    return Database(NAME, TABLES, filled)


def schema_row(name: str) -> Row:
    """One row of SCHEMATA."""
    facts = {"CATALOG_NAME": "def", "SCHEMA_NAME": name, "DEFAULT_CHARACTER_SET_NAME": "utf8mb4"}
    return facts | {"DEFAULT_COLLATION_NAME": COLLATION, "DEFAULT_ENCRYPTION": "NO"}


def table_facts(rows: int) -> Row:
    """What TABLES says of one table."""
    facts = {"TABLE_TYPE": "BASE TABLE", "ENGINE": "InnoDB", "VERSION": 10, "ROW_FORMAT": "Dynamic"}
    return facts | {"TABLE_ROWS": rows, "TABLE_COLLATION": COLLATION, "CREATE_OPTIONS": "", "TABLE_COMMENT": ""}


def column_facts(each: Table, at: int) -> Row:
    """What COLUMNS says of one column."""
    column = each.columns[at]
    inside = column.type.partition("(")[2].partition(")")[0]
    length = int(inside) if textual(column) and inside.isdigit() else 65_535 if column.base == "text" else None
    return {
        "COLUMN_NAME": column.name,
        "ORDINAL_POSITION": at + 1,
        "COLUMN_DEFAULT": column.default,
        "IS_NULLABLE": "YES" if column.nullable else "NO",
        "DATA_TYPE": column.base,
        "CHARACTER_MAXIMUM_LENGTH": length,
        "CHARACTER_SET_NAME": "utf8mb4" if textual(column) else None,
        "COLLATION_NAME": (column.collation or COLLATION) if textual(column) else None,
        "COLUMN_TYPE": column.type,
        "COLUMN_KEY": marks(each, column),
        "EXTRA": column.extra,
        "PRIVILEGES": "select,insert,update,references",
        "COLUMN_COMMENT": column.comment,
    }


def key_rows(found: dict[str, list[Row]], place: Row, each: Table) -> None:
    """Add what the schema says of keys."""
    owner = {"CONSTRAINT_CATALOG": "def", "CONSTRAINT_SCHEMA": place["TABLE_SCHEMA"], **place}
    for key in each.keys:
        for number, column in enumerate(key.columns, 1):
            facts = {"NON_UNIQUE": int(not key.unique), "INDEX_SCHEMA": place["TABLE_SCHEMA"], "INDEX_NAME": key.name}
            found["statistics"].append({**place, **facts, "SEQ_IN_INDEX": number, "COLUMN_NAME": column})
            if key.unique:
                usage = {"CONSTRAINT_NAME": key.name, "COLUMN_NAME": column, "ORDINAL_POSITION": number}
                found["key_column_usage"].append({**owner, **usage})
        if key.unique:
            kind = "PRIMARY KEY" if key.primary else "UNIQUE"
            found["table_constraints"].append({**owner, "CONSTRAINT_NAME": key.name, "CONSTRAINT_TYPE": kind})
    for foreign in each.foreign_keys:
        found["table_constraints"].append({**owner, "CONSTRAINT_NAME": foreign.name, "CONSTRAINT_TYPE": "FOREIGN KEY"})
        for number, (column, target) in enumerate(zip(foreign.columns, foreign.target, strict=True), 1):
            there = {"REFERENCED_TABLE_NAME": foreign.table, "REFERENCED_COLUMN_NAME": target}
            usage = {"CONSTRAINT_NAME": foreign.name, "COLUMN_NAME": column, "ORDINAL_POSITION": number}
            schema = {"REFERENCED_TABLE_SCHEMA": foreign.database or place["TABLE_SCHEMA"]}
            found["key_column_usage"].append(
                {**owner, **usage, **there, **schema, "POSITION_IN_UNIQUE_CONSTRAINT": number}
            )


__all__ = ["NAME", "TABLES", "information"]
