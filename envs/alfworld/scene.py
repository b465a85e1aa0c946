"""What never changes in a game: things, their names and kinds, what may be done with them."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import TypeAlias

from envs.alfworld.game import Game
from slinvit.errors import InputError

KNOWN_RULES = "f160510bf25fb044d581ef2a7799eec19e186425b90bc51d364e01b4542cf8a7"
"""Checksum of the PDDL domain and the grammar that :mod:`envs.alfworld.twin` implements."""

KNOWN_FACTS = re.compile(
    "atlocation|cancontain|distance|inreceptacle(object)?|is(clean|cool|hot|receptacleobject|sliced|toggled)|"
    "(clean|cool|heat|pickup|slic|toggl)e?able|(object|receptacle)(atlocation|type)|openable|opened"
)
"""Facts that may hold at the start."""

Facts: TypeAlias = Mapping[str, Sequence[tuple[str, ...]]]

Chosen: TypeAlias = Callable[..., frozenset[int]]
"""From names of types to the things of these types."""

_ATOM = re.compile(r"\((\w+)((?: [^()\s]+)+)\s*\)")
_GOAL = {
    "place": r"\(exists \(\?r - receptacle\) \(exists \(\?o - object\) \(and \(inreceptacle \?o \?r\) "
    r"\(objecttype \?o (?P<object>\w+)\) \(receptacletype \?r (?P<receptacle>\w+)\) \) \) \)",
    "treat": r"\(exists \(\?r - receptacle\) \(exists \(\?o - object\) \(and \((?:clean|heat|cool)able \?o\) "
    r"\(objecttype \?o (?P<object>\w+)\) \(receptacletype \?r (?P<receptacle>\w+)\) "
    r"\(is(?P<treatment>clean|hot|cool) \?o\) \(inreceptacle \?o \?r\) \) \) \)",
    "two": r"\(exists \(\?r - receptacle\) \(exists \(\?o1 - object\) \(and \(objecttype \?o1 (?P<object>\w+)\) "
    r"\(receptacletype \?r (?P<receptacle>\w+)\) \(inreceptacle \?o1 \?r\) \(exists \(\?o2 - object\) "
    r"\(and \(not \(= \?o1 \?o2\)\) \(objecttype \?o2 (?P=object)\) \(receptacletype \?r (?P=receptacle)\) "
    r"\(inreceptacle \?o2 \?r\) \) \) \) \) \)",
    "light": r"\(exists \(\?ot - object \?r - receptacle \?a - agent \?l - location\) "
    r"\(and \(objecttype \?ot (?P<lamp>\w+)\) \(toggleable \?ot\) \(istoggled \?ot\) "
    r"\(receptacleatlocation \?r \?l\) \(atlocation \?a \?l\) \(inreceptacle \?ot \?r\) \) \) "
    r"\(exists \(\?o - object \?a - agent\) \(and \(objecttype \?o (?P<object>\w+)\) \(holds \?a \?o\) \) \)",
}
_GOALS = {kind: re.compile(rf"\(:goal \(and {text} \) \)") for kind, text in _GOAL.items()}


class UnknownGame(InputError):
    """Raised for a game whose rules, facts or goal the twin does not know; the real engine runs it."""

    def __init__(self, id: str, unknown: str) -> None:
        super().__init__(f"game {id}: {unknown}; the twin does not know that")


@dataclass(frozen=True)
class Goal:
    """What has to hold at the end.

    Attributes:
        kind: ``place``, ``treat``, ``two`` or ``light``.
        objects: those of the wanted type.
        receptacles: those of the wanted type.
        treatment: ``clean``, ``hot`` or ``cool``.
        lamps: toggleable objects of the wanted type.
    """

    kind: str
    objects: frozenset[int]
    receptacles: tuple[int, ...] = ()
    treatment: str = ""
    lamps: frozenset[int] = frozenset()


@dataclass(frozen=True, eq=False)
class Scene:
    """A household; receptacles and objects are numbers in the order in which the engine lists them.

    Attributes:
        receptacles, objects: display names.
        location: ``[R]``, where each receptacle stands.
        at: receptacles at each location.
        openable: receptacles that open and close.
        sinks, microwaves, fridges: receptacles that clean, heat, cool.
        accepts: ``[O]``, receptacles that each object may be put into.
        pickupable, cleanable, heatable, coolable, toggleable, sliceable, knives, containers: objects.
        nested: objects inside each container.
        start: where the agent begins.
        inside: ``[R]``, objects in each receptacle at the start.
        lying: (object, location) pairs at the start.
        opened: receptacles that are open at the start; ``clean`` etc.: objects that are so.
        goal: what has to hold.
    """

    receptacles: tuple[str, ...]
    objects: tuple[str, ...]
    location: tuple[str, ...]
    at: Mapping[str, tuple[int, ...]]
    openable: frozenset[int]
    sinks: frozenset[int]
    microwaves: frozenset[int]
    fridges: frozenset[int]
    accepts: tuple[frozenset[int], ...]
    pickupable: frozenset[int]
    cleanable: frozenset[int]
    heatable: frozenset[int]
    coolable: frozenset[int]
    toggleable: frozenset[int]
    sliceable: frozenset[int]
    knives: frozenset[int]
    containers: frozenset[int]
    nested: Mapping[int, tuple[int, ...]]
    start: str
    inside: tuple[tuple[int, ...], ...]
    lying: frozenset[tuple[int, str]]
    opened: frozenset[int]
    clean: frozenset[int]
    hot: frozenset[int]
    cool: frozenset[int]
    toggled: frozenset[int]
    sliced: frozenset[int]
    goal: Goal


def build_scene(game: Game) -> Scene:
    """Return the household of ``game``.

    Raises:
        UnknownGame: rules, facts or a goal that the twin does not know.
        InputError: a problem that contradicts itself.
    """
    found = rules_checksum(game)
    if found != KNOWN_RULES:
        raise UnknownGame(game.id, f"its rules have the checksum {found[:12]}, not {KNOWN_RULES[:12]}")
    init, _, goal = game.problem.lower().partition("(:goal")
    facts = _facts(init.partition("(:init")[2])
    if unknown := [name for name in facts if not KNOWN_FACTS.fullmatch(name)]:
        raise UnknownGame(game.id, f"it begins with facts about {', '.join(unknown)}")
    if len(facts["atlocation"]) != 1:
        raise UnknownGame(game.id, f"it has {len(facts['atlocation'])} agents")
    try:
        return _scene(game, facts, f"(:goal {' '.join(goal.split())}")
    except (KeyError, IndexError, ValueError) as error:
        raise InputError(f"game {game.id}: its PDDL problem is corrupt ({type(error).__name__}: {error})") from error


def rules_checksum(game: Game) -> str:
    """Return the checksum of the rules a game carries, whatever its task."""
    return sha256("\n".join(game.rules).encode()).hexdigest()


def _facts(init: str) -> Facts:
    facts: dict[str, list[tuple[str, ...]]] = defaultdict(list)
    for name, arguments in _ATOM.findall(init):
        facts[name].append(tuple(arguments.split()))
    return facts


def _scene(game: Game, facts: Facts, goal: str) -> Scene:
    names = display_names({thing for rows in facts.values() for row in rows for thing in row})
    standing: dict[str, str] = {}
    for id, place in facts["receptacleatlocation"]:
        if standing.setdefault(id, place) != place:
            raise UnknownGame(game.id, f"{id} is at two places")
    receptacle_ids = sorted({row[0] for row in facts["receptacletype"]} | set(standing))
    object_ids = sorted(
        {row[0] for name in ("objecttype", "objectatlocation", "inreceptacle", "pickupable") for row in facts[name]}
    )
    receptacle = {id: number for number, id in enumerate(receptacle_ids)}
    thing = {id: number for number, id in enumerate(object_ids)}

    def receptacles(*types: str) -> frozenset[int]:
        return frozenset(receptacle[id] for id, kind in facts["receptacletype"] if kind in types)

    def objects(predicate: str) -> frozenset[int]:
        return frozenset(thing[row[0]] for row in facts[predicate] if row[0] in thing)

    def of_type(*types: str) -> frozenset[int]:
        return frozenset(thing[id] for id, kind in facts["objecttype"] if kind in types)

    inside: dict[int, set[int]] = defaultdict(set)
    for id, holder in facts["inreceptacle"]:
        inside[receptacle[holder]].add(thing[id])
    nested: dict[int, set[int]] = defaultdict(set)
    for id, holder in facts["inreceptacleobject"]:
        nested[thing[holder]].add(thing[id])
    at: dict[str, list[int]] = defaultdict(list)
    for id in sorted(standing):
        at[standing[id]].append(receptacle[id])
    kinds: dict[str, set[str]] = defaultdict(set)
    for kind, holds in facts["cancontain"]:
        kinds[holds].add(kind)
    accepts: list[set[int]] = [set() for _ in object_ids]
    for id, kind in facts["objecttype"]:
        accepts[thing[id]] |= receptacles(*kinds[kind])
    return Scene(
        receptacles=tuple(names[id] for id in receptacle_ids),
        objects=tuple(names[id] for id in object_ids),
        location=tuple(standing.get(id, "") for id in receptacle_ids),
        at={place: tuple(there) for place, there in at.items()},
        openable=frozenset(receptacle[row[0]] for row in facts["openable"]),
        sinks=receptacles("sinktype", "sinkbasintype"),
        microwaves=receptacles("microwavetype"),
        fridges=receptacles("fridgetype"),
        accepts=tuple(map(frozenset, accepts)),
        pickupable=objects("pickupable"),
        cleanable=objects("cleanable"),
        heatable=objects("heatable"),
        coolable=objects("coolable"),
        toggleable=objects("toggleable"),
        sliceable=objects("sliceable"),
        knives=of_type("knifetype", "butterknifetype"),
        containers=objects("isreceptacleobject"),
        nested={holder: tuple(sorted(held)) for holder, held in nested.items()},
        start=facts["atlocation"][0][1],
        inside=tuple(tuple(sorted(inside[number])) for number in range(len(receptacle_ids))),
        lying=frozenset((thing[id], place) for id, place in facts["objectatlocation"]),
        opened=frozenset(receptacle[row[0]] for row in facts["opened"]),
        clean=objects("isclean"),
        hot=objects("ishot"),
        cool=objects("iscool"),
        toggled=objects("istoggled"),
        sliced=objects("issliced"),
        goal=_goal(game, goal, receptacles, of_type, objects("toggleable")),
    )


def _goal(game: Game, text: str, receptacles: Chosen, of_type: Chosen, toggleable: frozenset[int]) -> Goal:
    for kind, pattern in _GOALS.items():
        found = pattern.match(text)
        if found is not None:
            words = found.groupdict()
            return Goal(
                kind=kind,
                objects=of_type(words["object"]),
                receptacles=tuple(sorted(receptacles(words.get("receptacle")))),
                treatment=words.get("treatment", ""),
                lamps=of_type(words.get("lamp")) & toggleable,
            )
    raise UnknownGame(game.id, f"its goal is {text[:300]!r}")


def display_names(ids: set[str]) -> Mapping[str, str]:
    """Return ``cabinet 3`` for each id like ``cabinet_bar__plus_01...``: numbers count down in the order of the ids."""
    kinds = {id: _kind(id) for id in ids if "_bar_" in id}
    left = Counter(kinds.values())
    names = {}
    for id in sorted(kinds):
        names[id] = f"{kinds[id]} {left[kinds[id]]}"
        left[kinds[id]] -= 1
    return names


def _kind(id: str) -> str:
    return id.partition("_bar_")[0] + ("basin" if "basin" in id else "")
