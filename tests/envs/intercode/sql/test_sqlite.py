"""Sessions of the SQLite engine: what agents change, and how it is put back."""

import json
import pickle
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from envs.intercode.sql.catalog import Catalog
from envs.intercode.sql.dump import Dump, read_dump
from envs.intercode.sql.result import Limits, Result
from envs.intercode.sql.sqlite import SqliteEngine, SqliteSession
from slinvit.errors import InputError

WRITES = [
    "INSERT INTO animal (Name, Kind) VALUES ('Kim', 'DOG')",
    "INSERT INTO kind VALUES ('COW', 'Cow', 4, NULL) ON DUPLICATE KEY UPDATE Name = VALUES(Name)",
    "REPLACE INTO shop.item VALUES (1, 'nuts')",
    "UPDATE animal SET Name = UPPER(Name), Weight = Weight * 2 WHERE Kind = 'cat'",
    "DELETE FROM animal WHERE Id > 3 LIMIT 1",
    "CREATE TABLE t (a INT PRIMARY KEY AUTO_INCREMENT, b VARCHAR(5))",
    "CREATE TABLE u AS SELECT Name, count(*) AS n FROM animal GROUP BY Name",
    "ALTER TABLE kind ADD COLUMN Noise TEXT, DROP COLUMN Size",
    "DROP TABLE animal",
    "TRUNCATE animal",
    "USE shop",
    "CREATE DATABASE farm",
    "DROP DATABASE shop",
]


@pytest.fixture
def session(zoo: Dump) -> Iterator[SqliteSession]:
    made = SqliteEngine().session(zoo)
    made.open("ZOO")
    yield made
    made.close()


def everything(session: SqliteSession) -> list[object]:
    """All that an agent could see."""
    found: list[object] = [session.execute("SELECT DATABASE()").rows]
    for database, tables in sorted(session.catalog.databases.items()):
        if database != "information_schema":
            found += [
                (database, name, session.execute(f"SELECT * FROM {database}.{name}").rows) for name in sorted(tables)
            ]
            found += [session.execute(f"SHOW CREATE TABLE {database}.{name}").rows for name in sorted(tables)]
    return found


def test_a_statement_without_rows_reads_none_and_counts_as_a_change(session: SqliteSession) -> None:
    result = session.execute("DELETE FROM animal WHERE Id = 1")
    assert (result.rows, result.observation, result.changed) == (None, "None", True)
    assert not session.execute("SELECT 1").changed
    assert session.execute("SELECT count(*) FROM animal").observation == "[(4,)]"


def test_an_observation_is_the_list_of_rows_as_python_prints_it() -> None:
    assert Result(((1, "a"), (None, "b"))).observation == "[(1, 'a'), (None, 'b')]"
    assert Result(()).observation == "[]"


def test_opening_starts_afresh(session: SqliteSession) -> None:
    before = everything(session)
    for statement in WRITES:
        session.execute(statement)
    session.open("zoo")
    assert everything(session) == before


def test_opening_an_unknown_database_names_the_known_ones(session: SqliteSession) -> None:
    with pytest.raises(InputError, match="did you mean 'zoo'"):
        session.open("zooo")


@pytest.mark.parametrize("statement", WRITES)
def test_restoring_undoes_every_change(session: SqliteSession, zoo: Dump, statement: str) -> None:
    image, before = session.image(), everything(session)
    result = session.execute(statement)
    assert result.error is None
    assert result.changed
    changed, after = session.image(), everything(session)
    assert changed.key != image.key
    session.restore(image)
    assert everything(session) == before
    assert session.image().key == image.key
    other = SqliteEngine().session(zoo)
    other.restore(pickle.loads(pickle.dumps(changed)))
    assert everything(other) == after
    assert other.image().key == changed.key
    other.close()


def test_reading_changes_no_key(session: SqliteSession) -> None:
    key = session.image().key
    for statement in ("SELECT * FROM animal", "SHOW TABLES", "DESC kind", "nonsense", "DELETE FROM nothing"):
        session.execute(statement)
    assert session.image().key == key


def test_equal_content_has_equal_keys_whatever_the_way(session: SqliteSession) -> None:
    start = session.image()
    session.execute("UPDATE kind SET Legs = 3 WHERE Code = 'CAT'")
    three = session.image()
    session.execute("UPDATE kind SET Legs = 4 WHERE Code = 'CAT'")
    assert session.image().key == start.key
    session.execute("INSERT INTO shop.item VALUES (9, 'x')")
    session.execute("DELETE FROM shop.item WHERE Id = 9")
    session.execute("UPDATE kind SET Legs = 3 WHERE Name = 'cat'")
    assert session.image().key == three.key
    session.execute("CREATE TABLE t (a INT)")
    session.execute("DROP TABLE t")
    assert session.image().key == three.key


def test_images_of_other_layouts_are_not_read_with_the_statements_of_this_one(session: SqliteSession) -> None:
    start = session.image()
    ends = []
    for statements in (["CREATE TABLE t (a INT)", WRITES[6]], [WRITES[6], "DROP TABLE animal"]):
        session.restore(start)
        for statement in statements:
            session.execute(statement)
        ends.append((session.image(), session.execute("SELECT * FROM u").rows))
    for image, rows in ends:
        session.restore(image)
        assert session.execute("SELECT * FROM u").rows == rows


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.sampled_from(WRITES), min_size=1, max_size=3), min_size=8, max_size=8))
def test_eight_branches_leave_each_other_and_the_live_session_alone(zoo: Dump, branches: list[list[str]]) -> None:
    engine = SqliteEngine()
    live, simulator = engine.session(zoo), engine.session(zoo)
    live.open("zoo")
    live.execute("UPDATE animal SET Name = 'Live' WHERE Id = 2")
    root, seen = live.image(), everything(live)
    ends = []
    for branch in branches:
        simulator.restore(root)
        for statement in branch:
            simulator.execute(statement)
        ends.append((simulator.image(), everything(simulator)))
    for image, content in ends:
        simulator.restore(image)
        assert everything(simulator) == content
    assert everything(live) == seen
    assert live.image().key == root.key
    live.close()
    simulator.close()


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("INSERT INTO kind VALUES ('CAT', 'x', 1, NULL)", "Duplicate entry for key 'kind.PRIMARY'"),
        ("INSERT INTO kind VALUES (NULL, 'x', 1, NULL)", "Column 'Code' cannot be null"),
        ("INSERT INTO kind (Code, Legs) VALUES ('NEW', 'four')", "Incorrect integer value for column 'Legs' at row 1"),
        ("INSERT INTO kind VALUES (1)", "Column count doesn't match value count at row 1"),
        ("INSERT INTO kind (Nope) VALUES (1)", "Unknown column 'Nope' in 'field list'"),
        ("INSERT INTO animal (Name, Kind) VALUES ('x', 'XXX')", "a foreign key constraint fails"),
        ("DELETE FROM kind WHERE Code = 'CAT'", "a foreign key constraint fails"),
        ("DROP TABLE kind", "Cannot drop table 'kind' referenced by a foreign key constraint 'animal_kind'"),
        ("DROP TABLE nothing", "Unknown table 'zoo.nothing'"),
        ("CREATE TABLE kind (a INT)", "Table 'kind' already exists"),
        ("CREATE TABLE t (a NOTYPE)", "error in your SQL syntax"),
        ("ALTER TABLE kind DROP COLUMN nothing", "Unknown column 'nothing'"),
        ("DROP DATABASE nothing", "database doesn't exist"),
    ],
)
def test_a_refused_change_leaves_everything_as_it_was(session: SqliteSession, statement: str, message: str) -> None:
    before = everything(session)
    assert message in str(session.execute(statement).error)
    assert everything(session) == before


def test_rollback_returns_to_the_last_commit(session: SqliteSession) -> None:
    session.execute("DELETE FROM animal WHERE Id = 1")
    session.execute("COMMIT")
    session.execute("DELETE FROM animal")
    session.execute("ROLLBACK")
    assert session.execute("SELECT count(*) FROM animal").rows == ((4,),)


def test_definitions_commit_what_was_before(session: SqliteSession) -> None:
    session.execute("DELETE FROM animal WHERE Id = 1")
    session.execute("CREATE TABLE t (a INT)")
    session.execute("DELETE FROM animal WHERE Id = 2")
    session.execute("ROLLBACK")
    assert session.execute("SELECT count(*) FROM animal").rows == ((4,),)


def test_rules_may_be_given_or_left_out(zoo: Dump) -> None:
    def refuse(statement: str, catalog: Catalog) -> str | None:
        return "not today" if "animal" in statement else None

    loose, strict = SqliteEngine(rules=None).session(zoo), SqliteEngine(rules=refuse).session(zoo)
    loose.open("zoo")
    strict.open("zoo")
    assert loose.execute("SELECT Name, count(*) FROM animal").error is None
    assert strict.execute("SELECT Name FROM animal").error == "not today"
    assert "only_full_group_by" in str(opened(zoo).execute("SELECT Name, count(*) FROM animal").error)


def opened(zoo: Dump) -> SqliteSession:
    made = SqliteEngine().session(zoo)
    made.open("zoo")
    return made


def test_the_provenance_states_version_rules_and_limits() -> None:
    facts = SqliteEngine(limits=Limits(rows=7)).provenance()
    assert facts["engine"] == "sqlite"
    assert facts["rules"] == "mysql8"
    assert facts["limits"]["rows"] == 7


def test_all_databases_of_the_real_dump_can_be_joined_one_after_the_other(dump_file: Path) -> None:
    dump = read_dump(dump_file)
    session = SqliteEngine().session(dump)
    session.open("world_1")
    session.execute("DELETE FROM countrylanguage LIMIT 1")
    for database in sorted(dump.databases):
        table = next(iter(dump.databases[database].tables))
        result = session.execute(f"SELECT count(*) FROM {database}.{table} a, world_1.countrylanguage b WHERE 1 = 0")
        assert result.rows == ((0,),)
    assert session.execute("SELECT count(*) FROM countrylanguage").rows == ((983,),)
    session.close()


def test_snapshots_of_the_largest_database_take_milliseconds(dump_file: Path) -> None:
    session = SqliteEngine().session(read_dump(dump_file))
    session.open("world_1")
    start = session.image()
    spent = []
    for number in range(9):
        session.restore(start)
        session.execute(f"DELETE FROM city WHERE ID = {number}")
        begin = time.thread_time()
        image = session.image()
        session.restore(start)
        session.execute("SELECT 1 FROM city LIMIT 1")
        session.restore(image)
        session.execute("SELECT 1 FROM city LIMIT 1")
        spent.append(time.thread_time() - begin)
    # Seconds of the processor, so that busy neighbours do not matter; benchmarks/intercode/speed_sql.py measures.
    assert min(spent) < 0.01
    session.close()


def test_gold_statements_give_what_is_stored(dump_file: Path, task_file: Path) -> None:
    session = SqliteEngine().session(read_dump(dump_file))
    failed = []
    for task in json.loads(task_file.read_text()):
        session.open(task["db"])
        result = session.execute(task["gold"])
        if result.error is not None:
            failed.append(result.error)
    # 12 golds are refused by MySQL 8 itself (grouping, reserved words, COUNT with a blank).
    assert len(failed) == 12
    assert not [message for message in failed if message.startswith("the SQLite engine")]
    session.close()
