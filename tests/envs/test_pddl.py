import pytest

from envs.pddl import Atom, kind_of, parse_domain, parse_problem, read
from slinvit import InputError

DOMAIN = """; a comment with (parentheses
(define (domain Moving)
  (:requirements :strips :typing)
  (:types block - object)
  (:constants Home - block)
  (:predicates (at ?x ?y - block) (free))
  (:action go
    :parameters (?x ?y - block)
    :precondition (and (at ?x home) (free) (not (= ?x ?y)))
    :effect (and (at ?x ?y) (not (free)))))
"""

PROBLEM = """(define (problem p)
  (:domain moving)
  (:objects A B - block)
  (:init (at a home) (free))
  (:goal (and (at a b))))
"""


def test_a_typed_domain_with_constants_is_read() -> None:
    domain = parse_domain(DOMAIN, "d.pddl")
    operator = domain.operators[0]
    assert (domain.name, domain.constants) == ("moving", ("home",))
    assert domain.types == {"block"}
    assert operator.parameters == ("?x", "?y")
    assert operator.preconditions == {Atom("at", ("?x", "home")), Atom("free")}
    assert operator.adds == {Atom("at", ("?x", "?y"))}
    assert operator.deletes == {Atom("free")}
    assert operator.line == 7


def test_a_problem_is_read_with_the_constants_of_its_domain_and_lines() -> None:
    domain = parse_domain(DOMAIN, "d.pddl")
    problem = parse_problem(PROBLEM, "p.pddl", [domain])
    assert problem.objects == ("home", "a", "b")
    assert problem.init == (Atom("at", ("a", "home")), Atom("free"))
    assert [atom.line for atom in (*problem.init, *problem.goal)] == [4, 4, 5]
    assert (kind_of(DOMAIN, "d"), kind_of(PROBLEM, "p")) == ("domain", "problem")


def test_a_goal_may_be_a_single_atom() -> None:
    text = PROBLEM.replace("(and (at a b))", "(at a b)").replace("home", "b")
    assert parse_problem(text, "p.pddl").goal == (Atom("at", ("a", "b")),)


def test_expressions_keep_their_lines() -> None:
    tree = read("(a\n; (\n (b c)\n)", "f")
    assert (tree.line, tree.items[1].line) == (1, 3)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("(:goal (and (at a b))))", "(:goal (and (at a b)))", "p.pddl:1: this parenthesis is never closed"),
        ("(:goal (and (at a b))))", "(:goal (and (at a b)))))", "p.pddl:5: a closing parenthesis without"),
        ("(at a b))))", "(at a b)))) (extra)", "p.pddl:5: text after the end"),
        ("(:objects A B - block)", "", r"p.pddl:1: the problem has no \(:objects ...\) section"),
        ("(:init (at a home) (free))", "", r"p.pddl:1: the problem has no \(:init ...\) section"),
        ("(:goal (and (at a b)))", "(:gaol (and (at a b)))", r"no \(:goal ...\) section; did you mean ':gaol'"),
        ("(:domain moving)", "(:domain movin)", r"p.pddl:2: unknown domain 'movin'; did you mean 'moving'"),
        ("(:domain moving)", "(:domain moving) (:domain moving)", r"p.pddl:2: a second \(:domain ...\) section"),
        ("A B - block", "A B A - block", "p.pddl:3: the object 'a' is declared twice"),
        ("A B - block", "A B -", "p.pddl:3: a type must follow"),
        ("A B - block", "A (B) - block", "p.pddl:3: expected a name, found a parenthesis"),
        ("(at a b)", "(at a homme)", "p.pddl:5: the goal mentions the unknown object 'homme'; did you mean 'home'"),
        ("(at a home)", "(at z home)", "p.pddl:4: the initial state mentions the unknown object 'z'"),
        ("(and (at a b))", "(not (at a b))", r"p.pddl:5: \(not ...\) is not supported in the goal"),
        ("(and (at a b))", "(or (at a b) (free))", r"p.pddl:5: \(or ...\) is not supported in the goal"),
        ("(and (at a b))", "(forall (?x) (at ?x b))", r"p.pddl:5: \(forall ...\) is not supported"),
        ("(and (at a b))", "(at a b) (free)", "p.pddl:5: the goal must be one atom or one"),
        ("(and (at a b))", "nothing", "p.pddl:5: expected a parenthesis, found 'nothing'"),
        ("(define (problem p)", "(defin (problem p)", r"p.pddl:1: expected \(define"),
        ("(problem p)", "(domain p)", "p.pddl:1: expected a problem, this file defines the domain 'p'"),
    ],
)
def test_a_bad_problem_is_refused_with_file_and_line(old: str, new: str, message: str) -> None:
    assert old in PROBLEM
    with pytest.raises(InputError, match=message):
        parse_problem(PROBLEM.replace(old, new), "p.pddl", [parse_domain(DOMAIN, "d.pddl")])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("(free))))", "(free)))", "d.pddl:2: this parenthesis is never closed"),
        (":parameters (?x ?y - block)", "", "d.pddl:7: the action 'go' has no :parameters"),
        (":effect (and (at ?x ?y) (not (free)))", "", "d.pddl:7: the action 'go' has no :effect"),
        ("(at ?x ?y) (not", "(att ?x ?y) (not", "d.pddl:10: the predicate 'att' is not declared .* did you mean 'at'"),
        ("(at ?x ?y) (not", "(at ?x) (not", "d.pddl:10: .at .x. has 1 arguments, 'at' takes 2"),
        ("(at ?x ?y) (not", "(at ?x ?z) (not", "d.pddl:10: the action 'go' mentions the unknown variable '.z'"),
        ("(free) (not (= ?x ?y))", "(not (free))", r"d.pddl:9: \(not ...\) is not supported in the action 'go'"),
        ("(not (= ?x ?y))", "(not (= ?x home))", r"d.pddl:9: \(not ...\) is not supported in the action 'go'"),
    ],
)
def test_a_bad_domain_is_refused_with_file_and_line(old: str, new: str, message: str) -> None:
    assert old in DOMAIN
    with pytest.raises(InputError, match=message):
        parse_domain(DOMAIN.replace(old, new), "d.pddl")


def test_a_domain_without_actions_and_an_empty_file_are_refused() -> None:
    with pytest.raises(InputError, match=r"d\.pddl:1: the domain has no :action"):
        parse_domain("(define (domain d))", "d.pddl")
    with pytest.raises(InputError, match=r"e\.pddl:1: expected"):
        kind_of("; nothing here\n", "e.pddl")
    with pytest.raises(InputError, match=r"e\.pddl:2: expected"):
        kind_of("\nplain text", "e.pddl")
