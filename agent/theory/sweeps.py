"""Experiments on how many episodes a certificate takes, one parameter at a time, on random MDPs."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from math import log

import numpy as np

from agent.theory.experiment import Bar, Cell, Experiment, Outcome, Plan, Rows, table
from agent.theory.statistics import Interval, log_log_slope
from agent.theory.trials import Trial, times
from envs.tabular import TabularMDP, garnet
from planners.linvit import Linvit, at_kl, mixed_with_uniform, optimal
from slinvit.types import FloatArray

DELTA, EPS_LLM, ACCURACY = 0.1, 0.2, 0.1
"""Unless varied: the prior is EPS_LLM nats from the optimum, and epsilon is ACCURACY * H."""

MOST_EPISODES, MOST_QUICK = 400_000, 30_000
QUANTITIES = ("certified", "fast", "optimal")
MIXED_WEIGHT = 0.1

Slopes = Mapping[str, tuple[str, float, float]]
"""By line: quantity, lowest and highest slope that agree with the theory."""


def random_mdp(cell: Cell, states: int = 5, actions: int = 3, horizon: int = 4) -> TabularMDP:
    """Return a random non-stationary MDP with two successors per action."""
    return garnet(states, actions, horizon, seed=cell.instance, stationary=False)


def learner(epsilon: float, plan: Plan, *, lam: float | None = None, eps_llm: float | None = None) -> Linvit:
    """Return LINVIT that plays on after its certificate, so that both certificates of a run are seen."""
    known = eps_llm if lam is None else None  # a lam of its own may cost more than epsilon / 2
    return Linvit(epsilon, DELTA, lam=lam, eps_llm=known, bonus=plan.bonus, stop=False)


def trial(mdp: TabularMDP, plan: Plan, *, log_prior: FloatArray | None = None, **chosen: float | None) -> Trial:
    """Return LINVIT on ``mdp``; ``chosen`` may hold epsilon, eps_llm and lam.

    The prior is at KL eps_llm unless given.
    """
    eps_llm = chosen.get("eps_llm") or EPS_LLM
    epsilon = chosen.get("epsilon") or ACCURACY * mdp.horizon
    prior = at_kl(mdp, eps_llm) if log_prior is None else log_prior
    episodes = int((MOST_QUICK if plan.quick else MOST_EPISODES) * plan.effort)
    return Trial(mdp, prior, learner(epsilon, plan, lam=chosen.get("lam"), eps_llm=eps_llm), episodes)


def conclude(experiment: Experiment, rows: Rows, *, slopes: Slopes) -> Outcome:
    """Return slopes of all quantities, and whether those that the theory speaks of agree with it."""
    found: dict[str, dict[str, Interval | None]] = {}
    for line in experiment.lines:
        found[line] = {name: log_log_slope(*table(rows, line, name)) for name in ("certified", "fast")}
    bars = tuple(
        _slope_bar(line, name, found[line][name], low, high, _unfinished(rows, line, name))
        for line, (name, low, high) in slopes.items()
    )
    return Outcome(found, (*bars, validity(rows)))


def validity(rows: Rows) -> Bar:
    """Return whether certificates were right in every run that had one."""
    verdicts = [found[0]["valid"] for _, found in rows if found[0]["valid"] is not None]
    wrong = sum(valid != 1.0 for valid in verdicts)
    return Bar(
        "certificate valid",
        "every certified round: loss of its policy <= epsilon",
        f"{wrong} wrong of {len(verdicts)} that certified, {len(rows)} runs",
        bool(verdicts) and not wrong,
    )


def _unfinished(rows: Rows, line: str, quantity: str) -> int:
    return sum(found[0][quantity] is None for cell, found in rows if cell.line == line)


def _slope_bar(line: str, name: str, found: Interval | None, low: float, high: float, missing: int) -> Bar:
    demand = f"{low:g} to {high:g}"
    if found is None:
        return Bar(f"slope of {name}, {line}", demand, "not enough runs got there", False)
    shown = f"{found.value:.2f} [{found.low:.2f}, {found.high:.2f}]" + (
        f", {missing} runs did not get there" * (missing > 0)
    )
    return Bar(f"slope of {name}, {line}", demand, shown, low <= found.value <= high)


def _eps_llm(cell: Cell, plan: Plan) -> Trial:
    return trial(random_mdp(cell), plan, eps_llm=cell.x)


def _eps(cell: Cell, plan: Plan) -> Trial:
    mdp = random_mdp(cell)
    return trial(mdp, plan, epsilon=cell.x * mdp.horizon, lam=1.0 if cell.line == FIXED else None)


def _actions(cell: Cell, plan: Plan) -> Trial:
    return trial(random_mdp(cell, actions=int(cell.x)), plan)


def _states(cell: Cell, plan: Plan) -> Trial:
    return trial(random_mdp(cell, states=int(cell.x)), plan)


def _horizon(cell: Cell, plan: Plan) -> Trial:
    epsilon = None if cell.line == SCALED else 0.6
    return trial(random_mdp(cell, horizon=int(cell.x)), plan, epsilon=epsilon)


def _lam(cell: Cell, plan: Plan) -> Trial:
    return trial(random_mdp(cell), plan, lam=cell.x)


def _coverage(cell: Cell, plan: Plan) -> Trial:
    mdp = random_mdp(cell)
    prior = at_kl(mdp, mdp.horizon * log(1 / cell.x)) if cell.line == SPREAD else _with_holes(mdp, cell)
    made = trial(mdp, plan, log_prior=prior)
    # A prior this far away leaves G without hope, so the run ends at whichever certificate comes first.
    stopping = replace(learner(ACCURACY * mdp.horizon, plan, eps_llm=made.kl), stop=True)
    return Trial(mdp, prior, stopping, made.episodes)


def _with_holes(mdp: TabularMDP, cell: Cell) -> FloatArray:
    """Return a prior that is right in a share of the states and excludes the optimal action in the others, mixed."""
    rng = np.random.default_rng(cell.instance)
    best = optimal(mdp).policy > 0
    covered = rng.permutation(np.linspace(0, 1, best[..., 0].size, endpoint=False)).reshape(best.shape[:2]) < cell.x
    mass = np.where(covered[..., None], best, ~best).astype(np.float64)
    with np.errstate(divide="ignore"):
        prior = np.log(mass / mass.sum(axis=-1, keepdims=True))
    return mixed_with_uniform(mdp, prior, MIXED_WEIGHT)


ONE, TUNED, FIXED = "LINVIT", "lam = eps / (2 eps_LLM)", "lam = 1"
SCALED, ABSOLUTE = "eps = .1 H", "eps = .6"
SPREAD, HOLES = "mass on the optimal action", "share of states not excluding it"


def _sweep(
    name: str,
    title: str,
    axis: str,
    grid: tuple[float, ...],
    make: Callable[[Cell, Plan], Trial],
    slopes: Slopes,
    *,
    lines: tuple[str, ...] = (ONE,),
    quick_grid: tuple[float, ...] = (),
) -> Experiment:
    ends = quick_grid or (grid[0], grid[-1])
    concluded = partial(conclude, slopes=slopes)
    return Experiment(name, title, axis, lines, grid, ends, 5, make, times, concluded, QUANTITIES)


SWEEPS = (
    _sweep(
        "sample-complexity-eps-llm",
        "episodes against the distance of the prior",
        "eps_LLM = KL(pi*||prior), nats",
        (0.05, 0.1, 0.2, 0.4),
        _eps_llm,
        {ONE: ("fast", 0.75, 1.25)},
    ),
    _sweep(
        "sample-complexity-eps",
        "episodes against the accuracy",
        "epsilon / H",
        (0.05, 0.1, 0.2, 0.4),
        _eps,
        {TUNED: ("fast", -2.4, -1.6), FIXED: ("fast", -1.3, -0.7)},
        lines=(TUNED, FIXED),
        quick_grid=(0.1, 0.4),
    ),
    _sweep(
        "sample-complexity-actions",
        "episodes against the number of actions",
        "actions",
        (2.0, 4.0, 8.0, 16.0),
        _actions,
        {ONE: ("fast", 0.7, 1.3)},
        quick_grid=(2.0, 8.0),
    ),
    _sweep(
        "sample-complexity-states",
        "episodes against the number of states",
        "states",
        (3.0, 6.0, 12.0, 24.0),
        _states,
        {ONE: ("fast", 0.0, 1.3)},
        quick_grid=(3.0, 12.0),
    ),
    _sweep(
        "sample-complexity-horizon",
        "episodes against the horizon",
        "steps",
        (3.0, 4.0, 6.0, 9.0),
        _horizon,
        {SCALED: ("fast", 0.0, 4.6)},
        lines=(SCALED, ABSOLUTE),
        quick_grid=(3.0, 6.0),
    ),
    _sweep(
        "lam-sweep",
        "episodes against the price of leaving the prior",
        "lam, units of return per nat",
        (0.25, 0.5, 1.0, 2.0),
        _lam,
        {ONE: ("fast", -1.3, -0.7)},
    ),
    _sweep(
        "coverage",
        "episodes against how much of the optimal policy the prior covers",
        "coverage",
        (0.2, 0.4, 0.6, 0.8, 0.95),
        _coverage,
        {},
        lines=(SPREAD, HOLES),
    ),
)
