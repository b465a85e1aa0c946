"""Reading ALFWorld: the task, and what the texts so far say about the household."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Literal, NamedTuple, TypeAlias

from slinvit.errors import InputError
from slinvit.types import Action, State

DOMAIN = "alfworld"

Kind: TypeAlias = Literal["place", "treat", "two", "light"]

TOOLS: Mapping[str, tuple[str, ...]] = {"clean": ("sinkbasin", "sink"), "heat": ("microwave",), "cool": ("fridge",)}
"""Kinds of receptacles that each treatment needs."""

NEW_TRIAL = "-= Welcome to TextWorld"
"""How the first text of an episode begins; seen later, the world was put back to its start."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A task.

    Attributes:
        kind: ``place``, ``treat`` (and place), ``two`` (placed together) or ``light`` (hold under a lamp).
        object: kind of the wanted object.
        target: kind of the receptacle it belongs in; for ``light`` of the lamp.
        treatment: ``clean``, ``heat``, ``cool`` or nothing.
    """

    kind: Kind
    object: str
    target: str
    treatment: str = ""


_TASKS: Sequence[tuple[Kind, str]] = [
    ("place", r"put (?:a|some) (?P<object>\w+) (?:in|on) (?P<target>\w+)"),
    ("treat", r"put a (?P<treatment>clean|hot|cool) (?P<object>\w+) in (?P<target>\w+)"),
    ("treat", r"(?P<treatment>clean|heat|cool) some (?P<object>\w+) and put it in (?P<target>\w+)"),
    ("two", r"put two (?P<object>\w+) in (?P<target>\w+)"),
    ("two", r"find two (?P<object>\w+) and put them in (?P<target>\w+)"),
    ("light", r"look at (?P<object>\w+) under the (?P<target>\w+)"),
    ("light", r"examine the (?P<object>\w+) with the (?P<target>\w+)"),
]


@lru_cache(maxsize=4096)
def read_goal(goal: str) -> Wish:
    """Return what ``goal`` asks for.

    Raises:
        InputError: none of the task texts of ALFWorld's six types.
    """
    for kind, pattern in _TASKS:
        found = re.fullmatch(pattern + r"\.?", goal.strip())
        if found is not None:
            treatment = found.groupdict().get("treatment", "").replace("hot", "heat")
            return Wish(kind, found["object"], found["target"], treatment)
    raise InputError(f"cannot read the ALFWorld task {goal!r}: expected one such as 'put a clean mug in shelf.'")


def wish_of(state: State, reader: str) -> Wish:
    """Return the task of ``state``.

    Args:
        state: of an ALFWorld task.
        reader: who wants to know, for the message.

    Raises:
        InputError: another world, or a task text that cannot be read.
    """
    if state.task.domain != DOMAIN:
        raise InputError(f"task {state.task.id!r}: {reader} reads {DOMAIN} states, not {state.task.domain!r}")
    return read_goal(state.task.goal)


def kind_of(name: str) -> str:
    """Return ``drawer`` of ``drawer 3``."""
    return name.rpartition(" ")[0]


class Sight(NamedTuple):
    """What one text says.

    Attributes:
        act: ``arrive``, ``take``, ``put``, ``clean``, ``heat``, ``cool``, ``light``, ``hold``, ``start`` or nothing.
        object: what was acted on or is held.
        receptacle: where, or what was looked at.
        things: objects seen there, ``None`` where nobody looked inside.
        closed: the receptacle is closed.
        openable: it is one that opens and closes.
    """

    act: str = ""
    object: str = ""
    receptacle: str = ""
    things: frozenset[str] | None = None
    closed: bool = False
    openable: bool = False


_THING = r"[a-z]+ \d+"
_LISTED = re.compile(rf"\ba ({_THING})")
_SEEN = re.compile(rf"(?:On the ({_THING}), you see|The ({_THING}) is open\. In it, you see) ([^.]*)\.")
_CLOSED = re.compile(rf"The ({_THING}) is closed\.|You close the ({_THING})\.")
_ACTS = [
    ("take", re.compile(rf"You pick up the (?P<object>{_THING}) from the (?P<receptacle>{_THING})\.")),
    ("put", re.compile(rf"You (?:move|put) the (?P<object>{_THING}) (?:to|in/on) the (?P<receptacle>{_THING})\.")),
    *(
        (verb, re.compile(rf"You {verb} the (?P<object>{_THING}) using the (?P<receptacle>{_THING})\."))
        for verb in TOOLS
    ),
    ("light", re.compile(rf"You turn on the (?P<object>{_THING})\.")),
    ("hold", re.compile(rf"You are carrying: a (?P<object>{_THING})\.")),
]


@lru_cache(maxsize=65536)
def read_sight(observation: str) -> Sight:
    """Return what ``observation`` says; a text that says nothing about the household is an empty sight."""
    if NEW_TRIAL in observation:
        return Sight("start")
    for act, pattern in _ACTS:
        found = pattern.match(observation)
        if found is not None:
            named = found.groupdict()
            return Sight(act, named["object"], named.get("receptacle", ""))
    act = "arrive" if observation.startswith("You arrive at ") else ""
    if (found := _SEEN.search(observation)) is not None:
        on, opened, listed = found.groups()
        return Sight(act, receptacle=on or opened, things=frozenset(_LISTED.findall(listed)), openable=not on)
    if (found := _CLOSED.search(observation)) is not None:
        return Sight(act, receptacle=found[1] or found[2], closed=True, openable=True)
    return Sight()


@dataclass(frozen=True, slots=True)
class Belief:
    """What the texts so far say about the household; nothing else enters it.

    Attributes:
        here: the receptacles in reach: the one gone to last, and those that share its place.
        held: the object in hand, empty for none.
        contents: objects in each receptacle that was looked into.
        first: the same, when they were looked into first.
        openable: receptacles that open and close; ``closed``: those that are closed now.
        treated: (treatment, object) pairs.
        lit: lamps that are on.
    """

    here: frozenset[str] = frozenset()
    held: str = ""
    contents: Mapping[str, frozenset[str]] = field(default_factory=dict)
    first: Mapping[str, frozenset[str]] = field(default_factory=dict)
    openable: frozenset[str] = frozenset()
    closed: frozenset[str] = frozenset()
    treated: frozenset[tuple[str, str]] = frozenset()
    lit: frozenset[str] = frozenset()

    def places(self, kind: str) -> Mapping[str, frozenset[str]]:
        """Return the receptacles in which objects of this kind are known to be, with these objects."""
        found = {
            place: frozenset(thing for thing in things if kind_of(thing) == kind)
            for place, things in self.contents.items()
        }
        return {place: things for place, things in found.items() if things}


EXAMINE = "examine "

_BLOCK = 8
"""Steps after which a belief is kept: states of a search share all but their last few texts."""

History: TypeAlias = tuple[tuple[Action, str], ...]


def believe(state: State) -> Belief:
    """Return what the texts up to ``state`` say, and the commands offered there.

    Reads ``state.history``, and of ``state.actions`` which receptacles can be examined: receptacles that share a place
    are named together nowhere else. The text before the first action lists the room, as the commands do.
    """
    belief = _believe(state.history)
    examined = (action.removeprefix(EXAMINE) for action in state.actions or () if action.startswith(EXAMINE))
    beside = belief.here.union(name for name in examined if name != belief.held)
    return belief if beside == belief.here else replace(belief, here=beside)


def _believe(history: History) -> Belief:
    kept = (len(history) - 1) // _BLOCK * _BLOCK
    belief = _kept(history[:kept]) if kept > 0 else Belief()
    for _, observation in history[max(kept, 0) :]:
        belief = after(belief, read_sight(observation))
    return belief


@lru_cache(maxsize=1024)
def _kept(history: History) -> Belief:
    return _believe(history)


def after(belief: Belief, sight: Sight) -> Belief:
    """Return ``belief`` with what one more text says."""
    if sight.act == "start":
        return Belief(contents=belief.first, first=belief.first, openable=belief.openable, closed=belief.openable)
    if sight.act == "hold":
        return replace(belief, held=sight.object)
    if sight.act == "light":
        return replace(belief, lit=belief.lit | {sight.object})
    if sight.act in TOOLS:
        undone = {"heat": "cool", "cool": "heat"}.get(sight.act)
        return replace(belief, treated=belief.treated - {(undone, sight.object)} | {(sight.act, sight.object)})
    if sight.act in ("take", "put"):
        return _handled(belief, sight)
    return _looked(belief, sight) if sight.receptacle else belief


def _handled(belief: Belief, sight: Sight) -> Belief:
    before = belief.contents.get(sight.receptacle, frozenset())
    now = before - {sight.object} if sight.act == "take" else before | {sight.object}
    contents = {**belief.contents, sight.receptacle: now} if now != before else belief.contents
    return replace(belief, held=sight.object if sight.act == "take" else "", contents=contents)


def _looked(belief: Belief, sight: Sight) -> Belief:
    place, contents, first = sight.receptacle, belief.contents, belief.first
    if sight.things is not None and contents.get(place) != sight.things:
        contents = {**contents, place: sight.things}
        first = first if place in first else {**first, place: sight.things}
    return replace(
        belief,
        here=frozenset({place}) if sight.act == "arrive" else belief.here,
        contents=contents,
        first=first,
        openable=belief.openable | {place} if sight.openable else belief.openable,
        closed=belief.closed | {place} if sight.closed else belief.closed - {place},
    )
