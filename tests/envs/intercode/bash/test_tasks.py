"""Which Bash tasks a source names, and what is wrong with those that cannot be read."""

import json
from pathlib import Path
from typing import Any

import pytest

from envs.intercode.bash.tasks import load
from slinvit.errors import InputError, UnknownName


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two tasks about one file system, which is a folder too."""
    records = [{"query": "List the files", "gold": "ls /place"}, {"query": "Do two things", "gold": ["true", "ls"]}]
    (tmp_path / "nl2bash_fs_5.json").write_text(json.dumps(records))
    (tmp_path / "fs_5" / "place").mkdir(parents=True)
    return tmp_path


def test_the_official_data_give_every_task_with_its_file_system(intercode_data: Path) -> None:
    tasks = load(str(intercode_data))
    assert [sum(task.facts["fs"] == number for task in tasks) for number in (1, 2, 3)] == [60, 53, 60]
    assert tasks[0].id == "bash-1-0001"
    assert tasks[-1].id == "bash-3-0060"
    assert len({task.id for task in tasks}) == len(tasks)


def test_file_systems_and_numbers_choose_tasks(intercode_data: Path) -> None:
    assert {task.place for task in load(f"{intercode_data},fs=2+3")} == {"fs_2", "fs_3"}
    assert [task.id for task in load(f"{intercode_data},number=61-62")] == ["bash-2-0001", "bash-2-0002"]
    assert [task.id for task in load(f"{intercode_data},id=bash-2-0007")] == ["bash-2-0007"]
    assert len(load(str(intercode_data), limit=3)) == 3


def test_a_task_tells_the_planner_nothing_of_the_gold_command(folder: Path) -> None:
    (first, second) = load(str(folder))
    assert (first.gold, second.gold) == ("ls /place", "true;ls")
    assert "ls /place" not in repr(first.task)
    assert first.task.metadata["start"] == "File system: fs_5; working directory: /"
    assert first.task.horizon == 10
    assert load(str(folder), horizon="3")[0].task.horizon == 3


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "expected a list of tasks"),
        ({"query": "q", "gold": "g"}, "expected a list of tasks"),
        (["ls"], "task 1: expected query and gold, not 'ls'"),
        ([{"query": "q", "gold": "g"}, {"query": "q"}], "task 2: gold must be a text, not None"),
        ([{"query": " ", "gold": "ls"}], "task 1: query must be a text"),
        ([{"query": "q", "gold": 3}], "task 1: gold must be a text, not 3"),
    ],
)
def test_a_list_that_cannot_be_read_is_named_with_the_record(folder: Path, content: Any, message: str) -> None:
    (folder / "nl2bash_fs_5.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=message):
        load(str(folder))


def test_a_list_that_is_no_json_is_named(folder: Path) -> None:
    (folder / "nl2bash_fs_5.json").write_bytes(b"\xff{")
    with pytest.raises(InputError, match=r"cannot read .*nl2bash_fs_5\.json"):
        load(str(folder))


def test_an_unknown_option_or_file_system_is_refused(folder: Path) -> None:
    with pytest.raises(UnknownName, match="fs"):
        load(f"{folder},fss=1")
    with pytest.raises(UnknownName, match="5"):
        load(f"{folder},fs=6")
