"""BlocksWorld problems in PDDL files, under whatever names their domain gives to the four operators, and back."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import permutations, product

from envs.blocksworld.core import Fact, Support, facts, from_facts, unsatisfiable
from envs.blocksworld.problem import Problem
from envs.blocksworld.text import COLOURS
from envs.pddl import Atom, Operator, StripsDomain, StripsProblem, parse_domain
from slinvit.errors import InputError, did_you_mean

DOMAIN_PDDL = """\
(define (domain blocksworld-4ops)
  (:requirements :strips)
  (:predicates (clear ?x) (ontable ?x) (handempty) (holding ?x) (on ?x ?y))
  (:action pick-up
    :parameters (?x)
    :precondition (and (clear ?x) (ontable ?x) (handempty))
    :effect (and (holding ?x) (not (clear ?x)) (not (ontable ?x)) (not (handempty))))
  (:action put-down
    :parameters (?x)
    :precondition (and (holding ?x))
    :effect (and (clear ?x) (handempty) (ontable ?x) (not (holding ?x))))
  (:action stack
    :parameters (?x ?y)
    :precondition (and (clear ?y) (holding ?x))
    :effect (and (handempty) (clear ?x) (on ?x ?y) (not (clear ?y)) (not (holding ?x))))
  (:action unstack
    :parameters (?x ?y)
    :precondition (and (on ?x ?y) (clear ?x) (handempty))
    :effect (and (holding ?x) (clear ?y) (not (on ?x ?y)) (not (clear ?x)) (not (handempty)))))
"""
"""The 4-operator domain that all others are compared with."""

_ARITY = {"on": 2, "ontable": 1, "clear": 1, "holding": 1, "handempty": 0}


@dataclass(frozen=True, slots=True)
class Meaning:
    """A standard name, and whether the two arguments come in the other order."""

    name: str
    swapped: bool = False


@dataclass(frozen=True)
class Vocabulary:
    """What the names of a domain mean here.

    Attributes:
        predicates: to ``on``, ``ontable``, ``clear``, ``holding``, ``handempty``.
        operators: to ``pick-up``, ``put-down``, ``stack``, ``unstack``.
    """

    predicates: Mapping[str, Meaning]
    operators: Mapping[str, Meaning]


STANDARD = Vocabulary(
    predicates={
        **{name: Meaning(name) for name in _ARITY},
        **{name: Meaning("ontable") for name in ("on-table", "on_table")},
        **{name: Meaning("handempty") for name in ("hand-empty", "arm-empty", "armempty")},
    },
    operators={
        **{name: Meaning(name) for name in ("pick-up", "put-down", "stack", "unstack")},
        "pickup": Meaning("pick-up"),
        "putdown": Meaning("put-down"),
    },
)
"""The names assumed where a problem comes without its domain."""


@cache
def reference() -> StripsDomain:
    """Return the parsed :data:`DOMAIN_PDDL`."""
    return parse_domain(DOMAIN_PDDL, "the 4-operator BlocksWorld")


@lru_cache(maxsize=16)
def vocabulary_of(domain: StripsDomain | None) -> Vocabulary:
    """Return the renaming of predicates, operators and argument orders that makes ``domain`` the reference domain.

    Without a domain that is :data:`STANDARD`.

    Raises:
        InputError: no renaming does; the message names an operator that has no counterpart.
    """
    if domain is None:
        return STANDARD
    line = domain.operators[0].line
    if len(domain.operators) != 4:
        names = ", ".join(operator.name for operator in domain.operators)
        raise _refusal(domain, line, f"it has {len(domain.operators)} operators ({names})")
    if len(types := domain.types.union(*(op.types for op in domain.operators)) - {"object"}) > 1:
        raise _refusal(domain, line, f"it has objects of several types ({', '.join(sorted(types))})")
    renamings = list(_renamings(_predicates(domain)))
    if not renamings:
        found = ", ".join(f"{name}/{arity}" for name, arity in sorted(_predicates(domain).items()))
        raise _refusal(domain, line, f"its operators use {found}; needed: one of 0, three of 1 and one of 2 arguments")
    best: dict[str, Meaning] = {}
    for renaming in renamings:
        matched = _matched(domain, renaming)
        if len(matched) == 4:
            return Vocabulary(renaming, matched)
        best = max(best, matched, key=len)
    odd = next(operator for operator in domain.operators if operator.name not in best)
    raise _refusal(
        domain, odd.line, f"the operator {odd.name!r} has no counterpart among pick-up, put-down, stack, unstack"
    )


def problem_from_pddl(given: StripsProblem, *, horizon: int, name: str = "") -> Problem:
    """Return the BlocksWorld problem that ``given`` states.

    Args:
        given: the parsed problem; where it comes without its domain the standard names are assumed.
        horizon: most steps in an episode.
        name: task id; by default the name of the problem.

    Raises:
        InputError: with file and line: a domain that is not BlocksWorld, names that mean nothing here, a start that
            is no BlocksWorld state, or a goal that no state satisfies.
    """
    vocabulary = vocabulary_of(given.domain)
    _check_types(given)
    start = _start(given, [_fact(given, atom, vocabulary) for atom in given.init])
    goal = tuple(_fact(given, atom, vocabulary) for atom in given.goal)
    _check_goal(given, goal)
    return Problem(
        id=name or given.name,
        names=display_names(given.objects),
        start=start,
        goal=tuple(dict.fromkeys(goal)),
        horizon=horizon,
        source=given.file,
        objects=given.objects,
    )


def display_names(objects: Sequence[str]) -> tuple[str, ...]:
    """Return how blocks are called in text: colours as far as they go, PlanBench's for the letters a, b, c, ...

    Colours keep their names; single letters from a to l become the colours in that order; otherwise up to 12 blocks
    get the colours in the order of their declaration, and more than 12 keep their own names.
    """
    letters = "abcdefghijkl"[: len(COLOURS)]
    if all(name in COLOURS for name in objects):
        return tuple(objects)
    if all(name in letters and len(name) == 1 for name in objects):
        return tuple(COLOURS[letters.index(name)] for name in objects)
    if len(objects) <= len(COLOURS):
        return COLOURS[: len(objects)]
    own = tuple(re.sub(r"[\s,]+", "-", name) for name in objects)
    return own if len(set(own)) == len(own) else tuple(f"b{number}" for number in range(len(own)))


def to_pddl(problem: Problem) -> str:
    """Return ``problem`` as a PDDL problem of the reference domain; block ``i`` is the object ``b<i>``."""
    objects = " ".join(f"b{number}" for number in range(len(problem.start)))
    init = " ".join(map(atom_text, facts(problem.start)))
    goal = " ".join(map(atom_text, problem.goal))
    return (
        f"(define (problem bw)\n  (:domain {reference().name})\n  (:objects {objects})\n"
        f"  (:init {init})\n  (:goal (and {goal})))\n"
    )


def atom_text(fact: Fact) -> str:
    """Return one atom in PDDL, for example ``(on b0 b1)``."""
    return f"({' '.join((fact.predicate, *(f'b{block}' for block in fact.blocks)))})"


def _refusal(domain: StripsDomain, line: int, reason: str) -> InputError:
    return InputError(
        f"{domain.file}:{line}: the domain {domain.name!r} is not equivalent to 4-operator BlocksWorld: {reason}"
    )


def _predicates(domain: StripsDomain) -> dict[str, int]:
    used = [atom for op in domain.operators for atom in (*op.preconditions, *op.adds, *op.deletes)]
    return {atom.predicate: len(atom.arguments) for atom in used}


def _renamings(found: Mapping[str, int]) -> Iterator[dict[str, Meaning]]:
    """Yield every way to give the predicates ``found`` the standard names of the same arity."""
    if sorted(found.values()) != sorted(_ARITY.values()):
        return
    names = sorted(found, key=lambda name: (found[name], name not in STANDARD.predicates, name))
    for unary, swapped in product(permutations(("ontable", "clear", "holding")), (False, True)):
        yield dict(zip(names, (Meaning("handempty"), *map(Meaning, unary), Meaning("on", swapped)), strict=True))


def _matched(domain: StripsDomain, renaming: Mapping[str, Meaning]) -> dict[str, Meaning]:
    """Return the meaning of every operator of ``domain`` that is one of the reference under ``renaming``."""
    wanted = {_shape(operator, {}, False): operator.name for operator in reference().operators}
    matched: dict[str, Meaning] = {}
    for operator in domain.operators:
        for swapped in (False, True)[: max(1, len(operator.parameters))]:
            name = wanted.get(_shape(operator, renaming, swapped))
            if name and name not in {meaning.name for meaning in matched.values()}:
                matched[operator.name] = Meaning(name, swapped)
                break
    return matched


def _shape(operator: Operator, renaming: Mapping[str, Meaning], swapped: bool) -> tuple[object, ...]:
    """Return what ``operator`` does, with numbers for its parameters and standard names for the predicates."""
    order = operator.parameters[::-1] if swapped else operator.parameters
    number = {variable: str(index) for index, variable in enumerate(order)}

    def standard(atom: Atom) -> Atom:
        meaning = renaming.get(atom.predicate, Meaning(atom.predicate))
        arguments = tuple(number.get(argument, argument) for argument in atom.arguments)
        return Atom(meaning.name, arguments[::-1] if meaning.swapped else arguments)

    parts = (operator.preconditions, operator.adds, operator.deletes)
    return (len(order), *(frozenset(map(standard, atoms)) for atoms in parts))


def _check_types(given: StripsProblem) -> None:
    domain = given.domain
    if not given.objects:
        given.fail(1, "the problem has no objects")
    if len(types := given.types - {"object"}) > 1:
        given.fail(1, f"the objects are of several types ({', '.join(sorted(types))}), BlocksWorld has only blocks")
    if domain is not None and (unknown := types - domain.types):
        kind = min(unknown)
        given.fail(1, f"{domain.file} declares no type {kind!r}{did_you_mean(kind, domain.types)}")


def _fact(given: StripsProblem, atom: Atom, vocabulary: Vocabulary) -> Fact:
    meaning = vocabulary.predicates.get(atom.predicate)
    if meaning is None:
        known = vocabulary.predicates
        near = did_you_mean(atom.predicate, known)
        given.fail(atom.line, f"unknown predicate {atom.predicate!r}{near}; known: {', '.join(sorted(known))}")
    if len(atom.arguments) != _ARITY[meaning.name]:
        given.fail(atom.line, f"{atom} has {len(atom.arguments)} arguments instead of {_ARITY[meaning.name]}")
    blocks = tuple(given.objects.index(argument) for argument in atom.arguments)
    return Fact(meaning.name, blocks[::-1] if meaning.swapped else blocks)


def _start(given: StripsProblem, atoms: Sequence[Fact]) -> Support:
    _check_consistent(given, given.init, atoms, "the :init is not a BlocksWorld state")
    try:
        return from_facts(atoms, len(given.objects))
    except ValueError as error:
        line = given.init[0].line if given.init else 1
        given.fail(line, f"the :init is not a BlocksWorld state: {_named(str(error), given)}")


def _check_goal(given: StripsProblem, goal: Sequence[Fact]) -> None:
    if not goal:
        given.fail(given.line, "the goal is empty; it must name at least one atom")
    _check_consistent(given, given.goal, goal, "no state satisfies the goal")


def _check_consistent(given: StripsProblem, atoms: Sequence[Atom], meant: Sequence[Fact], problem: str) -> None:
    """Fail at the first atom that contradicts those before it."""
    if not unsatisfiable(meant, len(given.objects)):
        return
    for number, atom in enumerate(atoms, start=1):
        if reason := unsatisfiable(meant[:number], len(given.objects)):
            given.fail(atom.line, f"{problem}: {_named(reason, given)}")


def _named(message: str, given: StripsProblem) -> str:
    """Return ``message`` with object names in place of block numbers."""
    return re.sub(r"\d+", lambda match: repr(given.objects[int(match[0])]), message)
