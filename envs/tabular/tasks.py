"""Where tabular tasks come from: names of worlds with their options, and random mazes."""

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from envs.tabular.checks import check_room
from envs.tabular.classic import chain, combination_lock, deep_sea, garnet, river_swim
from envs.tabular.grids import FREE, GOAL, MOVES, START, WALL, Cell, frozen_lake, gridworld
from envs.tabular.mdp import TabularMDP
from envs.tabular.task import TabularTask
from slinvit.errors import InputError, UnknownName, did_you_mean
from slinvit.registry import Spec, parse_spec
from slinvit.rng import generator

WORLDS: Mapping[str, Callable[..., TabularMDP]] = {
    "chain": chain,
    "combination_lock": combination_lock,
    "deep_sea": deep_sea,
    "frozen_lake": frozen_lake,
    "garnet": garnet,
    "gridworld": gridworld,
    "river_swim": river_swim,
}

DEFAULT_HORIZON = "2x"
"""What the command line says where nothing was said: every MDP then keeps its own horizon."""

_WORDS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


def load(tasks: str, *, seed: int = 0, limit: int | None = None, horizon: str = DEFAULT_HORIZON) -> list[TabularTask]:
    """Return the tasks that ``tasks`` names.

    Args:
        tasks: one or more of these, separated by ``;``

            * a world with the options of its constructor, ``frozen_lake:slippery=false``, ``deep_sea:size=8``,
              ``garnet:num_states=10,seed=3`` (``-`` and ``_`` are the same in names); ``episodes=20`` makes that many
              tasks of it, which differ in what chance does;
            * ``random:40,size=5,walls=0.2,slip=0,seed=3`` or just ``40``: random mazes with a way to the goal, with a
              horizon of twice the shortest.
        seed: of worlds and mazes that name none.
        limit: at most this many.
        horizon: steps per episode, a number; ``2x`` leaves every world its own.

    Raises:
        InputError: an unknown world or option, a value it cannot take.
    """
    if limit is not None and limit < 1:
        raise InputError(f"the limit on tasks must be 1 or more, not {limit}")
    steps = _steps(horizon)
    found: list[TabularTask] = []
    for text in filter(None, (part.strip() for part in tasks.split(";"))):
        spec = parse_spec(f"random:{text}" if text.isdecimal() else text)
        found += _mazes(spec, seed, steps, limit) if spec.name == "random" else _episodes(spec, seed, steps, text)
    return found[:limit]


def random_maze(size: int, walls: float, rng: np.random.Generator) -> tuple[tuple[str, ...], int]:
    """Return the rows of a random square map with a way from S to G, and the length of the shortest.

    Each cell is a wall with probability ``walls``; S and G are drawn among the others; maps without a way are drawn
    again.
    """
    while True:
        wall = rng.random((size, size)) < walls
        free = [(int(i), int(j)) for i, j in np.argwhere(~wall)]
        if len(free) < 2:
            continue
        start, goal = (free[i] for i in rng.choice(len(free), 2, replace=False))
        if (length := _distance(set(free), start, goal)) is not None:
            letters = {start: START, goal: GOAL, **dict.fromkeys(set(free) - {start, goal}, FREE[0])}
            return tuple("".join(letters.get((i, j), WALL) for j in range(size)) for i in range(size)), length


def _distance(free: set[Cell], start: Cell, goal: Cell) -> int | None:
    seen, frontier, steps = {start}, {start}, 0
    while frontier:
        if goal in frontier:
            return steps
        frontier = {(i + di, j + dj) for i, j in frontier for di, dj in MOVES} & free - seen
        seen |= frontier
        steps += 1
    return None


def _steps(horizon: str) -> int | None:
    if horizon == DEFAULT_HORIZON:
        return None
    if horizon.isdecimal() and int(horizon) > 0:
        return int(horizon)
    raise InputError(
        f"cannot read the horizon {horizon!r}: tabular worlds have horizons of their own; leave --horizon out, or give "
        "a number of steps"
    )


def _episodes(spec: Spec, seed: int, steps: int | None, text: str) -> list[TabularTask]:
    name = spec.name.replace("-", "_")
    if name not in WORLDS:
        raise UnknownName("tabular world", spec.name, (*WORLDS, "random"))
    if spec.argument:
        raise InputError(f"cannot read {spec.argument!r} in {text!r}: options of a world are key=value pairs")
    options = dict(spec.options)
    count = _converted(name, "episodes", int, options.pop("episodes", "1"))
    if count < 1:
        raise InputError(f"{name}: episodes must be 1 or more, not {count}")
    mdp = _built(name, options, seed, steps)
    return [TabularTask(mdp, text if count == 1 else f"{text}#{number}") for number in range(count)]


def _built(name: str, options: Mapping[str, str], seed: int, steps: int | None) -> TabularMDP:
    make = WORLDS[name]
    known = {key: p for key, p in inspect.signature(make).parameters.items() if key != "name"}
    for key in options:
        if key not in known:
            allowed = ", ".join((*known, "episodes"))
            raise InputError(f"{name} has no option {key!r}{did_you_mean(key, known)}; its options: {allowed}")
    given: dict[str, Any] = {key: _converted(name, key, known[key].annotation, text) for key, text in options.items()}
    if "seed" in known:
        given.setdefault("seed", seed)
    if steps is not None:
        if "horizon" not in known or "horizon" in options:
            why = "is given in the task" if "horizon" in options else "follows from its size"
            raise InputError(f"{name}: the horizon {why}; leave --horizon out")
        given["horizon"] = steps
    return make(**given)


def _mazes(spec: Spec, seed: int, steps: int | None, limit: int | None) -> list[TabularTask]:
    read = partial(_option, spec)
    count = _converted("random", "count", int, spec.argument or "1")
    size, walls, slip = read("size", int, 5), read("walls", float, 0.2), read("slip", float, 0.0)
    root = read("seed", int, seed)
    allowed = ("size", "walls", "slip", "seed")
    for key in spec.options:
        if key not in allowed:
            raise InputError(
                f"random has no option {key!r}{did_you_mean(key, allowed)}; its options: {', '.join(allowed)}"
            )
    if count < 1 or size < 2 or not 0 <= walls <= 0.5 or root < 0:
        raise InputError(
            "random mazes need a count of 1 or more, a size of 2 or more, walls from 0 to 0.5 and a seed of 0 or more; "
            f"found {count}, {size}, {walls:g} and {root}"
        )
    check_room("random", f"size {size}", size * size, 4, size * size)
    return [_maze(number, size, walls, slip, root, steps) for number in range(min(count, limit or count))]


def _maze(number: int, size: int, walls: float, slip: float, seed: int, steps: int | None) -> TabularTask:
    rows, length = random_maze(size, walls, generator(seed, "maze", size, number))
    return TabularTask(gridworld(rows, steps or 2 * length, slip, name="maze"), f"maze-{size}-{seed}-{number}")


def _option(spec: Spec, key: str, kind: type, default: Any) -> Any:
    return _converted(spec.name, key, kind, spec.options[key]) if key in spec.options else default


def _converted(world: str, key: str, kind: Any, text: str) -> Any:
    """Return ``text`` as the type of the option; maps stay text."""
    kind = int if kind == int | None else kind
    if kind is bool:
        if text.lower() not in _WORDS:
            raise InputError(f"{world}: {key} must be true or false, not {text!r}")
        return _WORDS[text.lower()]
    if kind not in (int, float):
        return text
    try:
        return kind(text)
    except ValueError:
        wanted = "a whole number" if kind is int else "a number"
        raise InputError(f"{world}: {key} must be {wanted}, not {text!r}") from None
