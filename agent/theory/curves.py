"""Experiments that follow a run: regret against time, and the certificate against the truth."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from agent.theory.experiment import Bar, Cell, Experiment, Outcome, Plan, Rows
from agent.theory.statistics import growth, growth_intervals
from agent.theory.sweeps import ACCURACY, DELTA, EPS_LLM, random_mdp
from agent.theory.trials import Row, Trial, as_float, curve, stop
from planners.linvit import KlUcb, Learner, Linvit, PosteriorSampling, PriorAlone, QLearning, Ucbvi, at_kl
from slinvit.types import FloatArray

LAM = 0.5
"""Price of leaving the prior in the regret experiment, units of return per nat."""

REGRET_EPISODES, REGRET_QUICK = 20_000, 3000
STOP_EPISODES = 1_600_000

# Regret depends on the size of the bonus more than on anything else, so all optimists have the same.
LEARNERS = (
    "LINVIT",
    "KL-UCB, Gibbs",
    "UCBVI",
    "posterior sampling",
    "posterior sampling, prior",
    "Q-learning",
    "Q-learning, prior",
    "prior alone",
)


def _learner(line: str, epsilon: float, plan: Plan) -> Learner:
    bonus: Any = plan.bonus
    made: dict[str, Learner] = {
        "LINVIT": Linvit(epsilon, DELTA, lam=LAM, bonus=bonus, stop=False),
        "KL-UCB, Gibbs": KlUcb(epsilon, DELTA, LAM, bonus=bonus),
        "UCBVI": Ucbvi(epsilon, DELTA, bonus=bonus, stop=False),
        "posterior sampling": PosteriorSampling(epsilon),
        "posterior sampling, prior": PosteriorSampling(epsilon, lam=LAM),
        "Q-learning": QLearning(epsilon),
        "Q-learning, prior": QLearning(epsilon, lam=LAM),
        "prior alone": PriorAlone(epsilon),
    }
    return made[line]


def _regret(cell: Cell, plan: Plan) -> Trial:
    mdp = random_mdp(cell)
    learner = _learner(cell.line, ACCURACY * mdp.horizon, plan)
    return Trial(mdp, at_kl(mdp, cell.x), learner, REGRET_QUICK if plan.quick else REGRET_EPISODES)


def _certificate(cell: Cell, plan: Plan) -> Trial:
    mdp = random_mdp(cell)
    learner = Linvit(cell.x * mdp.horizon, DELTA, eps_llm=EPS_LLM, bonus="certified")
    return Trial(mdp, at_kl(mdp, EPS_LLM), learner, STOP_EPISODES // (40 if plan.quick else 1))


def mean_curve(rows: Rows, line: str, quantity: str) -> tuple[FloatArray, FloatArray]:
    """Return (episodes ``[T]``, values ``[N, T]``): the runs of a line on a common logarithmic grid of episodes."""
    runs = [_columns(found, ("episode", quantity)) for cell, found in rows if cell.line == line]
    runs = [(t[keep], y[keep]) for t, y in runs if (keep := np.isfinite(y)).sum() > 1]
    if not runs:
        return np.zeros(0), np.zeros((0, 0))
    end = min(float(t[-1]) for t, _ in runs)
    grid = np.geomspace(1, max(end, 2.0), 60)
    return grid, np.array([np.interp(grid, t, y) for t, y in runs])


def _instances(rows: Rows, line: str) -> npt.NDArray[np.intp]:
    return np.array([cell.instance for cell, _ in rows if cell.line == line])


def _columns(found: Iterable[Row], names: tuple[str, ...]) -> tuple[FloatArray, ...]:
    listed = list(found)
    return tuple(np.array([as_float(row.get(name)) for row in listed]) for name in names)


def _laws(experiment: Experiment, rows: Rows) -> Outcome:
    """Fit log T and sqrt T to every learner's mean regret of both kinds."""
    facts: dict[str, Any] = {}
    for line in experiment.lines:
        facts[line] = {}
        for quantity in ("regret", "kl_regret"):
            episodes, values = mean_curve(rows, line, quantity)
            if len(episodes):
                mean = values.mean(axis=0)
                intervals = growth_intervals(episodes, values, _instances(rows, line))
                facts[line][quantity] = {"total": float(mean[-1]), **growth(episodes, mean), "ci95": intervals}
    slope = facts["KL-UCB, Gibbs"]["kl_regret"]["local_slope"]
    sharp = Bar(
        "KL-regret of KL-UCB",
        "local slope below 1/2; a root and a logarithm are not told apart by it alone",
        f"{slope:.2f}",
        slope < 0.5,
    )
    return Outcome(bars=(sharp,), facts={"growth": facts, "lam": LAM})


def _against_truth(_: Experiment, rows: Rows) -> Outcome:
    """Count runs that stopped wrongly or not at all, and runs in which the bounds failed."""
    violated = sum(any(as_float(row["violation"]) > 1e-9 for row in found) for _, found in rows)
    wrong = sum(found[-1]["valid"] == 0.0 for _, found in rows)
    unfinished = sum(found[-1]["stopped"] != 1.0 for _, found in rows)
    most = DELTA * len(rows)
    losses = [as_float(found[-1]["loss"]) for _, found in rows]
    return Outcome(
        bars=(
            Bar(
                "certificate valid",
                "every run stops, within epsilon of V*",
                f"{wrong} wrong of {len(rows) - unfinished} that stopped, {len(rows)} runs",
                not wrong and not unfinished,
            ),
            Bar(
                "bounds hold",
                f"violated in at most {DELTA:g} of the runs",
                f"{violated} of {len(rows)}",
                violated <= most,
            ),
        ),
        facts={"largest loss at the stop": max(losses), "runs that did not stop": unfinished},
    )


CURVES = (
    Experiment(
        "regret",
        "regret and KL-regret of all learners: log T against sqrt T",
        "eps_LLM, nats",
        LEARNERS,
        (0.2,),
        (0.2,),
        5,
        _regret,
        curve,
        _laws,
        ("regret", "kl_regret"),
        curve=True,
    ),
    Experiment(
        "certificate",
        "certificates against the truth, bonus certified, until the run stops by itself",
        "epsilon / H",
        ("LINVIT",),
        (0.1, 0.2, 0.4),
        (0.4,),
        5,
        _certificate,
        stop,
        _against_truth,
        ("certificate", "gap", "oracle_gap"),
        curve=True,
    ),
)
