"""InterCode through the command line: recorded proposals, every planner, values with and without the grader."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from envs.intercode.sql.domain import SqlDomain

Slinvit = Callable[..., Any]
SEARCHES = (
    "slinvit",
    "greedy",
    "reactive",
    "best-of-n:n=3",
    "best-first",
    "levin",
    "beam",
    "mcts:simulations=8",
    "smc:n=4",
)
SELECT = "slinvit:breadth=8,depth=1,lam=0"
COUNT = 12


@pytest.fixture
def recorded(slinvit: Slinvit) -> str:
    """Return a prior of four recorded answers per task: two spellings of the gold one, and one wrong one twice."""
    tasks = SqlDomain().load("embedded")
    chosen = tasks[:COUNT] + tasks[-COUNT:]
    files = {
        "gpt-3.5-1": [task.gold for task in chosen],
        "vicuna-1": [f"SELECT * FROM ({task.gold.rstrip('; ')}) AS same" for task in chosen],
        "starchat-1": ["SELECT 'wrong'"] * len(chosen),
        "human-1": ["SELECT 'wrong'"] * len(chosen),
    }
    Path("said").mkdir()
    for model, actions in files.items():
        lines = [_line(task.query, action) for task, action in zip(chosen, actions, strict=True)]
        Path(f"said/ic_sql_multiturn_{model}_turns.jsonl").write_text("\n".join(lines) + "\n")
    return "recorded:said"


def _line(query: str, action: str) -> str:
    return json.dumps({"query": query, "actions": [action], "rewards": [0.0], "valid": [True]})


def ran(slinvit: Slinvit, prior: str, *arguments: object, tasks: str = f"embedded,number=1-{COUNT}") -> dict[str, Any]:
    outcome = slinvit("run", "intercode-sql", "--tasks", tasks, "--prior", prior, *arguments, "--json")
    assert outcome.code == 0, outcome.err
    found: dict[str, Any] = outcome.json
    return found


def test_frequency_is_misled_where_the_result_is_not(slinvit: Slinvit, recorded: str) -> None:
    frequency = ran(slinvit, recorded, "--planner", "greedy:mask=false", "--value", "zero")
    assert frequency["successes"] == 0
    best = ran(slinvit, recorded, "--planner", "slinvit:breadth=8,depth=1,lam=0.03", "--value", "evidence")
    oracle = ran(slinvit, recorded, "--planner", SELECT, "--value", "oracle")
    assert oracle["successes"] == COUNT
    assert (oracle["oracles"], best["oracles"], frequency["oracles"]) == (["value"], [], [])
    assert frequency["successes"] <= best["successes"] <= COUNT
    assert best["ledger"]["llm_calls"] == 2 * COUNT


def test_votes_are_counted_by_result(slinvit: Slinvit, recorded: str) -> None:
    Path("said/ic_sql_multiturn_human-1_turns.jsonl").unlink()
    found = ran(slinvit, recorded, "--planner", SELECT, "--value", "agreement")
    # A derived table may not have two columns of one name, and loses no rows otherwise.
    assert found["successes"] >= COUNT - 1
    assert found["scores"]["parts"]["error"] == 0


def test_the_control_draws_evenly_from_what_was_proposed(slinvit: Slinvit, recorded: str) -> None:
    found = ran(slinvit, f"{recorded},uniform=1", "--planner", "greedy:mask=false", "--value", "zero")
    lines = (Path(found["run_dir"]) / "episodes.jsonl").read_text().splitlines()
    first = [json.loads(line)["decisions"][0] for line in lines]
    assert all(len(set(each["prior"]["log_probs"])) == 1 for each in first)
    assert len({each["path"][0] == "SELECT 'wrong'" for each in first}) == 2


def test_the_summary_has_the_keys_of_every_other_world(slinvit: Slinvit, recorded: str) -> None:
    blocks = slinvit("run", "blocksworld", "--tasks", "random:1", "--prior", "uniform", "--json").json
    assert ran(slinvit, recorded).keys() == blocks.keys()


@pytest.mark.parametrize("planner", SEARCHES)
def test_every_planner_that_asks_the_prior_runs(slinvit: Slinvit, recorded: str, planner: str) -> None:
    found = ran(slinvit, recorded, "--planner", planner, "--horizon", 4, tasks="embedded,number=1-3")
    assert (found["episodes"], found["errors"]) == (3, 0)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--planner", "random"], 2, "is open-ended"),
        (["--planner", "breadth-first"], 2, "is open-ended"),
        (["--prior", "uniform"], 1, "this prior needs admissible actions, but here any text may be typed"),
        (["--value", "goals-met"], 2, "reads blocksworld states"),
        (["--value", "oracle", "--simulator", "none"], 2, "asks a grader"),
    ],
)
def test_parts_that_need_listed_actions_refuse(
    slinvit: Slinvit, arguments: Sequence[str], code: int, message: str
) -> None:
    outcome = slinvit("run", "intercode-sql", "--tasks", "embedded,number=1", *arguments)
    assert outcome.code == code
    assert message in outcome.err


def test_a_value_is_learned_from_recordings_and_used_without_the_database_it_judges(
    slinvit: Slinvit, recorded: str
) -> None:
    tasks = f"embedded,id={'+'.join(task.id for task in _both_ends())}"
    outcome = slinvit(
        "train-answer-value", "intercode-sql", "--tasks", tasks, "--prior", recorded, "--out", "weights.json"
    )
    assert outcome.code == 0, outcome.err
    card = json.loads(Path("weights.json").read_text())
    assert len(card["folds"]) == len(card["without"]) == 2
    found = ran(slinvit, recorded, "--planner", SELECT, "--value", "learned-answer:weights.json", tasks=tasks)
    assert (found["errors"], found["oracle"]) == (0, False)
    assert found["successes"] > 0


def _both_ends() -> list[Any]:
    tasks = SqlDomain().load("embedded")
    return [*tasks[:COUNT], *tasks[-COUNT:]]
