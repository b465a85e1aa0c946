"""Properties of LINVIT as a learner: bounds, certificates, and how many episodes they take.

The counts are medians over random MDPs and seeds; the experiments measure the same at larger scale, with intervals.
"""

from collections.abc import Sequence
from functools import partial

import numpy as np

from agent.theory.campaign import measured
from agent.theory.contests import GREEDY, MIXTURE, UNIFORM
from agent.theory.experiment import Bonus, Cell, Plan, Rows, table
from agent.theory.experiments import experiment
from agent.theory.record import Finding, Property, Scale, worst
from agent.theory.statistics import centre
from agent.theory.sweeps import FIXED, ONE, SCALED, TUNED
from agent.theory.trials import Trial
from envs.tabular import garnet
from planners.linvit import Linvit, LinvitResult, at_kl

DELTA, EPS_LLM = 0.1, 0.2
VIOLATED = 1e-9


def _trial(instance: int, scale: Scale, learner: Linvit, episodes: int, eps_llm: float = EPS_LLM) -> Trial:
    mdp = garnet(5, 3, 4, seed=instance, stationary=False)
    return Trial(mdp, at_kl(mdp, eps_llm), learner, episodes, "numpy" if scale.quick else "numba")


def _runs_with(scale: Scale, bonus: Bonus) -> list[LinvitResult]:
    learner = Linvit(0.4, DELTA, eps_llm=EPS_LLM, bonus=bonus, stop=False)
    seeds = range(scale.of(4, 20))
    return [_trial(seed, scale, learner, scale.of(500, 2000)).run(scale.seed + seed) for seed in seeds]


def _violated(results: Sequence[LinvitResult]) -> int:
    return sum(bool((result.trace.violation > VIOLATED).any()) for result in results)


def sandwich(scale: Scale, *, bonus: Bonus) -> Finding:
    """Return the share of runs in which a true value leaves the bounds, at any step, state, action or time."""
    results = _runs_with(scale, bonus)
    count = _violated(results)
    return Finding(len(results), count / len(results), f"{count} of {len(results)} runs violated")


def small_bonus_fails(scale: Scale) -> Finding:
    """Return the share of runs in which nothing leaves the bounds although the bonus is far too small."""
    results = _runs_with(scale, 0.05)
    count = _violated(results)
    return Finding(len(results), 1 - count / len(results), f"{count} of {len(results)} runs violated, as they must")


def valid_certificate(scale: Scale, *, eps_llm: float, lam: float | None, reason: str) -> Finding:
    """Measure by how much V* - V^pi of the output exceeds epsilon; infinite where not stopped by ``reason``."""
    epsilon = 1.2 if scale.quick else 0.4

    def deviation(number: int) -> float:
        learner = Linvit(epsilon, DELTA, lam=lam, eps_llm=None if lam is not None else eps_llm)
        trial = _trial(number, scale, learner, scale.of(40_000, 1_000_000), eps_llm)
        result = trial.run(scale.seed + number)
        return max(0.0, trial.loss(result.policy) - epsilon) if result.stopped_by == reason else float("inf")

    return worst(deviation(number) for number in range(scale.of(3, 30)))


def decay(scale: Scale, *, column: str, rate: float) -> Finding:
    """Compare the slope of log certificate against log episodes over the last decade with ``rate``."""
    learner = Linvit(0.4, DELTA, eps_llm=EPS_LLM, bonus="practical", stop=False, oracle=False)
    slopes = []
    for number in range(scale.of(2, 5)):
        trace = _trial(number, scale, learner, scale.of(15_000, 200_000)).run(scale.seed + number).trace
        late = trace.episode >= trace.episode[-1] / 10
        slopes.append(float(np.polyfit(np.log(trace.episode[late]), np.log(getattr(trace, column)[late]), 1)[0]))
    return Finding(len(slopes), abs(float(np.median(slopes)) - rate), f"median slope {np.median(slopes):.2f}")


def _measure(
    scale: Scale, name: str, lines: Sequence[str], grid: Sequence[float], seeds: int, instances: int = 3
) -> Rows:
    plan = Plan(quick=scale.quick)
    cells = [
        Cell(line, x, i, scale.seed + s) for line in lines for x in grid for i in range(instances) for s in range(seeds)
    ]
    return [measured(name, plan, cell) for cell in cells]


def slope(
    scale: Scale, *, name: str, line: str, ends: tuple[float, ...], low: float, high: float, quantity: str = "fast"
) -> Finding:
    """Measure how far the log-log slope of an experiment leaves [low, high]; quick: two values of x, one seed."""
    grid = ends if scale.quick else experiment(name).grid
    rows = _measure(scale, name, [line], grid, scale.of(1, 3))
    xs, samples = table(rows, line, quantity)
    medians = centre(samples)
    if not np.isfinite(medians).all():
        return Finding(len(rows), float("inf"), "a median run did not get there")
    found = float(np.polyfit(np.log(xs), np.log(medians), 1)[0])
    return Finding(len(rows), max(0.0, low - found, found - high), f"slope {found:.2f}")


def mixture_beats_greedy(scale: Scale) -> Finding:
    """Return by how much greedy takes less than 3 times the episodes of the mixture until G certifies, on garnets."""
    worlds = (0.0,) if scale.quick else (0.0, 1.0)
    rows = _measure(scale, "exploration", (MIXTURE, GREEDY), worlds, scale.of(1, 3), scale.of(2, 3))
    ours, greedy = (centre(table(rows, line, "fast")[1]) for line in (MIXTURE, GREEDY))
    shown = ", ".join(f"{ratio:.1f}x" for ratio in greedy / ours)
    return Finding(len(rows), float(np.maximum(0.0, 3.0 - greedy / ours).max()), shown)


def mixture_beats_others(scale: Scale) -> Finding:
    """Return the share of G-times on the deep sea in which the mixture is not first; nobody being first counts."""
    rows = _measure(scale, "exploration", (MIXTURE, GREEDY, UNIFORM), (2.0,), scale.of(1, 10), instances=1)
    ours, greedy, uniformly = (table(rows, line, "fast")[1].ravel() for line in (MIXTURE, GREEDY, UNIFORM))
    lost = ~((ours < greedy) & (ours < uniformly))
    return Finding(len(rows), float(lost.mean()), f"medians {_shown(ours)}, {_shown(greedy)}, {_shown(uniformly)}")


def order_of_priors(scale: Scale) -> Finding:
    """Return how many of good < uniform < adversarial G-times are out of order, and how many runs are not optimal."""
    rows = _measure(scale, "prior-quality", (ONE,), (0.0, 1.0, 2.0), scale.of(1, 10), instances=1)
    medians = centre(table(rows, ONE, "fast")[1])
    wrong = int((np.diff(medians) <= 0).sum()) + sum(found[0]["optimal"] is None for _, found in rows)
    return Finding(len(rows), float(wrong), " < ".join(f"{each:g}" for each in medians))


def _shown(times: "np.ndarray[tuple[int, ...], np.dtype[np.float64]]") -> str:
    middle = float(np.median(times))
    return f"{middle:g}" if np.isfinite(middle) else "never"


def _slopes() -> tuple[Property, ...]:
    listed = (
        (20, "samples, eps_LLM", "sample-complexity-eps-llm", ONE, (0.05, 0.2), 0.7, 1.3),
        (21, "samples, eps, tuned", "sample-complexity-eps", TUNED, (0.1, 0.4), -2.4, -1.6),
        (21, "samples, eps, lam=1", "sample-complexity-eps", FIXED, (0.1, 0.4), -1.3, -0.7),
        (22, "samples, actions", "sample-complexity-actions", ONE, (2.0, 8.0), 0.7, 1.3),
        (22, "samples, states", "sample-complexity-states", ONE, (3.0, 6.0), 0.0, 1.3),
        (22, "samples, horizon", "sample-complexity-horizon", SCALED, (3.0, 5.0), 0.0, 4.6),
        (22, "samples, lam", "lam-sweep", ONE, (0.5, 2.0), -1.3, -0.7),
    )
    return tuple(
        Property(
            number,
            title,
            f"log-log slope of episodes to G <= eps/2 in [{low:g}, {high:g}]",
            0.0,
            partial(slope, name=name, line=line, ends=ends, low=low, high=high),
        )
        for number, title, name, line, ends, low, high in listed
    )


PROPERTIES = (
    Property(
        17, "sandwich, certified", "Qlo <= Q*_lam <= Qup in 1-delta of the runs", DELTA, partial(sandwich, bonus=1.0)
    ),
    Property(
        17, "sandwich, practical", "the same at a quarter of the bonus: measured", DELTA, partial(sandwich, bonus=0.25)
    ),
    Property(17, "sandwich, negative", "at bonus .05 every run violates it", 0.0, small_bonus_fails),
    Property(
        18,
        "certificate valid, G",
        "stopped by G: V*-V^pihat <= eps",
        0.0,
        partial(valid_certificate, eps_llm=EPS_LLM, lam=None, reason="certificate"),
    ),
    Property(
        18,
        "certificate valid, bounds",
        "stopped by Vup-Vlo, lam=0: V*-V^pihat <= eps",
        0.0,
        partial(valid_certificate, eps_llm=EPS_LLM, lam=0.0, reason="gap"),
    ),
    Property(19, "decay of G", "G ~ 1/t", 0.25, partial(decay, column="certificate", rate=-1.0)),
    Property(19, "decay of the bounds", "Vup-Vlo ~ 1/sqrt t", 0.15, partial(decay, column="gap", rate=-0.5)),
    *_slopes(),
    Property(23, "exploration, garnets", "mixture 3x faster than greedy to G <= eps/2", 0.0, mixture_beats_greedy),
    Property(23, "exploration, deep sea", "mixture before greedy and uniform, G <= eps/2", 0.0, mixture_beats_others),
    Property(24, "bad priors", "good < uniform < adversarial; all end eps-optimal", 0.0, order_of_priors),
)
