"""Searches that draw trajectories from the prior: best-of-n, and sequential Monte Carlo."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from planners.base import TreePlanner, expected_return
from planners.growth import Draft, Edge, Growth, evaluate, propose, simulate
from planners.questions import Asking
from slinvit.errors import InputError
from slinvit.tree import StoppedBy
from slinvit.types import FloatArray


def advance(growth: Growth, particles: Sequence[Draft], rng: np.random.Generator) -> Asking[list[Draft]]:
    """Move every particle one step, by an action drawn from the prior in its state.

    Particles at one node share the prior's answer, and those that draw the same action there the transition. One that
    cannot move, or whose action the world refuses, stays; ``visits`` counts the arrivals.
    """
    movable = [node for node in particles if node.open]
    yield from propose(movable)
    drawn = [(node, node.proposal.sample(rng) if node.open and node.proposal else None) for node in particles]
    untried = dict.fromkeys((node, action) for node, action in drawn if action and action not in node.children)
    edges = [Edge(n, action, n.proposal.log_prob(action)) for n, action in untried if n.proposal]
    growth.add((yield from simulate(edges)))
    moved = [(node.children[action] if action else None) or node for node, action in drawn]
    for before, after in zip(particles, moved, strict=True):
        after.visits += after is not before
    return moved


@dataclass(frozen=True, kw_only=True)
class BestOfN(TreePlanner):
    """Draws ``n`` trajectories from the prior, in lockstep to the end of the episode, and executes the best.

    The first that is solved is the best; without one, that of largest return, ties by value at its end. The score is
    the return. Asks for values only without a solution.

    Args:
        parts: what answers its questions.
        max_nodes: most nodes per plan.
        n: trajectories.
    """

    n: int = 8

    def grow(self, growth: Growth, rng: np.random.Generator) -> Asking[StoppedBy]:
        """Advance all until one is solved or the horizon is reached."""
        particles = [growth.root] * self.n
        for _ in range(growth.horizon):
            particles = yield from advance(growth, particles, rng)
            if growth.solved:
                return "goal"
        return "done"

    def choose(self, growth: Growth) -> Asking[Draft]:
        """Return the end of the best trajectory."""
        ends = growth.solved[:1] or [node for node in growth.nodes[1:] if not any(node.children.values())]
        if not growth.solved:
            yield from evaluate(ends)
        for end in ends:
            end.score = end.path_reward
        return max(ends, key=lambda end: (end.path_reward, end.value or 0.0))


@dataclass(frozen=True, kw_only=True)
class SequentialMonteCarlo(TreePlanner):
    """Moves ``n`` particles with the prior as proposal, weighted by exp((r + V' - V) / lam), until one is solved.

    The weights telescope to exp((rewards + V - V(root)) / lam). They are kept between resamplings; particles are
    resampled, systematically, when the effective sample size falls below n / 2. The idea of arXiv:2606.05296.

    Args:
        parts: what answers its questions.
        max_nodes: most nodes per plan.
        n: particles.
        lam: units of return per nat, above 0; ``inf`` never weighs and so draws from the prior.
    """

    n: int = 16
    lam: float = 0.3

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.lam == 0:
            raise InputError("SequentialMonteCarlo: lam must be above 0; for lam = 0 use beam:lam=0")

    def grow(self, growth: Growth, rng: np.random.Generator) -> Asking[StoppedBy]:
        """Move, weigh, resample, until one is solved or the horizon is reached."""
        particles, log_weights = [growth.root] * self.n, np.zeros(self.n)
        yield from evaluate(particles)
        for _ in range(growth.horizon):
            moved = yield from advance(growth, particles, rng)
            yield from evaluate(moved)
            log_weights += [
                (expected_return(after) - expected_return(before)) / self.lam
                for before, after in zip(particles, moved, strict=True)
            ]
            if growth.solved:
                return "goal"
            particles = moved
            if effective_size(log_weights) < self.n / 2:
                particles = [particles[i] for i in systematic(log_weights, rng)]
                log_weights = np.zeros(self.n)
        return "done"


def effective_size(log_weights: FloatArray) -> float:
    """Return (sum w)^2 / sum w^2 of ``[n]`` log-weights, between 1 and n."""
    weights = np.exp(log_weights - log_weights.max())
    return float(weights.sum() ** 2 / (weights**2).sum())


def systematic(log_weights: FloatArray, rng: np.random.Generator) -> list[int]:
    """Return n indices; index i comes n w_i times, rounded up or down; one draw from ``rng``."""
    weights = np.exp(log_weights - log_weights.max())
    bounds = np.cumsum(weights / weights.sum())
    points = (rng.random() + np.arange(len(weights))) / len(weights)
    return [int(i) for i in np.minimum(np.searchsorted(bounds, points, side="right"), len(weights) - 1)]
