"""Properties of the optimistic and pessimistic bounds, from counts that learners really saw."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from agent.theory.record import Finding, NotHere, Property, Scale, worst
from agent.theory.worlds import cases
from envs.tabular import TabularMDP, deep_sea, garnet, river_swim
from planners.linvit import Bounds, Counts, Linvit, at_kl, solve
from planners.linvit.bounds import Problem, bonus, bounds
from planners.linvit.certificates import fast_certificate, gap_certificate, proved_certificate
from planners.linvit.lemmas import gap_recursion_slack, shortfall, visit_sum_bound
from planners.linvit.seeds import run_seeds
from slinvit.types import FloatArray

DELTA, EPSILON = 0.1, 0.4


@dataclass(frozen=True, eq=False)
class Seen:
    """A world, a prior, a price, and what some episodes showed."""

    mdp: TabularMDP
    log_prior: FloatArray
    lam: float
    counts: Counts

    @property
    def problem(self) -> Problem:
        """What a learner knows."""
        return Problem.of(self.mdp, self.log_prior)

    def bounds(self, scale: float = 1.0) -> Bounds:
        """Return the bounds at this bonus."""
        return bounds(self.problem, self.counts, self.lam, DELTA, scale)


@lru_cache(maxsize=1)
def _seen(scale: Scale) -> tuple[Seen, ...]:
    return tuple(_play(scale))


def _play(scale: Scale) -> Iterator[Seen]:
    mdps = [garnet(5, 3, 4, seed=0, stationary=False), river_swim(6, 8), deep_sea(4)]
    for mdp in mdps:
        prior = at_kl(mdp, 0.5)
        for lam in (0.05, 0.5, 5.0):
            learner = Linvit(EPSILON, DELTA, lam=lam, bonus="practical", stop=False, oracle=False)
            for episodes in (0, 10, scale.of(300, 3000)):
                rng = scale.rng("seen", mdp.name, episodes)
                yield Seen(mdp, prior, lam, learner.run(mdp, episodes, rng, log_prior=prior).counts)


def nested(scale: Scale) -> Finding:
    """Measure how far 0 <= Qlo <= Qup <= H-h+1 is violated."""

    def deviation(seen: Seen) -> float:
        found, caps = seen.bounds(), seen.problem.caps[:-1, None, None]
        legal = seen.mdp.legal_actions
        gaps = (found.q_lower - found.q_upper, -found.q_lower, found.q_upper - caps)
        return max(0.0, *(float(np.where(legal, gap, -np.inf).max()) for gap in gaps))

    return worst(deviation(seen) for seen in _seen(scale))


def recursion(scale: Scale) -> Finding:
    """Measure violations of U <= 2 b + Phat (Vup - Vlo), where seen, and of Vup - Vlo <= <pibar, U>."""

    def deviation(seen: Seen) -> float:
        visits = seen.counts.visits
        width = bonus(visits, seen.problem.caps, DELTA)
        ahead, mean = gap_recursion_slack(seen.bounds(), seen.counts.model(), width)
        return max(0.0, float(-mean.min()), float(-np.where(visits > 0, ahead, 0.0).min()))

    return worst(deviation(seen) for seen in _seen(scale))


def monotone_certificate(scale: Scale) -> Finding:
    """Measure by how much G rises when the spread of the bounds shrinks at random, and misses c^2 G when all shrink."""
    rng = scale.rng("shrink")

    def deviation(seen: Seen) -> float:
        found, model, start = seen.bounds(), seen.counts.model(), seen.mdp.initial_state
        before = fast_certificate(found, model, seen.lam, start)
        shrunk = replace(found, spread=found.spread * rng.uniform(size=found.spread.shape))
        halved = replace(found, spread=found.spread / 2)
        rise = fast_certificate(shrunk, model, seen.lam, start) - before
        return max(0.0, rise, abs(fast_certificate(halved, model, seen.lam, start) - before / 4)) / max(before, 1.0)

    return worst(deviation(seen) for seen in _seen(scale))


def monotone_bonus(scale: Scale) -> Finding:
    """Measure by how much the bounds widen anywhere when the bonus is made smaller."""

    def deviation(seen: Seen) -> float:
        wide, narrow = seen.bounds(1.0), seen.bounds(0.5)
        return float(max(0.0, (narrow.v_upper - wide.v_upper).max(), (wide.v_lower - narrow.v_lower).max()))

    return worst(deviation(seen) for seen in _seen(scale))


def certificates_cover(scale: Scale) -> Finding:
    """Measure by how much the true shortfall exceeds the gap (pessimistic policy) or the proved bound (optimistic)."""

    def deviation(seen: Seen) -> float:
        solution, found = solve(seen.mdp, seen.log_prior, seen.lam), seen.bounds()
        lost = [
            shortfall(seen.mdp, solution, policy, seen.log_prior, seen.lam)
            for policy in (found.pessimistic, found.optimistic)
        ]
        proved = proved_certificate(found, seen.problem, seen.counts, seen.lam, DELTA)
        return max(0.0, lost[0] - gap_certificate(found, seen.mdp.initial_state), lost[1] - proved)

    return worst(deviation(seen) for seen in _seen(scale))


def counting(scale: Scale) -> Finding:
    """Measure by how much sum_t 1/max(1, N_t) at a step exceeds S A (2 + log T); N_t are the visits before."""

    def deviation(seen: Seen) -> float:
        visits = seen.counts.visits
        harmonic = np.append(0.0, np.cumsum(1.0 / np.arange(1, visits.max() + 2)))
        totals = np.where(visits > 0, 1.0 + harmonic[np.maximum(visits - 1, 0)], 0.0).sum(axis=(1, 2))
        return max(0.0, float(totals.max()) - visit_sum_bound(visits[0].size, seen.counts.episodes))

    return worst(deviation(seen) for seen in _seen(scale))


def resuming(scale: Scale) -> Finding:
    """Count transitions that differ between 2 n episodes and n episodes resumed for n."""
    mdp = garnet(5, 3, 4, seed=0, stationary=False)
    prior, different = at_kl(mdp, 0.5), []
    for n in (50, 333, scale.of(500, 2000)):
        learner = Linvit(EPSILON, DELTA, eps_llm=0.5, bonus="practical", stop=False, oracle=False)
        whole = learner.run(mdp, 2 * n, np.random.default_rng(n), log_prior=prior)
        rng = np.random.default_rng(n)
        half = learner.run(mdp, n, rng, log_prior=prior)
        rest = learner.run(mdp, n, rng, log_prior=prior, resume=half.counts)
        different.append(float((whole.counts.transitions != rest.counts.transitions).sum()))
    return worst(different)


def backends(scale: Scale) -> Finding:
    """Compare V of compiled and reference backward induction, and the certificates of whole runs."""
    if scale.quick:
        raise NotHere("compiling takes longer than the quick catalogue")
    from planners.linvit.compiled import backward_induction, transition_rows

    found = []
    for case in cases():
        rows = transition_rows(case.mdp)
        for lam in (0.0, 0.1, 10.0, np.inf):
            _, v = backward_induction(rows, case.mdp.r, case.log_prior, lam)
            found.append(float(np.abs(v - solve(case.mdp, case.log_prior, lam).v).max()))
    return worst(found)


def backends_learn(scale: Scale) -> Finding:
    """Compare the first certificates of compiled and reference runs from the same seed, up to their first tie."""
    if scale.quick:
        raise NotHere("compiling takes longer than the quick catalogue")
    mdp, found = garnet(5, 3, 4, seed=0, stationary=False), []
    prior = at_kl(mdp, 0.5)
    learner = Linvit(EPSILON, DELTA, eps_llm=0.5, bonus="practical", exploration="greedy", stop=False)
    for seed in range(5):
        traces = [
            run_seeds(learner, mdp, 2000, [seed], log_prior=prior, backend=backend)[0].trace
            for backend in ("numba", "numpy")
        ]
        found.append(float(np.abs(traces[0].certificate - traces[1].certificate).max()))
        found.append(float(np.abs(traces[0].gap - traces[1].gap).max()))
    return worst(found)


PROPERTIES = (
    Property(45, "nested bounds", "0 <= Qlo <= Qup <= H-h+1", 1e-12, nested),
    Property(46, "gap recursion", "U <= 2b + Phat(Vup-Vlo); Vup-Vlo <= <pibar,U>", 1e-9, recursion),
    Property(47, "G is monotone", "G falls with U; G(c U) = c^2 G(U)", 1e-12, monotone_certificate),
    Property(48, "bounds are monotone", "smaller bonus, narrower bounds", 1e-12, monotone_bonus),
    Property(
        49, "certificates cover", "V*_lam - V^pi_lam <= Vup-Vlo, and <= the proved bound", 1e-9, certificates_cover
    ),
    Property(50, "counting", "sum_t 1/max(1,N_t) <= S A (2 + log T)", 0.0, counting),
    Property(52, "backends, planning", "compiled V = reference V", 1e-10, backends),
    Property(52, "backends, learning", "compiled G, Vup-Vlo = reference, same seed", 1e-10, backends_learn),
    Property(51, "resuming", "2n episodes = n, resumed for n", 0.0, resuming),
)
