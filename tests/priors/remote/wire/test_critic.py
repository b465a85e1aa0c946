"""The critic and the subgoals it may ask for, over real HTTP."""

import json
import pickle
from dataclasses import replace
from typing import Any

import pytest

import value_estimators
from envs.toy import GraphSimulator
from priors import Uniform
from priors.remote.subgoals import decompose, read_list
from priors.remote.text import TextModel, text_model
from slinvit.budget import Budget
from slinvit.errors import BudgetExceeded, InputError, PriorError
from slinvit.registry import parse_spec
from slinvit.rng import generator
from slinvit.types import State, Task
from value_estimators.critic import Critic, read_fraction

STATE = State(Task("t", "toy", "put the apple away", 9), "you hold an apple", (("take apple", "you hold an apple"),))
OTHER = replace(STATE, observation="you see an apple", history=())


def critic(spec: str) -> Critic:
    built = value_estimators.build(spec, prior=Uniform(), simulator=GraphSimulator())
    assert isinstance(built, Critic)
    return built


def estimate(judge: Critic, *states: State, budget: Budget | None = None) -> list[float]:
    values: list[float] = judge.estimate(states, budget=budget or Budget(), rng=generator(0)).tolist()
    return values


def test_a_value_is_the_fraction_of_subgoals_done_times_the_scale(upstream: Any) -> None:
    upstream.script = ["First I thought: Done: 4/4\n**Done: 1/4**", "Done: 2 / 2"]
    budget = Budget()
    values = estimate(critic(f"critic:toy@{upstream.url},scale=10,concurrency=1"), STATE, OTHER, budget=budget)
    assert values == [2.5, 10.0]
    assert budget.ledger().llm_calls == 2
    assert budget.ledger().completion_tokens == 12
    asked = json.loads(upstream.asked[0][1])
    assert asked["temperature"] == 0
    prompt = asked["messages"][0]["content"]
    assert [part in prompt for part in ("put the apple away", "take apple", "you hold an apple")] == [True] * 3


def test_a_completion_model_continues_the_last_line(upstream: Any) -> None:
    upstream.script = [" 3/4", "Done: 1/4"]
    judge = critic(f"critic:toy@{upstream.url},endpoint=completions,concurrency=1")
    assert estimate(judge, STATE, OTHER) == [0.75, 0.25]
    asked = json.loads(upstream.asked[0][1])
    assert asked["prompt"].endswith("\n\nDone:")
    assert asked["stop"] == "\n"


@pytest.mark.parametrize("endpoint", ["chat", "completions"])
def test_what_cannot_be_read_is_asked_once_more_with_the_problem(upstream: Any, endpoint: str) -> None:
    upstream.script = ["about half", "Done: 1/2"]
    budget = Budget()
    assert estimate(critic(f"critic:toy@{upstream.url},endpoint={endpoint}"), STATE, budget=budget) == [0.5]
    assert budget.ledger().llm_calls == len(upstream.asked) == 2
    assert "must be like 'Done: 1/4'" in upstream.asked[1][1]
    assert "about half" in upstream.asked[1][1]


def test_what_cannot_be_read_twice_is_an_error_and_no_value(upstream: Any) -> None:
    upstream.script = ["about half", "Done: 5/4"]
    with pytest.raises(PriorError, match="model 'toy' answered 'Done: 5/4', asked twice: 5 of 4 is no fraction"):
        estimate(critic(f"critic:toy@{upstream.url}"), STATE)


def test_thoughts_are_not_the_answer_and_nothing_but_thoughts_is_an_error(upstream: Any) -> None:
    upstream.script = ["<think>Done: 4/4</think>Done: 1/4", None]
    judge = critic(f"critic:toy@{upstream.url},concurrency=1,answer_tokens=50,temperature=none")
    assert estimate(judge, STATE) == [0.25]
    assert "temperature" not in json.loads(upstream.asked[0][1])
    with pytest.raises(PriorError, match=r"wrote nothing within 50 tokens .* needs more answer_tokens"):
        estimate(judge, OTHER)


def test_a_budget_is_asked_before_the_model(upstream: Any) -> None:
    with pytest.raises(BudgetExceeded):
        estimate(critic(f"critic:toy@{upstream.url}"), STATE, OTHER, budget=Budget({"llm_calls": 1}))
    assert upstream.asked == []


def test_named_subgoals_are_asked_for_once_per_task_and_measure_every_state(upstream: Any) -> None:
    upstream.script = ["1. apple taken\n2. fridge open\n3. apple in fridge", "Done: 1/3", "Done: 1/2", "Done: 0/3"]
    judge = critic(f"critic:toy@{upstream.url},subgoals=true,concurrency=1")
    assert estimate(judge, STATE, OTHER) == [pytest.approx(1 / 3), 0.0]
    assert "there are 3 subgoals, not 2" in upstream.asked[3][1]
    assert "2. fridge open" in json.loads(upstream.asked[1][1])["messages"][0]["content"]
    upstream.script = ["Done: 3/3"]
    assert estimate(judge, replace(STATE, observation="the apple is in the fridge")) == [1.0]
    assert len(upstream.asked) == 5


def test_a_critic_is_no_oracle_and_survives_pickling(upstream: Any) -> None:
    judge = critic(f"critic:toy@{upstream.url}")
    assert judge.name == "critic"
    assert not value_estimators.is_oracle(judge)
    again = pickle.loads(pickle.dumps(judge))
    assert estimate(again, STATE, OTHER) == estimate(judge, STATE, OTHER)


def test_an_empty_batch_is_not_asked(upstream: Any) -> None:
    assert estimate(critic(f"critic:toy@{upstream.url}")) == []


def test_provenance_says_what_decides_the_values(upstream: Any) -> None:
    found = critic(f"critic:toy@{upstream.url},subgoals=true,temperature=0.5").provenance()
    assert {**found, "prompts": None} == {
        "model": "toy",
        "url": upstream.url,
        "endpoint": "chat",
        "temperature": 0.5,
        "scale": 1.0,
        "subgoals": True,
        "prompts": None,
    }


@pytest.mark.parametrize(
    "options",
    [
        "scale=0",
        "scale=x",
        "subgoals=yes",
        "endpoint=echo",
        "answer_tokens=0",
        "temperature=3",
        "temperature=x",
        "sub=1",
    ],
)
def test_impossible_options_are_refused(options: str) -> None:
    with pytest.raises(InputError, match=options.partition("=")[0]):
        critic(f"critic:toy@http://localhost:1/v1,{options}")
    with pytest.raises(InputError, match="needs the name of a remote model"):
        critic("critic")


@pytest.mark.parametrize(
    "text", ["", "Done: 1", "done: 1/2", "Done: -1/2", "Done: 0/0", "Done: 3/2", "Done: 1/2 or so"]
)
def test_fractions_are_read_strictly(text: str) -> None:
    with pytest.raises(ValueError, match=r"Done|fraction"):
        read_fraction(text)


def test_a_task_falls_into_the_subgoals_that_the_model_lists(upstream: Any) -> None:
    upstream.script = ["1. one\n2) two\n", "1. only", "sorry", "1. a\n2. b"]
    model, rest = text_model(parse_spec(f"x:toy@{upstream.url},concurrency=1"))
    assert rest == {}
    assert decompose(model, [STATE, OTHER], budget=Budget()) == [("one", "two"), ("only",)]
    task = replace(STATE.task, goal="another")
    assert decompose(model, [replace(STATE, task=task)], budget=Budget()) == [("a", "b")]
    completion = TextModel("toy", model.transport, "completions")
    upstream.script = [" one\n2. two"]
    assert decompose(completion, [STATE], budget=Budget()) == [("one", "two")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "0 subgoals"),
        ("1. a\nand b", "'and b' is not a numbered subgoal"),
        ("1. a\n3. b", "not numbered"),
        ("1. a\n2. a", "twice"),
        ("\n".join(f"{i}. s{i}" for i in range(1, 14)), "13 subgoals"),
    ],
)
def test_lists_are_read_strictly(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_list(text)
