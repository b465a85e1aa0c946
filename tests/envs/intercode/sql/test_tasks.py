import json
from pathlib import Path

import pytest

from envs.intercode.sql.dump import read_dump
from envs.intercode.sql.tasks import load
from slinvit import InputError
from slinvit.errors import UnknownName


def test_tasks_are_read_in_their_order_with_what_reports_need(shop: Path) -> None:
    tasks = load(str(shop))
    assert [task.id for task in tasks] == [f"sql-000{i}" for i in range(1, 6)]
    assert [(task.place, task.report["type"]) for task in tasks[:4:3]] == [("shop", "easy"), ("zoo", "hard")]
    assert tasks[0].report["gold"].startswith("SELECT Name")
    assert {task.horizon for task in tasks} == {10}


def test_nothing_a_planner_may_know_tells_the_gold_statement(shop: Path) -> None:
    for task in load(str(shop), schema="shown"):
        assert task.gold not in repr(task.task)
        assert task.gold not in json.dumps(task.task.metadata)
        assert task.task.goal == task.query


def test_the_schema_is_that_of_the_dump(shop: Path) -> None:
    hidden, shown = load(str(shop), limit=1), load(str(shop), limit=1, schema="shown")
    assert hidden[0].task.metadata == {"place": "shop", "start": "Database: shop"}
    assert shown[0].task.metadata["start"] == "Database: shop\nTables:\n* fruit(Id, Name, Price, Origin)"


def test_tasks_are_chosen_by_database_hardness_and_number(shop: Path) -> None:
    assert [task.id for task in load(f"{shop},db=SHOP,hardness=easy")] == ["sql-0001", "sql-0003"]
    assert [task.id for task in load(f"{shop / 'tasks.json'},number=4")] == ["sql-0004"]
    assert load(str(shop), horizon="3", limit=2)[1].task.horizon == 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"db": "sop"}, r"tasks\.json, record 2: the dump has no database 'sop'; did you mean 'shop'"),
        ({"gold": ""}, r"record 2: 'gold' must be a text, not ''"),
        ({"query": None}, r"record 2: 'query' must be a text, not None"),
        ({"hardness": 3}, r"record 2: 'hardness' must be a text, not 3"),
    ],
)
def test_a_bad_record_is_named(shop: Path, change: dict[str, object], message: str) -> None:
    records = json.loads((shop / "tasks.json").read_text())
    records[1] |= change
    (shop / "tasks.json").write_text(json.dumps(records))
    with pytest.raises(InputError, match=message):
        load(str(shop))


@pytest.mark.parametrize("text", ["", "[", "{}", "[]", "[3]", "\udc80"])
def test_a_file_that_is_no_list_of_tasks_is_named(shop: Path, text: str) -> None:
    (shop / "tasks.json").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(InputError, match=r"tasks\.json"):
        load(str(shop))


def test_another_schema_is_unknown(shop: Path) -> None:
    with pytest.raises(UnknownName, match="did you mean 'shown'"):
        load(str(shop), schema="show")


def test_all_real_tasks_are_read(dump_file: Path, task_file: Path) -> None:
    tasks = load(str(task_file.parent))
    assert len(tasks) == len({task.query for task in tasks}) == len(json.loads(task_file.read_text()))
    databases = read_dump(dump_file).databases
    assert {task.place for task in tasks} <= databases.keys()
    for task in load(str(task_file.parent), schema="shown"):
        names = [line.split("(")[0][2:] for line in task.public["start"].splitlines()[2:]]
        assert names == list(databases[task.place].tables)
