"""Games made on the spot: any room, any of the six task types, no download.

Kinds, numbers and places are drawn from what ALFWorld's train games have (:mod:`envs.alfworld.generate_rooms`), so a
generated room looks like an official one, but no official room is among them. Each game comes with a walkthrough.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from envs.alfworld.game import TASK_TYPES, Game
from envs.alfworld.generate_plan import find_walkthrough
from envs.alfworld.generate_problem import GOALS, drawn_goal, furnish, possible_goals, rules, write_problem
from envs.alfworld.generate_rooms import ROOMS, shipped_rooms
from envs.alfworld.scene import build_scene
from slinvit.errors import InputError, UnknownName
from slinvit.rng import generator

SPLIT = "generated"

ROOMS_OF: Mapping[str, tuple[str, ...]] = {
    "pick_and_place_simple": ROOMS,
    "look_at_obj_in_light": ("livingroom", "bedroom"),
    "pick_clean_then_place_in_recep": ("kitchen", "bathroom"),
    "pick_heat_then_place_in_recep": ("kitchen",),
    "pick_cool_then_place_in_recep": ("kitchen",),
    "pick_two_obj_and_place": ROOMS,
}
"""Rooms in which a task of each type is possible."""

WORDS: Mapping[str, tuple[str, str]] = {
    "pick_and_place_simple": ("put a {} in {}.", "put some {} on {}."),
    "look_at_obj_in_light": ("look at {} under the {}.", "examine the {} with the {}."),
    "pick_clean_then_place_in_recep": ("put a clean {} in {}.", "clean some {} and put it in {}."),
    "pick_heat_then_place_in_recep": ("put a hot {} in {}.", "heat some {} and put it in {}."),
    "pick_cool_then_place_in_recep": ("put a cool {} in {}.", "cool some {} and put it in {}."),
    "pick_two_obj_and_place": ("put two {} in {}.", "find two {} and put them in {}."),
}
"""How the games say each task."""

TRIES = 100
"""Households in which no such task is possible before giving up."""


def generate(seed: int, task_type: str | None = None, room: str | None = None) -> Game:
    """Return a game of its own for each seed, with a walkthrough; the same arguments give the same game.

    Args:
        seed: not negative.
        task_type: one of :data:`~envs.alfworld.game.TASK_TYPES`; drawn where nothing is said.
        room: one of :data:`~envs.alfworld.generate_rooms.ROOMS`; drawn where nothing is said.

    Raises:
        UnknownName: another task type or room.
        InputError: a task that is not possible in that room, or a negative seed.
    """
    if seed < 0:
        raise InputError(f"the seed of a scene must be 0 or more, not {seed}")
    rng = generator(seed, "alfworld scene", task_type or "", room or "")
    kind, where = _chosen(task_type, room, rng)
    for _ in range(TRIES):
        household = furnish(shipped_rooms(), where, rng)
        goals = possible_goals(shipped_rooms(), household, kind)
        if not goals:
            continue
        thing, target = drawn_goal(goals, rng)
        task = WORDS[kind][int(rng.integers(2))].format(thing.lower(), target.lower())
        domain, grammar = rules()
        problem = write_problem(f"generated_{seed}", shipped_rooms(), household, GOALS[kind].format(thing, target))
        id = f"{kind}-{thing}-None-{target}-{where}/generated_{seed:06d}"
        game = Game(id, SPLIT, domain, grammar.replace("UNKNOWN GOAL.", task), problem)
        walkthrough = find_walkthrough(build_scene(game))
        if walkthrough:
            return replace(game, walkthrough=walkthrough)
    raise InputError(f"no {kind} in a {where} after {TRIES} households of seed {seed}; try another seed")


def _chosen(task_type: str | None, room: str | None, rng: np.random.Generator) -> tuple[str, str]:
    """Return a task type and a room, drawn where nothing was said."""
    if task_type is not None and task_type not in TASK_TYPES:
        raise UnknownName("ALFWorld task type", task_type, TASK_TYPES)
    if room is not None and room not in ROOMS:
        raise UnknownName("room", room, ROOMS)
    types = [kind for kind in TASK_TYPES if task_type in (None, kind) and (room is None or room in ROOMS_OF[kind])]
    if not types:
        raise InputError(f"{task_type} is not possible in a {room}; rooms: {', '.join(ROOMS_OF[str(task_type)])}")
    kind = types[int(rng.integers(len(types)))]
    fitting = [where for where in ROOMS_OF[kind] if room in (None, where)]
    return kind, fitting[int(rng.integers(len(fitting)))]
