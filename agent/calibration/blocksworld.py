"""What is known exactly in BlocksWorld: the value of every action, and states drawn from all there are."""

from dataclasses import replace
from functools import lru_cache

import numpy as np

from envs.blocksworld.core import Fact, Support, satisfied, successors
from envs.blocksworld.exact import MAX_BLOCKS, distance_to
from envs.blocksworld.generate import random_state
from envs.blocksworld.oracle import optimal_length
from envs.blocksworld.problem import Problem, first_state, native_view, position_of
from slinvit.types import FloatArray, State
from value_estimators.blocksworld import progress


class BlocksWorldTruth:
    """Exact action values from distances; satisfies :class:`agent.calibration.states.Truth`."""

    def q_values(self, state: State) -> FloatArray:
        """Return Q* ``[A]`` of the admissible actions, 1 - steps still needed after the action / (4 blocks).

        Raises:
            InputError: more than ``MAX_BLOCKS`` blocks and no optimal plan within the limit of the A* search.

        Source: derived: docs/theory.md §2
        """
        position = position_of(state)
        problem = position.problem
        view = native_view(problem.names, problem.goal, position.support)
        steps = [_distance(view.after[action], problem.goal) for action in state.actions or ()]
        return progress(steps, len(problem.names))

    def random_states(self, instance: Problem, count: int, rng: np.random.Generator) -> list[State]:
        """Return ``count`` unsolved states of all that there are, each as the first of an episode.

        Uniform over the states with an empty hand; half of the time a random block is then lifted.
        """
        return [first_state(replace(instance, start=_unsolved(instance, rng), optimal=None)) for _ in range(count)]


@lru_cache(maxsize=1 << 16)
def _distance(support: Support, goal: tuple[Fact, ...]) -> int:
    small = len(support) <= MAX_BLOCKS
    return distance_to(support, goal) if small else optimal_length(support, goal)


def _unsolved(problem: Problem, rng: np.random.Generator) -> Support:
    while True:
        support = random_state(rng, len(problem.names))
        if rng.random() < 0.5:
            lifted = successors(support)
            support = lifted[int(rng.integers(len(lifted)))][1]
        if not satisfied(support, problem.goal):
            return support
