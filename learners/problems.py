"""Random BlocksWorld problems with exact distances, for training."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

from envs.blocksworld.core import Fact, Support, facts
from envs.blocksworld.exact import StateSpace, state_space


@dataclass(frozen=True, eq=False)
class SampledProblem:
    """A goal with the distance of every state of its blocks: ``[S]``, in steps."""

    space: StateSpace
    goal: tuple[Fact, ...]
    distance: npt.NDArray[np.int16]


@dataclass(frozen=True)
class ProblemSampler:
    """Draws goals, and starts for them.

    Attributes:
        blocks: numbers of blocks to draw from.
        weights: of these numbers; they need not add up to 1.
        held_out: classes of (start, goal) that are never drawn, see :func:`problem_class`.
    """

    blocks: Sequence[int]
    weights: Sequence[float]
    held_out: frozenset[str] = frozenset()

    def problem(self, rng: np.random.Generator, largest: int | None = None) -> SampledProblem:
        """Return a goal of ``on`` facts, all of a random state's or some, with at most ``largest`` blocks."""
        allowed = np.asarray(self.blocks) <= (max(self.blocks) if largest is None else largest)
        weights = np.asarray(self.weights) * allowed
        space = state_space(int(rng.choice(self.blocks, p=weights / weights.sum())))
        on: list[Fact] = []
        while not on:
            target = space.states[rng.integers(len(space.states))]
            on = [fact for fact in facts(target) if fact.predicate == "on"]
        keep = len(on) if rng.random() < 0.5 else int(rng.integers(1, len(on) + 1))
        goal = tuple(on[i] for i in rng.permutation(len(on))[:keep])
        return SampledProblem(space, goal, space.distances(goal))

    def start(self, problem: SampledProblem, rng: np.random.Generator) -> int | None:
        """Return the number of a start whose distance to the goal is uniform, ``None`` if it is held out.

        Drawn uniformly over states most starts would be far from the goal, where any clearing move helps.
        """
        distance = rng.integers(1, problem.distance.max() + 1)
        number = int(rng.choice(np.flatnonzero(problem.distance == distance)))
        return None if self.is_held_out(problem, number) else number

    def is_held_out(self, problem: SampledProblem, number: int) -> bool:
        """Say whether state ``number`` with this goal is of a held-out class."""
        return bool(self.held_out) and problem_class(problem.space.states[number], problem.goal) in self.held_out


@lru_cache(maxsize=200_000)
def problem_class(state: Support, goal: tuple[Fact, ...]) -> str:
    """Return a hash of (state, goal) that is invariant under renaming blocks (Weisfeiler-Leman colour refinement)."""
    blocks = range(len(state))
    above = {below: block for block, below in enumerate(state) if below >= 0}
    wanted = {fact.blocks[0]: fact.blocks[1] for fact in goal if fact.predicate == "on"}
    wanted_above = {below: block for block, below in wanted.items()}
    neighbours = (dict(enumerate(state)), above, wanted, wanted_above)
    colour = {block: str(min(state[block], 0)) for block in blocks}
    for _ in range(len(state)):
        colour = {
            block: _digest("|".join((colour[block], *(colour.get(n.get(block, -9), "") for n in neighbours))))
            for block in blocks
        }
    return _digest("|".join(sorted(colour.values())))


def _digest(text: str) -> str:
    return blake2b(text.encode(), digest_size=8).hexdigest()
