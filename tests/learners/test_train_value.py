import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from envs.blocksworld.core import satisfied
from envs.blocksworld.exact import state_space
from learners.problems import ProblemSampler, problem_class
from learners.train_value import command
from learners.value_training import Position, ValueConfig, draw, held_out_positions, measure, train
from slinvit import InputError
from slinvit.rng import generator
from value_estimators.features import FEATURES
from value_estimators.learned import BUNDLED, load

APP = typer.Typer()
APP.command()(command)
SMALL = ValueConfig(steps=60, positions=600, test_positions=90)


def run(*arguments: str) -> BaseException | None:
    return CliRunner().invoke(APP, arguments).exception


@pytest.fixture(scope="module")
def held_out() -> Sequence[Position]:
    return held_out_positions(SMALL)


def test_the_command_writes_a_network_that_loads_and_a_card_that_says_how(tmp_path: Path) -> None:
    result = CliRunner().invoke(APP, ["blocksworld", "--steps", "5", "--seed", "3", "--out", str(tmp_path / "value")])
    assert result.exit_code == 0, result.output
    card = json.loads((tmp_path / "value" / "card.json").read_text())
    assert card["command"] == "slinvit train-value blocksworld --steps 5 --seed 3"
    assert card["features"] == list(FEATURES)
    assert set(card["metrics"]) == {"all", "4 blocks", "5 blocks", "6 blocks"}
    assert set(card["metrics"]["all"]) == {"constant", "goals-met", "obstacles", "learned"}
    assert "Spearman" in result.output
    assert np.isfinite(load(tmp_path / "value").hidden).all()


def test_positions_are_unsolved_and_carry_the_true_distance() -> None:
    for position in draw(ProblemSampler((3, 4, 5, 6), (1, 1, 1, 1)), np.random.default_rng(0), 60):
        space = state_space(len(position.support))
        assert not satisfied(position.support, position.goal)
        assert space.distances(position.goal)[space.index[position.support]] == position.distance > 0


def test_no_position_of_training_is_of_a_held_out_class(held_out: Sequence[Position]) -> None:
    classes = frozenset(problem_class(p.support, p.goal) for p in held_out)
    made = draw(ProblemSampler((4, 5), (1, 1), classes), np.random.default_rng(0), 300)
    assert not classes & {problem_class(p.support, p.goal) for p in made}


def test_equal_seeds_train_equal_networks_and_report_progress(held_out: Sequence[Position]) -> None:
    reports: list[tuple[int, float]] = []
    one = train(SMALL, held_out, lambda step, loss: reports.append((step, loss)))
    two = train(SMALL, held_out, lambda step, loss: None)
    assert all(np.array_equal(getattr(one, name), getattr(two, name)) for name in ("hidden", "output", "mean"))
    assert [step for step, _ in reports] == list(range(3, 61, 3))
    assert reports[-1][1] < reports[0][1]


def test_a_short_training_already_beats_the_best_constant(held_out: Sequence[Position]) -> None:
    metrics = measure(train(SMALL, held_out, lambda step, loss: None), held_out)
    assert metrics["learned"]["mae"] < metrics["constant"]["mae"]


def test_the_shipped_network_keeps_what_its_card_promises_on_fresh_positions() -> None:
    promised = json.loads((BUNDLED / "card.json").read_text())["metrics"]["all"]
    fresh = draw(ProblemSampler((4, 5, 6), (1, 1, 1)), generator(12345, "fresh"), 400)
    found = measure(load(BUNDLED), fresh)
    assert found["learned"]["mae"] < 0.3 < found["constant"]["mae"]
    assert found["learned"]["spearman"] == pytest.approx(promised["learned"]["spearman"], abs=0.01)
    assert found["learned"]["spearman"] > found["obstacles"]["spearman"] > found["goals-met"]["spearman"]


def test_an_unknown_domain_gets_a_suggestion() -> None:
    error = run("blockworld")
    assert isinstance(error, InputError)
    assert "no value network for 'blockworld'; did you mean 'blocksworld'" in str(error)


def test_an_unwritable_folder_is_refused_before_training(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    error = run("blocksworld", "--out", str(tmp_path / "file" / "below"))
    assert isinstance(error, InputError)
    assert "cannot write there" in str(error)


def test_zero_steps_are_refused() -> None:
    assert CliRunner().invoke(APP, ["blocksworld", "--steps", "0"]).exit_code == 2
