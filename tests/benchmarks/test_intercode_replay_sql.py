import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.intercode.gold_sql import check_all
from benchmarks.intercode.gold_sql import summary as gold_summary
from benchmarks.intercode.recordings import GATED, executed, graded_turns, recordings, score_of
from benchmarks.intercode.replay import Turn, classes, summary, table
from benchmarks.intercode.replay_sql import Ran, episodes_of, group_of, main, replay, run
from envs.intercode.sql.domain import SqlDomain
from priors.intercode.trajectories import Source
from slinvit import InputError

STORED = Path(__file__).parents[1] / "envs" / "intercode" / "sql" / "gold_results.json"


@pytest.fixture(scope="session")
def intercode() -> Path:
    folder = Path(os.environ.get("SLINVIT_DATA", "missing")) / "intercode"
    if not folder.is_dir():
        reason = "needs $SLINVIT_DATA/intercode"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    return folder


def turn(recorded: float, ours: float, task: str = "a", **more: object) -> Turn:
    blank = Turn("file", task, 1, "SELECT a FROM t", "SELECT b FROM t", recorded, ours, True, True)
    return replace(blank, **more)  # type: ignore[arg-type]


def source(name: str) -> Source:
    return Source.of(Path(f"{name}.jsonl.xz"))


def test_the_shares_are_of_all_turns_of_those_that_say_something_and_of_task_maxima() -> None:
    turns = [turn(0, 0), turn(0.5, 0.5), turn(1, 0), turn(0, 1, "b"), turn(1, 0.995, "b"), turn(0, 0, "c", valid=False)]
    found = summary(turns)
    assert (found["turns"], found["equal"], found["nz_turns"], found["nz_equal"]) == (6, 4, 4, 2)
    assert (found["tasks"], found["maxima_equal"]) == (3, 2)
    assert found["valid"] == 5 / 6
    assert "| file | 6 | 4 | 66.67 % | 4 | 50.00 % | 3 | 66.67 % | 83.33 % |" in table({"file": found})


def test_no_turns_have_no_shares() -> None:
    assert summary([])["all"] is None
    assert "| none | 0 | 0 | - |" in table({"none": summary([])})


def test_differences_are_counted_by_class() -> None:
    assert classes([turn(0, 1, group="x"), turn(1, 0, group="y"), turn(0, 1, group="y"), turn(1, 1)]) == {
        "y": 2,
        "x": 1,
    }


@pytest.mark.parametrize(
    ("found", "last", "details", "group"),
    [
        (
            turn(1, 0),
            Ran(True, False, "Error executing query: Unknown column 'x'"),
            {},
            "refused here only: Unknown column _",
        ),
        (turn(0, 1), Ran(False, True), {}, "accepted here only"),
        (turn(0, 1), Ran(True, True), {"gold_error": "bad"}, "gold refused here: bad"),
        (turn(-1, 1), Ran(True, True), {"iou": 1.0, "iou_tau": -1.0}, "order of rows"),
        (turn(0, 0.5, action="SELECT a FROM t LIMIT 1"), Ran(True, True), {}, "ties at LIMIT"),
        (turn(0, 0.5), Ran(None, True), {}, "other rows"),
    ],
)
def test_a_difference_is_classed_by_what_both_sides_show(
    found: Turn, last: Ran, details: dict[str, object], group: str
) -> None:
    assert group_of(found, last, details) == group


@pytest.mark.parametrize(
    ("name", "text", "statement"),
    [
        ("ic_sql_react_10_turns", "execute[SELECT a\nFROM t; DROP]", "SELECT a\nFROM t"),
        ("ic_sql_react_10_turns", "submit", "submit"),
        ("ic_sql_react_10_turns", "SELECT a", None),
        ("ic_sql_multiturn_vicuna_10_turns", "select a;", "select a;"),
        ("ic_sql_multiturn_vicuna_10_turns", "CREATE TABLE t (a int)", None),
        ("ic_sql_multiturn_vicuna_10_turns", "It seems that", None),
    ],
)
def test_what_was_executed_depends_on_the_protocol(name: str, text: str, statement: str | None) -> None:
    assert executed(source(name), text) == statement


def test_react_is_graded_when_it_submits_and_the_others_at_every_turn() -> None:
    assert graded_turns(source("ic_sql_react_10_turns"), ["execute[SELECT 1]", "submit"]) == [False, True]
    assert graded_turns(source("ic_sql_multiturn_x_10_turns"), ["SELECT 1", "SELECT 2"]) == [True, True]
    assert score_of(source("ic_sql_multiturn_starchat_10_turns")) == "iou_tau"
    assert score_of(source("ic_sql_react_10_turns")) == "iou"


def test_files_are_chosen_by_a_part_of_their_name(intercode: Path) -> None:
    folder = intercode / "recorded" / "sql"
    assert set(recordings(folder, GATED)) == set(GATED)
    assert list(recordings(folder, ["react"])) == ["ic_sql_react_10_turns"]
    with pytest.raises(InputError, match=r"no recordings .* fit gpt-9"):
        recordings(folder, ["gpt-9"])


def test_replayed_rewards_are_those_of_the_original(intercode: Path) -> None:
    tasks = SqlDomain().load(f"{intercode},number=1-60")
    episodes = episodes_of(tasks, intercode / "recorded" / "sql", ["1_turns_handicap", "react"])
    turns = [each for part in run("sqlite", episodes).values() for each in part]
    found = summary(turns)
    assert found["turns"] > 300
    assert found["all"] >= 0.99
    assert found["nz"] >= 0.95


def test_an_episode_is_replayed_turn_by_turn(intercode: Path) -> None:
    domain = SqlDomain()
    episodes = episodes_of(domain.load(str(intercode), limit=3), intercode / "recorded" / "sql", ["react"])
    task, trajectory, score = episodes["ic_sql_react_10_turns"][0]
    turns = replay(domain, task, trajectory, score)
    assert [each.action for each in turns] == list(trajectory.raw)
    assert [each.number for each in turns] == list(range(1, len(turns) + 1))
    assert all(each.ours == 0 for each in turns[:-1])
    domain.close()


def test_the_command_prints_a_table_and_writes_every_difference(
    intercode: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "deep" / "replay.json"
    arguments = ["--data", str(intercode), "--files", "refine", "--out", str(out)]
    assert main(arguments) == 0
    assert "plan_solve_refine_3_turns (iou)" in capsys.readouterr().out
    content = json.loads(out.read_text())
    assert {"machine", "engine", "files", "classes", "differences"} <= set(content)
    assert sum(content["classes"].values()) == len(content["differences"])
    assert main(["--data", str(intercode), "--files", "nothing"]) == 2
    assert "no recordings" in capsys.readouterr().err


def test_gold_statements_give_what_another_engine_gave_and_earn_everything(intercode: Path) -> None:
    domain = SqlDomain()
    expected = json.loads(STORED.read_text())
    tasks = [task for i, task in enumerate(domain.load(str(intercode))) if i % 4 == 0]
    found = gold_summary(check_all(domain, tasks), expected)
    domain.close()
    assert found["executed"] >= 0.97 * len(tasks)
    assert found["reward 1"] >= 0.99 * found["executed"]
    assert found["as expected"] >= 0.96 * found["compared"]
    assert found["wrong answers below 1"] == found["executed"] - found["empty"]
