from dataclasses import replace

import pytest

from envs.blocksworld.core import TABLE, Fact
from envs.blocksworld.pddl import Meaning, Vocabulary
from envs.blocksworld.plans import plan_length, read_plan
from envs.blocksworld.problem import Problem
from slinvit import InputError

PROBLEM = Problem(
    "swap", ("red", "blue"), (1, TABLE), (Fact("on", (1, 0)),), horizon=8, objects=("a", "b"), source="p.pddl"
)
PLAN = (
    "unstack the red block from on top of the blue block",
    "put down the red block",
    "pick up the blue block",
    "stack the blue block on top of the red block",
)


@pytest.mark.parametrize(
    "text",
    [
        "(unstack a b)\n(put-down a)\n(pick-up b)\n(stack b a)\n; cost = 4",
        "(unstack red blue)\n\n(put-down red)\n(pick-up blue)\n(stack blue red)\n",
        "(UNSTACK A B)\n(putdown A)\n(pickup B)\n(STACK B A)",
        "\n".join(PLAN),
    ],
)
def test_plans_are_read_in_either_notation_and_naming(text: str) -> None:
    assert read_plan(text, PROBLEM) == PLAN
    assert plan_length(PROBLEM, PLAN) == 4


def test_plans_are_read_in_the_words_of_a_renamed_domain() -> None:
    words = Vocabulary(predicates={}, operators={"place": Meaning("stack", swapped=True)})
    assert read_plan("(place a b)", PROBLEM, words) == (PLAN[3],)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("(unstack a b)\n(drop a)", "action 2: unknown operator 'drop'"),
        ("(put-dwn a)", "action 1: unknown operator 'put-dwn'; did you mean 'put-down'"),
        ("(stack a)", "action 1: .* has 1 arguments, 'stack' takes 2"),
        ("(pick-up z)", "action 1: unknown block 'z'; the blocks are red, blue, a, b"),
        ("pick it up", "action 1: not a BlocksWorld action: 'pick it up'"),
        ("()", "action 1: unknown operator ''"),
    ],
)
def test_what_is_no_action_is_refused_with_its_number(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_plan(text, PROBLEM)


def test_a_plan_that_fails_is_refused_with_the_number_of_the_action() -> None:
    with pytest.raises(InputError, match="'swap': action 2 of 3 does not apply: 'pick up the blue block'"):
        plan_length(PROBLEM, [PLAN[0], PLAN[2], PLAN[3]])
    with pytest.raises(InputError, match="'swap': action 1 of 1: not a BlocksWorld action"):
        plan_length(PROBLEM, ["hop"])
    with pytest.raises(InputError, match="the goal does not hold after all 2 actions"):
        plan_length(PROBLEM, PLAN[:2])


def test_an_empty_plan_solves_what_is_solved() -> None:
    assert plan_length(replace(PROBLEM, goal=(Fact("on", (0, 1)),)), ()) == 0
