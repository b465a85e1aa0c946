"""Small worlds, priors and values for the planners' tests."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from zlib import crc32

import numpy as np
import pytest

from envs.blocksworld.core import Fact, satisfied, successors
from envs.blocksworld.problem import Problem, first_state, position_of
from envs.blocksworld.text import COLOURS
from envs.blocksworld.world import BlocksWorldSimulator
from planners.parts import Parts
from priors.simple import Uniform
from slinvit.budget import Budget
from slinvit.protocols import Prior, Simulator, ValueEstimator
from slinvit.types import Action, ActionDistribution, FloatArray, State, Transition, Usage


@dataclass(frozen=True)
class Opinionated:
    """A prior with an arbitrary but fixed opinion on every action; costs what a model costs."""

    deterministic: bool = True

    def propose(
        self, states: Sequence[State], *, k: int | None = None, budget: Budget, rng: np.random.Generator
    ) -> list[ActionDistribution]:
        budget.spend(llm_calls=len(states))
        budget.charge(prompt_tokens=7 * len(states))
        return [
            ActionDistribution.normalised(
                actions,
                [crc32(f"{state.observation}|{action}".encode()) % 1000 / 250 for action in actions],
                usage=Usage(llm_calls=1, prompt_tokens=7),
            )
            for state in states
            for actions in [state.actions or ()]
        ]


@dataclass(frozen=True)
class Value:
    """A value given as a function of the state."""

    of: Callable[[State], float]

    def estimate(self, states: Sequence[State], *, budget: Budget, rng: np.random.Generator) -> FloatArray:
        return np.array([self.of(state) for state in states])


@dataclass(frozen=True)
class Counted:
    """Parts that count the questions asked of them."""

    parts: Parts
    calls: Counter[str] = field(default_factory=Counter)
    deterministic: bool = True

    def propose(
        self, states: Sequence[State], *, k: int | None = None, budget: Budget, rng: np.random.Generator
    ) -> list[ActionDistribution]:
        self.calls["prior"] += 1
        return self.parts.prior.propose(states, k=k, budget=budget, rng=rng)

    def step(self, states: Sequence[State], actions: Sequence[Action], *, budget: Budget) -> list[Transition]:
        self.calls["simulator"] += 1
        return self.parts.simulator.step(states, actions, budget=budget)

    def estimate(self, states: Sequence[State], *, budget: Budget, rng: np.random.Generator) -> FloatArray:
        self.calls["value"] += 1
        return self.parts.value.estimate(states, budget=budget, rng=rng)


def goals_met(state: State) -> float:
    position = position_of(state)
    goal = position.problem.goal
    return sum(satisfied(position.support, [fact]) for fact in goal) / len(goal)


@pytest.fixture
def opinionated() -> Prior:
    return Opinionated()


@pytest.fixture
def value_of() -> Callable[[Callable[[State], float]], ValueEstimator]:
    return Value


@pytest.fixture
def blocks_parts() -> Callable[..., Parts]:
    def parts(prior: Prior | None = None, simulator: Simulator | None = None) -> Parts:
        return Parts(prior or Uniform(), simulator or BlocksWorldSimulator(), Value(goals_met))

    return parts


@pytest.fixture
def counted() -> Callable[[Parts], tuple[Parts, Mapping[str, int]]]:
    def count(parts: Parts) -> tuple[Parts, Mapping[str, int]]:
        counted = Counted(parts)
        return Parts(counted, counted, counted), counted.calls

    return count


@pytest.fixture
def blocks_state() -> Callable[..., State]:
    """Return the first state of a random problem whose goal is to have two towers somewhere else."""

    def state(seed: int = 0, blocks: int = 4, horizon: int = 20) -> State:
        rng = np.random.default_rng(seed)
        ends = []
        for _ in range(2):
            support = (-1,) * blocks
            for _ in range(40):
                reached = successors(support)
                support = reached[int(rng.integers(len(reached)))][1]
            ends.append(next(after for _, after in successors(support)) if -2 in support else support)
        goal = tuple(Fact("on", (b, below)) for b, below in enumerate(ends[1]) if below >= 0) or (Fact("on", (0, 1)),)
        if satisfied(ends[0], goal):
            return state(seed + 1000, blocks, horizon)
        return first_state(Problem(f"random-{seed}", COLOURS[:blocks], ends[0], goal, horizon))

    return state
