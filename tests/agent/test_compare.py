import json
from collections.abc import Callable
from math import comb
from pathlib import Path
from typing import Any

import pytest

from agent.compare import mcnemar

Slinvit = Callable[..., Any]

SHARED = {"env": "toyland:Toyland", "tasks": "4", "prior": "uniform", "value": "zero"}
TWO = {**SHARED, "settings": [{"name": "search", "depth": 2}, {"name": "random", "planner": "random"}]}


def config(content: Any, name: str = "toy.yaml") -> str:
    Path(name).write_text(content if isinstance(content, str) else json.dumps(content))
    return name


def test_compare_runs_every_setting_on_the_same_tasks(slinvit: Slinvit) -> None:
    outcome = slinvit("compare", config(TWO), "--out", "out", "--json")
    assert outcome.code == 0
    assert [(row["name"], row["episodes"]) for row in outcome.json] == [("search", 4), ("random", 4)]
    written = json.loads(Path("out/compare.json").read_text())
    assert written["summaries"] == outcome.json
    solved = {
        name: {
            line["task"]: line["stopped_by"] == "solved"
            for line in map(json.loads, Path(f"out/{name}/episodes.jsonl").read_text().splitlines())
        }
        for name in ("search", "random")
    }
    only_this = sum(solved["random"][task] and not solved["search"][task] for task in solved["random"])
    only_baseline = sum(solved["search"][task] and not solved["random"][task] for task in solved["random"])
    pair = written["paired"]["random"]
    assert (pair["only_this"], pair["only_baseline"], pair["both"]) == (only_this, only_baseline, 4)
    assert Path("out/success.png").read_bytes().startswith(b"\x89PNG")


def test_compare_prints_a_table_and_resumes(slinvit: Slinvit) -> None:
    path = config(TWO)
    first, second = slinvit("compare", path), slinvit("compare", path)
    assert first.out == second.out
    for words in ("search", "random", "McNemar test against search", "sim", "oracle: no"):
        assert words in first.out


def test_every_setting_gets_the_same_budget(slinvit: Slinvit) -> None:
    rows = slinvit(
        "compare", config({**TWO, "budgets": {"sim_steps": [2, 8]}}), "--out", "out", "--json", "--workers", 2
    ).json
    assert [row["name"] for row in rows] == [
        *("search sim_steps=2", "search sim_steps=8", "random sim_steps=2", "random sim_steps=8"),
    ]
    for row in rows:
        folder = Path(row["run_dir"])
        for line in (folder / "episodes.jsonl").read_text().splitlines():
            assert json.loads(line)["ledger"]["sim_steps"] <= row["budget"]["sim_steps"]
    assert Path("out/success_by_sim_steps.png").exists()
    assert set(json.loads(Path("out/compare.json").read_text())["paired"]) == {row["name"] for row in rows[2:]}


@pytest.mark.parametrize("pair", [(0, 0), (1, 0), (5, 1), (3, 3), (0, 8)])
def test_the_paired_test_is_the_exact_binomial_one(pair: tuple[int, int]) -> None:
    count, least = sum(pair), min(pair)
    tail = sum(comb(count, i) for i in range(least + 1)) / 2**count
    assert mcnemar(*pair) == pytest.approx(min(1.0, 2 * tail))


BAD = [
    ("settings: [", "is not YAML"),
    ("just text", "expected keys and values"),
    ({**SHARED, "settings": []}, "settings: List should have at least 1 item"),
    ({**TWO, "taks": "4"}, "unknown key 'taks'; did you mean 'tasks'?"),
    ({**SHARED, "settings": [{"name": "a", "bredth": 3}]}, "did you mean 'breadth'?"),
    ({**SHARED, "settings": [{"name": "a", "depth": "deep"}]}, "settings.0.depth: Input should be a valid integer"),
    ({**SHARED, "settings": [{"depth": 2}]}, "settings.0.name: Field required"),
    ({**SHARED, "settings": [{"name": "a"}, {"name": "a"}]}, "'a' occurs twice"),
    ({**TWO, "baseline": "serch"}, "unknown baseline 'serch'; did you mean 'search'?"),
    ({**TWO, "budgets": {"usd": [1]}}, "budgets.usd"),
    ({**TWO, "budgets": {"llm_calls": []}}, "budgets.llm_calls is an empty list"),
    ({**TWO, "budgets": {"llm_calls": [-1]}}, "llm_calls must be 0 or more"),
    ({**TWO, "grid": {"lamb": [1]}}, "grid.lamb: no setting has that option; did you mean 'lam'?"),
    ({**TWO, "grid": {"lam": []}}, "grid.lam is an empty list"),
]


@pytest.mark.parametrize(("content", "words"), BAD, ids=lambda value: None)
def test_a_bad_file_is_one_line_that_names_the_key(slinvit: Slinvit, content: Any, words: str) -> None:
    outcome = slinvit("compare", config(content))
    assert outcome.code == 2
    assert words in outcome.err
    assert outcome.err.startswith("error: ")
    assert outcome.err.count("\n") == 1
