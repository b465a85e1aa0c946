"""Exact distances in small BlocksWorlds: every state enumerated, cost-to-go of all of them by one vectorised sweep.

Full state spaces, hand included, have 22, 125, 866, 7,057 and 65,990 states for 3 to 7 blocks.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from envs.blocksworld.core import HAND, TABLE, Fact, Move, Support, successors

MAX_BLOCKS = 7


@dataclass(frozen=True, eq=False)
class StateSpace:
    """All states of ``count`` blocks and their transitions.

    Attributes:
        states: every state, in breadth-first order from all blocks on the table.
        support: ``[S, count]``, the same as an array.
        index: number of each state.
        moves: applicable moves of each state, in the order of :func:`core.successors`.
        targets: ``[S, A]`` numbers of the successor states, padded with -1.
    """

    states: tuple[Support, ...]
    support: npt.NDArray[np.int8]
    index: dict[Support, int]
    moves: tuple[tuple[Move, ...], ...]
    targets: npt.NDArray[np.int32]

    def distances(self, goal: Iterable[Fact]) -> npt.NDArray[np.int16]:
        """Return ``[S]`` the least number of moves from each state to one that satisfies ``goal``, in steps.

        Moves are reversible, so the sweep runs forwards from the goal states. -1 everywhere: no state satisfies it.
        """
        distance = np.full(len(self.states), -1, dtype=np.int16)
        frontier = np.flatnonzero(self._satisfying(goal))
        steps = 0
        while len(frontier):
            distance[frontier] = steps
            reached = self.targets[frontier].ravel()
            reached = reached[reached >= 0]
            frontier = np.unique(reached[distance[reached] < 0])
            steps += 1
        return distance

    def _satisfying(self, goal: Iterable[Fact]) -> npt.NDArray[np.bool_]:
        mask = np.ones(len(self.states), dtype=bool)
        for predicate, blocks in goal:
            column = self.support[:, blocks[0]] if blocks else None
            if column is None:
                mask &= ~(self.support == HAND).any(axis=1)
            elif predicate == "clear":
                mask &= ~(self.support == blocks[0]).any(axis=1) & (column != HAND)
            else:
                mask &= column == {"on": blocks[-1], "ontable": TABLE, "holding": HAND}[predicate]
        return mask


def distance_to(state: Support, goal: Iterable[Fact]) -> int:
    """Return the least number of moves from ``state`` to a state that satisfies ``goal``, in steps.

    All distances to a goal are computed at its first use and remembered.

    Raises:
        ValueError: more than ``MAX_BLOCKS`` blocks, or no state satisfies the goal.
    """
    atoms = tuple(goal)
    steps = int(_distances(len(state), atoms)[state_space(len(state)).index[state]])
    if steps < 0:
        raise ValueError(f"no state satisfies the goal {atoms}")
    return steps


@lru_cache(maxsize=64)
def _distances(count: int, goal: tuple[Fact, ...]) -> npt.NDArray[np.int16]:
    return state_space(count).distances(goal)


@lru_cache(maxsize=MAX_BLOCKS)
def state_space(count: int) -> StateSpace:
    """Return the complete state space of ``count`` blocks.

    Raises:
        ValueError: more than ``MAX_BLOCKS`` blocks.
    """
    if not 1 <= count <= MAX_BLOCKS:
        raise ValueError(f"state spaces are enumerated for 1 to {MAX_BLOCKS} blocks, not {count}")
    start = (TABLE,) * count
    index, states = {start: 0}, [start]
    edges = []
    for state in states:
        reached = successors(state)
        edges.append(reached)
        for _, after in reached:
            if after not in index:
                index[after] = len(states)
                states.append(after)
    targets = np.full((len(states), max(map(len, edges))), -1, dtype=np.int32)
    for number, reached in enumerate(edges):
        targets[number, : len(reached)] = [index[after] for _, after in reached]
    return StateSpace(
        states=tuple(states),
        support=np.array(states, dtype=np.int8),
        index=index,
        moves=tuple(tuple(move for move, _ in reached) for reached in edges),
        targets=targets,
    )
