from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from envs.tabular import deep_sea
from planners.linvit import at_kl

Slinvit = Callable[..., Any]
SMALL = ("calibrate", "--env", "blocksworld", "--tasks", "random:4,blocks=3-4", "--random-states", 2)


def test_the_bundled_prior_is_measured_beside_the_uniform_one(slinvit: Slinvit, tmp_path: Path) -> None:
    outcome = slinvit(*SMALL, "--out", tmp_path / "out", "--json")
    assert outcome.code == 0, outcome.err
    found = outcome.json
    bundled, uniform = (found["policies"][name]["optimal"]["trajectory_kl"]["mean"] for name in ("bundled", "uniform"))
    assert 0 < bundled < uniform
    assert found["provenance"]["prior"]["sha256"]
    assert found["provenance"]["values"]["learned"]
    assert found["ledger"]["llm_calls"] > 0
    assert {row["lam"] for row in found["ranking"]} >= {0.0, "inf"}
    assert {file.name for file in (tmp_path / "out").iterdir()} == {
        "calibration.json",
        "reliability.png",
        "ranking.png",
    }


def test_tables_fit_into_eighty_columns(slinvit: Slinvit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    outcome = slinvit(*SMALL, "--prior", "uniform", "--against", "uniform:,temperature=2", "--value", "goals-met")
    assert outcome.code == 0, outcome.err
    for text in ("goals-met", "V alone", "predicted episodes", "total", "agreement"):
        assert text in outcome.out
    assert max(map(len, outcome.out.splitlines())) <= 80


def test_tabular_worlds_are_measured_exactly(slinvit: Slinvit, tmp_path: Path) -> None:
    outcome = slinvit(
        *("calibrate", "--env", "tabular", "--tasks", "deep_sea:size=4;river_swim", "--prior", "at-kl:0.5"),
        *("--against", "boltzmann:5", "--out", tmp_path / "out"),
    )
    assert outcome.code == 0, outcome.err
    assert "river_swim" in outcome.out
    assert {file.name for file in (tmp_path / "out").iterdir()} == {"calibration.json", "lam.png"}


def test_a_world_in_which_nothing_can_be_earned_is_left_out_of_the_figure(slinvit: Slinvit, tmp_path: Path) -> None:
    command = ("calibrate", "tabular", "--tasks", "frozen_lake:horizon=3", "--prior", "uniform", "--epsilon", 0.1)
    outcome = slinvit(*command, "--out", tmp_path / "out")
    assert outcome.code == 0, outcome.err
    assert (tmp_path / "out" / "lam.png").exists()


def test_a_table_of_probabilities_is_a_prior(slinvit: Slinvit, tmp_path: Path) -> None:
    np.save(tmp_path / "prior.npy", np.exp(at_kl(deep_sea(4), 0.7)))
    options = ("calibrate", "--env", "tabular", "--tasks", "deep_sea:size=4", "--json", "--lam", 0.1)
    outcome = slinvit(*options, "--prior", f"array:{tmp_path / 'prior.npy'}")
    assert outcome.code == 0, outcome.err
    world = outcome.json["worlds"][0]
    assert world["policies"]["prior"]["trajectory_kl"]["closest"] == pytest.approx(0.7)
    assert [row["lam"] for row in world["policies"]["prior"]["lams"]] == [0.1]
    mixed = slinvit(*options, "--prior", f"array:{tmp_path / 'prior.npy'},uniform=1")
    uniform = slinvit(*options, "--prior", "uniform")
    found = [each.json["worlds"][0]["policies"]["prior"]["trajectory_kl"]["first"] for each in (mixed, uniform)]
    assert found[0] == pytest.approx(found[1])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--env", "blocksworld", "--prior", "bundeld"), "did you mean 'bundled'"),
        (("--env", "blockworld"), "did you mean 'blocksworld'"),
        ((), "which environment?"),
        (("tabular", "--env", "blocksworld"), "two environments"),
        (("tabular", "--prior", "atkl:0.5", "--tasks", "deep_sea"), "did you mean 'at-kl'"),
        (("tabular", "--random-states", 3, "--tasks", "deep_sea"), "all of their states are measured"),
        (("--env", "blocksworld", "--prior", "uniform", "--value", "goals-mat"), "did you mean 'goals-met'"),
        (("--env", "blocksworld", "--prior", "uniform", "--lam", -1), "lam must be 0 or more"),
        (("--env", "blocksworld", "--prior", "uniform", "--epsilon", 1), "--epsilon is for tabular worlds"),
        (("--env", "blocksworld", "--tasks", "nowhere.json"), "does not exist"),
        (("--env", "tabular", "--tasks", "deep_sea", "--prior", "at-kl:x"), "needs a number"),
        (("--env", "tabular", "--tasks", "deep_sea", "--prior", "at-kl:1,mask=true"), "it has: uniform"),
        (("--env", "tabular", "--tasks", "deep_sea", "--prior", "array:none.npy"), "cannot read an array"),
        (("--env", "tabular", "--tasks", "deep_sea", "--prior", "at-kl:0"), "no probability"),
        (("--env", "tabular", "--tasks", "deep_sea", "--prior", "uniform", "--epsilon", -1), "epsilon must be"),
        (("--env", "tabular", "--tasks", "deep_sea", "--prior", "uniform", "--value", "learned"), "value of a tabular"),
    ],
)
def test_bad_input_is_one_line_and_exit_two(slinvit: Slinvit, arguments: tuple[object, ...], message: str) -> None:
    outcome = slinvit("calibrate", *arguments)
    assert outcome.code == 2
    assert message in outcome.err
    assert outcome.err.count("\n") == 1


def test_negative_probabilities_are_no_prior(slinvit: Slinvit, tmp_path: Path) -> None:
    np.save(tmp_path / "prior.npy", -np.ones((4, 2)))
    outcome = slinvit("calibrate", "--env", "tabular", "--tasks", "deep_sea", "--prior", f"array:{tmp_path}/prior.npy")
    assert outcome.code == 2
    assert "expected probabilities" in outcome.err


def test_a_folder_that_cannot_be_written_is_named(slinvit: Slinvit, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    outcome = slinvit(
        *("calibrate", "--env", "tabular", "--tasks", "deep_sea:size=3", "--prior", "uniform"),
        *("--out", tmp_path / "file"),
    )
    assert outcome.code == 2
    assert "choose another --out" in outcome.err
