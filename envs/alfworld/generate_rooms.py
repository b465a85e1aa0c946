"""What rooms look like: kinds of receptacles, kinds of objects, how many, and what lies where.

The table that ships was counted from the 3,553 games of ALFWorld's train split by :func:`count_rooms`; no game, scene
or place is in it, only numbers per kind.
"""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

from envs.alfworld.game import Game

TABLE = Path(__file__).with_name("assets") / "rooms.json"

ROOMS = ("kitchen", "livingroom", "bedroom", "bathroom")

_OF_HUNDRED = {0: "kitchen", 2: "livingroom", 3: "bedroom", 4: "bathroom"}

ABILITIES = ("pickupable", "cleanable", "heatable", "coolable", "sliceable", "toggleable", "isReceptacleObject")
"""Predicates that hold for all objects of a kind, or for none."""

FURNITURE = frozenset({"DeskLamp", "Television", "HousePlant"})
"""Kinds that stand in receptacles and cannot be taken."""

RARE = 0.02
"""Places that hold a smaller share of a kind are slips of the simulator from which the games were made."""

_ATOM = re.compile(r"\((\w+)((?: [^()\s]+)+)\s*\)")

Counts: TypeAlias = Mapping[str, int]
"""How often each number, written as text, or each kind was met."""

Facts: TypeAlias = Mapping[str, list[tuple[str, ...]]]
"""Arguments by predicate."""


@dataclass(frozen=True)
class Room:
    """One kind of room.

    Attributes:
        receptacles: of each kind, how many scenes have how many of it.
        objects: of each kind, how many games have how many of it.
        places: of each kind of object, in which kind of receptacle it lay how often.
    """

    receptacles: Mapping[str, Counts]
    objects: Mapping[str, Counts]
    places: Mapping[str, Counts]


@dataclass(frozen=True)
class Rooms:
    """All rooms, and what holds in each of them.

    Attributes:
        rooms: by name.
        contains: of each kind of receptacle, which kinds of objects may be put into it.
        openable: of each kind of receptacle that opens, which share of them does so in the games.
        abilities: of each predicate in :data:`ABILITIES`, the kinds of objects for which it holds.
    """

    rooms: Mapping[str, Room]
    contains: Mapping[str, frozenset[str]]
    openable: Mapping[str, float]
    abilities: Mapping[str, frozenset[str]]


@cache
def shipped_rooms() -> Rooms:
    """Return the table that ships."""
    table = json.loads(TABLE.read_text(encoding="utf-8"))
    standing = {kind for room in table["rooms"].values() for kind in room["receptacles"]}
    return Rooms(
        rooms={name: Room(**room) for name, room in table["rooms"].items()},
        contains={kind: frozenset(table["contains"].get(kind, ())) for kind in standing},
        openable=table["openable"],
        abilities={name: frozenset(kinds) for name, kinds in table["abilities"].items()},
    )


def count_rooms(games: Iterable[Game]) -> dict[str, Any]:
    """Return the table of ``games``, as JSON values; the room is read off the scene number in the id."""
    read = [(game, _facts(game)) for game in games]
    contains: dict[str, set[str]] = defaultdict(set)
    abilities: dict[str, set[str]] = {name: set() for name in ABILITIES}
    standing: Counter[str] = Counter()
    opening: Counter[str] = Counter()
    for _, facts in read:
        receptacle, thing = _kinds(facts, "receptacleType"), _kinds(facts, "objectType")
        for holder, held in facts["canContain"]:
            contains[_kind(holder)].add(_kind(held))
        for name, kinds in abilities.items():
            kinds |= {thing[id] for (id,) in facts[name] if id in thing}
        standing.update(receptacle.values())
        opening.update(receptacle[id] for (id,) in facts["openable"])
    rooms = {name: [(game, facts) for game, facts in read if _room(game) == name] for name in ROOMS}
    stays = abilities["pickupable"] | FURNITURE
    return {
        "rooms": {name: _counted(found, contains, stays) for name, found in rooms.items()},
        "contains": _sorted({kind: sorted(held & stays) for kind, held in contains.items()}),
        "openable": _sorted({kind: round(n / standing[kind], 3) for kind, n in opening.items()}),
        "abilities": {name: sorted(kinds & (stays | {"FloorLamp"})) for name, kinds in abilities.items()},
    }


def _counted(
    games: list[tuple[Game, Facts]], contains: Mapping[str, set[str]], counted: set[str] | frozenset[str]
) -> dict[str, Any]:
    scenes: dict[int, Counter[str]] = {}
    numbers: dict[str, Counter[int]] = defaultdict(Counter)
    places: dict[str, Counter[str]] = defaultdict(Counter)
    for game, facts in games:
        receptacle, thing = _kinds(facts, "receptacleType"), _kinds(facts, "objectType")
        scenes[_scene(game)] = Counter(receptacle.values())
        for kind, number in Counter(thing.values()).items():
            numbers[kind][number] += 1
        for id, holder in facts["inReceptacle"]:
            places[thing[id]][receptacle[holder]] += 1
    kept = {
        kind: {r: n for r, n in found.items() if n >= RARE * found.total() and (kind in contains[r] | FURNITURE)}
        for kind, found in places.items()
        if kind in counted
    }
    met = sorted({kind for scene in scenes.values() for kind in scene})
    return {
        "receptacles": {kind: _sorted(Counter(str(scene[kind]) for scene in scenes.values())) for kind in met},
        "objects": {
            kind: {"0": len(games) - numbers[kind].total(), **_sorted({str(n): m for n, m in numbers[kind].items()})}
            for kind in sorted(kept)
            if kept[kind]
        },
        "places": {kind: _sorted(kept[kind]) for kind in sorted(kept) if kept[kind]},
    }


def _facts(game: Game) -> Facts:
    facts: dict[str, list[tuple[str, ...]]] = defaultdict(list)
    for name, arguments in _ATOM.findall(game.problem.partition("(:init")[2].partition("(:goal")[0]):
        facts[name].append(tuple(arguments.split()))
    return facts


def _kinds(facts: Facts, predicate: str) -> dict[str, str]:
    return {id: _kind(kind) for id, kind in facts[predicate]}


def _kind(type_name: str) -> str:
    return type_name.removesuffix("Type")


def _scene(game: Game) -> int:
    return int(game.id.partition("/")[0].rpartition("-")[2])


def _room(game: Game) -> str:
    return _OF_HUNDRED[_scene(game) // 100]


def _sorted(mapping: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: mapping[key] for key in sorted(mapping, key=lambda key: (len(key), key) if key.isdecimal() else (0, key))
    }
