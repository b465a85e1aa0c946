"""ALFWorld's rules over immutable worlds: equal to the engine's text, thousands of times faster.

The rules are those of the PDDL domain and the text grammar that all official games share; :func:`build_scene` refuses
others. Peculiarities of the engine are kept: an object may lie in two receptacles at once, only what is held can be
examined, and a thing taken out of one receptacle and put into another at the same place also lies "next to" it.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from envs.alfworld.scene import Scene

NOTHING = "Nothing happens."

INTRO = "-= Welcome to TextWorld, ALFRED! =-"

HELP = """\
Available commands:
  look:                             look around your current location
  inventory:                        check your current inventory
  go to (receptacle):               move to a receptacle
  open (receptacle):                open a receptacle
  close (receptacle):               close a receptacle
  take (object) from (receptacle):  take an object from a receptacle
  move (object) to (receptacle):  place an object in or on a receptacle
  examine (something):              examine a receptacle or an object
  use (object):                     use an object
  heat (object) with (receptacle):  heat an object using a receptacle
  clean (object) with (receptacle): clean an object using a receptacle
  cool (object) with (receptacle):  cool an object using a receptacle
  slice (object) with (object):     slice an object using a sharp object
"""

KEPT = 4096
"""Worlds per game whose commands are kept."""


class World(NamedTuple):
    """Everything that changes; hashable, equal worlds answer equally.

    Attributes:
        place: where the agent is.
        held: the object in hand, -1 for none.
        inside: ``[R]``, sorted objects in each receptacle.
        lying: (object, place) pairs.
        taken: (object, receptacle) pairs of objects taken out of a receptacle and not put back into it.
        opened: open receptacles.
        clean, hot, cool, toggled, sliced: objects.
    """

    place: str
    held: int
    inside: tuple[tuple[int, ...], ...]
    lying: frozenset[tuple[int, str]]
    taken: frozenset[tuple[int, int]]
    opened: frozenset[int]
    clean: frozenset[int]
    hot: frozenset[int]
    cool: frozenset[int]
    toggled: frozenset[int]
    sliced: frozenset[int]


Operator: TypeAlias = tuple[str, int, int]
"""A verb with what it is applied to: object and receptacle, -1 where there is none."""


class Twin:
    """The rules of one game."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.operators = lru_cache(maxsize=KEPT)(self._operators)
        self._always = lru_cache(maxsize=None)(self._always_possible)

    def start(self) -> World:
        """Return the world in which the episode begins."""
        begin = self.scene
        return World(
            begin.start,
            -1,
            begin.inside,
            begin.lying,
            frozenset(),
            begin.opened,
            begin.clean,
            begin.hot,
            begin.cool,
            begin.toggled,
            begin.sliced,
        )

    def intro(self) -> str:
        """Return the first text, without the task."""
        standing = [name for name, place in zip(self.scene.receptacles, self.scene.location, strict=True) if place]
        around = _listed([f"a {name}" for name in standing])
        view = self._look(self.start())
        # The engine lists the room only here: the command `look` binds the place, where nothing stands.
        return f"{INTRO}\n\n{view.replace(_MIDDLE.format('nothing'), _MIDDLE.format(around))}"

    def step(self, world: World, command: str) -> tuple[World, str, bool]:
        """Return the next world, what the engine says, and whether the command was admissible."""
        operator = self.operators(world).get(command.strip())
        if operator is None:
            return world, NOTHING, False
        verb, thing, receptacle = operator
        after = self._apply(world, verb, thing, receptacle)
        return after, self._feedback(after, verb, thing, receptacle), True

    def admissible(self, world: World) -> tuple[str, ...]:
        """Return all commands that do something, sorted."""
        return tuple(self.operators(world))

    def won(self, world: World) -> bool:
        """Say whether the goal holds."""
        goal = self.scene.goal
        if goal.kind == "light":
            return world.held in goal.objects and any(
                lamp in world.toggled and any(lamp in world.inside[r] for r in self._receptacles_at(world))
                for lamp in goal.lamps
            )
        wanted = goal.objects
        if goal.kind == "treat":
            wanted = wanted & getattr(world, goal.treatment) & getattr(self.scene, _TREATABLE[goal.treatment])
        enough = 2 if goal.kind == "two" else 1
        return bool(wanted) and any(len(wanted.intersection(world.inside[r])) >= enough for r in goal.receptacles)

    def _receptacles_at(self, world: World) -> tuple[int, ...]:
        return self.scene.at.get(world.place, ())

    def _operators(self, world: World) -> Mapping[str, Operator]:
        """Return the admissible commands, sorted, with what they do."""
        return dict(sorted([*self._always(world.place), *self._possible_now(world)]))

    def _always_possible(self, place: str) -> list[tuple[str, Operator]]:
        scene = self.scene
        here = scene.at.get(place, ())
        going = [
            (f"go to {name}", ("go", -1, number))
            for number, name in enumerate(scene.receptacles)
            if scene.location[number] not in ("", place)
        ]
        seeing = [(f"examine {scene.receptacles[r]}", ("examine receptacle", -1, r)) for r in here]
        return [*going, *seeing, *((verb, (verb, -1, -1)) for verb in ("help", "inventory", "look"))]

    def _possible_now(self, world: World) -> Iterator[tuple[str, Operator]]:
        scene, held = self.scene, world.held
        for r in self._receptacles_at(world):
            name = scene.receptacles[r]
            if r in scene.openable:
                yield (f"close {name}", ("close", -1, r)) if r in world.opened else (f"open {name}", ("open", -1, r))
            reachable = r not in scene.openable or r in world.opened
            for o in world.inside[r]:
                if o in scene.toggleable:
                    yield f"use {scene.objects[o]}", ("use", o, r)
                if held < 0 and reachable and o in scene.pickupable:
                    yield f"take {scene.objects[o]} from {name}", ("take", o, r)
            if held >= 0:
                if reachable and r in scene.accepts[held]:
                    yield f"move {scene.objects[held]} to {name}", ("move", held, r)
                for verb, able, tools in (
                    ("clean", scene.cleanable, scene.sinks),
                    ("heat", scene.heatable, scene.microwaves),
                    ("cool", scene.coolable, scene.fridges),
                ):
                    if r in tools and held in able:
                        yield f"{verb} {scene.objects[held]} with {name}", (verb, held, r)
        if held >= 0:
            yield f"examine {scene.objects[held]}", ("examine object", held, -1)
        if held in scene.knives:
            for o in scene.sliceable:
                if (o, world.place) in world.lying:
                    yield f"slice {scene.objects[o]} with {scene.objects[held]}", ("slice", o, -1)

    def _apply(self, world: World, verb: str, o: int, r: int) -> World:
        match verb:
            case "go":
                return world._replace(place=self.scene.location[r])
            case "open":
                return world._replace(opened=world.opened | {r})
            case "close":
                return world._replace(opened=world.opened - {r})
            case "take":
                return world._replace(
                    held=o,
                    inside=_with(world.inside, r, tuple(x for x in world.inside[r] if x != o)),
                    lying=world.lying - {(o, world.place)},
                    taken=world.taken | {(o, r)},
                )
            case "move":
                return world._replace(
                    held=-1,
                    inside=_with(world.inside, r, tuple(sorted({*world.inside[r], o}))),
                    lying=world.lying | {(o, world.place)},
                    taken=world.taken - {(o, r)},
                )
            case "use":
                return world._replace(toggled=world.toggled | {o})
            case "clean":
                return world._replace(clean=world.clean | {o})
            case "heat":
                return world._replace(hot=world.hot | {o}, cool=world.cool - {o})
            case "cool":
                return world._replace(cool=world.cool | {o}, hot=world.hot - {o})
            case "slice":
                return world._replace(sliced=world.sliced | {o})
        return world

    def _feedback(self, world: World, verb: str, o: int, r: int) -> str:
        scene = self.scene
        thing = scene.objects[o] if o >= 0 else ""
        name = scene.receptacles[r] if r >= 0 else ""
        match verb:
            case "go":
                return f"You arrive at {name}. {self._contents(world, r)}"
            case "open":
                return f"You open the {name}. {self._contents(world, r)}"
            case "close":
                return f"You close the {name}."
            case "take":
                return f"You pick up the {thing} from the {name}."
            case "move":
                return f"You move the {thing} to the {name}."
            case "use":
                return f"You turn on the {thing}."
            case "clean" | "heat" | "cool":
                return f"You {verb} the {thing} using the {name}."
            case "slice":
                return f"You sliced the {thing} with the {scene.objects[world.held]}."
            case "examine receptacle":
                return self._contents(world, r)
            case "examine object":
                return self._condition(world, o)
            case "inventory":
                held = f"You are carrying: a {scene.objects[world.held]}." if world.held >= 0 else None
                return held or "You are not carrying anything."
            case "look":
                return self._look(world)
        return HELP

    def _contents(self, world: World, r: int) -> str:
        name = self.scene.receptacles[r]
        if r in self.scene.openable:
            if r not in world.opened:
                return f"The {name} is closed."
            return f"The {name} is open. In it, you see {self._list(world.inside[r])}."
        return f"On the {name}, you see {self._list(world.inside[r])}."

    def _condition(self, world: World, o: int) -> str:
        name = self.scene.objects[o]
        if o in self.scene.containers:
            return f"This is a normal {name}. In it, you see {self._list(self.scene.nested.get(o, ()))}."
        sliced = "sliced " if o in world.sliced else ""
        clean, warmth = o in world.clean, "hot" if o in world.hot else "cool" if o in world.cool else ""
        if clean and warmth:
            return f"This is a {warmth} and clean {sliced}{name}."
        if warmth:
            return f"This is a {'cold' if warmth == 'cool' and not sliced else warmth} {sliced}{name}."
        if clean:
            return f"This is a clean {sliced}{name}."
        if o in self.scene.toggleable and o in world.toggled:
            return f"This {name} is on."
        if sliced and o in self.scene.sliceable:
            return f"This is a sliced {name}."
        return f"There's nothing special about {name}."

    def _look(self, world: World) -> str:
        here = self._receptacles_at(world)
        if not here:
            return _MIDDLE.format("nothing")
        beside = [o for o, place in sorted(world.lying) if place == world.place for r in here if (o, r) in world.taken]
        facing = _listed([self.scene.receptacles[r] for r in here])
        return f"You are facing the {facing}. Next to it, you see {self._list(beside)}."

    def _list(self, things: Iterable[int]) -> str:
        return _listed([f"a {self.scene.objects[o]}" for o in things])


_MIDDLE = "You are in the middle of a room. Looking quickly around you, you see {}."

_TREATABLE = {"clean": "cleanable", "hot": "heatable", "cool": "coolable"}


def _with(inside: tuple[tuple[int, ...], ...], r: int, things: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
    return (*inside[:r], things, *inside[r + 1 :])


def _listed(names: list[str]) -> str:
    if not names:
        return "nothing"
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])}, and {names[-1]}"
