"""Confidence intervals of what runs are judged by."""

import math
from collections.abc import Sequence
from statistics import NormalDist, fmean, stdev


def wilson_interval(successes: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the Wilson score interval of a success rate; stays within [0, 1] and is never empty.

    Args:
        successes: 0 to ``trials``.
        trials: at least 1.
        confidence: of the two-sided interval.

    Source: Wilson (1927), J. Am. Stat. Assoc. 22, 209-212
    """
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    rate, scale = successes / trials, 1 + z * z / trials
    centre = (rate + z * z / (2 * trials)) / scale
    half = z * math.sqrt(rate * (1 - rate) / trials + z * z / (4 * trials * trials)) / scale
    # At 0 and at all successes the bound is exact; rounding would leave 1e-17 there.
    low = 0.0 if successes == 0 else centre - half
    high = 1.0 if successes == trials else centre + half
    return low, high


def mean_interval(values: Sequence[float]) -> list[float] | None:
    """Return the 95 % interval of a mean by Student's t, in the values' unit; ``None`` for fewer than two values."""
    if len(values) < 2:
        return None
    from scipy.stats import t

    centre = fmean(values)
    half = float(t.ppf(0.975, len(values) - 1)) * stdev(values) / math.sqrt(len(values))
    return [centre - half, centre + half]
