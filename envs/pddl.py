"""The STRIPS part of PDDL: domains and problems, with the line of everything that may be wrong.

Names are case-insensitive and come out in lower case. Types are read and kept, never interpreted.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NoReturn, TypeAlias

from slinvit.errors import InputError, did_you_mean

_TOKEN = re.compile(r";[^\n]*|[()]|[^\s();]+|\n")


@dataclass(frozen=True, slots=True)
class Word:
    """A name, keyword or variable."""

    text: str
    line: int


@dataclass(frozen=True, slots=True)
class Group:
    """A parenthesised list."""

    items: "tuple[Expression, ...]"
    line: int

    @property
    def head(self) -> str:
        """The first word, or an empty string where there is none."""
        return self.items[0].text if self.items and isinstance(self.items[0], Word) else ""


Expression: TypeAlias = Word | Group


@dataclass(frozen=True, slots=True)
class Atom:
    """A predicate with its arguments: variables ``?x`` in operators, objects elsewhere."""

    predicate: str
    arguments: tuple[str, ...] = ()
    line: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return f"({' '.join((self.predicate, *self.arguments))})"


@dataclass(frozen=True)
class Operator:
    """A STRIPS operator; ``preconditions`` and effects are over ``parameters`` and constants."""

    name: str
    parameters: tuple[str, ...]
    preconditions: frozenset[Atom]
    adds: frozenset[Atom]
    deletes: frozenset[Atom]
    types: frozenset[str] = frozenset()
    line: int = field(default=0, compare=False)


@dataclass(frozen=True)
class StripsDomain:
    """A domain file."""

    file: str
    name: str
    operators: tuple[Operator, ...]
    constants: tuple[str, ...]
    types: frozenset[str]


@dataclass(frozen=True)
class StripsProblem:
    """A problem file; ``goal`` is a conjunction of atoms, ``line`` is that of the goal.

    ``domain`` is ``None`` where no domain file was given; ``objects`` begin with the constants of the domain.
    """

    file: str
    name: str
    domain: StripsDomain | None
    objects: tuple[str, ...]
    types: frozenset[str]
    init: tuple[Atom, ...]
    goal: tuple[Atom, ...]
    line: int

    def fail(self, line: int, problem: str) -> NoReturn:
        """Raise ``InputError`` with file and line in front."""
        fail(self.file, line, problem)


def fail(file: str, line: int, problem: str) -> NoReturn:
    """Raise ``InputError`` with file and line in front."""
    raise InputError(f"{file}:{line}: {problem}")


def kind_of(text: str, file: str) -> str:
    """Return ``domain`` or ``problem``, whichever ``text`` defines."""
    return _Definition(text, file).kind


def parse_domain(text: str, file: str) -> StripsDomain:
    """Return the domain in ``text``; ``file`` is only for messages.

    Raises:
        InputError: with file and line: unbalanced parentheses, a missing part, or more than STRIPS.
    """
    return _Definition(text, file).domain()


def parse_problem(text: str, file: str, domains: Sequence[StripsDomain] = ()) -> StripsProblem:
    """Return the problem in ``text``, of the one of ``domains`` that it names.

    Raises:
        InputError: with file and line: unbalanced parentheses, a missing part, an unknown object, a goal that is not
            a conjunction of atoms, or another domain than any of ``domains`` where there are some.
    """
    return _Definition(text, file).problem(domains)


def read(text: str, file: str) -> Group:
    """Return the one parenthesised expression in ``text``, words in lower case; ``;`` starts a comment."""
    stack: list[tuple[list[Expression], int]] = [([], 1)]
    line = 1
    for token in _TOKEN.findall(text):
        if token == "\n":
            line += 1
        elif token == "(":
            stack.append(([], line))
        elif token == ")":
            items, start = stack.pop()
            if not stack:
                fail(file, line, "a closing parenthesis without an opening one")
            stack[-1][0].append(Group(tuple(items), start))
        elif not token.startswith(";"):
            stack[-1][0].append(Word(token.lower(), line))
    if len(stack) > 1:
        fail(file, stack[-1][1], "this parenthesis is never closed")
    found = stack[0][0]
    if not found or not isinstance(found[0], Group):
        fail(file, found[0].line if found else 1, "expected (define ...)")
    if len(found) > 1:
        fail(file, found[1].line, "text after the end of (define ...); is there one parenthesis too many before?")
    return found[0]


class _Definition:
    """One ``(define (KIND NAME) sections...)``."""

    def __init__(self, text: str, file: str) -> None:
        self.file = file
        self.root = read(text, file)
        title = self.root.items[1] if len(self.root.items) > 1 else None
        if self.root.head != "define" or not isinstance(title, Group) or title.head not in ("domain", "problem"):
            self.fail(self.root.line, "expected (define (domain NAME) ...) or (define (problem NAME) ...)")
        self.kind = title.head
        self.name = self.word(title.items[1]).text if len(title.items) > 1 else ""
        self.sections = [item for item in self.root.items[2:] if isinstance(item, Group)]

    def domain(self) -> StripsDomain:
        self.expect("domain")
        constants = self.typed(self.optional(":constants"))
        declared = self.optional(":predicates")
        predicates = {item.head: len(self.typed(item.items[1:])) for item in self.groups(declared)}
        operators = tuple(
            self.operator(section, predicates, constants) for section in self.sections if section.head == ":action"
        )
        if not operators:
            self.fail(self.root.line, "the domain has no :action")
        types = frozenset(name for name, _ in self.typed(self.optional(":types")))
        return StripsDomain(self.file, self.name, operators, tuple(name for name, _ in constants), types)

    def problem(self, domains: Sequence[StripsDomain]) -> StripsProblem:
        self.expect("problem")
        domain = self.domain_of(domains)
        constants = domain.constants if domain else ()
        objects = self.typed(self.section(":objects").items[1:])
        names = (*constants, *(name for name, _ in objects if name not in constants))
        for number, (name, _) in enumerate(objects):
            if name in {other for other, _ in objects[:number]}:
                self.fail(self.section(":objects").line, f"the object {name!r} is declared twice")
        goal = self.section(":goal")
        if len(goal.items) != 2:
            self.fail(goal.line, "the goal must be one atom or one (and ...)")
        return StripsProblem(
            file=self.file,
            name=self.name,
            domain=domain,
            objects=names,
            types=frozenset(kind for _, kind in objects if kind),
            init=tuple(self.atom(item, names, "the initial state") for item in self.section(":init").items[1:]),
            goal=tuple(self.atom(item, names, "the goal") for item in self.conjuncts(goal.items[1])),
            line=goal.line,
        )

    def domain_of(self, domains: Sequence[StripsDomain]) -> StripsDomain | None:
        section = self.section(":domain")
        name = self.word(section.items[1]).text if len(section.items) > 1 else ""
        known = {domain.name: domain for domain in domains}
        if domains and name not in known:
            files = ", ".join(f"{domain.name} ({domain.file})" for domain in domains)
            self.fail(section.line, f"unknown domain {name!r}{did_you_mean(name, known)}; known: {files}")
        return known.get(name)

    def operator(self, action: Group, predicates: dict[str, int], constants: Sequence[tuple[str, str]]) -> Operator:
        name = self.word(action.items[1]).text if len(action.items) > 1 else ""
        parts: dict[str, Expression] = {}
        for key, value in zip(action.items[2::2], action.items[3::2], strict=False):
            parts[self.word(key).text] = value
        for needed in (":parameters", ":effect"):
            if needed not in parts:
                self.fail(action.line, f"the action {name!r} has no {needed}")
        parameters = self.typed(self.group(parts[":parameters"]).items)
        known = [variable for variable, _ in (*parameters, *constants)]

        def atom(item: Expression) -> Atom:
            read = self.atom(item, known, f"the action {name!r}")
            if read.predicate not in predicates:
                near = did_you_mean(read.predicate, predicates)
                self.fail(item.line, f"the predicate {read.predicate!r} is not declared in :predicates{near}")
            if len(read.arguments) != predicates[read.predicate]:
                count = predicates[read.predicate]
                self.fail(item.line, f"{read} has {len(read.arguments)} arguments, {read.predicate!r} takes {count}")
            return read

        before = self.conjuncts(parts[":precondition"]) if ":precondition" in parts else []
        effects = self.conjuncts(parts[":effect"])
        return Operator(
            name=name,
            parameters=tuple(variable for variable, _ in parameters),
            preconditions=frozenset(atom(item) for item in before if not _says_distinct(item)),
            adds=frozenset(atom(item) for item in effects if not _negated(item)),
            deletes=frozenset(atom(inner) for item in effects for inner in _negated(item)),
            types=frozenset(kind for _, kind in parameters if kind),
            line=action.line,
        )

    def atom(self, item: Expression, known: Sequence[str], where: str) -> Atom:
        """Return a positive atom over ``known`` names."""
        group = self.group(item)
        if group.head in ("", "and", "not", "or", "imply", "forall", "exists", "when", "="):
            word = f"({group.head} ...)" if group.head else "this"
            self.fail(group.line, f"{word} is not supported in {where}; only plain atoms are")
        predicate, *arguments = (self.word(part) for part in group.items)
        for argument in arguments:
            if argument.text not in known:
                near = did_you_mean(argument.text, known)
                kind = "variable" if argument.text.startswith("?") else "object"
                self.fail(argument.line, f"{where} mentions the unknown {kind} {argument.text!r}{near}")
        return Atom(predicate.text, tuple(argument.text for argument in arguments), group.line)

    def conjuncts(self, item: Expression) -> list[Expression]:
        group = self.group(item)
        if not group.items:
            return []
        return list(group.items[1:]) if group.head == "and" else [group]

    def typed(self, items: Iterable[Expression]) -> list[tuple[str, str]]:
        """Return (name, type) of a list such as ``a b - block c``; the type is empty where none is given."""
        named: list[tuple[str, str]] = []
        waiting: list[str] = []
        words: Iterator[Word] = map(self.word, items)
        for word in words:
            if word.text != "-":
                waiting.append(word.text)
                continue
            kind = next(words, None)
            if kind is None:
                self.fail(word.line, "a type must follow '-'")
            named += [(name, kind.text) for name in waiting]
            waiting = []
        return named + [(name, "") for name in waiting]

    def section(self, head: str) -> Group:
        found = [section for section in self.sections if section.head == head]
        if not found:
            near = did_you_mean(head, [section.head for section in self.sections])
            self.fail(self.root.line, f"the {self.kind} has no ({head} ...) section{near}")
        if len(found) > 1:
            self.fail(found[1].line, f"a second ({head} ...) section")
        return found[0]

    def optional(self, head: str) -> tuple[Expression, ...]:
        return self.section(head).items[1:] if any(section.head == head for section in self.sections) else ()

    def groups(self, items: Iterable[Expression]) -> list[Group]:
        return [self.group(item) for item in items]

    def expect(self, kind: str) -> None:
        if self.kind != kind:
            self.fail(self.root.line, f"expected a {kind}, this file defines the {self.kind} {self.name!r}")

    def word(self, item: Expression) -> Word:
        if isinstance(item, Group):
            self.fail(item.line, "expected a name, found a parenthesis")
        return item

    def group(self, item: Expression) -> Group:
        if isinstance(item, Word):
            self.fail(item.line, f"expected a parenthesis, found {item.text!r}")
        return item

    def fail(self, line: int, problem: str) -> NoReturn:
        fail(self.file, line, problem)


def _negated(item: Expression) -> tuple[Expression, ...]:
    return item.items[1:] if isinstance(item, Group) and item.head == "not" else ()


def _says_distinct(item: Expression) -> bool:
    """Say whether ``item`` is ``(not (= ?x ?y))``, which every BlocksWorld operator implies anyway."""
    inner = _negated(item)
    if len(inner) != 1 or not isinstance(inner[0], Group) or inner[0].head != "=":
        return False
    sides = {part.text for part in inner[0].items[1:] if isinstance(part, Word) and part.text.startswith("?")}
    return len(sides) == 2
