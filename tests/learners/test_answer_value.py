import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import value_estimators
from envs.intercode.answer import Answer
from envs.intercode.task import SQL
from learners.answer_value import Example, fit, learn, log_loss
from priors import Remembering, Scripted
from slinvit.budget import Budget
from slinvit.errors import InputError
from slinvit.types import Snapshot, State, Task
from value_estimators.intercode.features import features, names
from value_estimators.intercode.learned import AnswerValue, load, save
from value_estimators.intercode.turn import Turn

NAMES = names(SQL)


def example(place: str, number: int, *, success: bool) -> Example:
    """Successes have more agreement, with noise that depends on ``number``."""
    noise = math.sin(12.9898 * number)
    found = dict.fromkeys(NAMES, 0.0) | {"agreement": 0.4 * success + 0.3 * noise, "rows": noise, "mass": 0.5}
    return Example(f"{place}-{number}", place, True, found, success)


def many(places: str = "abc", count: int = 40) -> list[Example]:
    return [example(place, i, success=i % 2 == 0) for place in places for i in range(count)]


def learned(found: list[Example]) -> AnswerValue:
    return learn(SQL, found, folds=5, ridge=1.0, card={})


@given(st.integers(0, 10_000), st.floats(0, 5))
def test_the_gradient_of_the_loss_is_its_slope(seed: int, ridge: float) -> None:
    rng = np.random.default_rng(seed)
    inputs, labels = rng.normal(size=(7, 3)), (rng.random(7) < 0.5).astype(np.float64)
    at, step = rng.normal(size=4), 1e-5
    _, gradient = log_loss(at, inputs, labels, ridge)
    for i in range(4):
        shift = step * np.eye(4)[i]
        slope = (log_loss(at + shift, inputs, labels, ridge)[0] - log_loss(at - shift, inputs, labels, ridge)[0]) / (
            2 * step
        )
        assert gradient[i] == pytest.approx(slope, rel=1e-4, abs=1e-5)


def test_the_loss_is_the_sum_of_log_losses_and_the_penalty() -> None:
    inputs, labels, at = np.array([[1.0], [-2.0]]), np.array([1.0, 0.0]), np.array([0.5, 2.0])
    chances = [1 / (1 + math.exp(-(0.5 + 2.0 * x))) for x in (1.0, -2.0)]
    expected = -math.log(chances[0]) - math.log(1 - chances[1]) + 3.0 / 2 * 2.0**2
    assert log_loss(at, inputs, labels, 3.0)[0] == pytest.approx(expected)


def test_what_tells_successes_from_failures_gets_weight_and_the_mean_is_calibrated() -> None:
    found = many()
    weights = fit(SQL, found, ridge=1e-6)
    assert weights.weights["agreement"] > 0
    chances = [weights.probability(each.features) for each in found]
    # At the optimum the bias makes expected and counted successes equal.
    assert sum(chances) == pytest.approx(sum(each.success for each in found), rel=1e-3)


def test_the_weights_for_a_place_are_learned_without_it() -> None:
    found = many()
    changed = [replace(each, success=not each.success) if each.place == "a" else each for each in found]
    before, after = learned(found), learned(changed)
    assert before.weights("a") == after.weights("a")
    assert before.weights("b") != after.weights("b")
    assert before.weights("elsewhere") == before.everywhere


def test_more_places_than_folds_share_folds() -> None:
    value = learn(SQL, many("abcde"), folds=2, ridge=1.0, card={})
    assert sorted(value.folds) == list("abcde")
    assert set(value.folds.values()) == {0, 1}


def test_what_cannot_be_learned_from_is_refused() -> None:
    with pytest.raises(InputError, match="two places or more, found 1"):
        learned(many("a"))
    with pytest.raises(InputError, match="learning needs both kinds"):
        learned([replace(each, success=True) for each in many()])


def test_examples_that_did_not_run_are_not_learned_from() -> None:
    found = many()
    failed = [replace(example("a", i, success=True), ran=False) for i in range(50)]
    assert learned([*found, *failed]) == learned(found)


def test_weights_survive_the_file_and_a_broken_one_says_how_to_make_it(tmp_path: Path) -> None:
    value = learned(many())
    save(value, tmp_path / "deep" / "value.json")
    assert load(tmp_path / "deep" / "value.json") == value
    for text in ("", "[]", '{"everywhere": {}}', (tmp_path / "deep" / "value.json").read_text().replace("rows", "row")):
        (tmp_path / "broken.json").write_text(text)
        with pytest.raises(InputError, match="slinvit train-answer-value"):
            load(tmp_path / "broken.json")


class Payload:
    def __init__(self, answer: Answer | None) -> None:
        self.answer = answer


def test_the_estimate_is_the_probability_by_the_weights_that_have_not_seen_the_place(tmp_path: Path) -> None:
    value = learned(many())
    save(value, tmp_path / "value.json")
    prior = Remembering(Scripted(lambda _: {"SELECT 1": 0.5, "SELECT 2": 0.5}))
    nothing = type("Nowhere", (), {"step": None})()
    estimator = value_estimators.build(f"learned-answer:{tmp_path}/value.json", prior=prior, simulator=nothing)
    answer = Answer(True, "[(1,)]", rows=((1,),), columns=("1",), signature="one")
    states = [
        State(
            Task(f"t{number}", SQL, "How many?", 10, metadata={"place": place}),
            "[(1,)]",
            (("SELECT 1", "[(1,)]"),),
            snapshot=Snapshot(place, Payload(given_)),
        )
        for number, (place, given_) in enumerate((("a", answer), ("z", answer), ("a", None)))
    ]
    found = estimator.estimate(states, budget=Budget(), rng=np.random.default_rng(0))
    turn = Turn(True, "How many?", "SELECT 1", answer, ())
    # Nobody asked the prior: the one command that was tried has all votes.
    expected = [value.weights(place).probability(features(turn, 1.0, 1.0)) for place in ("a", "z")]
    assert found.tolist() == pytest.approx([*expected, 0.0])
    wrong = replace(states[0], task=replace(states[0].task, domain="intercode-bash"))
    with pytest.raises(InputError, match="learned in intercode-sql, not in intercode-bash"):
        estimator.estimate([wrong], budget=Budget(), rng=np.random.default_rng(0))
