"""Backward induction at the speed of machine code: the numbers of :mod:`planners.linvit.core`, from compiled loops.

Importing this module imports numba; do so only where it is used.
"""

import math

import numpy as np
from scipy import sparse

from envs.tabular import TabularMDP
from planners.linvit import kernels
from planners.linvit.core import SMALLEST_LAM, rule
from planners.linvit.kernels import Rows
from slinvit.types import FloatArray

SPARSE_SHARE = 0.25
"""Share of possible successors below which looking their values up beats multiplying with zeros."""


def transition_rows(mdp: TabularMDP) -> Rows:
    """Return the transitions of ``mdp``, thin ones as CSR."""
    held = mdp.p if mdp.is_sparse else mdp.p.reshape(-1, mdp.num_states)
    filled = held.nnz if mdp.is_sparse else np.count_nonzero(held)
    if filled < SPARSE_SHARE * held.shape[0] * held.shape[1]:
        thin = sparse.csr_array(held)
        none = np.zeros((0, mdp.num_states))
        return Rows(none, thin.indptr.astype(np.int64), thin.indices.astype(np.int64), _writable(thin.data))
    table = _aligned(mdp.dense().reshape(-1, mdp.num_states))
    empty = np.zeros(0, dtype=np.int64)
    return Rows(table, empty, empty, np.zeros(0))


def backward_induction(
    rows: Rows,
    rewards: FloatArray,
    log_prior: FloatArray,
    lam: float,
    *,
    bonus: FloatArray | None = None,
    ceiling: FloatArray | None = None,
) -> tuple[FloatArray, FloatArray]:
    """Return (q ``[H, S, A]``, v ``[H + 1, S]``) of one model; arguments as in :mod:`planners.linvit.core`.

    Source: derived: docs/theory.md §3
    """
    _, weights, unit = rule(log_prior, lam)
    gains = _writable(rewards if bonus is None else rewards + bonus)
    tops = np.full(len(gains), np.inf) if ceiling is None else ceiling
    q, v = np.empty(gains.shape), np.zeros((len(gains) + 1, gains.shape[1]))
    kernels.sweep(rows, gains, _writable(weights), tops, ceiling is not None, kind_of(lam), unit, q, v)
    return q, v


def kind_of(lam: float) -> int:
    """Return which reduction over actions the kernels use at ``lam``."""
    if math.isinf(lam):
        return kernels.MEAN
    return kernels.BEST if lam < SMALLEST_LAM else kernels.SOFT


def _writable(table: FloatArray) -> FloatArray:
    """Return the array itself if it is the one kind that kernels are compiled for, else a copy."""
    return np.require(table, requirements=("C", "W"))


def _aligned(table: FloatArray) -> FloatArray:
    """Return a copy that begins with a cache line: a fifth faster to multiply with."""
    buffer = np.empty(table.size + 8)
    start = -buffer.ctypes.data % 64 // buffer.itemsize
    found = buffer[start : start + table.size].reshape(table.shape)
    found[:] = table
    return found
