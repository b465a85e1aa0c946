"""Statements that flood, drop, or reach for what is outside: each ends within its limits, and harms nobody."""

import resource
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from envs.intercode.sql.dump import Dump
from envs.intercode.sql.result import Limits
from envs.intercode.sql.sqlite import SqliteEngine, SqliteSession, known_plan
from envs.intercode.sql.translation import texts

LIMITS = Limits(seconds=0.3, rows=1_000, size=50_000, storage=1_000_000)
MANY = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "

FLOODS = [
    "SELECT * FROM animal a, animal b, animal c, animal d, animal e",
    "SELECT count(*) FROM " + ", ".join(f"animal a{i}" for i in range(14)),
    MANY + "SELECT * FROM n",
    MANY + "SELECT max(i) FROM n",
    MANY + "SELECT count(DISTINCT CONCAT(i, REPEAT('x', 100000))) FROM n",
    MANY + "SELECT GROUP_CONCAT(REPEAT('x', 10000)) FROM n",
    MANY + "SELECT i FROM n ORDER BY i DESC",
    MANY + "SELECT REPEAT('x', 100000) FROM n",
    "SELECT SLEEP(1000)",
    "SELECT BENCHMARK(1000000000, MD5('x'))",
    "SELECT CONCAT(REPEAT('ab', 40), 'd') REGEXP '(a|b|ab)*(bc|c)*$'",
    "SELECT " + "(" * 3_000 + "1" + ")" * 3_000,
    "SELECT 1" + " + 1" * 4_000,
    "SELECT " + "NOT " * 3_000 + "1",
    "SELECT '" + "a" * 200_000 + "'",
    "CREATE TABLE t AS " + MANY + "SELECT i, REPEAT('x', 1000) AS x FROM n",
    "INSERT INTO shop.item " + MANY + "SELECT i + 10, 'x' FROM n",
]

INTRUSIONS = [
    "ATTACH DATABASE '{path}' AS x",
    "PRAGMA writable_schema = 1",
    "VACUUM INTO '{path}'",
    "SELECT load_extension('{path}')",
    "SELECT writefile('{path}', 'x')",
    "SELECT readfile('/etc/hostname')",
    "SELECT * FROM animal INTO OUTFILE '{path}'",
    "SELECT 'x' INTO DUMPFILE '{path}'",
    "LOAD DATA INFILE '/etc/hostname' INTO TABLE kind",
    "CREATE TABLE t (a INT) DATA DIRECTORY = '{path}'; ATTACH '{path}' AS y",
    "SELECT * FROM sqlite_master",
    "SELECT * FROM pragma_database_list",
    "SELECT randomblob(1000000000)",
    "SELECT zeroblob(1000000000)",
    "SET GLOBAL max_connections = 1",
    "SHUTDOWN",
    "KILL 1",
    "CREATE USER x IDENTIFIED BY 'y'",
    "GRANT ALL ON *.* TO x",
    "CREATE TRIGGER x BEFORE INSERT ON kind FOR EACH ROW SET @a = 1",
    "SELECT * FROM mysql.user",
]

HEAVY = [
    "SELECT LENGTH(TRIM(REPEAT(' ', 4000000)))",
    "SELECT CONV(REPEAT('F', 2000000), 16, 10)",
    "SELECT REPEAT('a', 100000) LIKE '" + "%a" * 60 + "%b'",
    "SELECT REPEAT('a', 1000000) LIKE '%" + "a_" * 500 + "b%'",
    "SELECT " + "CASE " * 30 + "1" + " WHEN 1 THEN 1 WHEN 2 THEN 2 END" * 30,
    "SELECT STR_TO_DATE(REPEAT('1', 100000), REPEAT('%d', 50000))",
    "SELECT LENGTH(LPAD('', 4000000, REPEAT('x', 5000)))",
    "SELECT " + "^".join(["1"] * 40),
    "SELECT LENGTH(REPLACE(REPEAT('a', 4000), 'a', REPEAT('x', 4000000)))",
    "SELECT LENGTH(REGEXP_REPLACE(REPEAT('a', 4000), 'a', REPEAT('x', 2000000)))",
    "SELECT LENGTH(FORMAT(1.5, 2000000000))",
    "SELECT " + "9" * 5_000,
    "SELECT 1 LIMIT " + "9" * 5_000,
    "SELECT 1 FROM animal ORDER BY " + "9" * 5_000,
    "SELECT CONCAT(" + ", ".join(["REPEAT('x', 4000000)"] * 20) + ")",
]

ODD = [
    "",
    ";",
    "\0",
    "\x00SELECT 1",
    "SELECT '\ud800'",
    "\u202e\U0001f4a9",
    "'",
    "`",
    "/*",
    "SELECT /* open",
    "(",
    "\\",
]


@pytest.fixture
def session(zoo: Dump) -> Iterator[SqliteSession]:
    made = SqliteEngine(limits=LIMITS).session(zoo)
    made.open("zoo")
    yield made
    made.close()


@pytest.mark.parametrize("statement", FLOODS, ids=[each[:60] for each in FLOODS])
def test_a_flood_ends_with_an_error_within_its_limits(zoo: Dump, session: SqliteSession, statement: str) -> None:
    neighbour = SqliteEngine(limits=LIMITS).session(zoo)
    neighbour.open("zoo")
    key = session.image().key
    begin = time.monotonic()
    result = session.execute(statement)
    assert result.error is not None
    assert not result.error.startswith("the SQLite engine failed")
    assert time.monotonic() - begin < 10
    assert len(result.observation) < 1_000
    assert session.image().key == key
    for each in (session, neighbour):
        assert each.execute("SELECT count(*) FROM animal").rows == ((5,),)
    neighbour.close()


@pytest.mark.parametrize("statement", INTRUSIONS)
def test_what_is_outside_stays_out_of_reach(session: SqliteSession, tmp_path: Path, statement: str) -> None:
    path = tmp_path / "intruder"
    result = session.execute(statement.format(path=path))
    assert result.error is not None
    assert not path.exists()
    assert session.execute("SELECT count(*) FROM animal").rows == ((5,),)


@pytest.mark.parametrize("statement", HEAVY, ids=[each[:60] for each in HEAVY])
def test_no_function_takes_more_time_or_space_than_its_text_is_worth(session: SqliteSession, statement: str) -> None:
    begin = time.thread_time()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    result = session.execute(statement)
    assert time.thread_time() - begin < 3
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 500_000
    assert len(result.observation) < 1_000


def test_long_texts_and_statements_are_not_remembered(session: SqliteSession) -> None:
    known = texts.known_fold.cache_info().currsize, planned_size()
    session.execute("SELECT STRCMP(CONCAT(REPEAT('x', 8000), Id), 'a') FROM animal")
    session.execute("SELECT " + "1 + " * 700 + "1")
    assert (texts.known_fold.cache_info().currsize, planned_size()) <= (known[0] + 1, known[1] + 1)


def planned_size() -> int:
    return known_plan.cache_info().currsize


def test_files_cannot_be_read_by_load_file(session: SqliteSession) -> None:
    assert session.execute("SELECT LOAD_FILE('/etc/hostname')").rows == ((None,),)


@pytest.mark.parametrize("statement", ODD)
def test_odd_texts_are_answered(session: SqliteSession, statement: str) -> None:
    result = session.execute(statement)
    assert (result.error is None) == (result.rows is not None)
    assert session.execute("SELECT count(*) FROM animal").rows == ((5,),)


def test_texts_longer_than_a_packet_are_null(session: SqliteSession) -> None:
    result = session.execute("SELECT REPEAT('a', 1000000000), LPAD('a', 1000000000, 'b'), SPACE(1000000000)")
    assert result.rows == ((None, None, None),)


def test_dropping_everything_is_undone_by_the_next_episode(zoo: Dump, session: SqliteSession) -> None:
    neighbour = SqliteEngine(limits=LIMITS).session(zoo)
    neighbour.open("zoo")
    start = session.image()
    for statement in ("DROP TABLE animal", "DROP TABLE kind", "DROP DATABASE zoo", "DROP DATABASE shop"):
        assert session.execute(statement).error is None
    assert session.execute("SHOW TABLES").error == "No database selected"
    assert session.execute("SELECT * FROM animal").error == "No database selected"
    assert neighbour.execute("SELECT count(*) FROM animal").rows == ((5,),)
    session.restore(start)
    assert session.execute("SELECT count(*) FROM animal").rows == ((5,),)
    neighbour.close()


def test_a_database_cannot_grow_beyond_its_storage(session: SqliteSession) -> None:
    assert session.execute("CREATE TABLE big (a TEXT)").error is None
    values = ", ".join(["(REPEAT('x', 100000))"] * 20)
    assert session.execute(f"INSERT INTO big VALUES {values}").error == "The table is full"
    assert session.execute("SELECT count(*) FROM big").rows == ((0,),)
