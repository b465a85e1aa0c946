"""The engine on a real MySQL-protocol server."""

import datetime
import multiprocessing
import pickle
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pymysql
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from envs.intercode.sql.dump import Dump, parse_dump, read_dump
from envs.intercode.sql.journal import RECORD
from envs.intercode.sql.mariadb import adapted, message
from envs.intercode.sql.mysql import MysqlEngine
from envs.intercode.sql.mysql_scripts import scripts
from envs.intercode.sql.mysql_session import MysqlSession, reads
from envs.intercode.sql.server import PrivateServer
from slinvit.errors import EnvironmentFailure, InputError, MissingExtra, SnapshotError

TEXT = """
CREATE DATABASE IF NOT EXISTS `garden`;
USE `garden`;
CREATE TABLE `bed` (
  `Id` int NOT NULL AUTO_INCREMENT,
  `Name` varchar(20) DEFAULT NULL,
  `Sown` date DEFAULT NULL,
  `Area` decimal(6,2) DEFAULT NULL,
  `Flags` bit(3) DEFAULT NULL,
  `Depth` double DEFAULT NULL,
  PRIMARY KEY (`Id`)
) ENGINE=InnoDB AUTO_INCREMENT=4 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci;
INSERT INTO `bed` VALUES (1,'North','2020-02-29',1.50,b'101',0.5),(2,'south',NULL,2.25,b'001',1),(3,NULL,NULL,0,NULL,0);
CREATE DATABASE IF NOT EXISTS `pond`;
USE `pond`;
CREATE TABLE `fish` (`Id` int NOT NULL, `Kind` varchar(20), PRIMARY KEY (`Id`)) ENGINE=InnoDB;
INSERT INTO `fish` VALUES (1,'carp'),(2,'eel');
"""

NORTH = "SELECT Name FROM bed WHERE Id = 1"
ALL = "SELECT * FROM bed ORDER BY Id"


@pytest.fixture(scope="module")
def dump() -> Dump:
    return parse_dump(TEXT)


@pytest.fixture(scope="module")
def engine(server: PrivateServer) -> Iterator[MysqlEngine]:
    made = MysqlEngine(server.host, server.port, server.user, server.password)
    yield made
    made.close()


@pytest.fixture
def session(engine: MysqlEngine, dump: Dump) -> MysqlSession:
    opened = engine.session(dump)
    opened.open("garden")
    return opened


def rows(session: MysqlSession, statement: str) -> Any:
    result = session.execute(statement)
    assert result.error is None
    return result.rows


def test_values_come_as_mysqls_own_connector_gives_them_but_for_sets(session: MysqlSession) -> None:
    assert rows(session, ALL) == (
        (1, "North", datetime.date(2020, 2, 29), Decimal("1.50"), 5, 0.5),
        (2, "south", None, Decimal("2.25"), 1, 1.0),
        (3, None, None, Decimal("0.00"), None, 0.0),
    )
    assert rows(session, "SELECT SUM(Id), AVG(Id), COUNT(*), 7 / 2, TIME '10:00:01' FROM bed") == (
        (Decimal(6), Decimal("2.0000"), 3, Decimal("3.5000"), datetime.timedelta(hours=10, seconds=1)),
    )
    session.execute("CREATE TABLE tag (Names set('p', 'q', 'r'))")
    session.execute("INSERT INTO tag VALUES ('q,p')")
    # The connector's is a Python set, whose order changes from run to run.
    assert rows(session, "SELECT Names FROM tag") == (("p,q",),)


def test_observations_read_as_the_original_prints_them(session: MysqlSession) -> None:
    assert session.execute(NORTH).observation == "[('North',)]"
    assert session.execute("INSERT INTO bed (Name) VALUES ('x')").observation == "None"
    missing = session.execute("SELECT * FROM shed").observation
    assert missing == "Error executing query: Table 'garden.shed' doesn't exist"
    unknown = session.execute("SELECT Nam FROM bed").observation
    assert unknown == "Error executing query: Unknown column 'Nam' in 'field list'"
    assert "MySQL server version" in session.execute("SELEC 1").observation


def test_agents_see_and_use_their_databases_only(session: MysqlSession) -> None:
    names = {name for (name,) in rows(session, "SHOW DATABASES")}
    assert names == {"garden", "pond", "information_schema"}
    assert rows(session, "SHOW TABLES") == (("bed",),)
    assert rows(session, "SELECT Kind FROM pond.fish WHERE Id = 2") == (("eel",),)
    moved = session.execute("USE pond")
    assert moved.changed
    assert session.image().database == "pond"
    assert rows(session, "SELECT COUNT(*) FROM FISH") == ((2,),)
    assert session.catalog.database == "pond"


def test_names_of_columns_are_given(session: MysqlSession) -> None:
    assert session.execute("SELECT Id, Name AS n FROM bed").columns == ("Id", "n")
    fields = session.execute("DESCRIBE bed")
    assert fields.columns == ("Field", "Type", "Null", "Key", "Default", "Extra")


def test_sessions_do_not_see_what_others_write(engine: MysqlEngine, dump: Dump) -> None:
    one, other = engine.session(dump), engine.session(dump)
    one.open("garden")
    other.open("garden")
    assert one.execute("UPDATE bed SET Name = 'one' WHERE Id = 1").changed
    assert other.execute("UPDATE bed SET Name = 'other' WHERE Id = 1").changed
    assert other.execute("DROP TABLE pond.fish").changed
    assert rows(one, NORTH) == (("one",),)
    assert rows(other, NORTH) == (("other",),)
    assert rows(one, "SELECT COUNT(*) FROM pond.fish") == ((2,),)
    assert other.execute("SELECT COUNT(*) FROM pond.fish").error == "Table 'pond.fish' doesn't exist"
    one.open("garden")
    assert rows(one, NORTH) == (("North",),)


def test_an_image_restores_rows_tables_counters_and_settings(session: MysqlSession) -> None:
    pristine = session.image()
    session.execute("INSERT INTO bed (Name) VALUES ('new')")
    session.execute("CREATE TABLE tool (Id int PRIMARY KEY)")
    session.execute("SET @wish = 'rain'")
    changed = session.image()
    before = rows(session, ALL), rows(session, "SHOW TABLES"), rows(session, "SELECT @wish")
    assert before[0][-1][:2] == (4, "new")
    assert before[1:] == ((("bed",), ("tool",)), (("rain",),))
    session.restore(pristine)
    assert rows(session, "SHOW TABLES") == (("bed",),)
    assert rows(session, "SELECT @wish") == ((None,),)
    assert session.execute("INSERT INTO bed (Name) VALUES ('again')").changed
    assert rows(session, "SELECT MAX(Id) FROM bed") == ((4,),)
    session.restore(pickle.loads(pickle.dumps(changed)))
    assert (rows(session, ALL), rows(session, "SHOW TABLES"), rows(session, "SELECT @wish")) == before
    assert "tool" in session.catalog.tables


def test_the_schema_of_an_image_is_known_to_another_session(engine: MysqlEngine, dump: Dump) -> None:
    one, other = engine.session(dump), engine.session(dump)
    one.open("garden")
    one.execute("ALTER TABLE bed ADD COLUMN Note text")
    other.restore(one.image())
    table = other.catalog.table("bed")
    assert table is not None
    assert table.column("note") is not None


def test_equal_content_has_equal_keys(session: MysqlSession) -> None:
    pristine = session.image()
    session.execute("UPDATE bed SET Name = 'x' WHERE Id = 2")
    once = session.image()
    assert once.key != pristine.key
    session.execute("UPDATE bed SET Name = 'y' WHERE Id = 2")
    session.execute("UPDATE bed SET Name = 'x' WHERE Id = 2")
    assert session.image().key == once.key
    session.execute("UPDATE bed SET Name = 'south' WHERE Id = 2")
    assert session.image().key == pristine.key
    assert not session.execute("DELETE FROM bed WHERE Id > 100").changed


def test_time_and_chance_are_the_same_when_a_journal_runs_again(session: MysqlSession) -> None:
    session.execute("CREATE TABLE dice (Roll double, At datetime)")
    session.execute("INSERT INTO dice VALUES (RAND(), NOW())")
    first = rows(session, "SELECT * FROM dice")
    assert first == rows(session, "SELECT * FROM dice")


def test_temporary_tables_last_as_long_as_the_episode(engine: MysqlEngine, session: MysqlSession, dump: Dump) -> None:
    assert session.execute("CREATE TEMPORARY TABLE few AS SELECT * FROM bed WHERE Id < 3").changed
    assert rows(session, "SELECT COUNT(*) FROM few") == ((2,),)
    before = session.image()
    assert session.execute("DELETE FROM few WHERE Id = 1").changed
    assert rows(session, "SELECT Id FROM few") == ((2,),)
    assert session.image().key != before.key
    session.restore(before)
    assert rows(session, "SELECT COUNT(*) FROM few") == ((2,),)
    session.execute("DROP TABLE few")
    assert session.execute("SELECT COUNT(*) FROM few").error == "Table 'garden.few' doesn't exist"
    other = engine.session(dump)
    other.open("garden")
    assert other.execute("SELECT COUNT(*) FROM few").error is not None


@pytest.mark.parametrize(
    "statement",
    [
        "EXPLAIN UPDATE bed SET Name = 'x'",
        "EXPLAIN DELETE FROM bed",
        "CHECKSUM TABLE bed",
        "BEGIN",
        "START TRANSACTION;",
        "COMMIT",
        "ROLLBACK WORK",
    ],
)
def test_what_leaves_nothing_behind_changes_nothing(session: MysqlSession, statement: str) -> None:
    before = session.image()
    result = session.execute(statement)
    assert result.error is None
    assert not result.changed
    assert session.image() == before


def test_a_setting_twice_is_kept_once_and_transactions_still_end(session: MysqlSession) -> None:
    assert session.execute("SET SESSION div_precision_increment = 2").changed
    once = session.image()
    assert not session.execute("SET SESSION div_precision_increment = 2").changed
    assert session.image() == once
    session.execute("SET @n = 1")
    session.execute("SET @n = @n + 1")
    session.execute("SET @n = @n + 1")
    assert rows(session, "SELECT @n") == ((3,),)
    session.execute("DELETE FROM bed WHERE Id = 1")
    session.execute("COMMIT")
    session.execute("DELETE FROM bed WHERE Id = 2")
    session.execute("ROLLBACK")
    assert rows(session, "SELECT COUNT(*) FROM bed") == ((2,),)


def test_the_name_and_the_password_of_the_account_are_not_shown(session: MysqlSession) -> None:
    assert rows(session, "SELECT SUBSTRING_INDEX(USER(), '@', 1), CURRENT_USER()") == (("agent", "agent@%"),)
    grants = rows(session, "SHOW GRANTS")
    assert grants[0][0].startswith("GRANT USAGE ON *.* TO `agent`@`%` IDENTIFIED BY PASSWORD '*'")
    session.execute("CREATE VIEW north AS SELECT * FROM bed WHERE Id = 1")
    assert "slinvit_" not in str(rows(session, "SHOW CREATE VIEW north"))


def test_another_process_finds_equal_content_equal(server: PrivateServer, session: MysqlSession, dump: Dump) -> None:
    session.execute("CREATE VIEW north AS SELECT * FROM bed WHERE Id = 1")
    engine = MysqlEngine(server.host, server.port, server.user, server.password)
    other = engine.session(dump)
    other.open("garden")
    other.execute("CREATE VIEW north AS SELECT * FROM bed WHERE Id = 1")
    assert other.image().key == session.image().key
    engine.close()


def test_a_commit_does_not_outlast_the_episode(engine: MysqlEngine, session: MysqlSession, dump: Dump) -> None:
    session.execute("DELETE FROM bed")
    session.execute("COMMIT")
    session.execute("DROP DATABASE pond")
    assert rows(session, "SELECT COUNT(*) FROM bed") == ((0,),)
    assert session.execute("USE pond").error == "Unknown database 'pond'"
    fresh = engine.session(dump)
    fresh.open("pond")
    assert rows(fresh, "SELECT COUNT(*) FROM garden.bed") == ((3,),)


def test_dropping_the_current_database_leaves_none(session: MysqlSession) -> None:
    session.execute("DROP DATABASE garden")
    assert session.image().database is None
    assert session.execute(NORTH).error == "No database selected"
    session.execute("USE pond")
    assert rows(session, "SELECT COUNT(*) FROM fish") == ((2,),)


def test_an_image_of_another_dump_is_refused(session: MysqlSession, engine: MysqlEngine) -> None:
    other = engine.session(parse_dump(TEXT.replace("garden", "meadow").replace("pond", "lake")))
    other.open("meadow")
    with pytest.raises(SnapshotError):
        session.restore(other.image())


def test_an_unknown_database_is_an_input_error(session: MysqlSession) -> None:
    with pytest.raises(InputError, match="did you mean 'garden'"):
        session.open("gardn")


def test_a_database_of_somebody_else_is_never_touched(server: PrivateServer) -> None:
    keeper = pymysql.connect(host=server.host, port=server.port, user=server.user, password=server.password)
    with keeper.cursor() as cursor:
        cursor.execute("CREATE DATABASE attic")
        cursor.execute("CREATE TABLE attic.heirloom (Id int)")
    engine = MysqlEngine(server.host, server.port, server.user, server.password)
    with pytest.raises(InputError, match="attic"):
        engine.session(parse_dump("CREATE DATABASE `attic`;\nUSE `attic`;\nCREATE TABLE `box` (`Id` int);"))
    engine.close()
    with keeper.cursor() as cursor:
        cursor.execute("SHOW TABLES FROM attic")
        assert cursor.fetchall() == (("heirloom",),)
        cursor.execute("DROP DATABASE attic")
    keeper.close()


def test_a_database_loaded_by_hand_is_taken_over_and_damage_of_a_crash_repaired(server: PrivateServer) -> None:
    text = "CREATE DATABASE `cellar`;\nUSE `cellar`;\nCREATE TABLE `jar` (`Id` int);\nINSERT INTO `jar` VALUES (1),(2);"
    keeper = pymysql.connect(
        host=server.host, port=server.port, user=server.user, password=server.password, autocommit=True
    )
    with keeper.cursor() as cursor:
        for statement in text.split(";")[:-1]:
            cursor.execute(statement)
    for damage in ("SELECT 1", "DELETE FROM cellar.jar", "DROP TABLE cellar.jar"):
        with keeper.cursor() as cursor:
            cursor.execute(damage)
        engine = MysqlEngine(server.host, server.port, server.user, server.password)
        session = engine.session(parse_dump(text))
        session.open("cellar")
        assert rows(session, "SELECT COUNT(*) FROM jar") == ((2,),)
        engine.close()
    with keeper.cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM mysql.user WHERE user LIKE 'slinvit\\_%'")
        left = cursor.fetchone()
        cursor.execute("DROP DATABASE cellar")
        cursor.execute(f"DELETE FROM {RECORD}.loaded WHERE name = 'cellar'")
    keeper.close()
    assert left is not None
    # Those of this module's own engine.
    assert left[0] <= 2


@pytest.mark.parametrize("host", ["a..b", "x" * 70])
def test_a_host_that_is_no_name_is_an_input_error(host: str) -> None:
    with pytest.raises(InputError, match="--engine mysql:HOST"):
        MysqlEngine(host)


def test_accounts_of_a_connection_that_broke_are_dropped_later(server: PrivateServer, dump: Dump) -> None:
    engine = MysqlEngine(server.host, server.port, server.user, server.password)
    engine.session(dump)
    old = {account.address.user for account in engine._accounts}
    engine._kill(engine._connection.thread_id())  # type: ignore[no-untyped-call]
    assert not engine.alive()
    engine.session(dump)
    users = {user for (user,) in engine._ask("SELECT user FROM mysql.user")}
    assert len(old) == 2
    assert not old & users
    new = {account.address.user for account in engine._accounts}
    assert new <= users
    engine.close()


def test_no_server_is_an_input_error_that_says_how_to_name_one() -> None:
    with pytest.raises(InputError, match=r"127\.0\.0\.1:1 .*--engine mysql:HOST"):
        MysqlEngine("127.0.0.1", 1)


def test_without_the_driver_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pymysql", None)
    with pytest.raises(MissingExtra, match=r"slinvit\[intercode\]"):
        MysqlEngine()


def test_a_server_that_goes_away_fails_the_episode_and_the_next_open_connects_again(dump: Dump) -> None:
    with PrivateServer() as server:
        engine = MysqlEngine(server.host, server.port, server.user, server.password)
        session, other = engine.session(dump), engine.session(dump)
        session.open("garden")
        other.open("pond")
        session.execute("UPDATE bed SET Name = 'x' WHERE Id = 1")
        image = session.image()
        engine._kill(engine._connection.thread_id())  # type: ignore[no-untyped-call]
        with pytest.raises(EnvironmentFailure, match=f"127.0.0.1:{server.port}"):
            session.execute(NORTH)
        other.open("pond")
        assert rows(other, "SELECT COUNT(*) FROM fish") == ((2,),)
        session.restore(image)
        assert rows(session, NORTH) == (("x",),)
        server.close()
        with pytest.raises(EnvironmentFailure, match=f"127.0.0.1:{server.port}"):
            session.execute(NORTH)
        with pytest.raises(EnvironmentFailure, match=f"127.0.0.1:{server.port}"):
            session.open("garden")
        engine.close()


def _write_and_read(port: int, user: str, password: str, number: int) -> bool:
    engine = MysqlEngine("127.0.0.1", port, user, password)
    session = engine.session(parse_dump(TEXT))
    good = True
    for turn in range(8):
        session.open("garden")
        session.execute(f"UPDATE bed SET Name = 'worker {number}.{turn}' WHERE Id = 1")
        if turn % 3 == number % 3:
            session.execute("DROP TABLE pond.fish")
        good = good and session.execute(NORTH).rows == ((f"worker {number}.{turn}",),)
        good = good and (session.execute("SELECT 1 FROM pond.fish").error is None) == (turn % 3 != number % 3)
    engine.close()
    return good


def test_workers_share_one_server_without_seeing_each_other(server: PrivateServer) -> None:
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        jobs = [(server.port, server.user, server.password, number) for number in range(3)]
        assert pool.starmap(_write_and_read, jobs) == [True] * 3


COMMANDS = st.sampled_from(
    [
        "UPDATE bed SET Area = Area + 1",
        "INSERT INTO bed (Name) VALUES ('more')",
        "DELETE FROM bed WHERE Id = 1",
        "DROP TABLE IF EXISTS pond.fish",
        "CREATE TABLE IF NOT EXISTS tool (Id int)",
        "USE pond",
        "USE garden",
        "SELECT * FROM bed",
        "SELECT nonsense",
    ]
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(prefix=st.lists(COMMANDS, max_size=4), branches=st.lists(COMMANDS, min_size=2, max_size=4))
def test_branches_from_one_image_leave_each_other_untouched(
    session: MysqlSession, prefix: list[str], branches: list[str]
) -> None:
    session.open("garden")
    for command in prefix:
        session.execute(command)
    root = session.image()
    seen = []
    for command in branches:
        session.restore(root)
        result = session.execute(command)
        seen.append((result.observation, session.image().key))
    for command, expected in zip(reversed(branches), reversed(seen), strict=True):
        session.restore(root)
        result = session.execute(command)
        assert (result.observation, session.image().key) == expected


def test_queries_are_told_from_what_leaves_something_behind() -> None:
    for query in ("select 1", " (SELECT 1)", "SHOW TABLES", "desc t", "WITH a AS (SELECT 1) SELECT * FROM a", "use x"):
        assert reads(query)
    assert reads("SELECT * FROM t WHERE mail = 'a@b.c' AND note = 'delete into @x'")
    for query in (
        "SELECT 1 INTO @a",
        "SELECT @a := 1",
        "WITH a AS (SELECT 1) DELETE FROM t",
        "SELECT GET_LOCK('a', 1)",
    ):
        assert not reads(query)
    for statement in ("INSERT INTO t VALUES (1)", "SET @a = 1", "/*! DROP TABLE t */", "", "hello", "COMMIT"):
        assert not reads(statement)


def test_groups_come_in_the_order_they_are_found(session: MysqlSession) -> None:
    assert rows(session, "SELECT Name FROM bed GROUP BY Name") == (("North",), ("south",), (None,))
    assert rows(session, "SELECT Area, COUNT(*) FROM bed GROUP BY Area LIMIT 2") == (
        (Decimal("1.50"), 1),
        (Decimal("2.25"), 1),
    )
    assert rows(session, "SELECT ANY_VALUE(Name) FROM bed WHERE Id = 2 GROUP BY Area") == (("south",),)


@pytest.mark.parametrize(
    ("given_text", "wanted"),
    [
        ("select a from t group by a", "select a from t group by a ORDER BY NULL"),
        ("select a from t group by a limit 3;", "select a from t group by a ORDER BY NULL limit 3;"),
        ("select a from t group by a order by a", "select a from t group by a order by a"),
        ("select a from t group by a with rollup", "select a from t group by a with rollup"),
        ("select `group` from t", "select `group` from t"),
        ("drop group by", "drop group by"),
        ("select 'any_value' x, any_value from t", "select 'any_value' x, any_value from t"),
        ("select 'ANY_VALUE', a from t group by a", "select 'ANY_VALUE', a from t group by a ORDER BY NULL"),
        ("select " + "(" * 3000 + "1" + ")" * 3000 + " group by 1",) * 2,
        ("select any_value(b) from t group by a", "select (b) from t group by a ORDER BY NULL"),
    ],
)
def test_statements_are_adapted_to_mariadb(given_text: str, wanted: str) -> None:
    assert adapted(given_text) == wanted


def test_messages_are_in_mysqls_words() -> None:
    assert message("Unknown column 'x' in 'WHERE'") == "Unknown column 'x' in 'where clause'"
    assert message("your MariaDB server") == "your MySQL server"


def test_a_dump_is_cut_into_databases_without_its_accounts() -> None:
    text = "CREATE USER 'a'@'%' IDENTIFIED BY 'b';\nGRANT ALL ON *.* TO 'a'@'%';\n" + TEXT
    cut = scripts(parse_dump(text), mariadb=True)
    assert list(cut) == ["garden", "pond"]
    garden, pond = ("".join(cut[name]) for name in cut)
    assert "GRANT" not in garden + pond
    assert "0900" not in garden
    assert "fish" not in garden


def test_a_dump_without_databases_gets_one() -> None:
    plain = parse_dump("CREATE TABLE `t` (`Id` int);", name="solo")
    assert scripts(plain, mariadb=False)["solo"][0].startswith("CREATE DATABASE `solo`")


ROUTINES = """CREATE DATABASE `mill`;
USE `mill`;
CREATE TABLE `sack` (`Id` int NOT NULL, PRIMARY KEY (`Id`));
INSERT INTO `sack` VALUES (1),(2);
DELIMITER ;;
/*!50003 CREATE*/ /*!50017 DEFINER=`app`@`localhost`*/ /*!50003 TRIGGER `t` BEFORE INSERT ON `sack` FOR EACH ROW
BEGIN SET NEW.Id = 7; END */;;
DELIMITER ;
/*!50001 DROP VIEW IF EXISTS `heavy`*/;
/*!50001 CREATE ALGORITHM=UNDEFINED */
/*!50013 DEFINER=`app`@`localhost` SQL SECURITY DEFINER */
/*!50001 VIEW `heavy` AS select `sack`.`Id` AS `Id` from `sack` where (`sack`.`Id` > 1) */;
"""


def test_dumps_with_triggers_and_views_of_other_accounts_load(server: PrivateServer) -> None:
    engine = MysqlEngine(server.host, server.port, server.user, server.password)
    session = engine.session(parse_dump(ROUTINES))
    session.open("mill")
    assert rows(session, "SHOW TABLES") == (("heavy",), ("sack",))
    assert rows(session, "SELECT Id FROM heavy") == ((2,),)
    assert "SQL SECURITY INVOKER" in rows(session, "SHOW CREATE VIEW heavy")[0][1]
    session.execute("INSERT INTO sack VALUES (5)")
    assert rows(session, "SELECT Id FROM heavy") == ((2,), (5,))
    engine._ask("DELETE FROM slinvit_intercode.loaded WHERE name = 'mill'")
    engine.close()
    again = MysqlEngine(server.host, server.port, server.user, server.password)
    adopted = again.session(parse_dump(ROUTINES))
    assert again.provenance()["statistics"] == "the server's"
    adopted.open("mill")
    assert rows(adopted, "SELECT Id FROM heavy") == ((2,),)
    again._ask("DROP DATABASE mill")
    again.close()


def test_a_database_larger_than_a_packet_loads(server: PrivateServer) -> None:
    line = f"INSERT INTO `t` VALUES ('{'x' * 60_000}');\n"
    text = "CREATE DATABASE `big`;\nUSE `big`;\nCREATE TABLE `t` (`a` text) ENGINE=InnoDB;\n" + 300 * line
    engine = MysqlEngine(server.host, server.port, server.user, server.password)
    session = engine.session(parse_dump(text))
    session.open("big")
    assert rows(session, "SELECT COUNT(*), SUM(LENGTH(a)) FROM t") == ((300, Decimal(18_000_000)),)
    engine._ask("DROP DATABASE big")
    engine.close()


@pytest.mark.parametrize(
    ("collation", "same"), [("0900_ai_ci", 1), ("0900_as_cs", 0), ("0900_bin", 0), ("de_pb_0900_ai_ci", 1)]
)
def test_collations_of_mysql_8_become_those_nearest_and_texts_stay(
    server: PrivateServer, collation: str, same: int
) -> None:
    name = f"utf8mb4_{collation}"
    text = (
        f"CREATE DATABASE `words` /*!40100 DEFAULT CHARACTER SET utf8mb4 COLLATE {name} */;\nUSE `words`;\n"
        f"CREATE TABLE `w` (`a` varchar(40) COLLATE {name}) DEFAULT CHARSET=utf8mb4 COLLATE={name};\n"
        f"INSERT INTO `w` VALUES ('{name}'),('É');"
    )
    engine = MysqlEngine(server.host, server.port, server.user, server.password)
    session = engine.session(parse_dump(text))
    session.open("words")
    assert rows(session, f"SELECT COUNT(*) FROM w WHERE a = '{name}'") == ((1,),)
    assert rows(session, "SELECT COUNT(*) FROM w WHERE a = 'e'") == ((same,),)
    engine._ask("DROP DATABASE words")
    engine.close()


def test_a_dump_that_the_server_refuses_is_an_input_error_and_leaves_nothing(server: PrivateServer) -> None:
    text = "CREATE DATABASE `odd`;\nUSE `odd`;\nCREATE TABLE `t` (`a` int);\nINSERT INTO `t` VALUES (1);\n"
    engine = MysqlEngine(server.host, server.port, server.user, server.password)
    with pytest.raises(InputError, match=r"refuses the dump's database 'odd': Duplicate entry '1'"):
        engine.session(
            parse_dump(text + "CREATE TABLE `u` (`a` int, PRIMARY KEY (`a`));\nINSERT INTO `u` VALUES (1),(1);")
        )
    session = engine.session(parse_dump(text))
    session.open("odd")
    assert rows(session, "SELECT * FROM t") == ((1,),)
    engine._ask("DROP DATABASE odd")
    engine.close()


def test_names_with_patterns_and_quotes_give_rights_on_themselves_only(server: PrivateServer) -> None:
    text = "".join(
        f"CREATE DATABASE `{name}`;\nUSE `{name}`;\nCREATE TABLE `it's` (`a` int);\nINSERT INTO `it's` VALUES (1);\n"
        for name in ("50%", "o'clock", "a_b")
    )
    engine = MysqlEngine(server.host, server.port, server.user, server.password)
    for other in ("50percent", "axb"):
        engine._ask(f"CREATE DATABASE `{other}`")
        engine._ask(f"CREATE TABLE `{other}`.t (a int)")
    session = engine.session(parse_dump(text))
    for name in ("50%", "o'clock", "a_b"):
        session.open(name)
        assert rows(session, "SELECT * FROM `it's`") == ((1,),)
        assert session.execute("DELETE FROM `it's`").changed
    for other in ("50percent", "axb"):
        assert "denied" in str(session.execute(f"SELECT * FROM `{other}`.t").error)
    for name in ("50%", "o'clock", "a_b", "50percent", "axb"):
        engine._ask(f"DROP DATABASE `{name}`")
    engine.close()


def test_on_servers_that_recalculate_statistics_tables_are_made_without() -> None:
    cut = scripts(parse_dump(TEXT), mariadb=False, fixed=True)
    assert "PRIMARY KEY (`Id`)\n) STATS_PERSISTENT=1 STATS_AUTO_RECALC=0  ENGINE=InnoDB" in cut["garden"][0]
    assert "utf8mb4_0900_ai_ci" in cut["garden"][0]


def test_rules_are_off_where_the_session_has_relaxed_them(session: MysqlSession) -> None:
    loose = "SELECT Name, COUNT(*) FROM bed"
    assert "only_full_group_by" in str(session.execute(loose).error)
    session.execute("SET sql_mode = ''")
    assert session.execute(loose).error is None


def test_the_real_dump_loads_unmodified_and_gold_queries_run(server: PrivateServer, dump_file: Path) -> None:
    engine = MysqlEngine(server.host, server.port, server.user, server.password)
    real = read_dump(dump_file)
    session = engine.session(real)
    session.open("world_1")
    assert rows(session, "SELECT COUNT(*) FROM city") == ((len(real.databases["world_1"].rows["city"]),),)
    assert engine.provenance()["rules"] == "checked before"
    assert engine.provenance()["statistics"] == "as loaded"
    engine.close()


TIES = "SELECT document_id FROM Paragraphs GROUP BY document_id ORDER BY count(*) LIMIT 1"


def test_ties_and_plans_are_the_same_in_every_connection_and_server(server: PrivateServer, dump_file: Path) -> None:
    real = read_dump(dump_file)
    found = set()
    with PrivateServer() as another:
        for place in (server, another, server, another):
            engine = MysqlEngine(place.host, place.port, place.user, place.password)
            session = engine.session(real)
            session.open("cre_doc_template_mgt")
            found.add((session.execute(TIES).rows, session.execute(f"EXPLAIN {TIES}").rows))
            session.execute("DROP TABLE paragraphs")
            session.open("cre_doc_template_mgt")
            found.add((session.execute(TIES).rows, session.execute(f"EXPLAIN {TIES}").rows))
            stored = "SELECT n_rows FROM mysql.innodb_table_stats WHERE table_name = 'paragraphs'"
            assert engine._ask(stored) == ((len(real.databases["cre_doc_template_mgt"].rows["paragraphs"]),),)
            engine.close()
    assert len(found) == 1
