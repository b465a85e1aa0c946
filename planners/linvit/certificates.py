"""What bounds certify about a policy, without looking at the true transitions.

All are bounds on the regularised shortfall V*_lam - V^pi_lam at the initial state, in units of return; from
``shortfall <= epsilon / 2`` and ``lam KL(pi* || prior) <= epsilon / 2`` follows ``V* - V^pi <= epsilon``.
"""

import math

import numpy as np

from planners.linvit.bounds import Bounds, Problem
from planners.linvit.counts import Counts, IntArray
from slinvit.types import FloatArray


def gap_certificate(bounds: Bounds, initial_state: int) -> float:
    """Return v_upper - v_lower at the start: the shortfall of the pessimistic policy, whatever the prior is worth.

    Source: derived: docs/theory.md §4
    """
    return float(bounds.v_upper[0, initial_state] - bounds.v_lower[0, initial_state])


def fast_certificate(bounds: Bounds, model: FloatArray, lam: float, initial_state: int) -> float:
    """Return G: the shortfall of the optimistic policy, second order in the spread of the bounds.

    The mean of sum_h max_a (q_upper - q_lower)^2 / (2 lam) over episodes of the optimistic policy in the estimated
    model ``[H, S, A, S]``: a plug-in, the lemma has the true one. ``inf`` for ``lam = 0``, where it is not defined.

    Source: derived: docs/theory.md §4
    """
    if lam == 0:
        return math.inf
    charge = (bounds.spread**2).max(axis=-1) / (2 * lam)
    total = np.zeros(charge.shape[1])
    for step in reversed(range(len(charge))):
        total = charge[step] + (bounds.optimistic[step] * (model[step] @ total)).sum(axis=-1)
    return float(total[initial_state])


def proved_certificate(bounds: Bounds, problem: Problem, counts: Counts, lam: float, delta: float) -> float:
    """Return the same shortfall as G with every replacement of the true model by the estimated one paid for.

    Holds with probability 1 - delta for all times at once, on top of what the bounds themselves need. A step is charged
    the smaller of two bounds on its loss, <pi, spread> and max_a spread^2 / (2 lam); so ``lam = 0`` is allowed.

    Source: derived: docs/theory.md §5
    """
    charge = (bounds.optimistic * bounds.spread).sum(axis=-1)
    if lam > 0:
        charge = np.minimum(charge, (bounds.spread**2).max(axis=-1) / (2 * lam))
    model, horizon = counts.model(), len(charge)
    nats, most = model_nats(counts.visits, delta), np.cumsum(problem.caps[::-1])[::-1]
    total = np.minimum(charge[-1], most[horizon - 1])
    for step in reversed(range(horizon - 1)):
        off = (horizon + 1) ** 2 / (2 * horizon) * most[step + 1] * nats[step]
        paid = np.minimum((1 + 1 / horizon) * (model[step] @ total) + off, most[step + 1])
        total = np.minimum(charge[step] + (bounds.optimistic[step] * paid).sum(axis=-1), most[step])
    return float(total[problem.initial_state])


def model_nats(visits: IntArray, delta: float) -> FloatArray:
    """Return ``[H, S, A]``: a bound on KL(seen || true) of every row of the model at all times; ``inf`` if never seen.

    Source: derived: docs/theory.md §5
    """
    others = visits.shape[1] - 1
    spread = others * (1 + np.log1p(visits / others)) if others else np.zeros(visits.shape)
    with np.errstate(divide="ignore"):
        return np.asarray((math.log(visits.size / delta) + spread) / visits)
