"""Properties of one decision: finitely many actions, a prior, a price on leaving it."""

from collections.abc import Iterator
from decimal import Decimal, localcontext
from itertools import combinations_with_replacement
from math import inf, log

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import gammaln

from agent.theory.record import Finding, Property, Scale, worst
from planners.linvit.lemmas import convexity_slack, smoothness_slack
from slinvit.kl import gibbs_policy, kl_divergence, proposal_posterior, regularised_value, soft_value
from slinvit.types import FloatArray

LAMS = (0.01, 0.1, 1.0, 10.0)


def _bandits(scale: Scale, name: str, actions: int = 6) -> Iterator[tuple[FloatArray, FloatArray, float]]:
    """Yield (q ``[A]`` in [0, 5], log-prior ``[A]``, lam)."""
    rng = scale.rng(name)
    for number in range(scale.of(200, 1000)):
        yield rng.uniform(0, 5, actions), np.log(rng.dirichlet(np.ones(actions))), LAMS[number % len(LAMS)]


def best_of_two(scale: Scale) -> Finding:
    """Compare the soft value of two actions with the best policy found by a numeric search."""

    def deviation(q: FloatArray, prior: FloatArray, lam: float) -> float:
        def loss(odds: float) -> float:
            return -float(regularised_value(q, -np.logaddexp(0.0, [-odds, odds]), prior, lam))

        found = minimize_scalar(loss, bounds=(-40.0, 40.0), method="bounded", options={"xatol": 1e-9})
        return float(soft_value(q, prior, lam)) + float(found.fun)

    return worst(deviation(*bandit) for bandit in _bandits(scale, "two", actions=2))


def pointwise_gap(scale: Scale) -> Finding:
    """Measure how far max q - V leaves [0, lam log 1/prior(argmax)]."""

    def deviation(q: FloatArray, prior: FloatArray, lam: float) -> float:
        gap = float(q.max() - soft_value(q, prior, lam))
        return max(-gap, gap + lam * float(prior[q.argmax()]), 0.0)

    return worst(deviation(*bandit) for bandit in _bandits(scale, "pointwise"))


def convexity(scale: Scale) -> Finding:
    """Measure violations of <pi_lo, U> <= V(Qup) - V(Qlo) <= <pi_up, U>."""
    rng = scale.rng("intervals")

    def deviation(low: FloatArray, prior: FloatArray, lam: float) -> float:
        width = rng.exponential(size=low.shape)
        above, below = convexity_slack(low + width, low, prior, lam)
        return max(-float(above), -float(below), 0.0)

    return worst(deviation(*bandit) for bandit in _bandits(scale, "convexity"))


def smoothness(scale: Scale) -> Finding:
    """Measure violations of V(x) <= V(y) + <pi_y, x - y> + max |x - y|^2 / (2 lam)."""
    rng = scale.rng("moves")

    def deviation(y: FloatArray, prior: FloatArray, lam: float) -> float:
        move = rng.normal(size=y.shape)
        return max(-float(smoothness_slack(y + move, y, prior, lam)), 0.0)

    return worst(deviation(*bandit) for bandit in _bandits(scale, "smoothness"))


def monotone_and_lipschitz(scale: Scale) -> Finding:
    """Measure violations of 0 <= V(q + u) - V(q) <= max u for u >= 0."""
    rng = scale.rng("raises")

    def deviation(q: FloatArray, prior: FloatArray, lam: float) -> float:
        more = rng.exponential(size=q.shape)
        gap = float(soft_value(q + more, prior, lam) - soft_value(q, prior, lam))
        return max(-gap, gap - float(more.max()), 0.0)

    return worst(deviation(*bandit) for bandit in _bandits(scale, "monotone"))


def gradient(scale: Scale) -> Finding:
    """Compare the central difference of V by q with the Gibbs policy."""

    def deviation(q: FloatArray, prior: FloatArray, lam: float) -> float:
        steps = 1e-4 * lam * np.eye(len(q))
        slope = (soft_value(q + steps, prior, lam) - soft_value(q - steps, prior, lam)) / (2e-4 * lam)
        return float(np.abs(slope - np.exp(gibbs_policy(q, prior, lam))).max())

    return worst(deviation(*bandit) for bandit in _bandits(scale, "gradient"))


def limits(scale: Scale) -> Finding:
    """Measure how far lam = 0 and lam = inf, computed as such, leave their bounds at a small and a large lam."""

    def deviation(q: FloatArray, prior: FloatArray, _: float) -> float:
        small, large = 1e-6, 1e4
        below = float(soft_value(q, prior, 0.0) - soft_value(q, prior, small))
        above = float(soft_value(q, prior, large) - soft_value(q, prior, inf))
        most = float(np.ptp(q)) ** 2 / (8 * large)
        return max(-below, below + small * float(prior[q.argmax()]), -above, above - most, 0.0)

    return worst(deviation(*bandit) for bandit in _bandits(scale, "limits"))


def extreme_numbers(scale: Scale) -> Finding:
    """Compare V with 60-digit arithmetic at q / lam up to 1e3, priors down to 1e-30 and excluded actions."""
    rng = scale.rng("extreme")

    def deviation() -> float:
        q = rng.uniform(0, 1, 5)
        with np.errstate(divide="ignore"):
            prior = np.log(np.append(rng.permutation([1.0, 1e-10, 1e-20, 1e-30]), 0.0))
        prior -= np.logaddexp.reduce(prior)
        value, policy = float(soft_value(q, prior, 1e-3)), np.exp(gibbs_policy(q, prior, 1e-3))
        whole = bool(np.isfinite(policy).all()) and policy[-1] == 0.0 and abs(policy.sum() - 1) < 1e-12
        return abs(value - _precise(q, prior, 1e-3)) if whole else inf

    return worst(deviation() for _ in range(scale.of(100, 500)))


def _precise(q: FloatArray, prior: FloatArray, lam: float) -> float:
    with localcontext() as context:
        context.prec = 60
        terms = [(Decimal(p) + Decimal(v) / Decimal(lam)).exp() for v, p in zip(q, prior, strict=True) if p > -inf]
        return float(Decimal(lam) * sum(terms, Decimal(0)).ln())


def _draws_of(k: int, actions: int) -> tuple[FloatArray, FloatArray]:
    """Return all multisets of ``k`` draws as counts ``[M, A]``, and log k! / prod counts! ``[M]``."""
    found = np.array([np.bincount(c, minlength=actions) for c in combinations_with_replacement(range(actions), k)])
    return found.astype(np.float64), gammaln(k + 1) - gammaln(found + 1).sum(axis=1)


def _proposal_policy(q: FloatArray, prior: FloatArray, lam: float, k: int) -> FloatArray:
    """Return the exact policy ``[A]`` of posterior sampling with ``k`` proposals."""
    counts, ways = _draws_of(k, len(q))
    chances = np.exp(ways + counts @ prior)
    with np.errstate(divide="ignore"):
        chosen = np.exp(gibbs_policy(q, np.log(counts / k), lam))
    return np.asarray(chances @ chosen)


def one_proposal(scale: Scale) -> Finding:
    """Compare posterior sampling with one proposal with the prior."""
    return worst(
        float(np.abs(_proposal_policy(q, prior, lam, 1) - np.exp(prior)).max())
        for q, prior, lam in _bandits(scale, "one proposal")
    )


def proposals_at_price_zero(scale: Scale) -> Finding:
    """Compare the chance of the best action at lam = 0 with 1 - (1 - prior)^k, and one call with its batch."""

    def deviation(q: FloatArray, prior: FloatArray, _: float) -> float:
        best = q.argmax()
        chance = 1 - (1 - np.exp(prior[best])) ** 4
        counts = np.array([1.0, 0, 2, 0, 1, 0])
        alone = np.exp(proposal_posterior(q, counts, 0.0))
        return max(abs(float(_proposal_policy(q, prior, 0.0, 4)[best] - chance)), 1 - float(alone[[0, 2, 4]].max()))

    return worst(deviation(*bandit) for bandit in _bandits(scale, "price zero"))


def proposal_rate(scale: Scale) -> Finding:
    """Fit the rate at which the total variation from the Gibbs policy falls with k: exact, all multisets counted."""
    ks = (5, 10, 20)
    rng, rates = scale.rng("rate"), []
    for _ in range(scale.of(2, 10)):
        q, prior = rng.uniform(0, 1, 5), np.log(rng.dirichlet(np.ones(5) * 3))
        target = np.exp(gibbs_policy(q, prior, 1.0))
        distances = [np.abs(_proposal_policy(q, prior, 1.0, k) - target).sum() / 2 for k in ks]
        rates.append(float(np.polyfit(np.log(ks), np.log(distances), 1)[0]))
    return worst((rate + 1 for rate in rates), f"median slope {np.median(rates):.3f}")


def soft_proposals(scale: Scale) -> Finding:
    """Check that E[lam log mean exp(q/lam)] over k proposals rises with k and stays below the soft value."""
    rng, wrong, note = scale.rng("soft proposals"), [], ""
    for lam in (0.1, 1.0):
        for _ in range(scale.of(2, 10)):
            q, prior = rng.uniform(0, 1, 5), np.log(rng.dirichlet(np.ones(5)))
            means = [_expected_backup(q, prior, lam, k) for k in (1, 2, 5, 10, 20)]
            bound = float(soft_value(q, prior, lam))
            wrong += [max(a - b, 0.0) for a, b in zip(means, [*means[1:], bound], strict=True)]
            note = f"last: k=1 {means[0]:.4f}, k=20 {means[-1]:.4f}, limit {bound:.4f}"
    return worst(wrong, note)


def _expected_backup(q: FloatArray, prior: FloatArray, lam: float, k: int) -> float:
    counts, ways = _draws_of(k, len(q))
    with np.errstate(divide="ignore"):
        values = soft_value(q, np.log(counts / k), lam)
    return float(np.exp(ways + counts @ prior) @ values)


def direction(_: Scale) -> Finding:
    """Compare KL both ways with the formula, at p = (.9, .1) and q = (.5, .5)."""
    p, q = np.log([0.9, 0.1]), np.log([0.5, 0.5])
    forward = 0.9 * log(0.9 / 0.5) + 0.1 * log(0.1 / 0.5)
    back = 0.5 * log(0.5 / 0.9) + 0.5 * log(0.5 / 0.1)
    found = float(kl_divergence(p, q)), float(kl_divergence(q, p))
    return worst(
        (found[0] - forward, found[1] - back, found[0] - 0.368064, found[1] - 0.510826),
        f"{found[0]:.6f} {found[1]:.6f}",
    )


PROPERTIES = (
    Property(3, "numeric maximum", "max_p <p,Q> - lam KL(p||prior) = V, two actions, scipy", 1e-9, best_of_two),
    Property(10, "pointwise gap", "0 <= max Q - V <= lam log 1/prior(argmax)", 1e-9, pointwise_gap),
    Property(16, "convexity", "<pi_lo,Qup-Qlo> <= V(Qup)-V(Qlo) <= <pi_up,Qup-Qlo>", 1e-9, convexity),
    Property(25, "stable numbers", "V at Q/lam=1e3, prior 1e-30, -inf: finite, 60 digits", 1e-12, extreme_numbers),
    Property(26, "one proposal", "q_1 = prior", 1e-12, one_proposal),
    Property(26, "proposals, lam=0", "P(best) = 1-(1-prior)^k", 1e-12, proposals_at_price_zero),
    Property(26, "rate of proposals", "TV(q_k, pi*) ~ 1/k: slope -1", 0.2, proposal_rate),
    Property(27, "soft proposals", "E[lam log mean_k exp(Q/lam)] rises in k, <= V", 1e-12, soft_proposals),
    Property(33, "direction of KL", "KL(pi||prior) .368064, KL(prior||pi) .510826", 1e-6, direction),
    Property(34, "smoothness", "V(x) <= V(y)+<pi_y,x-y>+|x-y|^2/(2 lam)", 1e-9, smoothness),
    Property(35, "monotone, Lipschitz", "0 <= V(Q+u)-V(Q) <= max u, u >= 0", 1e-9, monotone_and_lipschitz),
    Property(36, "gradient", "dV/dQ = pi*", 1e-6, gradient),
    Property(37, "limits", "0 <= V_0-V_lam <= lam log 1/p; 0 <= V_lam-V_inf <= range^2/8lam", 1e-9, limits),
)
