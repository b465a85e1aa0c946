import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import priors
from priors import MaskVisited, MixedWithUniform, Remembering, Scripted, Tempered, Uniform, remember
from priors.combinators import fresh, is_batched
from slinvit import ActionDistribution, Budget, InputError, Prior, PriorError, Snapshot, State, Task, UnknownName

RNG = np.random.default_rng(0)
TASK = Task("t", "toy", "reach c", horizon=9)


def state(
    key: str = "a",
    history: tuple[tuple[str, str], ...] = (),
    visited: tuple[str, ...] = (),
    actions: tuple[str, ...] | None = ("x", "y", "z"),
) -> State:
    return State(TASK, f"at {key}", history=history, actions=actions, snapshot=Snapshot(key), visited=visited)


def ask(prior: Prior, *states: State, budget: Budget | None = None) -> list[ActionDistribution]:
    return prior.propose(states, budget=budget or Budget(), rng=RNG)


SCRIPT = Scripted({"at a": {"x": 6.0, "y": 3.0, "z": 1.0}})


def test_uniform_gives_every_admissible_action_the_same_probability_and_costs_nothing() -> None:
    budget = Budget({"llm_calls": 0})
    (given_,) = ask(Uniform(), state(), budget=budget)
    np.testing.assert_allclose(given_.probs, [1 / 3] * 3)
    assert given_.method == "uniform"


def test_priors_over_admissible_actions_refuse_open_ended_states() -> None:
    with pytest.raises(PriorError, match=r"'t'.*any text"):
        ask(Uniform(), state(actions=None))


def test_scripted_answers_are_normalised_and_count_as_calls() -> None:
    budget = Budget()
    (given_,) = ask(SCRIPT, state(), budget=budget)
    np.testing.assert_allclose(given_.probs, [0.6, 0.3, 0.1])
    assert budget.ledger().llm_calls == 1
    with pytest.raises(PriorError, match="no scripted answer"):
        ask(SCRIPT, state("b"))


def test_scripted_proposes_its_own_actions_where_any_text_may_be_typed() -> None:
    (given_,) = ask(SCRIPT, state(actions=None))
    assert given_.actions == ("x", "y", "z")


@given(temperature=st.floats(0.1, 10))
def test_tempering_raises_probabilities_to_one_over_the_temperature(temperature: float) -> None:
    (given_,) = ask(Tempered(SCRIPT, temperature), state())
    powers = np.array([0.6, 0.3, 0.1]) ** (1 / temperature)
    np.testing.assert_allclose(given_.probs, powers / powers.sum())


@given(weight=st.floats(0, 1))
def test_mixing_is_linear_in_probabilities(weight: float) -> None:
    (given_,) = ask(MixedWithUniform(SCRIPT, weight), state())
    np.testing.assert_allclose(given_.probs, (1 - weight) * np.array([0.6, 0.3, 0.1]) + weight / 3)


@pytest.mark.parametrize("temperature", [0, -1, math.inf, math.nan])
def test_a_temperature_must_be_positive_and_finite(temperature: float) -> None:
    with pytest.raises(InputError, match="temperature"):
        Tempered(SCRIPT, temperature)


@pytest.mark.parametrize("weight", [-0.1, 1.1])
def test_a_mixing_weight_is_a_share(weight: float) -> None:
    with pytest.raises(InputError, match="between 0 and 1"):
        MixedWithUniform(SCRIPT, weight)


def test_the_mask_excludes_what_was_done_in_the_same_state() -> None:
    returned = state("a", history=(("x", "at b"), ("back", "at a")), visited=("a", "b"))
    (given_,) = ask(MaskVisited(SCRIPT), returned)
    np.testing.assert_allclose(given_.probs, [0, 0.75, 0.25])


def test_the_mask_goes_by_observations_where_there_are_no_snapshots() -> None:
    returned = State(
        TASK, "at a", history=(("in", "at a"), ("x", "at b"), ("back", "at a")), actions=("x", "y", "z"), snapshot=None
    )
    (given_,) = ask(MaskVisited(SCRIPT), returned)
    np.testing.assert_allclose(given_.probs, [0, 0.75, 0.25])


def test_the_mask_excludes_nothing_where_everything_was_tried() -> None:
    history = (("x", "at a"), ("y", "at a"), ("z", "at a"))
    (given_,) = ask(MaskVisited(SCRIPT), state("a", history=history, visited=("a", "a", "a")))
    np.testing.assert_allclose(given_.probs, [0.6, 0.3, 0.1])


def test_a_remembered_answer_costs_nothing_and_is_the_same() -> None:
    budget, prior = Budget(), remember(SCRIPT)
    first = ask(prior, state(), state(), budget=budget)
    second = ask(prior, state(), budget=budget)
    assert budget.ledger().llm_calls == 1
    for answer in (*first, *second):
        np.testing.assert_array_equal(answer.log_probs, first[0].log_probs)


def test_whoever_recalls_is_asked_for_the_gaps_only_and_pays_once() -> None:
    prior = Remembering(SCRIPT)
    (first,) = ask(prior, state())
    other = state("a", actions=("x", "z"))
    recall = prior.recall([state(), other, other])
    assert next(recall) == [other]
    told = ask(SCRIPT, other)
    with pytest.raises(StopIteration) as end:
        recall.send(told)
    np.testing.assert_array_equal(end.value.value[0].log_probs, first.log_probs)
    assert [answer.usage.llm_calls for answer in end.value.value] == [0, 1, 0]
    with pytest.raises(StopIteration) as end:
        next(prior.recall([other, state()]))
    assert end.value.value[0].actions == ("x", "z")


def test_combinators_gain_from_batches_and_start_afresh_as_the_prior_inside_does() -> None:
    @dataclass(frozen=True)
    class Caching:
        caches: int = 0
        deterministic: ClassVar[bool] = True
        batched: ClassVar[bool] = True

        def propose(
            self, states: Sequence[State], *, k: int | None = None, budget: Budget, rng: np.random.Generator
        ) -> list[ActionDistribution]:
            return ask(Uniform(), *states)

        def fresh(self) -> "Caching":
            return Caching(self.caches + 1)

    wrapped = Tempered(MaskVisited(Caching()), 2.0)
    assert is_batched(wrapped)
    assert fresh(wrapped) == Tempered(MaskVisited(Caching(1)), 2.0)
    assert not is_batched(MaskVisited(SCRIPT))
    assert fresh(SCRIPT) is SCRIPT


def test_memory_under_a_mask_tells_states_with_different_pasts_apart() -> None:
    prior = remember(MaskVisited(SCRIPT))
    fresh = ask(prior, state())[0]
    returned = ask(prior, state("a", history=(("x", "at b"), ("back", "at a")), visited=("a", "b")))[0]
    assert fresh.probs[0] > 0 == returned.probs[0]


def test_priors_that_draw_at_random_are_never_remembered() -> None:
    class Dice:
        def propose(
            self, states: Sequence[State], *, k: int | None = None, budget: Budget, rng: np.random.Generator
        ) -> list[ActionDistribution]:
            return [ActionDistribution.normalised(("x", "y"), rng.normal(size=2)) for _ in states]

    prior = remember(Dice())
    assert ask(prior, state())[0].log_probs[0] != ask(prior, state())[0].log_probs[0]


def test_specs_apply_combinators_in_the_order_written(tmp_path: Path) -> None:
    file = tmp_path / "answers.json"
    file.write_text(json.dumps({"at a": {"x": 6, "y": 3, "z": 1}}))
    built = priors.build(f"scripted:{file},temperature=2,uniform=0.5")
    powers = np.sqrt([0.6, 0.3, 0.1])
    np.testing.assert_allclose(ask(built, state())[0].probs, 0.5 * powers / powers.sum() + 0.5 / 3)
    assert isinstance(priors.build("uniform:mask=true"), MaskVisited)
    assert isinstance(priors.build("uniform:mask=false"), Uniform)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("unifrom", "did you mean 'uniform'"),
        ("uniform:temperature=hot", "needs a number"),
        ("uniform:mask=perhaps", "true or false"),
        ("uniform:temprature=2", "no option 'temprature'; did you mean 'temperature'"),
        ("uniform:flat", "takes no argument"),
        ("scripted", "needs a file"),
        ("scripted:nowhere.json", "nowhere.json"),
        ("hf:", "needs a model folder"),
        ("hf:./nowhere", "does not exist"),
        ("bundled:device=cuda", "no option 'device'"),
    ],
)
def test_bad_specs_are_one_line_errors(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        priors.build(text)
    assert "\n" not in str(caught.value)


def test_the_memory_of_open_ended_states_goes_by_the_number_of_proposals() -> None:
    class Counting:
        deterministic = True

        def propose(
            self, states: Sequence[State], *, k: int | None = None, budget: Budget, rng: np.random.Generator
        ) -> list[ActionDistribution]:
            return [ActionDistribution.normalised([f"a{i}" for i in range(k or 9)], [0.0] * (k or 9)) for _ in states]

    prior = remember(Counting())
    asked = [prior.propose([state(actions=None)], k=k, budget=Budget(), rng=RNG)[0] for k in (1, 3, 1)]
    assert [len(answer.actions) for answer in asked] == [1, 3, 1]


@pytest.mark.parametrize("content", ["[1, 2]", '{"at a": {"x": -1}}', '{"at a": {"x": "much"}}'])
def test_a_scripted_file_must_hold_mappings_to_weights(content: str, tmp_path: Path) -> None:
    file = tmp_path / "answers.json"
    file.write_text(content)
    with pytest.raises(InputError, match="expected"):
        priors.build(f"scripted:{file}")


def test_every_registered_prior_is_listed_under_unknown_names() -> None:
    with pytest.raises(UnknownName, match=", ".join(sorted(priors.PRIORS))):
        priors.build("gpt")
