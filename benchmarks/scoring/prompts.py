"""Few-shot prompts and actions in the words of ALFWorld, from real games or from made-up rooms.

A prompt ends with ``>`` and a candidate begins with a space, a boundary that the tokenizers of all methods keep.
"""

import json
import re
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from slinvit.errors import InputError

_PLACES = [
    "shelf",
    "drawer",
    "cabinet",
    "countertop",
    "sidetable",
    "bed",
    "desk",
    "dresser",
    "sofa",
    "armchair",
    "fridge",
    "microwave",
    "sinkbasin",
]
_THINGS = [
    "apple",
    "book",
    "bowl",
    "bread",
    "candle",
    "cd",
    "cellphone",
    "cloth",
    "cup",
    "egg",
    "fork",
    "keychain",
    "knife",
    "mug",
    "pen",
    "plate",
    "spoon",
    "vase",
]
_CLOSED = {"drawer", "cabinet", "fridge", "microwave"}


@dataclass(frozen=True)
class Room:
    """One game: what stands where, what is asked for, and a plan that reaches it."""

    task: str
    contents: Mapping[str, tuple[str, ...]]
    closed: frozenset[str]
    plan: tuple[str, ...]

    def start(self) -> str:
        """Return what is seen first, with the task."""
        places = ", a ".join(self.contents)
        return (
            "You are in the middle of a room. Looking quickly around you, you see a "
            f"{places}.\nYour task is to: {self.task}\n"
        )

    def transcript(self) -> str:
        """Return the whole game as an example."""
        steps = (f"> {action}\n{self.answer(action)}\n" for action in self.plan)
        return self.start() + "".join(steps)

    def answer(self, action: str) -> str:
        """Return what the world says to an action of the plan."""
        if match := re.fullmatch(r"go to (.+)", action):
            return f"You arrive at {match[1]}. {self.sight(match[1])}"
        if match := re.fullmatch(r"open (.+)", action):
            return f"You open the {match[1]}. {self.sight(match[1])}"
        if match := re.fullmatch(r"take (.+) from (.+)", action):
            return f"You pick up the {match[1]} from the {match[2]}."
        if match := re.fullmatch(r"move (.+) to (.+)", action):
            return f"You move the {match[1]} to the {match[2]}."
        if match := re.fullmatch(r"(heat|cool|clean) (.+) with (.+)", action):
            return f"You {match[1]} the {match[2]} using the {match[3]}."
        if match := re.fullmatch(r"(?:use|examine) (.+)", action):
            return f"You turn on the {match[1]}."
        return "Nothing happens."

    def sight(self, place: str) -> str:
        """Return what is seen on or in ``place``."""
        things = ", a ".join(self.contents.get(place, ()))
        return f"On the {place}, you see a {things}." if things else f"On the {place}, you see nothing."

    def actions(self) -> tuple[str, ...]:
        """Return what may be done somewhere in this room, each with a leading space."""
        takes = (f"take {thing} from {place}" for place, things in self.contents.items() for thing in things)
        opens = (f"{verb} {place}" for place in self.closed for verb in ("open", "close"))
        goes = (f"{verb} {place}" for place in self.contents for verb in ("go to", "examine"))
        return tuple(sorted({f" {action}" for action in (*takes, *opens, *goes)}))


def rooms(data: Path | None, count: int, rng: np.random.Generator) -> tuple[str, list[Room]]:
    """Return where the rooms come from, and ``count`` of them: real games below ``data``, else made up.

    Raises:
        InputError: ``data`` is given but holds no games.
    """
    if data is None:
        return "made-up rooms", [_invent(rng) for _ in range(count)]
    archive = data / "alfworld" / "valid_seen.tar.xz"
    if not archive.is_file():
        raise InputError(f"SLINVIT_DATA={data} has no alfworld/valid_seen.tar.xz; unset it to use made-up rooms")
    return "ALFWorld valid_seen", _games(archive, count)


def _games(archive: Path, count: int) -> list[Room]:
    found: list[Room] = []
    with tarfile.open(archive) as tar:
        for member in tar:
            file = tar.extractfile(member) if member.name.endswith("game.tw-pddl") else None
            if file is not None:
                found.append(_read_game(json.load(file)))
            if len(found) == count:
                return found
    raise InputError(f"{archive} holds {len(found)} games; the benchmark needs {count}")


def _read_game(game: Mapping[str, str]) -> Room:
    problem = game["pddl_problem"]
    places = dict(_numbered(re.findall(r"\(receptacleType (\S+) (\w+)Type\)", problem)))
    things = dict(_numbered(re.findall(r"\(objectType (\S+) (\w+)Type\)", problem)))
    contents: dict[str, tuple[str, ...]] = dict.fromkeys(places.values(), ())
    for thing, place in re.findall(r"\(inReceptacle (\S+) (\S+)\)", problem):
        if thing in things and place in places:
            contents[places[place]] += (things[thing],)
    closed = {places[place] for place in re.findall(r"\(openable (\S+)\)", problem) if place in places}
    task = re.findall(r"Your task is to: ([^\"\\]+)", game["grammar"])[0]
    return Room(task, contents, frozenset(closed), tuple(game["walkthrough"]))


def _numbered(pairs: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    seen: dict[str, int] = {}
    for identity, kind in dict.fromkeys(pairs):
        seen[kind] = seen.get(kind, 0) + 1
        yield identity, f"{kind.lower()} {seen[kind]}"


def _invent(rng: np.random.Generator) -> Room:
    places = [f"{kind} {number + 1}" for kind in _PLACES for number in range(int(rng.integers(1, 4)))]
    things = [f"{kind} {number + 1}" for kind in _THINGS for number in range(int(rng.integers(0, 3)))]
    things = things or ["mug 1"]
    homes = rng.integers(len(places), size=len(things))
    contents = {
        place: tuple(thing for thing, home in zip(things, homes, strict=True) if home == number)
        for number, place in enumerate(places)
    }
    wanted, source = things[0], places[int(homes[0])]
    target = str(rng.choice(places))
    plan = (f"go to {source}", f"take {wanted} from {source}", f"go to {target}", f"move {wanted} to {target}")
    closed = frozenset(place for place in places if place.split()[0] in _CLOSED)
    return Room(f"put some {wanted.split()[0]} on {target.split()[0]}.", contents, closed, plan)
