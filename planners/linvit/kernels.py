"""Loops that numba compiles: backward induction. Nothing is checked here, and importing this imports numba.

Machine code is kept on disk. numba looks only at a kernel's own file to see whether that is out of date: after a change
to a kernel that another file calls, save that file, too.
"""

import math
from collections.abc import Callable
from typing import NamedTuple, TypeVar, cast

import numba
import numpy as np

from planners.linvit.counts import IntArray
from slinvit.types import FloatArray

F = TypeVar("F", bound=Callable[..., object])

LOG2_E = 1 / math.log(2)
LN2_HIGH, LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
"""log 2 as a number of few digits, whose products with whole numbers are exact, and the rest."""

TAYLOR = tuple(1 / math.factorial(power) for power in range(13, -1, -1))

SOFT, BEST, MEAN = 0, 1, 2
"""Reductions over actions: 0 < lam < inf, lam = 0, lam = inf."""


class Rows(NamedTuple):
    """Rows of successors, ``S * A`` (the same at every step) or ``H * S * A`` of them: a table, or CSR arrays.

    Attributes:
        table: ``[rows, S]`` probabilities, or counts; no rows where the others hold them.
        starts: ``[rows + 1]``, where each row begins in the others.
        states: ``[entries]``, the successors.
        entries: ``[entries]``, probabilities or counts.
    """

    table: FloatArray
    starts: IntArray
    states: IntArray
    entries: FloatArray


def compiled(function: F) -> F:
    """Return ``function`` compiled on first use, with sums in any order."""
    return _compiled(function, {"reassoc", "contract", "nsz", "nnan"})


def exactly_compiled(function: F) -> F:
    """Return ``function`` compiled on first use, with operations in the order they are written in."""
    return _compiled(function, {"contract"})


def _compiled(function: F, fastmath: set[str]) -> F:
    try:
        return cast(F, numba.njit(cache=True, nogil=True, fastmath=fastmath, error_model="numpy")(function))
    except RuntimeError:  # no folder to keep it in: neither the package's nor the user's can be written to
        return cast(F, numba.njit(nogil=True, fastmath=fastmath, error_model="numpy")(function))


@compiled
def sweep(
    rows: Rows,
    gains: FloatArray,
    weights: FloatArray,
    tops: FloatArray,
    clipped: bool,
    kind: int,
    unit: float,
    q: FloatArray,
    v: FloatArray,
) -> None:
    """Write ``q`` ``[H, S, A]`` and ``v`` ``[H + 1, S]`` of one model."""
    width = gains[0].size
    scratch = np.empty(gains.shape[1:])
    for step in range(len(gains) - 1, -1, -1):
        means, added = q[step].reshape(width), gains[step].reshape(width)
        row_means(rows, step, v[step + 1], means)
        for row in range(width):
            means[row] += added[row]
        if clipped:
            for row in range(width):
                means[row] = min(max(means[row], 0.0), tops[step])
        reduce_actions(q[step], weights[step], kind, unit, scratch, v[step])


@compiled
def row_means(rows: Rows, step: int, values: FloatArray, means: FloatArray) -> None:
    """Write the sums of ``values`` ``[S]``, weighted by the rows of ``step``."""
    if len(rows.table):
        table_means(rows.table, 0 if len(rows.table) == means.size else step * means.size, values, means)
    else:
        first = 0 if len(rows.starts) - 1 == means.size else step * means.size
        sparse_means(rows.starts, rows.states, rows.entries, first, values, means)


@compiled
def table_means(table: FloatArray, first: int, values: FloatArray, means: FloatArray) -> None:
    """Write the means of ``values`` ``[S]`` over the rows of ``table`` from ``first`` on."""
    for row in range(means.size):
        total = 0.0
        for state in range(values.size):
            total += table[first + row, state] * values[state]
        means[row] = total


@compiled
def sparse_means(
    starts: IntArray, states: IntArray, probabilities: FloatArray, first: int, values: FloatArray, means: FloatArray
) -> None:
    """Write the means of ``values`` ``[S]`` over the CSR rows from ``first`` on."""
    for row in range(means.size):
        total = 0.0
        for entry in range(starts[first + row], starts[first + row + 1]):
            total += probabilities[entry] * values[states[entry]]
        means[row] = total


@compiled
def reduce_actions(
    q: FloatArray, weights: FloatArray, kind: int, unit: float, scratch: FloatArray, v: FloatArray
) -> None:
    """Write the values ``v`` ``[S]`` of states from the values ``q`` ``[S, A]`` of their actions."""
    states, actions = q.shape
    if kind == MEAN:
        for state in range(states):
            total = 0.0
            for action in range(actions):
                total += weights[state, action] * q[state, action]
            v[state] = total
        return
    inverse = 1.0 / unit
    for state in range(states):
        peak = -np.inf
        for action in range(actions):
            scratch[state, action] = q[state, action] * inverse + weights[state, action]
            peak = max(peak, scratch[state, action])
        v[state] = peak
        for action in range(actions):
            scratch[state, action] -= peak
    if kind == SOFT:
        _add_log_sums(scratch, v, unit)


@compiled
def _add_log_sums(logits: FloatArray, v: FloatArray, unit: float) -> None:
    """Turn peaks ``v`` in nats into values, from the ``logits`` below them; ``logits`` are used up."""
    exponentials(logits.ravel())
    for state in range(v.size):
        total = 0.0
        for action in range(logits.shape[1]):
            total += logits[state, action]
        v[state] = unit * (v[state] + math.log(total))


@exactly_compiled
def exponentials(x: FloatArray) -> None:
    """Replace each ``x``, at most 0, by exp(x), to 1e-15 relative; below -708 by 0.

    ``math.exp`` is one call per number; this is the textbook form, exp(x) = 2^n exp(x - n log 2) with the Taylor series
    of the second factor, in loops that are vectorised.
    """
    exponents = np.empty(x.size, dtype=np.int64)
    powers = exponents.view(np.float64)
    for k in range(x.size):
        bounded = max(x[k], -708.0)
        n = np.floor(bounded * LOG2_E + 0.5)
        rest = (bounded - n * LN2_HIGH) - n * LN2_LOW
        series = 0.0
        for coefficient in TAYLOR:
            series = series * rest + coefficient
        x[k] = series
        exponents[k] = (np.int64(n) + 1023) << 52 if bounded > -708.0 else 0  # the bits of 2^n, or of 0
    for k in range(x.size):
        x[k] *= powers[k]


@compiled
def write_policy(scratch: FloatArray, log_prior: FloatArray, kind: int, policy: FloatArray) -> None:
    """Write the Gibbs policy ``[S, A]`` from what :func:`reduce_actions` left in ``scratch``."""
    states, actions = policy.shape
    for state in range(states):
        total = 0.0
        for action in range(actions):
            if kind == BEST:
                policy[state, action] = math.exp(log_prior[state, action]) if scratch[state, action] == 0 else 0.0
            else:
                policy[state, action] = scratch[state, action]
            total += policy[state, action]
        for action in range(actions):
            policy[state, action] /= total
