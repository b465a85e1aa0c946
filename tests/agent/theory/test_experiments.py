"""Every experiment at its smallest: what it measures, concludes, draws, and how it is resumed."""

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agent.theory.campaign import Notebook, conduct, default_folder, measured
from agent.theory.drawing import draw
from agent.theory.experiment import Plan
from agent.theory.experiments import EXPERIMENTS, experiment
from agent.theory.sheets import write_csv
from agent.theory.summary import growth_table, medians, outcome_table, points_table
from agent.theory.sweeps import validity
from agent.theory.trials import times
from slinvit.errors import InputError, UnknownName

QUICK = Plan(quick=True)


def silent(done: int, total: int) -> None:
    assert 0 <= done <= total


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_a_few_episodes_of_every_cell_can_be_concluded_drawn_and_written(name: str, tmp_path: Path) -> None:
    chosen = experiment(name)
    cells = chosen.cells(QUICK, 1)
    trials = [replace(chosen.trial(cell, QUICK), episodes=60) for cell in cells]
    rows = [(cell, chosen.measure(trial, 1)) for cell, trial in zip(cells, trials, strict=True)]
    outcome = chosen.conclude(chosen, rows)
    json.dumps(outcome.as_json(), allow_nan=False)
    assert outcome.bars
    assert outcome_table(chosen, outcome).row_count == len(outcome.bars)
    draw(chosen, rows, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 10_000
    write_csv(rows, tmp_path / "cells.csv")
    with (tmp_path / "cells.csv").open() as file:
        listed = list(csv.DictReader(file))
    assert len(listed) == sum(len(found) for _, found in rows)
    assert set(chosen.quantities) <= set(listed[0])
    if not chosen.curve:
        points = medians(chosen, rows)
        assert points_table(chosen, points).row_count * len(chosen.quantities) == len(points)
    elif "growth" in outcome.facts:
        assert growth_table(outcome.facts["growth"]).row_count


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_the_full_experiment_has_the_instances_and_seeds_that_its_bars_ask_for(name: str) -> None:
    chosen = experiment(name)
    keys = [cell.key for cell in chosen.cells(Plan(), chosen.seeds)]
    assert len(keys) == len(set(keys))
    assert chosen.seeds >= 10
    assert chosen.instances >= 5 or name == "prior-quality"


def test_an_unknown_experiment_is_named_with_a_suggestion() -> None:
    with pytest.raises(UnknownName, match="did you mean 'exploration'"):
        experiment("explorations")


def test_a_cell_gives_the_same_rows_whenever_it_is_run() -> None:
    cell = experiment("certificate").cells(QUICK, 2)[-1]
    assert measured("certificate", QUICK, cell) == measured("certificate", QUICK, cell)


def test_the_bonus_decides_how_many_episodes_are_allowed() -> None:
    assert Plan(bonus="certified").effort == pytest.approx(16 * Plan().effort)
    assert Plan(bonus=0.05).effort == 1.0


def test_results_do_not_depend_on_workers_and_finished_runs_are_kept(tmp_path: Path) -> None:
    chosen = experiment("certificate")
    alone = conduct(chosen, QUICK, seeds=1, out=tmp_path / "alone", report=silent)
    together = conduct(chosen, QUICK, seeds=1, workers=2, out=tmp_path / "together", report=silent)
    assert alone.rows == together.rows
    for name in ("cells.csv", "summary.json"):
        assert (tmp_path / "alone" / name).read_bytes() == (tmp_path / "together" / name).read_bytes()
    notes = tmp_path / "alone" / "cells.jsonl"
    lines = notes.read_text().splitlines(keepends=True)
    notes.write_text("".join(lines[:-1]) + lines[-1][:20])  # killed while it wrote
    told: list[tuple[int, int]] = []
    again = conduct(chosen, QUICK, seeds=1, out=tmp_path / "alone", report=lambda *each: told.append(each))
    assert told[0] == (len(alone.rows) - 1, len(alone.rows))
    assert again.rows == alone.rows


def test_a_folder_with_another_experiment_is_refused(tmp_path: Path) -> None:
    with Notebook(tmp_path, {"experiment": "regret", "quick": True}):
        pass
    with pytest.raises(InputError, match="holds runs with experiment='regret'; choose another --out"):
        Notebook(tmp_path, {"experiment": "coverage", "quick": True})


def test_a_folder_in_use_is_refused_and_nothing_in_it_is_rewritten(tmp_path: Path) -> None:
    header = {"experiment": "regret"}
    cell = experiment("regret").cells(QUICK, 1)[0]
    with Notebook(tmp_path, header) as notes:
        notes.add(cell, [{"episode": 1.0}])
        with pytest.raises(InputError, match="in use by another process"):
            Notebook(tmp_path, header)
    before = (tmp_path / "cells.jsonl").read_bytes()
    (tmp_path / "cells.jsonl").write_bytes(before + b'{"key": "ha')
    with Notebook(tmp_path, header) as notes:
        assert list(notes.rows) == [cell.key]
    assert (tmp_path / "cells.jsonl").read_bytes() == before


def test_runs_of_another_version_or_with_other_constants_are_not_continued(tmp_path: Path) -> None:
    conduct(experiment("certificate"), QUICK, seeds=1, out=tmp_path, report=silent)
    header = json.loads((tmp_path / "cells.jsonl").read_text().splitlines()[0])
    assert header["version"]
    assert header["constants"]["sweeps.EPS_LLM"] == 0.2


def test_a_run_without_a_certificate_says_nothing_about_certificates() -> None:
    cell = experiment("exploration").cells(QUICK, 1)[0]
    assert (
        validity([(cell, [{"valid": None}]), (cell, [{"valid": 1.0}])]).found == "0 wrong of 1 that certified, 2 runs"
    )
    assert not validity([(cell, [{"valid": None}])]).met
    (row,) = times(replace(experiment("exploration").trial(cell, QUICK), episodes=5), 0)
    assert row["valid"] is None


@pytest.mark.parametrize("content", ["[1]\n", "{nonsense\n", '{"experiment": "x"}\n{"rows": []}\n', "3\n"])
def test_a_damaged_folder_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "cells.jsonl").write_text(content)
    with pytest.raises(InputError, match=r"cells\.jsonl is damaged"):
        Notebook(tmp_path, {"experiment": "x"})


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="choose another --out"):
        Notebook(tmp_path / "file" / "folder", {})


def test_the_default_folder_tells_settings_apart() -> None:
    chosen = experiment("coverage")
    plans = (Plan(), QUICK, Plan(bonus="certified"))
    assert len({default_folder(chosen, plan) for plan in plans}) == 3


def test_the_command_runs_resumes_and_prints_one_object(slinvit: Callable[..., Any], tmp_path: Path) -> None:
    command = ("theory", "experiment", "certificate", "--quick", "--seeds", 1, "--out", tmp_path / "out")
    first = slinvit(*command, "--json")
    assert first.code == 0
    assert first.json["runs"] == 2
    assert all(bar["met"] for bar in first.json["bars"])
    second = slinvit(*command)
    assert "certificate valid" in second.out
    assert "written:" in second.err
    assert (tmp_path / "out" / "figure.png").exists()


def test_the_command_lists_experiments(slinvit: Callable[..., Any]) -> None:
    outcome = slinvit("theory", "experiment")
    assert outcome.code == 0
    assert [line.split()[0] for line in outcome.out.splitlines()] == list(EXPERIMENTS)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("explorations",), "did you mean 'exploration'"),
        (("regret", "--bonus", "certifed"), "did you mean 'certified'"),
        (("regret", "--bonus", "-1"), "must be positive"),
        (("regret", "--bonus", "nan"), "must be positive"),
        (("regret", "--seeds", "0"), "--seeds must be 1 or more, not 0"),
        (("regret", "--workers", "0"), "--workers must be 1 or more, not 0"),
        (("regret", "--seeds", "many"), "'--seeds'"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    slinvit: Callable[..., Any], options: tuple[str, ...], message: str
) -> None:
    outcome = slinvit("theory", "experiment", *options)
    assert outcome.code == 2
    assert message in outcome.err
    assert outcome.err.count("\n") == 1
