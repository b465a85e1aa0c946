"""Values of BlocksWorld states: two rules that read only the state and its goal, and the true distance."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from envs.blocksworld.core import HAND, Fact, Support, holds
from envs.blocksworld.exact import MAX_BLOCKS, state_space
from envs.blocksworld.problem import DOMAIN, Position, position_of
from slinvit.budget import Budget
from slinvit.errors import InputError
from slinvit.protocols import Prior, Simulator
from slinvit.registry import Spec
from slinvit.types import FloatArray, State
from value_estimators.options import check_spec

SOLVED_BONUS = 1000.0


@dataclass(frozen=True)
class GoalsMet:
    """Share of the goal facts that hold, in [0, 1]: weak, it cannot see what is in the way."""

    name: ClassVar[str] = "goals-met"
    oracle: ClassVar[bool] = False

    def estimate(self, states: Sequence[State], *, budget: Budget, rng: np.random.Generator) -> FloatArray:
        """Return ``[B]`` shares; raises ``InputError`` outside BlocksWorld."""
        return np.array([share_met(p.support, p.problem.goal) for p in positions(states, self.name)], dtype=np.float64)


@dataclass(frozen=True)
class Obstacles:
    """The rule of the reference code: met goals count for, blocks in the way against; see :func:`obstacle_value`."""

    name: ClassVar[str] = "obstacles"
    oracle: ClassVar[bool] = False

    def estimate(self, states: Sequence[State], *, budget: Budget, rng: np.random.Generator) -> FloatArray:
        """Return ``[B]`` values; raises ``InputError`` outside BlocksWorld."""
        scored = [obstacle_value(p.support, p.problem.goal) for p in positions(states, self.name)]
        return np.array(scored, dtype=np.float64)


@dataclass(frozen=True)
class Exact:
    """The true distance to the goal as a share, :func:`progress`; an oracle, for tests and upper bounds.

    The horizon of the task is ignored. Distances of the ``remembered`` newest goals are kept in the instance.
    """

    remembered: int = 32
    name: ClassVar[str] = "exact"
    oracle: ClassVar[bool] = True
    _known: dict[tuple[int, tuple[Fact, ...]], npt.NDArray[np.int16]] = field(
        default_factory=dict, repr=False, compare=False
    )

    def estimate(self, states: Sequence[State], *, budget: Budget, rng: np.random.Generator) -> FloatArray:
        """Return ``[B]`` values in [0, 1]; raises ``InputError`` outside BlocksWorld or for too many blocks."""
        scored = [progress(self._distance(p), len(p.support)) for p in positions(states, self.name)]
        return np.array(scored, dtype=np.float64)

    def _distance(self, position: Position) -> int:
        problem, count = position.problem, len(position.support)
        if count > MAX_BLOCKS:
            raise InputError(
                f"task {problem.id!r}: the value 'exact' knows up to {MAX_BLOCKS} blocks, not {count}; use 'learned'"
            )
        key = count, problem.goal
        if key not in self._known:
            if len(self._known) >= self.remembered:
                del self._known[next(iter(self._known))]
            self._known[key] = state_space(count).distances(problem.goal)
        steps = int(self._known[key][state_space(count).index[position.support]])
        if steps < 0:
            raise InputError(f"task {problem.id!r}: no state of {count} blocks satisfies its goal")
        return steps


def progress(steps: npt.ArrayLike, blocks: npt.ArrayLike) -> FloatArray:
    """Return 1 - steps / (4 blocks), in units of return: 1 at the goal, the same price for every step.

    Putting every block on the table and building the goal from there takes at most 4 steps per block, so the value is
    never below 0, and within a task it ranks states by their distance.

    Source: derived: docs/theory.md §2
    """
    return np.asarray(1.0 - np.asarray(steps, dtype=np.float64) / (4.0 * np.asarray(blocks, dtype=np.float64)))


def share_met(support: Support, goal: Sequence[Fact]) -> float:
    """Return the share of ``goal`` that holds, in [0, 1]."""
    return sum(holds(support, fact) for fact in goal) / len(goal)


def obstacle_value(support: Support, goal: Sequence[Fact]) -> float:
    """Return the value of a state by the rule of the code released with arXiv:2402.16181.

    1000 where the whole goal holds. Else, summed over the goals ``on x y``: +1 where it holds; +0.5 where x is in the
    hand and y is clear; else minus the number of blocks above x and above y. Other goal facts count nothing. The unit
    is one met goal, beside a reward of 1 for reaching all of them.
    """
    if all(holds(support, fact) for fact in goal):
        return SOLVED_BONUS
    return sum(goal_obstacles(support, *fact.blocks) for fact in goal if fact.predicate == "on")


def goal_obstacles(support: Support, block: int, below: int) -> float:
    """Return the summand of :func:`obstacle_value` for the goal ``on block below``."""
    if support[block] == below:
        return 1.0
    if support[block] == HAND and below not in support:
        return 0.5
    return -float(above(support, block) + above(support, below))


def above(support: Support, block: int) -> int:
    """Return how many blocks rest on ``block``, directly or not."""
    count = 0
    while block in support:
        block = support.index(block)
        count += 1
    return count


def positions(states: Sequence[State], name: str) -> list[Position]:
    """Return where the blocks are in each state; raises ``InputError`` for a state of another world."""
    for state in states:
        if state.task.domain != DOMAIN:
            raise InputError(
                f"task {state.task.id!r}: the value {name!r} reads {DOMAIN} states, not {state.task.domain!r}; "
                "values for every world: rollout, zero"
            )
    return [position_of(state) for state in states]


def goals_met(spec: Spec, *, prior: Prior, simulator: Simulator) -> GoalsMet:
    """Share of the goal facts that hold."""
    check_spec(spec)
    return GoalsMet()


def obstacles(spec: Spec, *, prior: Prior, simulator: Simulator) -> Obstacles:
    """The reference code's rule: met goals minus blocks in the way."""
    check_spec(spec)
    return Obstacles()


def exact(spec: Spec, *, prior: Prior, simulator: Simulator) -> Exact:
    """True distance as a share (oracle, up to 7 blocks; for tests)."""
    check_spec(spec)
    return Exact()
