import json
from pathlib import Path
from typing import Any

import pytest

from agent.episode import Episode, Failure, Record
from agent.records import EPISODES, HEADER, RunWriter, read_header, read_records
from slinvit.budget import Ledger
from slinvit.errors import RecordError

SETTINGS: dict[str, Any] = {"settings": {"seed": 0, "options": {"lam": 0.3}}, "versions": {"python": "3"}}


def episode(task: str) -> Episode:
    return Episode(task, "d", "g", 4, 0, "here", (), "no-plan", Ledger())


def write(folder: Path, *records: Record) -> None:
    with RunWriter(folder, SETTINGS) as writer:
        for record in records:
            writer.append(record)


def test_finished_episodes_are_there_when_the_folder_is_opened_again(tmp_path: Path) -> None:
    write(tmp_path / "run", episode("a"))
    write(tmp_path / "run", episode("b"))
    assert list(read_records(tmp_path / "run").values()) == [episode("a"), episode("b")]
    assert read_header(tmp_path / "run") == SETTINGS


def test_the_last_record_of_a_task_counts(tmp_path: Path) -> None:
    write(tmp_path, Failure("a", "no"), episode("a"))
    assert read_records(tmp_path) == {"a": episode("a")}


@pytest.mark.parametrize("keep", [1, 20, -1])
def test_a_torn_last_line_is_repaired(tmp_path: Path, keep: int) -> None:
    write(tmp_path, episode("a"), episode("b"))
    first, second, _ = (tmp_path / EPISODES).read_bytes().split(b"\n")
    (tmp_path / EPISODES).write_bytes(first + b"\n" + second[:keep])
    assert list(read_records(tmp_path)) == ["a"]
    write(tmp_path, episode("c"))
    assert list(read_records(tmp_path)) == ["a", "c"]


def test_a_damaged_line_in_the_middle_is_named(tmp_path: Path) -> None:
    write(tmp_path, episode("a"), episode("b"))
    content = (tmp_path / EPISODES).read_bytes()
    (tmp_path / EPISODES).write_bytes(b"{\n" + content)
    with pytest.raises(RecordError, match=r"episodes\.jsonl:1: not an episode record"):
        write(tmp_path)
    assert (tmp_path / EPISODES).read_bytes() == b"{\n" + content


def test_other_settings_are_refused_with_the_one_that_differs(tmp_path: Path) -> None:
    write(tmp_path, episode("a"))
    other = {**SETTINGS, "settings": {"seed": 0, "options": {"lam": 1.0}}}
    with pytest.raises(RecordError, match=r"another settings\.options\.lam: 0\.3 there, 1\.0 now"):
        RunWriter(tmp_path, other)
    assert list(read_records(tmp_path)) == ["a"]


def test_other_versions_are_not_other_settings(tmp_path: Path) -> None:
    write(tmp_path, episode("a"))
    RunWriter(tmp_path, {**SETTINGS, "versions": {"python": "4"}}).close()


@pytest.mark.parametrize("file", [HEADER, EPISODES])
def test_an_older_schema_is_refused_and_nothing_is_lost(tmp_path: Path, file: str) -> None:
    write(tmp_path, episode("a"))
    lines = [{**json.loads(line), "schema": 0} for line in (tmp_path / EPISODES).read_text().splitlines()]
    old = {**json.loads((tmp_path / HEADER).read_text()), "schema": 0}
    text = json.dumps(old) if file == HEADER else "".join(json.dumps(line) + "\n" for line in lines)
    (tmp_path / file).write_text(text)
    with pytest.raises(RecordError, match="schema 0, this version reads 1"):
        RunWriter(tmp_path, SETTINGS)
    assert (tmp_path / file).read_text() == text


def test_two_writers_do_not_share_a_folder(tmp_path: Path) -> None:
    with RunWriter(tmp_path, SETTINGS), pytest.raises(RecordError, match="another process"):
        RunWriter(tmp_path, SETTINGS)


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(RecordError, match=r"cannot write to .*choose another --out"):
        RunWriter(tmp_path / "file" / "run", SETTINGS)


@pytest.mark.parametrize("content", ["", "[]", "{"])
def test_a_header_that_is_none_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / HEADER).write_text(content)
    with pytest.raises(RecordError, match=r"run\.json"):
        read_header(tmp_path)


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="is not a run folder"):
        read_header(tmp_path)


def test_episodes_without_a_header_are_not_adopted(tmp_path: Path) -> None:
    write(tmp_path, episode("a"))
    (tmp_path / HEADER).unlink()
    with pytest.raises(RecordError, match="choose another --out"):
        RunWriter(tmp_path, {**SETTINGS, "settings": {"seed": 1}})
    assert (tmp_path / EPISODES).read_bytes()
