"""How well scores over actions agree with what is known to be best; one state at a time, the last axis is actions.

``optimal`` marks the actions that reach the largest true value. Ties among scores are resolved in expectation over a
random order, so nothing depends on the order in which actions are listed.
"""

from dataclasses import dataclass
from math import comb

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from slinvit.types import FloatArray

BoolArray = npt.NDArray[np.bool_]
BINS = 10


def optimal_nats(log_probs: FloatArray, optimal: BoolArray) -> float:
    """Return -log of the probability on optimal actions, in nats; ``inf`` where there is none.

    This is KL(pi* || p) with pi* = p restricted to the optimal actions, the smallest over all optimal choices.

    Source: derived: docs/theory.md §7
    """
    with np.errstate(divide="ignore"):
        return max(0.0, -float(np.log(np.exp(log_probs[optimal]).sum())))


def coverage(log_probs: FloatArray, optimal: BoolArray, k: int) -> float:
    """Return the probability that an optimal action is among the ``k`` most probable, equal ones in random order."""
    if k >= len(log_probs):
        return 1.0
    threshold = np.sort(log_probs)[-k]
    surely, tied = log_probs > threshold, log_probs == threshold
    if (surely & optimal).any():
        return 1.0
    places = k - int(surely.sum())
    group, others = int(tied.sum()), int((tied & ~optimal).sum())
    return 1.0 - comb(others, places) / comb(group, places)


def greedy_share(scores: FloatArray, optimal: BoolArray) -> FloatArray:
    """Return the probability that the best-scored action is optimal, ``[..., A]`` to ``[...]``; ties at random."""
    best = scores == scores.max(axis=-1, keepdims=True)
    return np.asarray((best & optimal).sum(axis=-1) / best.sum(axis=-1))


def spearman(scores: FloatArray, values: FloatArray) -> FloatArray:
    """Return Spearman's rho of ``scores`` ``[..., A]`` with ``values`` ``[A]``: Pearson's r of mean ranks.

    A constant side ranks nothing and gives 0.
    """
    return _correlation(_centred(rankdata(scores, axis=-1)), _centred(rankdata(values)))


def kendall(scores: FloatArray, values: FloatArray) -> FloatArray:
    """Return Kendall's tau-b of ``scores`` ``[..., A]`` with ``values`` ``[A]``; a constant side gives 0.

    Where values tie, a score without ties stays below 1: it is charged for ordering what needs no order.
    """
    return _correlation(_orders(rankdata(scores, axis=-1)), _orders(rankdata(values)))


def somers(scores: FloatArray, values: FloatArray) -> FloatArray:
    """Return Somers' D of ``scores`` ``[..., A]`` given ``values`` ``[A]``, which must not all be equal.

    Of the pairs that differ in value: the share ordered right minus the share ordered wrong; tied scores are neither.
    """
    order = _orders(rankdata(values))
    return np.asarray((_orders(rankdata(scores, axis=-1)) * order).sum(axis=-1) / (order * order).sum())


def is_constant(values: FloatArray) -> bool:
    """Say whether all actions are equally good."""
    return bool((values == values[0]).all())


@dataclass(frozen=True)
class Reliability:
    """Stated probabilities against how often they were right, in bins of equal width over [0, 1]; empty ones left out.

    Attributes:
        count: ``[B]`` actions per bin.
        predicted: ``[B]`` mean probability.
        observed: ``[B]`` share of them that is optimal.
        ece: expected calibration error, the mean distance of predicted and observed over actions.
    """

    count: tuple[int, ...]
    predicted: tuple[float, ...]
    observed: tuple[float, ...]
    ece: float


def reliability(probs: FloatArray, hits: BoolArray, bins: int = BINS) -> Reliability:
    """Return the curve of ``probs`` ``[N]`` against ``hits`` ``[N]``, at least one of them."""
    places = np.minimum((probs * bins).astype(int), bins - 1)
    count = np.bincount(places, minlength=bins)
    filled = count > 0
    predicted = np.bincount(places, probs, minlength=bins)[filled] / count[filled]
    observed = np.bincount(places, hits, minlength=bins)[filled] / count[filled]
    ece = float((count[filled] * np.abs(predicted - observed)).sum() / len(probs))
    return Reliability(tuple(map(int, count[filled])), tuple(map(float, predicted)), tuple(map(float, observed)), ece)


@dataclass(frozen=True)
class Estimate:
    """A mean over states with its 95 % bootstrap interval over tasks; ``None`` where a value is infinite."""

    mean: float
    ci95: tuple[float, float] | None


def mean_over_states(values: FloatArray, tasks: npt.ArrayLike, draws: int, rng: np.random.Generator) -> Estimate:
    """Return the mean of ``values`` ``[N]``, resampling whole tasks ``[N]``: states of one task are not independent."""
    _, owner = np.unique(tasks, return_inverse=True)
    return ratio(sums(owner, values), sums(owner, np.ones(len(owner))), draws, rng)


def ratio(top: FloatArray, bottom: FloatArray, draws: int, rng: np.random.Generator) -> Estimate:
    """Return sum(top) / sum(bottom), both ``[T]`` by task, with the percentile interval of ``draws`` resamples."""
    if not np.isfinite(top).all():
        return Estimate(float("inf"), None)
    weights = rng.multinomial(len(top), np.full(len(top), 1 / len(top)), size=draws)
    low, high = np.percentile((weights @ top) / (weights @ bottom), [2.5, 97.5])
    return Estimate(float(top.sum() / bottom.sum()), (float(low), float(high)))


def sums(owner: npt.NDArray[np.intp], values: npt.ArrayLike) -> FloatArray:
    """Return the sum of ``values`` ``[N]`` of each owner ``[N]``, numbered from 0."""
    return np.bincount(owner, np.asarray(values, dtype=np.float64)).astype(np.float64)


def _centred(ranks: FloatArray) -> FloatArray:
    return np.asarray(ranks - ranks.mean(axis=-1, keepdims=True))


def _orders(ranks: FloatArray) -> FloatArray:
    """Return the sign of each difference between two ranks, ``[..., A]`` to ``[..., A * A]``."""
    signs = np.sign(ranks[..., :, None] - ranks[..., None, :])
    return np.asarray(signs.reshape(*ranks.shape[:-1], -1))


def _correlation(x: FloatArray, y: FloatArray) -> FloatArray:
    norms = np.sqrt((x * x).sum(axis=-1) * (y * y).sum())
    return np.asarray(np.divide((x * y).sum(axis=-1), norms, out=np.zeros_like(norms), where=norms > 0))
