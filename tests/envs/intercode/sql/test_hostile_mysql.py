"""Hostile statements against a real server: an observation within the limits, and nobody else is harmed."""

import time
from collections.abc import Iterator
from pathlib import Path

import pymysql
import pytest

from envs.intercode.sql.dump import Dump, parse_dump
from envs.intercode.sql.mysql import MysqlEngine
from envs.intercode.sql.mysql_connection import GRACE_SECONDS, TIMEOUT
from envs.intercode.sql.mysql_session import MysqlSession
from envs.intercode.sql.result import Limits
from envs.intercode.sql.server import PrivateServer

NUMBERS = ",".join(f"({number},'{number}')" for number in range(400))
TEXT = f"""
CREATE DATABASE `den`;
USE `den`;
CREATE TABLE `n` (`Id` int NOT NULL, `Name` text, PRIMARY KEY (`Id`)) ENGINE=InnoDB;
INSERT INTO `n` VALUES {NUMBERS};
"""

LIMITS = Limits(seconds=1.0, rows=5_000, size=200_000)
SLACK = 3.0


@pytest.fixture(scope="module")
def dump() -> Dump:
    return parse_dump(TEXT)


@pytest.fixture(scope="module")
def engine(server: PrivateServer) -> Iterator[MysqlEngine]:
    made = MysqlEngine(server.host, server.port, server.user, server.password, limits=LIMITS)
    yield made
    made.close()


@pytest.fixture
def session(engine: MysqlEngine, dump: Dump) -> Iterator[MysqlSession]:
    bystander = engine.session(dump)
    bystander.open("den")
    bystander.execute("UPDATE n SET Name = 'mine' WHERE Id = 7")
    opened = engine.session(dump)
    opened.open("den")
    yield opened
    assert bystander.execute("SELECT Name FROM n WHERE Id = 7").rows == (("mine",),)
    opened.open("den")
    assert opened.execute("SELECT COUNT(*), MIN(Name) FROM n").rows == ((400, "0"),)


ENDLESS = (
    "SELECT SLEEP(1000)",
    "SELECT SLEEP(1000) FROM n",
    "SELECT BENCHMARK(1000000000000, MD5('x'))",
    "SELECT COUNT(*) FROM n a, n b, n c, n d WHERE a.Name LIKE CONCAT('%', b.Name, c.Name, d.Name, '%')",
    "WITH RECURSIVE r AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM r) "
    "SELECT COUNT(*) FROM r a, r b, r c WHERE a.i + b.i = c.i",
    "DO SLEEP(1000)",
    "UPDATE n SET Name = SLEEP(1000)",
    "CREATE TABLE big AS SELECT a.Id FROM n a, n b, n c, n d",
    "SET max_statement_time = 0; SELECT SLEEP(1000)",
)


@pytest.mark.parametrize("statement", ENDLESS)
def test_an_endless_statement_ends_in_time(session: MysqlSession, statement: str) -> None:
    started = time.perf_counter()
    result = session.execute(statement)
    assert time.perf_counter() - started < LIMITS.seconds + GRACE_SECONDS + SLACK
    assert result.error is not None
    assert not result.changed


def test_an_agent_cannot_take_the_time_limit_away(session: MysqlSession) -> None:
    assert session.execute("SET SESSION max_statement_time = 0").error is None
    started = time.perf_counter()
    result = session.execute("SELECT SLEEP(1000)")
    assert time.perf_counter() - started < LIMITS.seconds + GRACE_SECONDS + SLACK
    assert result.error == TIMEOUT


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("SELECT a.Id FROM n a, n b, n c", "more than 5000 rows"),
        ("SELECT a.Id, b.Id FROM n a, n b LIMIT 1000000", "more than 5000 rows"),
        ("SELECT REPEAT('x', 100000) FROM n", "more than 200000 characters"),
        ("SELECT REPEAT('x', 10000000)", "more than 200000 characters"),
    ],
)
def test_a_flood_is_cut_off(session: MysqlSession, statement: str, problem: str) -> None:
    result = session.execute(statement)
    assert result.rows is None
    assert problem in str(result.error)
    assert session.execute("SELECT COUNT(*) FROM n").rows == ((400,),)


def test_a_value_beyond_the_packet_is_null_as_on_mysql(session: MysqlSession) -> None:
    assert session.execute("SELECT REPEAT('x', 1000000000)").rows == ((None,),)


DENIED = (
    "SHUTDOWN",
    "CREATE USER evil IDENTIFIED BY 'x'",
    "DROP USER 'mariadb.sys'@'localhost'",
    "GRANT ALL ON *.* TO CURRENT_USER",
    "SET GLOBAL max_connections = 1",
    "SET GLOBAL general_log = 1",
    "SET PASSWORD FOR 'mariadb.sys'@'localhost' = PASSWORD('x')",
    "SELECT * FROM mysql.user",
    "SELECT * FROM slinvit_intercode.loaded",
    "DROP DATABASE slinvit_intercode",
    "DROP DATABASE mysql",
    "CREATE DATABASE mine",
    "SELECT Name FROM n INTO OUTFILE '/tmp/slinvit-hostile'",
    "SELECT 'x' INTO DUMPFILE '/tmp/slinvit-hostile'",
    "LOAD DATA INFILE '/etc/passwd' INTO TABLE n",
    "LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE n",
    "LOCK TABLES n WRITE",
    "FLUSH TABLES WITH READ LOCK",
    "CREATE TRIGGER t BEFORE INSERT ON n FOR EACH ROW SET NEW.Id = 1",
    "CREATE PROCEDURE p() SELECT 1",
    "CREATE FUNCTION f() RETURNS int RETURN 1",
    "CREATE EVENT e ON SCHEDULE EVERY 1 SECOND DO DELETE FROM n",
    "INSTALL SONAME 'ha_connect'",
    "XA START 'x'",
    "/* a comment */ XA START 'x'",
    "/*!99999 SELECT */ XA START 'x'",
    "HANDLER n OPEN",
    "SET PASSWORD = PASSWORD('x')",
    "set /**/ password = 'x'",
    "ALTER USER CURRENT_USER() IDENTIFIED BY 'x'",
    "KILL HARD USER CURRENT_USER",
    "PREPARE s FROM 'SET PASSWORD = PASSWORD(''x'')'",
    "EXECUTE IMMEDIATE 'SET PASSWORD = PASSWORD(''x'')'",
    "BEGIN NOT ATOMIC SET PASSWORD = PASSWORD('x'); END",
    "SET STATEMENT max_statement_time = 0 FOR SELECT 1",
    "IF 1 THEN SELECT 1; END IF",
    "ANALYZE TABLE n",
    "ANALYZE LOCAL TABLE n",
    "OPTIMIZE TABLE n",
    "CREATE TABLE z (a int) DATA DIRECTORY='/tmp/slinvit-hostile'",
    "CREATE TABLE z (a int) ENGINE=MyISAM INDEX /**/ DIRECTORY '/tmp/slinvit-hostile'",
    "CREATE TABLE z (a int COMMENT '\\') DATA DIRECTORY='/tmp/slinvit-hostile' -- '",
    "KILL 1",
    "RESET MASTER",
    "SELECT 1; DROP TABLE n",
)


@pytest.mark.parametrize("statement", DENIED)
def test_what_is_no_business_of_an_agent_is_refused(session: MysqlSession, statement: str) -> None:
    result = session.execute(statement)
    assert result.error is not None
    assert not result.changed
    assert not Path("/tmp/slinvit-hostile").exists()


@pytest.mark.parametrize("table_engine", ["InnoDB", "MyISAM"])
def test_the_private_server_itself_keeps_tables_in_its_folder(
    server: PrivateServer, tmp_path: Path, table_engine: str
) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    folder.chmod(0o777)
    for parent in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        parent.chmod(0o755)
    keeper = pymysql.connect(host=server.host, port=server.port, user=server.user, password=server.password)
    with keeper.cursor() as cursor:
        cursor.execute("CREATE DATABASE elsewhere")
        cursor.execute(f"CREATE TABLE elsewhere.t (a int) ENGINE={table_engine} DATA DIRECTORY='{folder}'")
        cursor.execute("DROP DATABASE elsewhere")
    keeper.close()
    assert list(folder.iterdir()) == []


def test_who_changes_the_password_in_a_hidden_way_harms_nobody(
    session: MysqlSession, engine: MysqlEngine, dump: Dump
) -> None:
    other = engine.session(dump)
    other.open("den")
    other.execute("UPDATE n SET Name = 'other' WHERE Id = 3")
    assert session.execute("SET @a = 1, PASSWORD = PASSWORD('x')").error is None
    assert other.execute("SELECT Name FROM n WHERE Id = 3").rows == (("other",),)
    assert session.execute("SELECT @a").rows == ((1,),)


def test_an_agent_does_not_see_and_cannot_end_the_connections_of_others(
    session: MysqlSession, engine: MysqlEngine
) -> None:
    reader = engine.reader()._number
    session.execute("SET @a = 1")
    listed = session.execute("SELECT id FROM information_schema.processlist").rows
    assert listed is not None
    assert (reader,) not in listed
    assert session.execute(f"KILL {reader}").error is not None
    assert engine.reader()._number == reader
    assert session.execute("KILL USER agent").error is not None


def test_results_in_other_character_sets_are_observations(session: MysqlSession) -> None:
    for charset in ("NULL", "utf16", "latin1", "binary"):
        assert session.execute(f"SET character_set_results = {charset}").error is None
        assert session.execute("SELECT 'größe'").rows == (("größe",),)
        assert session.execute("SHOW TABLES").rows == (("n",),)
    session.execute("SET NAMES latin1")
    assert session.execute("SELECT 'größe'").rows == (("größe",),)


def test_a_result_that_is_no_text_after_all_is_an_observation(engine: MysqlEngine, dump: Dump) -> None:
    engine.session(dump)
    agent = engine.writer()
    mixed = "SET STATEMENT character_set_results = NULL FOR SELECT CONVERT('ö' USING latin1) FROM den.n"
    assert agent.run(mixed).error == "The result is not in utf8mb4"
    assert not agent.open


def test_deep_groups_do_not_end_the_run(session: MysqlSession) -> None:
    result = session.execute("SELECT " + "(" * 3000 + "1" + ")" * 3000 + " GROUP BY 1")
    assert result.error is not None or result.rows is not None


def test_files_of_the_server_cannot_be_read(session: MysqlSession) -> None:
    assert session.execute("SELECT LOAD_FILE('/etc/passwd')").rows == ((None,),)


@pytest.mark.parametrize(
    "statement",
    [
        "DROP DATABASE den",
        "DROP TABLE n",
        "TRUNCATE TABLE n",
        "DELETE FROM n",
        "ALTER TABLE n DROP COLUMN Name",
        "RENAME TABLE n TO m",
        "CREATE OR REPLACE TABLE n (x int)",
        "ALTER DATABASE den CHARACTER SET latin1",
    ],
)
def test_destruction_stays_in_the_episode(session: MysqlSession, statement: str) -> None:
    assert session.execute(statement).error is None
    assert session.image().content is not None
    if "CHARACTER SET" not in statement:
        assert session.execute("SELECT Name FROM n WHERE Id = 399").rows in (None, ())


def test_an_agent_that_ends_its_own_connection_harms_only_its_statement(session: MysqlSession) -> None:
    assert session.execute("KILL CONNECTION_ID()").error is not None
    assert session.execute("SELECT COUNT(*) FROM n").rows == ((400,),)


def test_locks_and_open_transactions_end_with_the_step(session: MysqlSession, engine: MysqlEngine, dump: Dump) -> None:
    session.execute("START TRANSACTION")
    session.execute("UPDATE n SET Name = 'locked'")
    session.execute("SELECT GET_LOCK('slinvit_intercode', 1)")
    other = engine.session(dump)
    other.open("den")
    started = time.perf_counter()
    assert other.execute("UPDATE n SET Name = 'free' WHERE Id = 1").error is None
    assert time.perf_counter() - started < SLACK


@pytest.mark.parametrize(
    "statement",
    [
        "",
        "   ",
        "-- nothing",
        "\0",
        "SELECT '\ud800'",
        "SELECT " + "(" * 3000 + "1" + ")" * 3000,
        "SELECT 1" + " + 1" * 5000,
        "SELECT '" + "x" * 2_000_000,
        "\u200b",
    ],
)
def test_odd_texts_are_observations(session: MysqlSession, statement: str) -> None:
    result = session.execute(statement)
    assert result.error is not None or result.rows is not None
    assert session.execute("SELECT 1").rows == ((1,),)
