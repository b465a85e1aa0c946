"""Reading recorded trajectories: the compact form, the original's logs, folders, and what file names tell."""

import json
import lzma
import os
from pathlib import Path
from typing import Any

import pytest

from priors.intercode.trajectories import Source, files, read, read_file
from slinvit.errors import InputError

RECORD = {
    "query": "How many?",
    "actions": ["SHOW TABLES", "SELECT COUNT(*) FROM t", "SELECT 1"],
    "rewards": [0, 0.5, 1],
    "valid": [True, False, True],
}


def written(folder: Path, name: str, *records: Any) -> Path:
    file = folder / f"{name}.jsonl"
    file.write_text("".join(json.dumps(record) + "\n" for record in records))
    return file


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ic_sql_multiturn_gpt-3.5-1_turns", ("sql", "gpt-3.5", "single", 1, False, False, True)),
        ("ic_sql_multiturn_gpt-4_1_turns", ("sql", "gpt-4", "single", 1, False, False, True)),
        ("ic_sql_multiturn_gpt-3.5-1_turns_handicap", ("sql", "gpt-3.5", "single", 1, True, False, True)),
        ("ic_bash_multiturn_vicuna_10_turns_fs_3", ("bash", "vicuna", "try_again", 10, False, True, True)),
        ("ic_sql_multiturn_human_10_turns", ("sql", "human", "try_again", 10, False, True, True)),
        ("ic_bash_react_10_turns_fs_1", ("bash", "gpt-3.5", "react", 10, False, False, True)),
        ("ic_sql_plan_solve", ("sql", "gpt-3.5", "plan_solve", None, False, False, False)),
        ("ic_bash_plan_solve_fs_2", ("bash", "gpt-3.5", "plan_solve", None, False, False, True)),
        ("ic_bash_plan_solve_refine_3_turns", ("bash", "gpt-3.5", "plan_solve_refine", 3, False, True, True)),
    ],
)
def test_a_file_name_tells_model_and_protocol(name: str, expected: tuple[Any, ...]) -> None:
    for end in (".json", ".jsonl", ".jsonl.xz"):
        assert Source.of(Path(name + end)) == Source(name + end, *expected)


def test_the_actions_before_any_reward_was_seen_are_told_from_the_others(tmp_path: Path) -> None:
    kinds = {
        "ic_sql_multiturn_m_10_turns": 1,
        "ic_sql_react_10_turns": 3,
        "ic_sql_plan_solve": 3,
        "ic_sql_plan_solve_refine_2_turns": 0,
        "ic_sql_multiturn_m_1_turns": 3,
    }
    for name, free in kinds.items():
        (one,) = read(written(tmp_path, name, RECORD))
        assert one.free() == one.actions[:free], name


def test_the_original_logs_and_the_compact_form_say_the_same(tmp_path: Path) -> None:
    history = {key: RECORD[key] for key in ("actions", "rewards")} | {
        "valid_action": RECORD["valid"],
        "observations": ["", "", ""],
    }
    log = {"7": {"query": RECORD["query"], "turn_history": history, "summary": {}, "hardness": "easy"}}
    plain = tmp_path / "ic_sql_react_10_turns.json"
    plain.write_text(json.dumps(log))
    with_settings = tmp_path / "ic_bash_plan_solve.json"
    with_settings.write_text(json.dumps({"meta": {}, "logs": log}))
    (compact,) = read(written(tmp_path, "ic_sql_multiturn_m-1_turns", RECORD))
    for file in (plain, with_settings):
        (one,) = read(file)
        assert (one.query, one.raw, one.rewards, one.valid) == (
            compact.query,
            compact.raw,
            compact.rewards,
            compact.valid,
        )


def test_a_folder_gives_all_its_recordings_and_an_empty_file_none(tmp_path: Path) -> None:
    (tmp_path / "sql").mkdir()
    written(tmp_path / "sql", "ic_sql_react_10_turns", RECORD)
    (tmp_path / "ic_sql_multiturn_human_10_turns.jsonl.xz").write_bytes(lzma.compress(b""))
    (tmp_path / "ic_spider_dev.json").write_text("[]")
    assert [file.name for file in files(tmp_path)] == [
        "ic_sql_multiturn_human_10_turns.jsonl.xz",
        "ic_sql_react_10_turns.jsonl",
    ]
    assert [one.protocol for one in read(tmp_path)] == ["react"]
    with pytest.raises(InputError, match="holds no trajectories"):
        read(tmp_path / "ic_sql_multiturn_human_10_turns.jsonl.xz")


def test_what_stands_for_no_answer_is_no_command(tmp_path: Path) -> None:
    blocked = {"query": "q", "actions": ["ls -l", "blocked"], "rewards": [0, 0]}
    (one,) = read(written(tmp_path, "ic_bash_react_10_turns_fs_1", blocked))
    assert one.actions == ("ls -l", None)
    assert one.valid == (None, None)


@pytest.mark.parametrize("mark", ["\u2028", "\u2029", "\x85"])
def test_a_line_ends_at_a_newline_only(tmp_path: Path, mark: str) -> None:
    file = tmp_path / "ic_sql_react_10_turns.jsonl"
    line = json.dumps({**RECORD, "query": f"How{mark}many?"}, ensure_ascii=False)
    file.write_bytes(f"{line}\r\n{line}\n".encode())
    assert [one.query for one in read(file)] == [f"How{mark}many?"] * 2


def test_rewards_and_flags_that_are_no_lists_by_turn_are_not_taken_as_such(tmp_path: Path) -> None:
    (one,) = read(written(tmp_path, "ic_sql_plan_solve", {**RECORD, "rewards": [1], "valid": [True]}))
    assert (one.rewards, one.valid) == ((1.0,), (None, None, None))


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ("[1", "no JSON"),
        ([], "expected an object with query"),
        ({**RECORD, "query": 3}, "expected an object with query"),
        ({**RECORD, "actions": "SELECT"}, "actions must be a list of texts"),
        ({**RECORD, "actions": [None, "a", "b"]}, "actions must be a list of texts"),
        ({**RECORD, "rewards": ["1", 0, 0]}, "rewards must be a list of numbers"),
        ({**RECORD, "valid": [1, 1, 1]}, "valid must be a list of true, false and null"),
        ({**RECORD, "rewards": [1]}, "3 actions but 1 rewards"),
        ({**RECORD, "valid": [True]}, "3 actions but 1 flags of validity"),
        ({**RECORD, "valid": [True] * 4}, "3 actions but 4 flags of validity"),
    ],
)
def test_a_damaged_record_is_named_by_file_and_line(tmp_path: Path, record: Any, said: str) -> None:
    file = written(tmp_path, "ic_sql_react_10_turns", RECORD)
    file.write_text(file.read_text() + (record if isinstance(record, str) else json.dumps(record)))
    with pytest.raises(InputError, match=rf"ic_sql_react_10_turns.jsonl, line 2: .*{said}"):
        read(file)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[]", "expected an object of records by number"),
        ('{"3": {}}', "record 3: expected an object with query and turn"),
    ],
)
def test_another_json_than_a_log_is_named(tmp_path: Path, content: str, said: str) -> None:
    file = tmp_path / "ic_sql_react_10_turns.json"
    file.write_text(content)
    with pytest.raises(InputError, match=said):
        read(file)


def test_unknown_names_missing_paths_and_damaged_archives_are_told(tmp_path: Path) -> None:
    (tmp_path / "mine.jsonl").write_text("")
    with pytest.raises(InputError, match="is not named like recorded trajectories: ic_KIND_multiturn_MODEL_N_turns"):
        read(tmp_path / "mine.jsonl")
    with pytest.raises(InputError, match="holds no files that are named like"):
        read(tmp_path)
    with pytest.raises(InputError, match="does not exist"):
        read(tmp_path / "gone")
    damaged = tmp_path / "ic_sql_react_10_turns.jsonl.xz"
    damaged.write_bytes(lzma.compress(b"x" * 1000)[:-9])
    with pytest.raises(InputError, match="cannot be read"):
        read(damaged)


def test_the_given_recordings_are_all_read() -> None:
    folder = Path(os.environ.get("SLINVIT_DATA", "")) / "intercode" / "recorded"
    if not os.environ.get("SLINVIT_DATA") or not folder.is_dir():
        assert not os.environ.get("CI"), "SLINVIT_DATA does not point at the data"
        pytest.skip("SLINVIT_DATA does not name a folder with intercode/recorded in it")
    sizes = {file.name.partition(".jsonl")[0]: len(read_file(file)) for file in files(folder)}
    assert len(sizes) == len(list(folder.glob("*/*.jsonl.xz")))
    assert sizes["ic_sql_react_10_turns"] == 1034
    assert sizes["ic_sql_multiturn_human_10_turns"] == 0
    assert sum(one.valid.count(None) for one in read(folder / "sql") if one.source.aligned) == 0
