"""Policies made of the words of the task, memory, and where things usually are: the placement prior and the expert."""

import re
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar, NamedTuple

import numpy as np

from priors.alfworld.progress import home, sources, treated
from priors.alfworld.rates import Rates, read_rates
from priors.alfworld.reading import TOOLS, Belief, Wish, believe, kind_of, wish_of
from priors.simple import admissible, check_options
from slinvit.budget import Budget
from slinvit.errors import InputError
from slinvit.registry import Spec
from slinvit.types import Action, ActionDistribution, State

DO = 8.0
"""Weight of what the task names and can be done at once; going to a kind of receptacle for that weighs 1 in all."""

HERE = 4.0
"""How much more opening a receptacle weighs than going to another of the same chance."""

ELSE = 0.002
"""Weight of every other command."""


class Command(NamedTuple):
    """A command in parts; what it does not name is empty."""

    verb: str
    thing: str = ""
    place: str = ""


_COMMANDS = [
    (verb, re.compile(text))
    for verb, text in (
        ("go", r"go to (?P<place>.+)"),
        ("open", r"open (?P<place>.+)"),
        ("take", r"take (?P<thing>.+) from (?P<place>.+)"),
        ("put", r"move (?P<thing>.+) to (?P<place>.+)"),
        ("put", r"put (?P<thing>.+) in/on (?P<place>.+)"),
        *((verb, rf"{verb} (?P<thing>.+) with (?P<place>.+)") for verb in TOOLS),
        ("use", r"use (?P<thing>.+)"),
    )
]


@lru_cache(maxsize=16384)
def read_command(action: Action) -> Command:
    """Return ``action`` in parts, in either wording; commands of no interest have the verb ``else``."""
    for verb, pattern in _COMMANDS:
        if (found := pattern.fullmatch(action)) is not None:
            return Command(verb, **found.groupdict())
    return Command("else")


@dataclass(frozen=True)
class Placement:
    """Weighs every admissible command by the words of the task, what was seen, and where things usually are.

    It knows that the wanted object is to be looked for where such things usually are and was not looked for yet, taken
    where it was seen, and then brought where the task says, or to the tool that the task needs. It does not know in
    which order, nor that two things must get into the same receptacle: that is what ``ordered`` adds, the expert.

    Attributes:
        rates: where things usually are.
        ordered: treat before bringing, and bring both of two things to one receptacle.
    """

    rates: Rates
    ordered: bool = False
    deterministic: ClassVar[bool] = True

    def propose(
        self, states: Sequence[State], *, k: int | None = None, budget: Budget, rng: np.random.Generator
    ) -> list[ActionDistribution]:
        """Return a distribution with full support over the admissible commands of each state; costs nothing.

        Raises:
            InputError: a state of another world.
        """
        return [self._distribution(state) for state in states]

    def situation(self, state: State) -> Hashable:
        """Return what the answer depends on."""
        return state.task.goal, state.history, state.actions

    def provenance(self) -> Mapping[str, Any]:
        """Return what identifies the counts."""
        return self.rates.origin

    def _distribution(self, state: State) -> ActionDistribution:
        wish, belief = wish_of(state, "this prior"), believe(state)
        actions = admissible(state)
        commands = [read_command(action) for action in actions]
        view = _View(wish, belief, self.rates, self.ordered, commands)
        return ActionDistribution.normalised(actions, np.log([view.weight(command) for command in commands]))


class _View:
    """One state as the policy sees it."""

    def __init__(self, wish: Wish, belief: Belief, rates: Rates, ordered: bool, commands: Sequence[Command]) -> None:
        self.wish, self.belief, self.rates, self.ordered = wish, belief, rates, ordered
        self.alike = Counter(kind_of(command.place) for command in commands if command.verb == "go")
        self.holds = kind_of(belief.held) == wish.object
        self.sources = sources(wish, belief)
        self.lamps = belief.places(wish.target) if wish.kind == "light" else {}
        self.home = home(wish, belief)[0] if wish.kind == "two" and ordered else ""
        self.treated = treated(wish, belief, belief.held)

    def weight(self, command: Command) -> float:
        """Return the weight of a command, above 0."""
        verb, thing, place = command
        wish = self.wish
        match verb:
            case "go":
                return self._going(place)
            case "open":
                return self._opening(place)
            case "take":
                named = kind_of(thing) == wish.object and not self.belief.held and not self._belongs(thing, place)
            case "put":
                named = self._bringing(place) if self.holds else True
            case "use":
                named = wish.kind == "light" and kind_of(thing) == wish.target and thing not in self.belief.lit
            case _:
                named = verb == wish.treatment and self.holds and not self.treated
        return DO if named else ELSE

    def _belongs(self, thing: str, place: str) -> bool:
        """Say whether ``thing`` is where it should be."""
        if self.wish.kind == "light" or kind_of(place) != self.wish.target:
            return False
        return place == self.home if self.home else treated(self.wish, self.belief, thing)

    def _bringing(self, place: str) -> bool:
        """Say whether the task wants what is held in ``place``."""
        if self.wish.kind == "light" or kind_of(place) != self.wish.target or (self.ordered and not self.treated):
            return False
        return place == self.home if self.home else True

    def _going(self, place: str) -> float:
        if self.belief.held and self.wish.kind != "light":
            treat = bool(self.wish.treatment) and not self.treated
            tool = treat and kind_of(place) in TOOLS[self.wish.treatment]
            return 1.0 / self.alike[kind_of(place)] if self.holds and (tool or self._bringing(place)) else ELSE
        return self._searching(place)

    def _opening(self, place: str) -> float:
        if self.belief.held and self.wish.kind != "light":
            return DO if self.holds and self._bringing(place) else ELSE
        return min(HERE * self._searching(place), DO)

    def _searching(self, place: str) -> float:
        looked_for = [] if self.holds else [(self.wish.object, self.sources)]
        if self.wish.kind == "light" and (self.holds or not self.ordered):
            looked_for.append((self.wish.target, self.lamps))
        if any(place in known for _, known in looked_for):
            return 1.0
        if place in self.belief.contents:
            return ELSE
        return max([ELSE, *(self.rates.rate(kind, kind_of(place)) for kind, known in looked_for if not known)])


def placement(spec: Spec) -> Placement:
    """ALFWorld without a model: the task's words and where things usually are; rates=inverted is the control."""
    check_options(spec, ("rates",))
    choice = spec.options.get("rates", "counted")
    if choice not in ("counted", "inverted"):
        raise InputError(f"the prior option rates={choice} must be counted or inverted")
    rates = read_rates(spec.argument)
    return Placement(rates if choice == "counted" else rates.inverted())


def expert(spec: Spec) -> Placement:
    """ALFWorld, handcoded upper reference: the placement prior that also knows the order of the subgoals."""
    check_options(spec)
    return Placement(read_rates(spec.argument), ordered=True)
