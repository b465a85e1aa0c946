"""One run of a learner, and what is written down of it."""

from dataclasses import dataclass
from math import isfinite, nan
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from envs.tabular import TabularMDP
from planners.linvit import Learner, Linvit, LinvitResult, Trace, evaluate, optimal, trajectory_kl
from planners.linvit.seeds import Backend, run_seeds
from slinvit.types import FloatArray

FIRST_TRY, LONGER = 1000, 3
"""Episodes of the first try to reach a certificate, and how many times longer each further one is."""

ROUNDS = 80
"""Most rounds of a curve that are written down, spread evenly over the logarithm of their number."""

BoolArray: TypeAlias = npt.NDArray[np.bool_]

Row: TypeAlias = dict[str, float | None]
"""Column names to numbers; ``None`` where something did not happen."""


@dataclass(frozen=True, eq=False)
class Trial:
    """What is run, for at most ``episodes``.

    Attributes:
        log_prior: ``[H, S, A]`` in nats.
        backend: of LINVIT; the baselines are not compiled.
    """

    mdp: TabularMDP
    log_prior: FloatArray
    learner: Learner
    episodes: int
    backend: Backend = "numpy"

    def run(self, seed: int, episodes: int | None = None) -> LinvitResult:
        """Return the run of ``seed``, or its first ``episodes``."""
        count = self.episodes if episodes is None else min(episodes, self.episodes)
        if isinstance(self.learner, Linvit):
            return run_seeds(self.learner, self.mdp, count, [seed], log_prior=self.log_prior, backend=self.backend)[0]
        return self.learner.run(self.mdp, count, np.random.default_rng(seed), log_prior=self.log_prior)

    @property
    def kl(self) -> float:
        """KL(pi* || prior) over an episode, in nats."""
        return trajectory_kl(self.mdp, optimal(self.mdp).policy, self.log_prior)

    def loss(self, policy: FloatArray) -> float:
        """Return V* - V^pi at the initial state, in units of return."""
        start = 0, self.mdp.initial_state
        return float(optimal(self.mdp).v[start] - evaluate(self.mdp, policy).v[start])


def times(trial: Trial, seed: int) -> list[Row]:
    """Return one row: episodes until each certificate is at most epsilon / 2.

    A learner that does not stop by itself plays until G got there, so that both certificates of one run are seen.
    ``valid`` is 1 where, in every round that was certified, the policy that it speaks of was epsilon-optimal: the
    optimistic one for G, the one a run ending there returns for the smaller certificate. ``None``: nothing was
    certified. ``optimal`` is about the optimistic policy.
    """
    tried = FIRST_TRY
    while True:
        result = trial.run(seed, tried)
        trace, epsilon = result.trace, result.epsilon
        fast, bounds = trace.certificate <= epsilon / 2, trace.gap <= epsilon / 2
        if fast.any() or result.stopped_by != "episodes" or tried >= trial.episodes:
            break
        tried *= LONGER
    return [
        {
            "certified": _first(trace.episode, fast | bounds),
            "fast": _first(trace.episode, fast),
            "gap": _first(trace.episode, bounds),
            "optimal": _number(result.episodes_to_optimal),
            "valid": _valid(trace, fast, fast | bounds, epsilon),
            "played": float(result.episodes),
            "lam": _number(result.lam),
            "kl": trial.kl,
        }
    ]


def stop(trial: Trial, seed: int) -> list[Row]:
    """Return the curve of a run that stops by itself, and in its last row what the policy it hands out loses."""
    result = trial.run(seed)
    rows = rounds(result)
    lost = trial.loss(result.policy)
    stopped = result.stopped_by != "episodes"
    valid = float(lost <= result.epsilon) if stopped else None
    rows[-1] |= {"stopped": float(stopped), "loss": lost, "valid": valid}
    return rows


def curve(trial: Trial, seed: int) -> list[Row]:
    """Return the rounds of a run of full length."""
    return rounds(trial.run(seed))


def rounds(result: LinvitResult) -> list[Row]:
    """Return some rounds of the run, the first and the last among them, one per row."""
    trace = result.trace
    columns = {
        "episode": trace.episode,
        "certificate": trace.certificate,
        "gap": trace.gap,
        "oracle_gap": trace.oracle_gap,
        "oracle_gap_optimistic": trace.oracle_gap_optimistic,
        "violation": trace.violation,
        "regret": trace.cumulative_regret,
        "kl_regret": trace.cumulative_kl_regret,
    }
    wanted = np.unique(np.geomspace(1, len(trace), ROUNDS).astype(int) - 1)
    return [{name: _number(float(column[i])) for name, column in columns.items()} for i in wanted]


def as_float(value: float | None) -> float:
    """Return a cell of a row as a number; ``nan`` for what did not happen."""
    return nan if value is None else value


def _valid(trace: Trace, by_g: BoolArray, certified: BoolArray, epsilon: float) -> float | None:
    if not certified.any():
        return None
    optimistic, deployed = trace.oracle_gap_optimistic[by_g], trace.oracle_gap[certified]
    return float((optimistic <= epsilon).all() and (deployed <= epsilon).all())


def _first(episodes: npt.NDArray[np.int64], happened: BoolArray) -> float | None:
    return float(episodes[happened.argmax()]) if happened.any() else None


def _number(value: float | None) -> float | None:
    return None if value is None or not isfinite(value) else float(value)
