from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs.blocksworld.core import TABLE, Fact, facts, satisfied, unsatisfiable
from envs.blocksworld.exact import state_space
from envs.blocksworld.generate import random_state
from envs.blocksworld.pddl import (
    DOMAIN_PDDL,
    STANDARD,
    Meaning,
    display_names,
    problem_from_pddl,
    reference,
    to_pddl,
    vocabulary_of,
)
from envs.blocksworld.problem import Problem
from envs.blocksworld.text import COLOURS
from envs.pddl import parse_domain, parse_problem
from slinvit import InputError

PROBLEM = """(define (problem p)
(:domain blocksworld-4ops)
(:objects a b c)
(:init
(handempty)
(on a b)
(ontable b)
(ontable c)
(clear a)
(clear c)
)
(:goal (and
(on b c)
(on a b)))
)
"""

RENAMED = """(define (domain boxes)
  (:requirements :strips :typing)
  (:types box - object)
  (:predicates (supports ?low - box ?high - box) (floor ?b - box) (free ?b - box) (lifted ?b - box) (idle) (blue ?b))
  (:action place
    :parameters (?low - box ?high - box)
    :precondition (and (lifted ?high) (free ?low) (not (= ?low ?high)))
    :effect (and (not (lifted ?high)) (not (free ?low)) (free ?high) (idle) (supports ?low ?high)))
  (:action grab
    :parameters (?x - box)
    :precondition (and (idle) (floor ?x) (free ?x))
    :effect (and (not (idle)) (not (floor ?x)) (not (free ?x)) (lifted ?x)))
  (:action release
    :parameters (?x - box)
    :precondition (lifted ?x)
    :effect (and (idle) (floor ?x) (free ?x) (not (lifted ?x))))
  (:action take
    :parameters (?high ?low - box)
    :precondition (and (supports ?low ?high) (idle) (free ?high))
    :effect (and (not (supports ?low ?high)) (not (idle)) (not (free ?high)) (lifted ?high) (free ?low))))
"""


def problem(text: str) -> Problem:
    return problem_from_pddl(parse_problem(text, "p.pddl"), horizon=9)


def test_a_problem_is_read_as_numbers_with_both_kinds_of_names() -> None:
    found = problem(PROBLEM)
    assert found.start == (1, TABLE, TABLE)
    assert found.goal == (Fact("on", (1, 2)), Fact("on", (0, 1)))
    assert found.names == ("red", "blue", "orange")
    assert found.objects == ("a", "b", "c")
    assert (found.id, found.horizon, found.source) == ("p", 9, "p.pddl")


def test_standard_synonyms_are_read_without_a_domain() -> None:
    text = PROBLEM.replace("ontable", "on-table").replace("handempty", "arm-empty")
    assert problem(text).start == problem(PROBLEM).start


def test_the_reference_domain_is_equivalent_to_itself() -> None:
    vocabulary = vocabulary_of(reference())
    assert vocabulary.predicates == {name: Meaning(name) for name in vocabulary.predicates}
    assert vocabulary.operators == {name: Meaning(name) for name in ("pick-up", "put-down", "stack", "unstack")}
    assert vocabulary_of(None) == STANDARD


def test_the_domain_of_planbench_is_equivalent(data: Path) -> None:
    domain = parse_domain((data / "domain.pddl").read_text(), "domain.pddl")
    assert vocabulary_of(domain) == vocabulary_of(reference())


def test_a_domain_with_other_names_and_argument_orders_is_mapped() -> None:
    vocabulary = vocabulary_of(parse_domain(RENAMED, "boxes.pddl"))
    assert vocabulary.predicates == {
        "supports": Meaning("on", swapped=True),
        "floor": Meaning("ontable"),
        "free": Meaning("clear"),
        "lifted": Meaning("holding"),
        "idle": Meaning("handempty"),
    }
    assert vocabulary.operators == {
        "place": Meaning("stack", swapped=True),
        "grab": Meaning("pick-up"),
        "release": Meaning("put-down"),
        "take": Meaning("unstack"),
    }


def test_a_problem_of_a_renamed_domain_is_the_same_problem() -> None:
    text = PROBLEM.replace("blocksworld-4ops", "boxes").replace("a b c)", "a b c - box)")
    for old, new in (("(ontable", "(floor"), ("(clear", "(free"), ("(handempty", "(idle")):
        text = text.replace(old, new)
    text = text.replace("(on a b)", "(supports b a)").replace("(on b c)", "(supports c b)")
    given_problem = parse_problem(text, "p.pddl", [parse_domain(RENAMED, "boxes.pddl")])
    found, expected = problem_from_pddl(given_problem, horizon=9), problem(PROBLEM)
    assert (found.start, found.goal, found.names) == (expected.start, expected.goal, expected.names)


@pytest.mark.parametrize("order", list(permutations(range(4)))[::5])
def test_the_order_of_operators_does_not_matter(order: tuple[int, ...]) -> None:
    head, *actions = DOMAIN_PDDL.rstrip().removesuffix(")").split("(:action")
    text = head + "".join("(:action" + actions[i] for i in order) + ")"
    assert vocabulary_of(parse_domain(text, "d.pddl")) == vocabulary_of(reference())


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (
            ":precondition (and (clear ?y) (holding ?x))",
            ":precondition (and (holding ?x))",
            "d.pddl:12: .*'stack' has no",
        ),
        ("(on ?x ?y) (not (clear ?y))", "(on ?x ?y)", "d.pddl:12: .*'stack' has no counterpart"),
        ("(clear ?x) (handempty) (ontable ?x)", "(clear ?x) (ontable ?x)", "d.pddl:8: .*'put-down' has no counterpart"),
        ("(clear ?x) (handempty))", "(clear ?x))", "d.pddl:16: .*'unstack' has no counterpart"),
        ("(on ?x ?y) (clear ?x) (handempty)", "(on ?y ?x) (clear ?x) (handempty)", "d.pddl:16: .*'unstack' has no"),
    ],
)
def test_a_domain_with_other_rules_is_refused_with_the_reason(old: str, new: str, reason: str) -> None:
    assert old in DOMAIN_PDDL
    with pytest.raises(InputError, match="not equivalent to 4-operator BlocksWorld"):
        vocabulary_of(parse_domain(DOMAIN_PDDL.replace(old, new), "d.pddl"))
    with pytest.raises(InputError, match=reason):
        vocabulary_of(parse_domain(DOMAIN_PDDL.replace(old, new), "d.pddl"))


def test_domains_of_another_shape_are_refused_with_the_reason() -> None:
    three = DOMAIN_PDDL[: DOMAIN_PDDL.index("  (:action unstack")] + ")"
    with pytest.raises(InputError, match=r"d\.pddl:4: .*it has 3 operators \(pick-up, put-down, stack\)"):
        vocabulary_of(parse_domain(three, "d.pddl"))
    with pytest.raises(InputError, match=r"its operators use .* needed: one of 0, three of 1"):
        vocabulary_of(parse_domain(DOMAIN_PDDL.replace("handempty", "clear ?x"), "d.pddl"))
    typed = RENAMED.replace("(:types box - object)", "(:types box table - object)")
    with pytest.raises(InputError, match=r"objects of several types \(box, table\)"):
        vocabulary_of(parse_domain(typed, "d.pddl"))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("(clear c)", "", "p.pddl:5: .*the fact clear 'c' is missing"),
        ("(clear c)", "(clear c)\n(clear b)", "p.pddl:11: the :init is not .* clear 'b' contradicts the rest"),
        ("(handempty)", "(handempty) (holding c)", "p.pddl:5: .*handempty contradicts the rest"),
        ("(handempty)", "", "p.pddl:6: .*the fact handempty is missing"),
        ("(ontable c)", "", "p.pddl:5: .*block 'c' is nowhere"),
        ("(ontable c)", "(ontable c) (on c b)", "p.pddl:8: .*block 'c' is in two places"),
        ("(ontable b)", "(on b a)", "p.pddl:7: .*block 'a' rests on itself"),
        ("(ontable c)", "(on c b)", "p.pddl:8: .*two blocks are on block 'b'"),
        ("(clear c)", "(cleer c)", "p.pddl:10: unknown predicate 'cleer'; did you mean 'clear'"),
        ("(clear c)", "(clear c a)", "p.pddl:10: .* has 2 arguments instead of 1"),
        ("(on b c)", "(on b d)", "p.pddl:13: the goal mentions the unknown object 'd'"),
        ("(on b c)", "(on b a)", "p.pddl:14: no state satisfies the goal: block 'a' rests on itself"),
        ("(on b c)", "(on c b)", "p.pddl:14: no state satisfies the goal: two blocks are on block 'b'"),
        ("(on b c)", "(on a c)", "p.pddl:14: no state satisfies the goal: block 'a' is in two places"),
        ("(on b c)", "(clear b)", "p.pddl:14: no state satisfies the goal: clear 'b' contradicts the rest"),
        ("(and\n(on b c)\n(on a b))", "(and)", "p.pddl:12: the goal is empty"),
        ("(and\n(on b c)\n(on a b))", "()", "p.pddl:12: the goal is empty"),
        ("(and\n(on b c)\n(on a b))", "(not (on a b))", r"p.pddl:12: \(not ...\) is not supported in the goal"),
        ("a b c)", ")", "p.pddl:6: the initial state mentions the unknown object 'a'"),
        ("a b c)", "a b - block c - table)", r"several types \(block, table\), BlocksWorld has only blocks"),
    ],
)
def test_a_bad_problem_is_refused_with_file_and_line(old: str, new: str, message: str) -> None:
    assert old in PROBLEM
    with pytest.raises(InputError, match=message):
        problem(PROBLEM.replace(old, new, 1))


def test_objects_of_an_undeclared_type_and_problems_without_objects_are_refused() -> None:
    text = PROBLEM.replace("blocksworld-4ops", "boxes").replace("a b c)", "a b c - bix)")
    with pytest.raises(InputError, match="declares no type 'bix'; did you mean 'box'"):
        problem_from_pddl(parse_problem(text, "p.pddl", [parse_domain(RENAMED, "boxes.pddl")]), horizon=9)
    with pytest.raises(InputError, match="the problem has no objects"):
        problem("(define (problem p) (:domain d) (:objects) (:init (handempty)) (:goal (handempty)))")


@given(st.integers(1, 12), st.integers(0, 10**6))
def test_problems_survive_the_way_through_pddl(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    made = Problem("x", COLOURS[:count], random_state(rng, count), tuple(facts(random_state(rng, count))), 9)
    found = problem_from_pddl(parse_problem(to_pddl(made), "p.pddl", [reference()]), horizon=9)
    assert (found.start, found.goal, found.names) == (made.start, made.goal, made.names)


@given(st.data())
def test_a_goal_counts_as_impossible_exactly_where_no_state_satisfies_it(data: st.DataObject) -> None:
    space = state_space(3)
    atoms = sorted({fact for state in space.states for fact in facts(state)} | {Fact("on", (1, 1))})
    goal = tuple(data.draw(st.lists(st.sampled_from(atoms), min_size=1, max_size=4, unique=True)))
    possible = any(satisfied(state, goal) for state in space.states)
    assert possible == (not unsatisfiable(goal, 3))


def test_blocks_get_colours_as_far_as_they_go() -> None:
    assert display_names(("gold", "red")) == ("gold", "red")
    assert display_names(("d", "a", "c")) == ("yellow", "red", "orange")
    assert display_names(("b1", "b2", "red")) == COLOURS[:3]
    many = tuple(f"box,{number}" for number in range(13))
    assert display_names(many) == tuple(f"box-{number}" for number in range(13))
    clashing = ("x,1", "x-1", *(f"y{number}" for number in range(11)))
    assert len(set(display_names(clashing))) == 13
