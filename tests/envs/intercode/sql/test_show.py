"""SHOW, DESCRIBE and information_schema, as MySQL 8 answers them."""

from collections.abc import Iterator
from typing import Any

import pytest

from envs.intercode.sql.dump import Dump
from envs.intercode.sql.sqlite import SqliteEngine, SqliteSession


@pytest.fixture(scope="module")
def session(zoo: Dump) -> Iterator[SqliteSession]:
    made = SqliteEngine().session(zoo)
    made.open("zoo")
    yield made
    made.close()


FIELDS = ("Field", "Type", "Null", "Key", "Default", "Extra")
KIND = [
    ("Code", "char(3)", "NO", "PRI", "", ""),
    ("Name", "varchar(20)", "YES", "", None, ""),
    ("Legs", "int", "YES", "", None, ""),
    ("Size", "text", "YES", "", None, ""),
]

ANSWERS: list[tuple[str, tuple[str, ...], list[tuple[Any, ...]]]] = [
    ("SHOW TABLES", ("Tables_in_zoo",), [("animal",), ("kind",)]),
    ("show tables;", ("Tables_in_zoo",), [("animal",), ("kind",)]),
    ("SHOW TABLES LIKE 'k%'", ("Tables_in_zoo (k%)",), [("kind",)]),
    ("SHOW TABLES FROM shop", ("Tables_in_shop",), [("item",)]),
    ("SHOW FULL TABLES IN shop", ("Tables_in_shop", "Table_type"), [("item", "BASE TABLE")]),
    ("SHOW DATABASES LIKE '%o'", ("Database",), [("zoo",)]),
    ("SHOW SCHEMAS LIKE '%s%'", ("Database",), [("information_schema",), ("mysql",), ("performance_schema",), ("shop",),
                                                ("sys",)]),
    ("DESCRIBE kind", FIELDS, KIND),
    ("DESC `zoo`.`KIND`;", FIELDS, KIND),
    ("EXPLAIN kind", FIELDS, KIND),
    ("DESC kind Legs", FIELDS, KIND[2:3]),
    ("SHOW COLUMNS FROM kind", FIELDS, KIND),
    ("SHOW FIELDS IN kind FROM zoo LIKE '%e'", FIELDS, [KIND[0], KIND[1], KIND[3]]),
    ("SHOW COLUMNS FROM kind WHERE Field = 'legs'", FIELDS, [KIND[2]]),
    ("SHOW WARNINGS", ("Level", "Code", "Message"), []),
]  # fmt: skip


@pytest.mark.parametrize(("statement", "columns", "rows"), ANSWERS, ids=[each[0] for each in ANSWERS])
def test_the_schema_is_told_as_mysql_tells_it(
    session: SqliteSession, statement: str, columns: tuple[str, ...], rows: list[tuple[Any, ...]]
) -> None:
    result = session.execute(statement)
    assert (result.error, result.columns, list(result.rows or ())) == (None, columns, rows)


def test_keys_are_marked_as_primary_unique_or_multiple(session: SqliteSession) -> None:
    rows = session.execute("DESC animal").rows or ()
    assert [(row[0], row[3]) for row in rows if row[3]] == [("Id", "PRI"), ("Kind", "MUL")]
    assert rows[0][5] == "auto_increment"


def test_indexes_and_definitions_are_told(session: SqliteSession) -> None:
    indexes = session.execute("SHOW INDEX FROM animal")
    assert [row[:7] for row in indexes.rows or ()] == [
        ("animal", 0, "PRIMARY", 1, "Id", "A", 5),
        ("animal", 1, "by_kind", 1, "Kind", "A", 5),
    ]
    rows = session.execute("SHOW CREATE TABLE animal").rows or ()
    assert rows[0][0] == "animal"
    assert "`Id` int NOT NULL AUTO_INCREMENT" in rows[0][1]
    assert "CONSTRAINT `animal_kind` FOREIGN KEY (`Kind`) REFERENCES `kind` (`Code`)" in rows[0][1]


def test_what_is_shown_can_be_read_again(zoo: Dump) -> None:
    session = SqliteEngine().session(zoo)
    session.open("zoo")
    shown = (session.execute("SHOW CREATE TABLE kind").rows or ())[0][1]
    assert session.execute(shown.replace("`kind`", "`again`")).error is None
    assert session.execute("DESC again").rows == session.execute("DESC kind").rows
    session.close()


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("DESC nothing", "Table 'zoo.nothing' doesn't exist"),
        ("SHOW COLUMNS FROM nothing", "Table 'zoo.nothing' doesn't exist"),
        ("SHOW TABLES FROM nowhere", "Unknown database 'nowhere'"),
        ("DESC nowhere.kind", "Unknown database 'nowhere'"),
        ("DESC", "error in your SQL syntax"),
        ("SHOW", "error in your SQL syntax"),
        ("SHOW NONSENSE", "error in your SQL syntax"),
        ("SHOW TABLES kind", "error in your SQL syntax"),
    ],
)
def test_what_cannot_be_shown_is_refused(session: SqliteSession, statement: str, message: str) -> None:
    assert message in str(session.execute(statement).error)


@pytest.mark.parametrize(
    ("statement", "rows"),
    [
        ("SELECT table_name FROM information_schema.tables WHERE table_schema = 'ZOO'", (("animal",), ("kind",))),
        (
            "SELECT COLUMN_NAME, DATA_TYPE, ORDINAL_POSITION FROM information_schema.columns"
            " WHERE table_name = 'kind' AND is_nullable = 'NO'",
            (("Code", "char", 1),),
        ),
        ("SELECT count(*) FROM INFORMATION_SCHEMA.SCHEMATA WHERE schema_name = DATABASE()", ((1,),)),
        (
            "SELECT column_name, referenced_table_name FROM information_schema.key_column_usage"
            " WHERE referenced_table_name IS NOT NULL",
            (("Kind", "kind"),),
        ),
    ],
)
def test_information_schema_can_be_queried(
    session: SqliteSession, statement: str, rows: tuple[tuple[Any, ...], ...]
) -> None:
    assert session.execute(statement).rows == rows


def test_information_schema_knows_what_an_agent_made(zoo: Dump) -> None:
    session = SqliteEngine().session(zoo)
    session.open("zoo")
    session.execute("CREATE TABLE made (a INT)")
    found = session.execute("SELECT column_name FROM information_schema.columns WHERE table_name = 'made'")
    assert found.rows == (("a",),)
    assert "Access denied" in str(session.execute("DELETE FROM information_schema.tables").error)
    session.close()


def test_use_changes_the_database_and_the_situation(zoo: Dump) -> None:
    session = SqliteEngine().session(zoo)
    session.open("zoo")
    assert session.execute("USE `Shop`").changed
    assert session.execute("SHOW TABLES").rows == (("item",),)
    assert not session.execute("USE shop").changed
    session.close()
