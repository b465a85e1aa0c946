"""Replaying recorded Bash episodes: the filter of self-contained turns, what is executed, what is compared."""

import json
import os
from pathlib import Path

import pytest

from benchmarks.intercode.replay_bash import executed, main, of_file
from benchmarks.intercode.self_contained import classes, of_turn
from envs.intercode.bash.probe import require
from envs.intercode.bash.tasks import load
from priors.intercode.trajectories import Source, Trajectory
from slinvit.errors import InputError


@pytest.mark.parametrize(
    ("command", "found"),
    [
        ("curl http://example.com", ("network",)),
        ("cat x | nc localhost 80", ("network",)),
        ("echo hostname", ()),
        ("cat host ip", ()),
        ("date +%s", ("date",)),
        ("echo $(date)", ("date",)),
        ("echo date", ()),
        ("find /testbed -mtime +7", ("date",)),
        ("find /testbed -name '*.c' -exec ls -l {} +", ("date",)),
        ("ls -R /testbed", ()),
        ("ls -la", ("date",)),
        ("ps aux | grep bash", ("processes",)),
        ("grep ps file", ()),
        ("kill -9 $$", ("processes",)),
        ("du -sh /testbed", ("disk",)),
        ("find . -type f | xargs du -c", ("disk", "root")),
        ("find / -name x", ("root",)),
        ("find /testbed / -name x", ("root",)),
        ("find /* -name x", ("root",)),
        ("find /testbed -name x", ()),
        ("find  /testbed -name x", ()),
        ("grep -r foo /", ("root",)),
        ("grep -r foo /system", ()),
        ("tree /", ("root",)),
        ("```bash\nfind / -type f\n```", ("root",)),
        ("md5sum /testbed/*.java | sort | uniq -d", ()),
    ],
)
def test_commands_are_classed_by_what_they_depend_on(command: str, found: tuple[str, ...]) -> None:
    assert classes(command) == found


@pytest.mark.parametrize(
    "command",
    [
        "find . -name x",
        "find -name x",
        "find | wc -l",
        "grep -r foo .",
        "grep -r foo *",
        "tree",
        "ls -R",
        "tree -a .",
        "find ${D} -type f",
    ],
)
def test_relative_searches_are_searches_of_everything_only_in_the_root(command: str) -> None:
    assert classes(command, "/") == ("root",)
    assert classes(command, "/testbed") == ()


def test_the_gold_command_counts_as_well_and_runs_in_the_root() -> None:
    assert of_turn("ls", "/testbed", "find -name x") == ("root",)
    assert of_turn("ls", "/testbed", "find /testbed -name x") == ()


def recorded(name: str, *raw: str) -> Trajectory:
    return Trajectory(Source.of(Path(name)), "q", raw, (0.0,) * len(raw), (True,) * len(raw))


@pytest.mark.parametrize(
    ("name", "raw", "text"),
    [
        ("ic_bash_react_10_turns_fs_1.jsonl", "execute[ls [a-z]*]", "ls [a-z]*"),
        ("ic_bash_react_10_turns_fs_1.jsonl", "submit", "submit"),
        ("ic_bash_react_10_turns_fs_1.jsonl", "I am done.", None),
        ("ic_bash_plan_solve_fs_1.jsonl", "```bash\nls\n```", "```bash\nls\n```"),
        ("ic_bash_multiturn_vicuna_10_turns_fs_1.jsonl", "execute[ls]", "execute[ls]"),
        ("ic_bash_multiturn_vicuna_10_turns_fs_1.jsonl", "blocked", None),
    ],
)
def test_what_was_executed_depends_on_the_protocol(name: str, raw: str, text: str | None) -> None:
    assert executed(recorded(name, raw), raw) == text


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two tasks about one small file system, and what the original would have recorded about them."""
    try:
        require()
    except InputError as error:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(str(error))
    (tmp_path / "fs_1" / "place").mkdir(parents=True)
    (tmp_path / "fs_1" / "place" / "a.txt").write_text("alpha beta\n")
    tasks = [{"query": "Print", "gold": "cat /place/a.txt"}, {"query": "Write", "gold": "echo x > /place/new"}]
    (tmp_path / "nl2bash_fs_1.json").write_text(json.dumps(tasks))
    (tmp_path / "recorded" / "bash").mkdir(parents=True)
    episodes = [
        # The working directory and files live on from turn to turn, and are reset for the next task.
        ("Print", ["cd place", "cat a.txt", 'echo "'], [0.67, 1.0, 0.67], [True, True, False]),
        ("Write", ["pwd", "echo y > /place/new", "echo z > /place/other"], [0.39, 1.0, 0.0], [True, True, True]),
    ]
    keys = ("query", "actions", "rewards", "valid")
    lines = (json.dumps(dict(zip(keys, episode, strict=True))) for episode in episodes)
    (tmp_path / "recorded" / "bash" / "ic_bash_multiturn_model_10_turns_fs_1.jsonl").write_text("\n".join(lines))
    return tmp_path


def test_a_replay_counts_equal_turns_and_lists_the_others(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = data / "out.json"
    assert main(["--data", str(data), "--out", str(out)]) == 0
    found = json.loads(out.read_text())
    total = found["files"]["all but gpt-3.5"]
    assert (total["turns"], total["equal"], total["valid"]) == (6, 5, 1.0)
    (difference,) = found["differences"]
    assert (difference["task"], difference["number"], difference["group"]) == ("bash-1-0002", 3, "self-contained")
    assert "5 | 83.33 %" in capsys.readouterr().out


def test_a_file_is_about_the_tasks_of_its_file_system(data: Path) -> None:
    tasks = load(str(data))
    assert len(of_file("ic_bash_react_10_turns_fs_1", tasks)) == 2
    assert of_file("ic_bash_react_10_turns_fs_2", tasks) == []
    assert len(of_file("ic_bash_plan_solve_refine_3_turns", tasks)) == 2


def test_a_replay_of_nothing_is_refused(data: Path) -> None:
    with pytest.raises(InputError, match="no recordings"):
        main(["--data", str(data), "--files", "react"])
