"""What is measured: process CPU time of random problems, one thread."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from envs.tabular import TabularMDP
from slinvit.rng import generator
from slinvit.types import FloatArray

LAM = 0.1
"""Units of return per nat."""


class Size(NamedTuple):
    """States, actions and steps of a problem."""

    states: int
    actions: int
    horizon: int

    def __str__(self) -> str:
        return f"S={self.states} A={self.actions} H={self.horizon}"


@dataclass(frozen=True)
class Row:
    """One measured thing.

    Attributes:
        part: ``backup``, ``sparse``, ``seeds`` or ``run``.
        size: of the problem.
        method: what was timed.
        seconds: process CPU time of one call.
        note: what to know when comparing.
    """

    part: str
    size: str
    method: str
    seconds: float
    note: str = ""


@dataclass(frozen=True, eq=False)
class Problem:
    """A random problem, the same at every step.

    Attributes:
        size: what it is.
        p: ``[S, A, S]``.
        r: ``[S, A]``.
        log_prior: ``[H, S, A]`` in nats.
    """

    size: Size
    p: FloatArray
    r: FloatArray
    log_prior: FloatArray

    @property
    def mdp(self) -> TabularMDP:
        """The problem as an MDP, dense."""
        return TabularMDP.stationary(self.p, self.r, self.size.horizon)

    @property
    def rewards(self) -> FloatArray:
        """``[H, S, A]``."""
        return np.ascontiguousarray(np.broadcast_to(self.r, self.log_prior.shape))


def problem(size: Size, successors: int | None = None) -> Problem:
    """Return the problem of ``size``, each action with ``successors`` possible successors, or all states."""
    states, actions, horizon = size
    rng = generator(0, "tabular", *size)
    p = np.zeros((states * actions, states))
    for row in p:
        row[_some(states, successors, rng)] = rng.dirichlet(np.ones(successors or states))
    prior = np.log(rng.dirichlet(np.ones(actions), size=states))
    shape = (states, actions)
    return Problem(
        size,
        p.reshape(*shape, states),
        rng.random(shape),
        np.ascontiguousarray(np.broadcast_to(prior, (horizon, *shape))),
    )


def cpu_seconds(call: Callable[[], object], least: float) -> float:
    """Return the process CPU time of one call: the mean over ``least`` seconds, after one unmeasured."""
    started = time.process_time()
    call()
    calls = max(1, int(least / max(time.process_time() - started, 1e-7)))
    started = time.process_time()
    for _ in range(calls):
        call()
    return (time.process_time() - started) / calls


def best_of(rounds: int, measure: Callable[[], Mapping[str, float]]) -> dict[str, float]:
    """Return the least seconds of each method over ``rounds`` that each measure all of them, one after another.

    What else the machine does then weighs on all methods alike.
    """
    found: dict[str, float] = {}
    for _ in range(rounds):
        for name, seconds in measure().items():
            found[name] = min(seconds, found.get(name, seconds))
    return found


def timed(calls: Mapping[str, Callable[[], object]], least: float, rounds: int = 5) -> dict[str, float]:
    """Return the best seconds of one call of each method."""
    return best_of(rounds, lambda: {name: cpu_seconds(call, least) for name, call in calls.items()})


def _some(states: int, successors: int | None, rng: np.random.Generator) -> npt.NDArray[np.intp]:
    return np.arange(states) if successors is None else rng.choice(states, successors, replace=False)
