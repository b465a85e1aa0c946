"""The benchmark of planning on ALFWorld: whether it runs, keeps its two settings apart, and says what it found."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from agent.episode import Decision, Episode, Step
from agent.grid import Comparison, expand
from benchmarks.alfworld import figures as shown
from benchmarks.alfworld.failures import failure_class
from benchmarks.alfworld.run import main
from slinvit.budget import Ledger
from slinvit.errors import InputError
from slinvit.tree import SearchTree


@pytest.fixture
def app() -> typer.Typer:
    made = typer.Typer()
    made.command()(main)
    return made


def test_a_run_over_generated_games_writes_tables_curves_and_json(
    app: typer.Typer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shown, "SIM_STEPS", [5, 20])
    arguments = ["sim_steps", "--tasks", "generated:2,type=place", "--out", str(tmp_path), "--json"]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    content = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    rows = content["figures"]["sim_steps"]["all"]
    assert {row["budget"]["sim_steps"] for row in rows} == {5, 20}
    assert all(row["ledger"]["sim_steps"] <= 2 * row["budget"]["sim_steps"] for row in rows)
    with (tmp_path / "sim_steps.csv").open(encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert [float(line["success_rate"]) for line in lines] == [row["success_rate"] for row in rows]
    assert (tmp_path / "sim_steps.md").read_text(encoding="utf-8").startswith("| setting | 5 | 20 |")
    assert (tmp_path / "sim_steps/all/success_by_sim_steps.png").stat().st_size > 1000


def test_trials_are_counted(app: typer.Typer, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["trials", "--tasks", "generated:2,type=place", "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert f"| solved by trial | {' | '.join(map(str, range(1, shown.TRIALS + 1)))} |" in done.stdout


def test_no_comparison_has_planners_with_and_without_a_simulator() -> None:
    known = shown.figures()
    blind = {"reactive", "references", "trials"}
    for figure, by_part in known.items():
        for config in by_part.values():
            assert isinstance(config, Comparison)
            assert {row.settings.simulator for row in expand(config)} == {"none" if figure in blind else "exact"}
    assert shown.PAIR in {row.name for row in expand(known["lookahead"]["seed 0"])}
    assert shown.REACTIVE in {row.name for row in expand(known["reactive"]["seed 0"])}


def test_an_unknown_figure_is_one_line(app: typer.Typer, tmp_path: Path) -> None:
    error = CliRunner().invoke(app, ["lookahed", "--out", str(tmp_path)]).exception
    assert isinstance(error, InputError)
    assert "did you mean 'lookahead'" in str(error)


@pytest.fixture
def failed() -> Callable[..., Episode]:
    def make(goal: str, *texts: str) -> Episode:
        steps = tuple(Step("do", text, 0.0, True) for text in texts)
        decision = Decision("here", None, (), 0, 0.0, "done", SearchTree(()), steps, False, Ledger())
        return Episode("t", "alfworld", goal, 50, 0, "start", (decision,), "horizon", Ledger())

    return make


CD = "You arrive at desk 1. On the desk 1, you see a cd 1."
TAKE, SECOND = "You pick up the cd 1 from the desk 1.", "You pick up the cd 2 from the desk 1."
LAMP = "You arrive at shelf 1. On the shelf 1, you see a desklamp 1."
DOWN, APART = "You move the cd 1 to the drawer 1.", "You move the cd 2 to the drawer 2."


@pytest.mark.parametrize(
    ("goal", "texts", "found"),
    [
        ("put a cd in drawer.", (), "wanted object never found"),
        ("put a cd in drawer.", (CD,), "wanted object seen, never taken"),
        ("put a cd in drawer.", (CD, TAKE), "taken, never brought"),
        ("put a clean cd in drawer.", (TAKE, DOWN), "taken, never treated (clean)"),
        ("put a clean cd in drawer.", (TAKE, "You clean the cd 1 using the sinkbasin 1."), "treated, never brought"),
        ("put two cd in drawer.", (TAKE, DOWN, SECOND, APART), "two brought, to different receptacles"),
        ("put two cd in drawer.", (TAKE, DOWN), "one of two brought"),
        ("put two cd in drawer.", (TAKE,), "none of two brought"),
        ("look at cd under the desklamp.", (TAKE,), "lamp never found"),
        ("look at cd under the desklamp.", (TAKE, LAMP), "never used beside the lamp"),
    ],
)
def test_every_failure_has_a_name(
    goal: str, texts: tuple[str, ...], found: str, failed: Callable[..., Episode]
) -> None:
    assert failure_class(failed(goal, *texts)) == found


def test_the_weight_of_the_prior_is_drawn(app: typer.Typer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shown, "LAMBDAS", [0, 0.1])
    done = CliRunner().invoke(app, ["lam", "--tasks", "generated:1,type=place", "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "lam.png").stat().st_size > 1000


def test_look_ahead_and_reactive_are_tested_against_each_other_where_both_have_run(
    app: typer.Typer, tmp_path: Path
) -> None:
    alone = CliRunner().invoke(app, ["reactive", "--tasks", "generated:1,type=place", "--out", str(tmp_path)])
    assert "run the figure `lookahead` first" in alone.stdout
    arguments = ["lookahead", "reactive", "--tasks", "generated:1,type=place", "--out", str(tmp_path)]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    assert "- games solved with more seeds: " in done.stdout
