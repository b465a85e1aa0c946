"""Medians, slopes and their bootstrap intervals; runs are nested in instances, so both are resampled."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from slinvit.rng import generator
from slinvit.types import FloatArray

RESAMPLES = 1000
GROWTH_RESAMPLES = 300
LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """An estimate with its 95 % bootstrap interval."""

    value: float
    low: float
    high: float


def centre(samples: FloatArray) -> FloatArray:
    """Return the median over instances of the median over seeds, ``[..., I, S]`` to ``[...]``; inf: did not happen."""
    return np.asarray(_median(_median(samples)))


def resampled(samples: FloatArray, seed: int = 0) -> FloatArray:
    """Return the centres of :data:`RESAMPLES` resamples, ``[X, I, S]`` to ``[B, X]``; every x gets the same draws."""
    rng = generator(seed, "bootstrap")
    _, instances, seeds = samples.shape
    picked = rng.integers(instances, size=(RESAMPLES, instances))
    inner = rng.integers(seeds, size=(RESAMPLES, instances, seeds))
    return centre(np.moveaxis(samples[:, picked[..., None], inner], 0, 1))


def band(samples: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return (centre, low, high), ``[X]`` each, of ``samples`` ``[X, I, S]``."""
    tail = 100 * (1 - LEVEL) / 2
    many = np.sort(resampled(samples), axis=0)
    # Percentiles by rank: interpolation between a number and infinity is not defined.
    low, high = (many[round((len(many) - 1) * part / 100)] for part in (tail, 100 - tail))
    return centre(samples), low, high


def log_log_slope(x: FloatArray, samples: FloatArray) -> Interval | None:
    """Return the slope of log centre against log x; ``None`` with fewer than two points that happened.

    Args:
        x: ``[X]``, positive.
        samples: ``[X, I, S]``, positive, ``inf`` where the run did not get there.
    """
    found = np.isfinite(centre(samples))
    if found.sum() < 2:
        return None
    many = resampled(samples)[:, found]
    slopes = [_slope(x[found], row) for row in many if np.isfinite(row).all()]
    tail = 100 * (1 - LEVEL) / 2
    low, high = np.percentile(slopes, [tail, 100 - tail]) if slopes else (np.nan, np.nan)
    return Interval(_slope(x[found], centre(samples)[found]), float(low), float(high))


def growth(episodes: FloatArray, total: FloatArray) -> dict[str, float]:
    """Compare two laws of growth on the later half of a curve: total = a + b log t, and a + b sqrt t.

    Returns:
        R^2 of each, and the slope of log total against log t over the last decade (0: logarithm, 1/2: root, 1: linear).
    """
    late = episodes >= episodes[-1] / 100
    decade = (episodes >= episodes[-1] / 10) & (total > 0)
    return {
        "r2_log": _fit(np.log(episodes[late]), total[late]),
        "r2_sqrt": _fit(np.sqrt(episodes[late]), total[late]),
        "local_slope": _slope(episodes[decade], total[decade]) if decade.sum() > 1 else 0.0,
    }


def growth_intervals(episodes: FloatArray, runs: FloatArray, instances: npt.NDArray[np.intp]) -> dict[str, list[float]]:
    """Return 95 % intervals of what tells two laws of growth apart, for the mean of ``runs`` ``[N, T]``.

    Args:
        episodes: ``[T]``.
        runs: cumulative regret.
        instances: ``[N]``, the random MDP of each run; MDPs are resampled, then the runs of each.

    Returns:
        ``r2_difference``: R^2 of log t minus R^2 of sqrt t, and ``local_slope``, [low, high] each.
    """
    rng, groups = generator(0, "growth"), [np.flatnonzero(instances == each) for each in np.unique(instances)]
    found = []
    for _ in range(GROWTH_RESAMPLES):
        picked = [groups[i] for i in rng.integers(len(groups), size=len(groups))]
        mean = runs[np.concatenate([rng.choice(group, len(group)) for group in picked])].mean(axis=0)
        law = growth(episodes, mean)
        found.append((law["r2_log"] - law["r2_sqrt"], law["local_slope"]))
    tail = 100 * (1 - LEVEL) / 2
    low, high = np.percentile(found, [tail, 100 - tail], axis=0)
    return {name: [float(low[i]), float(high[i])] for i, name in enumerate(("r2_difference", "local_slope"))}


def _slope(x: FloatArray, y: FloatArray) -> float:
    return float(np.polyfit(np.log(x), np.log(np.maximum(y, 1e-300)), 1)[0])


def _fit(x: FloatArray, y: FloatArray) -> float:
    rest = y - np.polyval(np.polyfit(x, y, 1), x)
    spread = float(((y - y.mean()) ** 2).sum())
    return 1.0 - float((rest**2).sum()) / spread if spread > 0 else 1.0


def _median(samples: FloatArray) -> FloatArray:
    """Return the lower median over the last axis: of an even number it is one of them, so infinity stays infinity."""
    return np.asarray(np.sort(samples, axis=-1)[..., (samples.shape[-1] - 1) // 2])
