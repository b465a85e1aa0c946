"""How far a task has come by the texts so far: the subgoals find, take, treat, go, place, twice for two."""

from collections.abc import Mapping
from dataclasses import dataclass

from priors.alfworld.reading import TOOLS, Belief, Wish, kind_of

SUBGOALS: Mapping[str, int] = {"place": 4, "treat": 6, "two": 8, "light": 4}
"""How many subgoals each kind of task has."""

NOVELTY = 0.4
"""Most that looking into new receptacles is worth, in subgoals."""

HALF = 10.0
"""Receptacles looked into that are worth half of :data:`NOVELTY`."""

HANDS_FULL = 0.25
"""Price of holding something that the task does not ask for, in subgoals."""


@dataclass(frozen=True, slots=True)
class Credit:
    """Which parts of the progress count beside taking, treating and placing.

    Attributes:
        found: knowing where a wanted object is.
        proximity: being where the next subgoal can be reached.
        novelty: having looked into receptacles.
    """

    found: bool = True
    proximity: bool = True
    novelty: bool = True


def progress(wish: Wish, belief: Belief, credit: Credit) -> float:
    """Return the share of the subgoals reached, in [0, 1) up to what is not known to be solved.

    Half a subgoal is credited for being beside a wanted object or before a closed target.
    """
    done = _light(wish, belief, credit) if wish.kind == "light" else _place(wish, belief, credit)
    if belief.held and kind_of(belief.held) != wish.object:
        done -= HANDS_FULL
    if credit.novelty:
        looked = len(belief.contents) + 0.5 * len(belief.closed - belief.contents.keys())
        done += NOVELTY * looked / (looked + HALF)
    return done / SUBGOALS[wish.kind]


def home(wish: Wish, belief: Belief) -> tuple[str, int]:
    """Return the target receptacle that holds most of the wanted objects, and how many; ``("", 0)`` where none does."""
    held_by = {
        place: len(things) for place, things in belief.places(wish.object).items() if kind_of(place) == wish.target
    }
    return max(held_by.items(), key=lambda pair: pair[1], default=("", 0))


def treated(wish: Wish, belief: Belief, thing: str) -> bool:
    """Say whether ``thing`` needs no treatment any more."""
    return not wish.treatment or (wish.treatment, thing) in belief.treated


def sources(wish: Wish, belief: Belief) -> Mapping[str, frozenset[str]]:
    """Return where wanted objects are known to be that are still to be taken."""
    kept, _ = home(wish, belief) if wish.kind == "two" else ("", 0)
    return {place: things for place, things in belief.places(wish.object).items() if place != kept}


def _place(wish: Wish, belief: Belief, credit: Credit) -> float:
    kept, count = home(wish, belief) if wish.kind == "two" else ("", 0)
    done = 4.0 * min(count, 2)
    if kind_of(belief.held) != wish.object:
        return done + _search(wish, belief, credit)
    done += 1.0 + credit.found
    if wish.treatment and not treated(wish, belief, belief.held):
        return done + (credit.proximity and any(kind_of(place) in TOOLS[wish.treatment] for place in belief.here))
    if wish.treatment:
        done += 1.0 + credit.proximity
    targets = {place for place in belief.here if (place == kept if kept else kind_of(place) == wish.target)}
    return done + _beside(belief, targets, credit)


def _light(wish: Wish, belief: Belief, credit: Credit) -> float:
    lamps = belief.places(wish.target)
    done = 0.5 * (credit.found and bool(lamps)) + 0.5 * any(kind_of(lamp) == wish.target for lamp in belief.lit)
    if kind_of(belief.held) != wish.object:
        return done + _search(wish, belief, credit)
    return done + 1.0 + credit.found + credit.proximity * (not belief.here.isdisjoint(lamps))


def _search(wish: Wish, belief: Belief, credit: Credit) -> float:
    places = sources(wish, belief)
    near = 0.5 * (not belief.here.isdisjoint(places)) if credit.proximity else 0.0
    return float(credit.found and bool(places)) + near


def _beside(belief: Belief, targets: set[str], credit: Credit) -> float:
    if not (targets and credit.proximity):
        return 0.0
    return 0.5 if targets <= belief.closed else 1.0
