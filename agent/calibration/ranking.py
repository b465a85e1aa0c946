"""Does a score put the better actions first? log pi, values, and their mix, against the true action values."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from agent.calibration.metrics import Estimate, greedy_share, is_constant, kendall, mean_over_states, somers, spearman
from agent.calibration.states import Kind, Visit
from slinvit.budget import Budget
from slinvit.protocols import Simulator, ValueEstimator
from slinvit.rng import generator
from slinvit.types import FloatArray

SAME = 1e-12
"""Means that differ by less are equal: they were summed in another order."""


@dataclass(frozen=True)
class Ranking:
    """One score on one kind of states; every number is a mean over states of what is computed within each.

    Attributes:
        kind: of the states.
        value: name of the value estimator.
        lam: weight of log pi, value units per nat; 0 is the value alone, ``inf`` the prior alone.
        spearman: rho with Q*.
        kendall: tau-b with Q*.
        ordered: Somers' D: of the pairs that differ in Q*, the share ordered right minus the share ordered wrong.
        greedy: probability that the best-scored action is optimal.
        states: how many; states in which all actions are equally good are left out.
        constant: states in which the score is constant; they count as 0.
        best: whether no lam of the grid has a larger mean of ``ordered``; chosen on these very states.
    """

    kind: Kind
    value: str
    lam: float
    spearman: Estimate
    kendall: Estimate
    ordered: Estimate
    greedy: Estimate
    states: int
    constant: int
    best: bool


def look_ahead(
    visits: Sequence[Visit], value: ValueEstimator, simulator: Simulator, budget: Budget, rng: np.random.Generator
) -> list[FloatArray]:
    """Return reward + value of the successor, ``[A]`` per state, as a search one step deep scores actions.

    The value of a state in which the world has ended is 0; what follows the horizon is valued as it stands.
    """
    pairs = [(visit.state, action) for visit in visits for action in visit.state.actions or ()]
    reached = simulator.step([state for state, _ in pairs], [action for _, action in pairs], budget=budget)
    going = [i for i, transition in enumerate(reached) if not transition.state.terminal]
    scores = np.array([transition.reward for transition in reached], dtype=np.float64)
    scores[going] += value.estimate([reached[i].state for i in going], budget=budget, rng=rng)
    ends = np.cumsum([len(visit.state.actions or ()) for visit in visits])
    return np.split(scores, ends[:-1])


def rankings(
    visits: Sequence[Visit],
    log_probs: Sequence[FloatArray],
    scores: Mapping[str, Sequence[FloatArray]],
    lams: Sequence[float],
    *,
    draws: int,
    seed: int,
) -> list[Ranking]:
    """Return one row per kind of states, value and lam.

    Args:
        visits: with known Q*.
        log_probs: ``[A]`` per visit, of the prior.
        scores: by value, ``[A]`` per visit, from :func:`look_ahead`.
        lams: the grid.
        draws: bootstrap resamples of tasks.
        seed: of the bootstrap.
    """
    decisions = [i for i, visit in enumerate(visits) if visit.q is not None and not is_constant(visit.q)]
    kinds = dict.fromkeys(visits[i].kind for i in decisions)
    rows = []
    for kind in kinds:
        chosen = [i for i in decisions if visits[i].kind == kind]
        for value, backed_up in scores.items():
            table = np.array([_measure(visits[i], mixes(log_probs[i], backed_up[i], lams)) for i in chosen])
            tasks = [visits[i].task for i in chosen]
            rows += list(_rows(kind, value, lams, table, tasks, draws, seed))
    return rows


def mixes(log_probs: FloatArray, backed_up: FloatArray, lams: Sequence[float]) -> FloatArray:
    """Return lam * log pi + value, ``[L, A]`` for a grid ``[L]``; at 0 the value alone, at ``inf`` log pi alone."""
    return np.stack([_mix(log_probs, backed_up, lam) for lam in lams])


def _mix(log_probs: FloatArray, backed_up: FloatArray, lam: float) -> FloatArray:
    if lam == 0:
        return backed_up
    return log_probs if math.isinf(lam) else lam * log_probs + backed_up


def _measure(visit: Visit, scores: FloatArray) -> FloatArray:
    """Return ``[5, L]``: rho, tau-b, Somers' D, greedy share, and whether the score is constant."""
    constant = (scores == scores[:, :1]).all(axis=-1)
    assert visit.q is not None  # the caller left the others out
    rank = [measure(scores, visit.q) for measure in (spearman, kendall, somers)]
    return np.stack([*rank, greedy_share(scores, visit.optimal), constant])


def _rows(
    kind: Kind, value: str, lams: Sequence[float], table: FloatArray, tasks: Sequence[str], draws: int, seed: int
) -> Iterator[Ranking]:
    best = table[:, 2].mean(axis=0).max() - SAME
    for column, lam in enumerate(lams):
        rho, tau, ordered, greedy = (
            mean_over_states(table[:, row, column], tasks, draws, generator(seed, "bootstrap")) for row in range(4)
        )
        constant = int(table[:, 4, column].sum())
        yield Ranking(kind, value, lam, rho, tau, ordered, greedy, len(table), constant, bool(ordered.mean >= best))
