"""The quantities of the lemmas behind the algorithm, one function per statement, for checking them on real MDPs."""

import math

import numpy as np

from envs.tabular import TabularMDP
from planners.linvit.bounds import Bounds
from planners.linvit.solve import RegularizedSolution, evaluate
from slinvit.kl import gibbs_policy, kl_divergence, soft_value
from slinvit.types import FloatArray


def sandwich_violation(env: TabularMDP, bounds: Bounds, solution: RegularizedSolution) -> float:
    """Return by how much the true regularised values lie outside the bounds, at the worst place; 0 if nowhere.

    Source: derived: docs/theory.md §5
    """
    q = np.maximum(bounds.q_lower - solution.q, solution.q - bounds.q_upper)
    v = np.maximum(bounds.v_lower - solution.v, solution.v - bounds.v_upper)
    return float(max(0.0, np.where(env.legal_actions, q, 0.0).max(), v.max()))


def smoothness_slack(x: FloatArray, y: FloatArray, log_prior: FloatArray, lam: float) -> FloatArray:
    """Return F(y) + <grad F(y), x - y> + max (x - y)^2 / (2 lam) - F(x) for F = soft value; ``[..., A]`` to ``[...]``.

    Never negative. The gradient of F is the Gibbs policy.

    Source: derived: docs/theory.md §5
    """
    inside = ~np.isneginf(log_prior)
    step = np.where(inside, np.where(inside, x, 0.0) - np.where(inside, y, 0.0), 0.0)
    linear = (np.exp(gibbs_policy(y, log_prior, lam)) * step).sum(axis=-1)
    above = soft_value(y, log_prior, lam) + linear + (step**2).max(axis=-1) / (2 * lam)
    return np.asarray(above - soft_value(x, log_prior, lam))


def convexity_slack(
    upper: FloatArray, lower: FloatArray, log_prior: FloatArray, lam: float
) -> tuple[FloatArray, FloatArray]:
    """Return (<grad F(upper), d> - (F(upper) - F(lower)), F(upper) - F(lower) - <grad F(lower), d>), d = upper - lower.

    Neither is negative, since the soft value F is convex.

    Source: derived: docs/theory.md §5
    """
    inside = ~np.isneginf(log_prior)
    step = np.where(inside, np.where(inside, upper, 0.0) - np.where(inside, lower, 0.0), 0.0)
    rise = soft_value(upper, log_prior, lam) - soft_value(lower, log_prior, lam)
    at_upper = (np.exp(gibbs_policy(upper, log_prior, lam)) * step).sum(axis=-1)
    at_lower = (np.exp(gibbs_policy(lower, log_prior, lam)) * step).sum(axis=-1)
    return np.asarray(at_upper - rise), np.asarray(rise - at_lower)


def local_losses(solution: RegularizedSolution, policy: FloatArray, log_prior: FloatArray, lam: float) -> FloatArray:
    """Return ``[H, S]``: V*_lam - <pi, Q*_lam> + lam KL(pi || prior), what one step of ``policy`` loses, at least 0.

    Source: derived: docs/theory.md §5
    """
    with np.errstate(divide="ignore"):
        nats = kl_divergence(np.log(policy), log_prior)
    mean = np.where(policy > 0, policy * np.where(policy > 0, solution.q, 0.0), 0.0).sum(axis=-1)
    return np.asarray(solution.v[:-1] - mean + lam * nats)


def local_divergences(solution: RegularizedSolution, policy: FloatArray, lam: float) -> FloatArray:
    """Return ``[H, S]``: lam KL(pi || pi*_lam), which equals :func:`local_losses`.

    Source: derived: docs/theory.md §5
    """
    with np.errstate(divide="ignore"):
        return np.asarray(lam * kl_divergence(np.log(policy), solution.log_policy))


def shortfall(
    env: TabularMDP, solution: RegularizedSolution, policy: FloatArray, log_prior: FloatArray, lam: float
) -> float:
    """Return V*_lam - V^pi_lam at the initial state, in units of return.

    Source: derived: docs/theory.md §3
    """
    found, start = evaluate(env, policy, log_prior), env.initial_state
    return float(solution.v[0, start] - found.v[0, start] + (lam * found.kl[0, start] if lam else 0.0))


def expected_sum(env: TabularMDP, policy: FloatArray, charge: FloatArray) -> float:
    """Return E_policy[sum_h charge_h(s_h)] from the initial state, ``charge`` being ``[H, S]``.

    With :func:`local_losses` it is the performance difference, equal to :func:`shortfall`.

    Source: derived: docs/theory.md §5
    """
    total = np.zeros(env.num_states)
    for step in reversed(range(env.horizon)):
        total = charge[step] + (policy[step] * env.expected(step, total)).sum(axis=-1)
    return float(total[env.initial_state])


def fast_rate_bound(env: TabularMDP, policy: FloatArray, excess: FloatArray, lam: float) -> float:
    """Return E_policy[sum_h max_a excess_h(s_h, a)^2] / (2 lam), at least the shortfall of softmax(Q* + excess).

    Args:
        env: the true MDP.
        policy: ``[H, S, A]``, proportional to prior * exp((Q*_lam + excess) / lam).
        excess: ``[H, S, A]``; 0 for illegal actions.
        lam: positive.

    Source: derived: docs/theory.md §5
    """
    return expected_sum(env, policy, (excess**2).max(axis=-1) / (2 * lam))


def gap_recursion_slack(bounds: Bounds, model: FloatArray, width: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return (2 b + P (v_upper - v_lower) - spread ``[H, S, A]``, <pi, spread> - (v_upper - v_lower) ``[H, S]``).

    Neither is negative, the first where the action was taken at least once; P is the estimated model, b the bonus.

    Source: derived: docs/theory.md §5
    """
    gap = bounds.v_upper - bounds.v_lower
    ahead = np.stack([model[step] @ gap[step + 1] for step in range(len(model))])
    mean = (bounds.optimistic * bounds.spread).sum(axis=-1)
    return 2 * width + ahead - bounds.spread, mean - gap[:-1]


def visit_sum_bound(pairs: int, episodes: int) -> float:
    """Return pairs * (2 + log episodes), at least sum_t 1 / max(1, N_t(s_t, a_t)) at one step of the horizon.

    ``N_t`` counts the visits before episode t; ``pairs`` is the number of states times actions.

    Source: derived: docs/theory.md §5
    """
    return pairs * (2 + math.log(max(1, episodes)))


def largest_kl(log_prior: FloatArray) -> float:
    """Return sum_h max_{s,a} log(1 / prior), at least KL(pi || prior) of every policy, in nats.

    Source: derived: docs/theory.md §3
    """
    return float(np.where(np.isneginf(log_prior), 0.0, -log_prior).max(axis=(1, 2)).sum())
