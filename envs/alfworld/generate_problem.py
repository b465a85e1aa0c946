"""A household made up: furnished by the table of rooms, written as a PDDL problem in the form of the official games."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from envs.alfworld.generate_rooms import ABILITIES, Counts, Rooms

ASSETS = Path(__file__).with_name("assets")
"""PDDL domain and text grammar that all official games share, ALFWorld's own; their licence lies beside them."""

SHARED = 0.1
"""Probability that a receptacle is reached from where its neighbour of the same kind is, as in one of ten games."""

_BASINS = {"SinkBasin": "Sink", "BathtubBasin": "Bathtub"}
"""Kinds that the games name after what they belong to."""

_ALWAYS = {
    "otype": {"KnifeType", "ButterKnifeType", "SinkType"},
    "rtype": {"SinkBasinType", "MicrowaveType", "FridgeType"},
}
"""Types that the rules mention, whether or not a household has them."""

_PLACED = "(inReceptacle ?o ?r) (objectType ?o {0}Type) (receptacleType ?r {1}Type)"
_TREATED = "({2}able ?o) (objectType ?o {0}Type) (receptacleType ?r {1}Type) (is{3} ?o) (inReceptacle ?o ?r)"
_ONE = "(exists (?r - receptacle) (exists (?o - object) (and {} ) ) )"
_TWO = (
    "(exists (?r - receptacle) (exists (?o1 - object) (and (objectType ?o1 {0}Type) (receptacleType ?r {1}Type) "
    "(inReceptacle ?o1 ?r) (exists (?o2 - object) (and (not (= ?o1 ?o2)) (objectType ?o2 {0}Type) "
    "(receptacleType ?r {1}Type) (inReceptacle ?o2 ?r) ) ) ) ) )"
)
_LIT = (
    "(exists (?ot - object ?r - receptacle ?a - agent ?l - location) (and (objectType ?ot {1}Type) (toggleable ?ot) "
    "(isToggled ?ot) (receptacleAtLocation ?r ?l) (atLocation ?a ?l) (inReceptacle ?ot ?r) ) ) "
    "(exists (?o - object ?a - agent) (and (objectType ?o {0}Type) (holds ?a ?o) ) )"
)

GOALS: Mapping[str, str] = {
    "pick_and_place_simple": _ONE.format(_PLACED),
    "pick_clean_then_place_in_recep": _ONE.format(_TREATED.replace("{2}", "clean").replace("{3}", "Clean")),
    "pick_heat_then_place_in_recep": _ONE.format(_TREATED.replace("{2}", "heat").replace("{3}", "Hot")),
    "pick_cool_then_place_in_recep": _ONE.format(_TREATED.replace("{2}", "cool").replace("{3}", "Cool")),
    "pick_two_obj_and_place": _TWO,
    "look_at_obj_in_light": _LIT,
}
"""Goals of each task type, of a kind of object and a kind of receptacle or lamp."""


@dataclass(frozen=True)
class Household:
    """What stands and lies in a room, by id.

    Attributes:
        receptacles: id to kind.
        places: id of each receptacle to where it is reached from.
        openable: receptacles that open.
        objects: id to kind.
        inside: id of each object to the receptacle in which it lies.
        start: where the agent begins; no receptacle is reached from there.
    """

    receptacles: Mapping[str, str]
    places: Mapping[str, str]
    openable: frozenset[str]
    objects: Mapping[str, str]
    inside: Mapping[str, str]
    start: str

    def holding(self, kind: str) -> set[str]:
        """Return the kinds of receptacles in which objects of ``kind`` lie."""
        return {self.receptacles[self.inside[id]] for id, found in self.objects.items() if found == kind}


def furnish(rooms: Rooms, room: str, rng: np.random.Generator) -> Household:
    """Return a household drawn from the counts of ``room``."""
    wanted = rooms.rooms[room]
    receptacles: dict[str, str] = {}
    places: dict[str, str] = {}
    for kind, counts in wanted.receptacles.items():
        place = ""
        for _ in range(int(_drawn(counts, rng))):
            place = place if place and rng.random() < SHARED else f"loc_bar_{len(receptacles)}"
            id = _new_id(kind, receptacles, rng)
            receptacles[id], places[id] = kind, place
    opening = frozenset(id for id, kind in receptacles.items() if rng.random() < rooms.openable.get(kind, 0.0))
    objects: dict[str, str] = {}
    inside: dict[str, str] = {}
    for kind, counts in wanted.objects.items():
        here = {r: n for r, n in wanted.places[kind].items() if r in receptacles.values()}
        for _ in range(int(_drawn(counts, rng)) if here else 0):
            holder = _drawn(here, rng)
            id = _new_id(kind, objects, rng)
            objects[id] = kind
            inside[id] = str(rng.choice([r for r, k in receptacles.items() if k == holder]))
    return Household(receptacles, places, opening, objects, inside, "loc_bar_start")


def possible_goals(rooms: Rooms, household: Household, task_type: str) -> dict[str, list[str]]:
    """Return, for each kind of object, the kinds of receptacles or lamps that make a task of it not yet done."""
    number = Counter(household.objects.values())
    standing = sorted(set(household.receptacles.values()))
    able, tool = _TREATMENTS.get(task_type, ("pickupable", ""))
    found = {}
    for kind in sorted(number.keys() & rooms.abilities[able]):
        if task_type == "look_at_obj_in_light":
            targets = ["DeskLamp"] if "DeskLamp" in number else []
        elif tool:
            targets = [r for r in standing if r != tool and tool in standing and kind in rooms.contains[r]]
        else:
            there = household.holding(kind)
            targets = [r for r in standing if r not in there and kind in rooms.contains[r]]
        enough = number[kind] >= (2 if task_type == "pick_two_obj_and_place" else 1)
        if targets and enough:
            found[kind] = targets
    return found


_TREATMENTS = {
    "pick_clean_then_place_in_recep": ("cleanable", "SinkBasin"),
    "pick_heat_then_place_in_recep": ("heatable", "Microwave"),
    "pick_cool_then_place_in_recep": ("coolable", "Fridge"),
}


@cache
def rules() -> tuple[str, str]:
    """Return the PDDL domain, and the grammar with ``UNKNOWN GOAL`` for the task."""
    return (ASSETS / "alfred.pddl").read_bytes().decode(), (ASSETS / "alfred.twl2").read_bytes().decode()


def write_problem(name: str, rooms: Rooms, household: Household, goal: str) -> str:
    """Return the PDDL problem of ``household`` and ``goal``."""
    objects = "\n".join(f"        {id} - {kind}" for id, kind in _declared(household))
    facts = "\n".join(f"        ({' '.join(fact)})" for fact in _facts(rooms, household))
    return (
        f"(define (problem {name})\n(:domain alfred)\n(:objects\n{objects}\n)\n"
        f"(:init\n        (= (total-cost) 0)\n{facts}\n)\n(:goal (and {goal} ) )\n)\n"
    )


def _declared(household: Household) -> Iterator[tuple[str, str]]:
    yield "agent1", "agent"
    for sort, kinds in (("otype", household.objects), ("rtype", household.receptacles)):
        yield from ((kind, sort) for kind in sorted(_ALWAYS[sort] | {f"{kind}Type" for kind in kinds.values()}))
    yield from ((id, "object") for id in sorted(household.objects))
    yield from ((id, "receptacle") for id in sorted(household.receptacles))
    yield from ((place, "location") for place in sorted({*household.places.values(), household.start}))


def _facts(rooms: Rooms, household: Household) -> Iterator[tuple[str, ...]]:
    receptacles, objects = household.receptacles, household.objects
    yield from (("receptacleType", id, f"{kind}Type") for id, kind in receptacles.items())
    yield from (("objectType", id, f"{kind}Type") for id, kind in objects.items())
    kinds = sorted(set(objects.values()))
    for holder in sorted(set(receptacles.values())):
        yield from (("canContain", f"{holder}Type", f"{kind}Type") for kind in kinds if kind in rooms.contains[holder])
    for ability in ABILITIES:
        yield from ((ability, id) for id, kind in objects.items() if kind in rooms.abilities[ability])
    yield from (("openable", id) for id in receptacles if id in household.openable)
    yield "atLocation", "agent1", household.start
    yield from (("inReceptacle", id, holder) for id, holder in household.inside.items())
    yield from (("receptacleAtLocation", id, place) for id, place in household.places.items())
    yield from (("objectAtLocation", id, household.places[holder]) for id, holder in household.inside.items())


def _drawn(counts: Counts, rng: np.random.Generator) -> str:
    weights = np.array(list(counts.values()), dtype=float)
    return list(counts)[int(rng.choice(len(weights), p=weights / weights.sum()))]


def _new_id(kind: str, taken: Iterable[str], rng: np.random.Generator) -> str:
    """Return an id of the form the games have: a kind and a position in metres."""
    while True:
        position = "_bar_".join(_metres(number) for number in rng.integers(-400, 400, size=3))
        owner = _BASINS.get(kind)
        id = f"{owner}_bar_{position}_bar_{kind}" if owner else f"{kind}_bar_{position}"
        if id not in taken:
            return id


def _metres(hundredths: int) -> str:
    sign = "minus" if hundredths < 0 else "plus"
    return f"_{sign}_{abs(hundredths) // 100:02d}_dot_{abs(hundredths) % 100:02d}"


def drawn_goal(goals: Mapping[str, Sequence[str]], rng: np.random.Generator) -> tuple[str, str]:
    """Return a kind of object, and one of the kinds of receptacles or lamps that go with it."""
    kind = list(goals)[int(rng.integers(len(goals)))]
    return kind, goals[kind][int(rng.integers(len(goals[kind])))]
