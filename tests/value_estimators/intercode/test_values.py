from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import value_estimators
from envs.intercode.answer import Answer
from priors import Remembering, Scripted
from slinvit.budget import Budget
from slinvit.errors import InputError
from slinvit.protocols import ValueEstimator
from slinvit.types import FloatArray, State, Task, Transition

After = Callable[..., State]
Rows = Callable[..., Answer]
ERROR = Answer(False, "Error executing query: no", signature=("error", "no"))
NONE = Answer(True, "None", signature=("no rows",))
NAMES = ("evidence", "executes", "shape", "agreement", "oracle")


class Grading:
    """A world that moves nowhere and grades by the length of the history."""

    def step(self, states: Sequence[State], actions: Sequence[str], *, budget: Budget) -> list[Transition]:
        budget.spend(sim_steps=len(states))
        return [
            Transition(State(s.task, s.observation, (*s.history, (a, "")), snapshot=s.snapshot), 0.0)
            for s, a in zip(states, actions, strict=True)
        ]

    def grade(self, states: Sequence[State], *, budget: Budget) -> FloatArray:
        budget.spend(sim_steps=len(states))
        return np.array([len(state.history) / 10 for state in states])


class Moving:
    def step(self, states: Sequence[State], actions: Sequence[str], *, budget: Budget) -> list[Transition]:
        raise NotImplementedError


def valued(estimator: ValueEstimator, *states: State) -> list[float]:
    return list(map(float, estimator.estimate(states, budget=Budget(), rng=np.random.default_rng(0))))


def made(
    text: str, answers: dict[str, float] | None = None, simulator: Any = None
) -> tuple[ValueEstimator, Remembering]:
    prior = Remembering(Scripted(lambda state: answers or {"submit": 1.0}))
    return value_estimators.build(text, prior=prior, simulator=simulator or Grading()), prior


def test_the_levels_of_execution_are_nothing_silent_hollow_and_full(after: After, rows: Rows) -> None:
    estimator, _ = made("executes")
    cases = [after(), after(("SELEC 1", ERROR)), after(("DO 0", NONE)), after(("SELECT 1 FROM t", rows()))]
    cases += [after(("q", rows((None,), (0,), ("",)))), after(("q", rows((0, "x")))), after(("q", rows((Decimal(3),))))]
    assert valued(estimator, *cases) == [0, 0, 0.25, 0.25, 0.5, 1, 1]


def test_bash_is_full_with_output_or_changes(after: After) -> None:
    estimator, _ = made("executes")
    answers = [
        Answer(False, ""),
        Answer(False, "a\nls: no"),
        Answer(True, ""),
        Answer(True, "\n"),
        Answer(True, "a\n"),
        Answer(True, "", changed=("/a",)),
    ]
    states = [after(("ls", answer), domain="intercode-bash") for answer in answers]
    assert valued(estimator, *states) == [0, 0.25, 0.25, 0.5, 1, 1]


def test_an_exit_code_does_not_silence_an_answer_in_bash(after: After) -> None:
    failed = Answer(False, "a\nls: no", signature="a")
    for domain, shares in (("intercode-bash", [1.0, 1.0]), ("intercode-sql", [0.0, 0.0])):
        states = [after((command, failed), question=domain, domain=domain) for command in ("ls a b", "ls b a")]
        assert valued(made("agreement")[0], *states) == shares


def test_submitting_keeps_the_value_of_the_last_command_and_giving_up_has_none(after: After, rows: Rows) -> None:
    estimator, _ = made("executes")
    full = ("SELECT name FROM t", rows(("Ann",)))
    assert valued(estimator, after(full), after(full, ("submit", None)), after(full, ("skip", None))) == [1, 1, 0]


@pytest.mark.parametrize(
    ("question", "good", "bad"),
    [
        ("How many singers do we have?", [(3,)], [("a",), ("b",)]),
        ("How many singers are there per country?", [("a", 1), ("b", 2)], []),
        ("What is the name of the oldest dog?", [("Rex",)], [("Rex",), ("Max",)]),
        ("Show the names and ages of all pets.", [("Rex", 3), ("Max", 4)], []),
        ("What are the ids, names and codes of the templates?", [(1, "a", "b")], [(1,)]),
        ("Return the names of the 3 countries with the fewest people.", [("a",), ("b",), ("c",)], [("a",)]),
    ],
)
def test_an_answer_of_the_shape_asked_for_is_worth_more(
    question: str, good: list[tuple[Any, ...]], bad: list[tuple[Any, ...]], after: After, rows: Rows
) -> None:
    estimator, _ = made("shape")
    fits, fails = valued(estimator, *(after(("q", rows(*found)), question=question) for found in (good, bad)))
    assert fits == 1
    assert fails < fits


@pytest.mark.parametrize(
    ("request_", "good", "bad"),
    [
        ("Count the files in /testbed", Answer(True, "12\n"), Answer(True, "a\nb\n")),
        ("Delete all empty folders below /system", Answer(True, "", changed=("D a",)), Answer(True, "a\n")),
        ("Print the last word in /workspace/long.txt", Answer(True, "end\n"), Answer(True, "", changed=("M a",))),
    ],
)
def test_a_command_does_what_the_verb_of_the_request_says(
    request_: str, good: Answer, bad: Answer, after: After
) -> None:
    estimator, _ = made("shape")
    states = [after(("c", found), question=request_, domain="intercode-bash") for found in (good, bad)]
    fits, fails = valued(estimator, *states)
    assert fits == 1
    assert fails < fits


def test_agreement_is_the_prior_mass_of_commands_with_an_equal_answer(after: After, rows: Rows) -> None:
    mass = {"a": 0.3, "b": 0.3, "c": 0.35, "d": 0.05}
    estimator, prior = made("agreement", mass)
    prior.propose([after()], budget=Budget(), rng=np.random.default_rng(0))
    one, two = rows((1,)), rows((2,))
    states = [after(("a", one)), after(("b", one)), after(("c", two)), after(("d", ERROR))]
    assert valued(estimator, *states) == pytest.approx([0.6, 0.6, 0.35, 0])
    assert valued(estimator, after(("b", one), ("submit", None))) == pytest.approx([0.6])


def test_without_a_prior_that_was_asked_each_command_has_one_vote(after: After, rows: Rows) -> None:
    estimator, _ = made("agreement")
    states = [after(("a", rows((1,)))), after(("b", rows((1,)))), after(("c", rows((2,))))]
    assert valued(estimator, *states) == pytest.approx([2 / 3, 2 / 3, 1 / 3])


def test_only_commands_tried_in_the_same_situation_vote(after: After, rows: Rows) -> None:
    estimator, _ = made("agreement")
    first = ("DESCRIBE t", rows(("x",)))
    assert valued(estimator, after(("a", rows((1,)))), after(first, ("a", rows((1,))))) == [1, 1]


@given(
    masses=st.lists(st.floats(0.01, 1), min_size=1, max_size=6),
    answers=st.lists(st.integers(0, 2), min_size=6, max_size=6),
)
def test_agreement_adds_up_to_the_mass_tried_and_ignores_order(masses: list[float], answers: list[int]) -> None:
    commands = [f"q{i}" for i in range(len(masses))]
    mass = {name: share / sum(masses) for name, share in zip(commands, masses, strict=True)}
    task = Task("t", "intercode-sql", "?", 10)
    states = []
    for name, number in zip(commands, answers, strict=False):
        answer = Answer(True, str(number), rows=((number,),), signature=number)
        states.append(State(task, "", ((name, str(number)),), snapshot=_snapshot(name, answer)))
    found = []
    for order in (states, states[::-1]):
        estimator, prior = made("agreement", mass)
        prior.propose([State(task, "start")], budget=Budget(), rng=np.random.default_rng(0))
        found.append(dict(zip([s.history[0][0] for s in order], valued(estimator, *order), strict=True)))
    assert found[0] == pytest.approx(found[1])
    of_group = {number: found[0][name] for name, number in zip(commands, answers, strict=False)}
    assert sum(of_group.values()) == pytest.approx(1)


@dataclass(frozen=True)
class Payload:
    answer: Answer


def _snapshot(key: str, answer: Answer) -> Any:
    from slinvit.types import Snapshot

    return Snapshot(key, Payload(answer))


def test_evidence_is_the_weighted_mean_of_its_parts(after: After, rows: Rows) -> None:
    states = [after(("a", rows(("Ann",)))), after(("b", rows(("Ann", 3)))), after(("c", rows()))]
    weights = {"agreement": 2.0, "executes": 1.0, "shape": 0.5}
    parts = {name: np.array(valued(made(name)[0], *states)) for name in weights}
    text = "evidence:" + ",".join(f"{name}={weight}" for name, weight in weights.items())
    expected = [sum(weight * parts[name][i] for name, weight in weights.items()) / 3.5 for i in range(len(states))]
    assert valued(made(text)[0], *states) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("evidence:agreement=-1", "must be a number, 0 or more"),
        ("evidence:agreement=0,executes=0,shape=0", "needs a weight above 0"),
        ("evidence:agreemnt=1", "did you mean 'agreement'"),
        ("executes:3", "takes no argument"),
        ("oracle:n=0", "whole number of 1 or more"),
        ("learned-answer", "needs the file of its weights"),
        ("learned-answer:nowhere.json", "train them with"),
    ],
)
def test_options_that_cannot_be_are_refused(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        made(text)


@pytest.mark.parametrize("name", ["evidence", "executes", "shape", "agreement"])
def test_states_of_other_worlds_are_refused(name: str, after: After) -> None:
    with pytest.raises(InputError, match="reads intercode-sql and intercode-bash states, not 'blocksworld'"):
        valued(made(name)[0], after(domain="blocksworld"))


@pytest.mark.parametrize("name", NAMES)
def test_only_the_oracle_is_one(name: str) -> None:
    assert value_estimators.is_oracle(made(name)[0]) == (name == "oracle")


def test_the_oracle_says_what_submitting_earns(after: After, rows: Rows) -> None:
    estimator, _ = made("oracle")
    asked = ("q", rows((1,)))
    states = [after(), after(asked), after(asked, ("submit", None)), after(asked, asked, ("skip", None))]
    budget = Budget()
    found = estimator.estimate(states, budget=budget, rng=np.random.default_rng(0))
    assert found.tolist() == pytest.approx([0, 0.1, 0.2, 0])
    assert budget.ledger().sim_steps == 4


def test_the_oracle_follows_the_prior_before_it_grades(after: After, rows: Rows) -> None:
    estimator, _ = made("oracle:n=2,depth=3")
    assert valued(estimator, after(("q", rows((1,)))), after(("q", rows((1,))), ("submit", None))) == pytest.approx(
        [0.4, 0.2]
    )


def test_the_oracle_needs_a_world_that_grades() -> None:
    with pytest.raises(InputError, match="asks a grader"):
        made("oracle", simulator=Moving())
