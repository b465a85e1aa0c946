"""Grid worlds: a map of letters becomes an MDP whose states can be read."""

from collections.abc import Sequence
from itertools import chain as joined

import numpy as np

from envs.tabular.checks import check_room
from envs.tabular.mdp import TabularMDP
from slinvit.errors import InputError, UnknownName

Cell = tuple[int, int]

START, GOAL, HOLE, WALL, HERE = "S", "G", "H", "#", "@"
FREE = ".F"
MOVES: tuple[Cell, ...] = ((0, -1), (1, 0), (0, 1), (-1, 0))
"""Row and column that actions 0 to 3 add: left, down, right, up; neighbours in this list are at right angles."""

ACTIONS = ("move left", "move down", "move right", "move up")

LAKES = {
    "4x4": ("SFFF", "FHFH", "FFFH", "HFFG"),
    "8x8": ("SFFFFFFF", "FFFFFFFF", "FFFHFFFF", "FFFFFHFF", "FFFHFFFF", "FHHFFFHF", "FHFFHFHF", "FFFHFFFG"),
}
"""The two maps of FrozenLake."""

ROOMS = ("S...", ".##.", "...G")


def gridworld(
    layout: str | Sequence[str] = ROOMS, horizon: int = 20, slip: float = 0.0, name: str = "gridworld"
) -> TabularMDP:
    """Return a grid with walls, holes and goals; reward 1 on entering a goal, goals and holes keep whoever enters.

    A move goes as intended with probability 1 - slip, and to each side of it with slip / 2; a move against a wall or
    out of the map stays. States are the cells that are no walls, in reading order; actions left, down, right, up.
    r(s, a) is the probability that a enters a goal.

    Args:
        layout: rows of equal length, as a list or separated by ``/``: ``S`` start (one), ``G`` goal (one at least),
            ``H`` hole, ``#`` wall, ``.`` or ``F`` free.
        horizon: steps per episode.
        slip: in [0, 1].
        name: for messages and records.

    Raises:
        InputError: a map that cannot be read, a slip outside [0, 1], a horizon below 1.
    """
    rows = _checked_rows(name, layout.split("/") if isinstance(layout, str) else layout)
    if not 0 <= slip <= 1:
        raise InputError(f"{name}: slip must be between 0 and 1, not {slip}")
    cells = [(i, j) for i, row in enumerate(rows) for j, letter in enumerate(row) if letter != WALL]
    index = {cell: number for number, cell in enumerate(cells)}
    letters = [rows[i][j] for i, j in cells]
    check_room(name, f"a map of {len(cells)} cells", len(cells), 4, len(cells))
    p = np.zeros((len(cells), 4, len(cells)))
    for state, cell in enumerate(cells):
        for action in range(4):
            for turn, share in ((0, 1.0 - slip), (-1, slip / 2), (1, slip / 2)):
                there = _moved(cell, MOVES[(action + turn) % 4]) if letters[state] not in GOAL + HOLE else cell
                p[state, action, index.get(there, state)] += share
    goals = tuple(state for state, letter in enumerate(letters) if letter == GOAL)
    r = p[:, :, goals].sum(axis=-1)
    r[list(goals)] = 0.0
    return TabularMDP.stationary(
        p,
        np.minimum(r, 1.0),
        horizon,
        initial_state=letters.index(START),
        name=name,
        state_names=tuple(f"row {i + 1}, column {j + 1}" for i, j in cells),
        action_names=ACTIONS,
        observations=tuple(_view(rows, cell) for cell in cells),
        goal=_goal(rows, slip),
        goal_states=goals,
    )


def frozen_lake(horizon: int = 20, slippery: bool = True, layout: str | Sequence[str] = "4x4") -> TabularMDP:
    """Return FrozenLake: on slippery ice a move and the two at right angles to it are equally likely (1/3 each).

    Args:
        horizon: steps per episode.
        slippery: else every move goes as intended.
        layout: ``4x4`` or ``8x8``, the usual maps, or a map of your own as for :func:`gridworld`.
    """
    if isinstance(layout, str) and "/" not in layout:
        if layout not in LAKES:
            raise UnknownName("frozen lake", layout, LAKES)
        layout = LAKES[layout]
    return gridworld(layout, horizon, 2 / 3 if slippery else 0.0, name="frozen_lake")


def _checked_rows(name: str, rows: Sequence[str]) -> Sequence[str]:
    allowed = START + GOAL + HOLE + WALL + FREE
    if not rows or not rows[0] or any(len(row) != len(rows[0]) for row in rows):
        raise InputError(f"{name}: the map needs rows of one length, found {[len(row) for row in rows]}")
    for letter in joined.from_iterable(rows):
        if letter not in allowed:
            raise InputError(f"{name}: {letter!r} in the map is none of {', '.join(allowed)}")
    starts, goals = (sum(row.count(letter) for row in rows) for letter in (START, GOAL))
    if starts != 1 or not goals:
        raise InputError(f"{name}: the map needs one S and at least one G, found {starts} and {goals}")
    return rows


def _moved(cell: Cell, by: Cell) -> Cell:
    return cell[0] + by[0], cell[1] + by[1]


def _view(rows: Sequence[str], cell: Cell) -> str:
    drawn = [row[: cell[1]] + HERE + row[cell[1] + 1 :] if i == cell[0] else row for i, row in enumerate(rows)]
    return "\n".join((f"You are at row {cell[0] + 1}, column {cell[1] + 1}, marked {HERE} on the map:", *drawn))


def _goal(rows: Sequence[str], slip: float) -> str:
    letters = "".join(rows)
    parts = ["reach G"]
    if HOLE in letters:
        parts.append("do not enter a hole, H")
    if WALL in letters:
        parts.append("# is a wall")
    if slip:
        parts.append(f"with probability {slip:.2g} a move goes to the left or right of where it was meant to go")
    return "; ".join(parts)
