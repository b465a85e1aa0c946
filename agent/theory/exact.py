"""Properties of the exact regularised solution, on every world, prior and price."""

from itertools import pairwise

import numpy as np

from agent.theory.record import Finding, Property, Scale, worst
from agent.theory.worlds import NARROW, WIDE, Case, cases, configurations, optimum, random_policy
from planners.linvit import Evaluation, evaluate, optimal, solve
from planners.linvit.lemmas import expected_sum, fast_rate_bound, local_divergences, local_losses, shortfall
from slinvit.kl import gibbs_policy
from slinvit.types import FloatArray


def _regularised(found: Evaluation, lam: float) -> FloatArray:
    return found.v - lam * found.kl


def _steps_left(case: Case) -> FloatArray:
    """Return ``[H, 1]``: H, ..., 1."""
    return np.arange(case.mdp.horizon, 0, -1.0)[:, None]


def normalised(_: Scale) -> Finding:
    """Measure how far the policy's probabilities miss 1."""

    def deviation(case: Case, lam: float) -> float:
        return float(np.abs(solve(case.mdp, case.log_prior, lam).policy.sum(axis=-1) - 1).max())

    return worst(deviation(*each) for each in configurations(NARROW))


def stationarity(_: Scale) -> Finding:
    """Measure how far Q - lam log(pi / prior) varies over the actions of a state."""

    def deviation(case: Case, lam: float) -> float:
        found = solve(case.mdp, case.log_prior, lam)
        legal = case.mdp.legal_actions
        ratio = np.where(legal, found.log_policy, 0.0) - np.where(legal, case.log_prior, 0.0)
        level = found.q - lam * ratio
        highest, lowest = np.where(legal, level, -np.inf).max(axis=-1), np.where(legal, level, np.inf).min(axis=-1)
        return float((highest - lowest).max())

    return worst(deviation(*each) for each in configurations(NARROW))


def evaluation_agrees(_: Scale) -> Finding:
    """Compare policy evaluation of pi_lam with the soft backup, in units of max(1, H lam / 1e4), as rounding grows."""

    def deviation(case: Case, lam: float) -> float:
        found = solve(case.mdp, case.log_prior, lam)
        value = _regularised(evaluate(case.mdp, found.policy, case.log_prior), lam)
        return float(np.abs(value - found.v).max()) / max(1.0, case.mdp.horizon * lam * 1e-4)

    return worst(deviation(*each) for each in configurations(WIDE))


def nobody_is_better(scale: Scale) -> Finding:
    """Measure by how much a random policy exceeds V*_lam anywhere."""
    rng, count = scale.rng("policies"), scale.of(10, 50)

    def deviation(case: Case, lam: float) -> float:
        bound = solve(case.mdp, case.log_prior, lam).v
        rivals = (evaluate(case.mdp, random_policy(case.mdp, rng), case.log_prior) for _ in range(count))
        return max(0.0, *(float((_regularised(rival, lam) - bound).max()) for rival in rivals))

    return worst(deviation(*each) for each in configurations(WIDE))


def falls_with_price(_: Scale) -> Finding:
    """Measure by how much V*_lam rises with lam."""

    def deviation(case: Case) -> float:
        values = [solve(case.mdp, case.log_prior, lam).v for lam in WIDE]
        return max(0.0, *(float((b - a).max()) for a, b in pairwise(values)))

    return worst(deviation(case) for case in cases())


def convex_in_price(_: Scale) -> Finding:
    """Measure by how much V*_lam at a midpoint exceeds the mean of the ends."""

    def deviation(case: Case) -> float:
        found = []
        for low, high in pairwise(WIDE):
            ends, middle = (solve(case.mdp, case.log_prior, lam).v for lam in (low, high)), (low + high) / 2
            found.append(float((solve(case.mdp, case.log_prior, middle).v - sum(ends) / 2).max()))
        return max(0.0, *found)

    return worst(deviation(case) for case in cases())


def envelope(_: Scale) -> Finding:
    """Compare the derivative of V*_lam by lam, from five points, with minus the trajectory KL of pi_lam."""

    def deviation(case: Case, lam: float) -> float:
        def value(moves: int) -> float:
            return case.start(solve(case.mdp, case.log_prior, lam + moves * step).v)

        # Fourth order, because a step small enough for second order drowns in rounding at small lam.
        step = 3e-3 * lam
        slope = (8 * (value(1) - value(-1)) - (value(2) - value(-2))) / (12 * step)
        policy = solve(case.mdp, case.log_prior, lam).policy
        return slope + case.start(evaluate(case.mdp, policy, case.log_prior).kl)

    return worst(deviation(*each) for each in configurations(WIDE))


def small_price(_: Scale) -> Finding:
    """Measure, at lam = 1e-4, how far V* - V*_lam leaves [0, lam KL(pi*||prior)]."""
    return worst(_bias_violation(case, 1e-4) for case in cases())


def small_price_actions(_: Scale) -> Finding:
    """Count states where pi_lam at lam = 1e-4 prefers an action that is worse by more than the price can explain."""
    lam = 1e-4

    def wrong(case: Case) -> float:
        best = optimal(case.mdp)
        chosen = solve(case.mdp, case.log_prior, lam).policy.argmax(axis=-1)
        loss = best.v[:-1] - np.take_along_axis(best.q, chosen[..., None], axis=-1)[..., 0]
        steepest = -case.log_prior[case.mdp.legal_actions].min()
        return float((loss > lam * steepest * (_steps_left(case) + 1)).sum())

    return worst(wrong(case) for case in cases())


def large_price(_: Scale) -> Finding:
    """Measure how far V*_lam - V^prior leaves [0, sum (H-h+1)^2 / (8 lam)]."""

    def deviation(case: Case, lam: float) -> float:
        prior = evaluate(case.mdp, np.exp(case.log_prior)).v[:-1]
        gap = solve(case.mdp, case.log_prior, lam).v[:-1] - prior
        most = np.cumsum((_steps_left(case) ** 2 / (8 * lam))[::-1], axis=0)[::-1]
        return float(max(0.0, -gap.min(), (gap - most).max()))

    return worst(deviation(*each) for each in configurations(NARROW))


def large_price_policy(_: Scale) -> Finding:
    """Measure by how much |log pi_lam - log prior| exceeds (H-h+1) / lam: the policy tends to the prior."""

    def deviation(case: Case, lam: float) -> float:
        legal = case.mdp.legal_actions
        ratio = np.zeros(case.log_prior.shape)
        np.subtract(solve(case.mdp, case.log_prior, lam).log_policy, case.log_prior, out=ratio, where=legal)
        return float(max(0.0, (np.abs(ratio) - _steps_left(case)[..., None] / lam).max()))

    return worst(deviation(*each) for each in configurations(WIDE))


def _bias_violation(case: Case, lam: float) -> float:
    best = optimal(case.mdp)
    nats = case.start(evaluate(case.mdp, best.policy, case.log_prior).kl)
    gap = case.start(best.v) - case.start(solve(case.mdp, case.log_prior, lam).v)
    return max(0.0, -gap, gap - lam * nats)


def bias(_: Scale) -> Finding:
    """Measure how far V* - V*_lam leaves [0, lam KL(pi*||prior)]."""
    return worst(_bias_violation(*each) for each in configurations(WIDE))


def bias_is_tight(_: Scale) -> Finding:
    """Compare V* - V*_lam with lam KL(pi*||prior) on the deep sea at lam = .01 and prior at KL .5."""
    deep = [case for case in cases() if "sea" in case.mdp.name and case.prior == "at KL 0.5"]
    gaps = [case.start(optimum(case.mdp)) - case.start(solve(case.mdp, case.log_prior, 0.01).v) for case in deep]
    return worst((gap - 0.01 * 0.5 for gap in gaps), f"gap {gaps[0]:.5f}" if gaps else "")


def deployed(_: Scale) -> Finding:
    """Measure by how much the loss of pi_lam exceeds lam KL(pi*||prior) - lam KL(pi_lam||prior)."""

    def deviation(case: Case, lam: float) -> float:
        best, found = optimal(case.mdp), solve(case.mdp, case.log_prior, lam)
        used = evaluate(case.mdp, found.policy, case.log_prior)
        loss = case.start(best.v) - case.start(used.v)
        nats = case.start(evaluate(case.mdp, best.policy, case.log_prior).kl)
        return max(0.0, loss - lam * (nats - case.start(used.kl)), -loss)

    return worst(deviation(*each) for each in configurations(NARROW))


def bounded(_: Scale) -> Finding:
    """Measure how far V*_lam or Q*_lam leaves [0, H-h+1]."""

    def deviation(case: Case, lam: float) -> float:
        found = solve(case.mdp, case.log_prior, lam)
        q = np.where(case.mdp.legal_actions, found.q, 0.0)
        most = _steps_left(case)
        return float(max(0.0, -found.v.min(), -q.min(), (found.v[:-1] - most).max(), (q - most[..., None]).max()))

    return worst(deviation(*each) for each in configurations(WIDE))


def performance_difference(scale: Scale) -> Finding:
    """Compare V*_lam - V^pi_lam with the expected sum of brackets along pi, for random policies."""
    rng = scale.rng("difference")

    def deviation(case: Case, lam: float) -> float:
        policy, found = random_policy(case.mdp, rng), solve(case.mdp, case.log_prior, lam)
        losses = local_losses(found, policy, case.log_prior, lam)
        lost = shortfall(case.mdp, found, policy, case.log_prior, lam)
        return lost - expected_sum(case.mdp, policy, losses)

    return worst(deviation(*each) for each in configurations(WIDE))


def local_gap(scale: Scale) -> Finding:
    """Compare each bracket of the performance difference with lam KL(pi||pi*_lam)."""
    rng = scale.rng("brackets")

    def deviation(case: Case, lam: float) -> float:
        policy, found = random_policy(case.mdp, rng), solve(case.mdp, case.log_prior, lam)
        losses = local_losses(found, policy, case.log_prior, lam)
        return float(np.abs(losses - local_divergences(found, policy, lam)).max())

    return worst(deviation(*each) for each in configurations(NARROW))


def fast_rate(scale: Scale) -> Finding:
    """Measure by how much the loss of softmax(Q* + D), D >= 0, exceeds E sum max D^2 / (2 lam)."""
    rng = scale.rng("optimism")

    def deviation(case: Case, lam: float) -> float:
        found = solve(case.mdp, case.log_prior, lam)
        raised = rng.exponential(scale=min(lam, 1.0), size=found.q.shape)
        excess = np.where(case.mdp.legal_actions, raised, 0.0)
        policy = np.exp(gibbs_policy(found.q + excess, case.log_prior, lam))
        loss = shortfall(case.mdp, found, policy, case.log_prior, lam)
        return max(0.0, loss - fast_rate_bound(case.mdp, policy, excess, lam))

    return worst(deviation(*each) for each in configurations(WIDE))


PROPERTIES = (
    Property(1, "normalised", "sum_a pi_lam = 1", 1e-12, normalised),
    Property(1, "closed form", "Q - lam log(pi_lam/prior) is constant over a", 1e-9, stationarity),
    Property(
        2,
        "backup = evaluation",
        "V^{pi_lam}_lam = lam log sum prior exp(Q/lam), off by / max(1, H lam/1e4)",
        1e-11,
        evaluation_agrees,
    ),
    Property(3, "nobody is better", "J_lam(pi) <= V*_lam everywhere, random pi", 1e-9, nobody_is_better),
    Property(4, "falls with lam", "V*_lam is non-increasing in lam", 1e-9, falls_with_price),
    Property(4, "convex in lam", "V*_lam is convex in lam", 1e-9, convex_in_price),
    Property(5, "envelope", "dV*_lam/dlam = -KL_traj(pi_lam||prior)", 2e-7, envelope),
    Property(6, "lam -> 0", "0 <= V*-V*_lam <= lam KL(pi*||prior), lam=1e-4", 1e-9, small_price),
    Property(6, "lam -> 0, actions", "argmax pi_lam is optimal up to the price", 0.0, small_price_actions),
    Property(7, "lam -> inf", "V^prior <= V*_lam <= V^prior + sum (H-h+1)^2/(8 lam)", 1e-9, large_price),
    Property(7, "lam -> inf, policy", "|log pi_lam - log prior| <= (H-h+1)/lam", 1e-9, large_price_policy),
    Property(8, "bias", "0 <= V*-V*_lam <= lam KL(pi*||prior)", 1e-9, bias),
    Property(8, "bias is tight", "V*-V*_lam = lam KL on the deep sea, lam=.01", 1e-6, bias_is_tight),
    Property(9, "deployed policy", "V*-V^{pi_lam} <= lam KL(pi*||prior) - lam KL(pi_lam||prior)", 1e-9, deployed),
    Property(11, "bounded", "0 <= V*_lam, Q*_lam <= H-h+1", 1e-9, bounded),
    Property(13, "performance difference", "V*-V^pi = E_pi sum [V*-<pi,Q*>+lam KL]", 1e-8, performance_difference),
    Property(14, "local gap", "V*-<pi,Q*>+lam KL(pi||prior) = lam KL(pi||pi*_lam)", 1e-9, local_gap),
    Property(15, "fast rate", "V*-V^pibar <= E sum max_a D^2/(2 lam)", 1e-9, fast_rate),
)
