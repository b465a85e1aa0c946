"""Experiments on how to explore, and on what a prior is worth, good or bad."""

from itertools import pairwise
from math import log
from typing import Literal, cast

import numpy as np

from agent.theory.experiment import Bar, Cell, Experiment, Outcome, Plan, Rows, table
from agent.theory.statistics import centre
from agent.theory.sweeps import ACCURACY, DELTA, EPS_LLM, random_mdp, validity
from agent.theory.trials import Trial, times
from envs.tabular import deep_sea
from planners.linvit import Linvit, adversarial, at_kl, uniform

SEA, SEA_BONUS, SEA_EPISODES = 6, 0.05, 20_000
"""Deep sea of 6 rows, at most 20,000 episodes. With a larger bonus nobody is certified by G in that many."""

MIXTURE, GREEDY, UNIFORM = "mixture", "greedy", "uniform"
WORLDS = ("garnet, 3 actions", "garnet, 8 actions", "deep sea, eps .2", "deep sea, eps .15")
PRIORS = ("good", "uniform", "adversarial")
PRIOR_EPISODES = 60_000


def _explore(cell: Cell, plan: Plan) -> Trial:
    how = cast(Literal["mixture", "greedy", "uniform"], cell.line)
    if cell.x < 2:
        mdp = random_mdp(cell, actions=3 if cell.x == 0 else 8)
        learner = Linvit(
            ACCURACY * mdp.horizon,
            DELTA,
            eps_llm=EPS_LLM,
            bonus=plan.bonus,
            exploration=how,
            stop=False,
        )
        return Trial(mdp, at_kl(mdp, EPS_LLM), learner, int(200_000 * plan.effort))
    mdp = deep_sea(SEA)
    sea = Linvit(
        0.2 if cell.x == 2 else 0.15,
        DELTA,
        eps_llm=SEA * log(2),
        bonus=SEA_BONUS,
        exploration=how,
        max_return=1.0,
        stop=False,
    )
    return Trial(mdp, uniform(mdp), sea, SEA_EPISODES)


def _contest(experiment: Experiment, rows: Rows) -> Outcome:
    """Compare G-times of the mixture with those of the others, and say what the smaller certificate makes of it."""
    found = {line: {name: table(rows, line, name) for name in ("fast", "certified")} for line in experiment.lines}
    medians = {line: {name: centre(samples) for name, (_, samples) in by.items()} for line, by in found.items()}
    xs = found[MIXTURE]["fast"][0]
    bars = []
    for i, x in enumerate(xs):
        ours, greedy, uniformly = (float(medians[line]["fast"][i]) for line in (MIXTURE, GREEDY, UNIFORM))
        if x < 2:
            shown = f"{ours:g} against {greedy:g}: {greedy / ours:.1f}x"
            bars.append(Bar(f"G-time, {WORLDS[int(x)]}", "mixture 3x faster than greedy", shown, greedy >= 3 * ours))
        else:
            shown = f"mixture {_words(ours)}, greedy {_words(greedy)}, uniform {_words(uniformly)}"
            alone = np.isfinite(ours) and not np.isfinite(greedy) and not np.isfinite(uniformly)
            bars.append(Bar(f"G-time, {WORLDS[int(x)]}", "mixture in 20,000, others not", shown, bool(alone)))
    facts = {
        WORLDS[int(x)]: {
            line: {name: _whole(float(medians[line][name][i])) for name in ("fast", "certified")} for line in medians
        }
        for i, x in enumerate(xs)
    }
    return Outcome(bars=(*bars, validity(rows)), facts={"medians": facts})


def _quality(cell: Cell, _: Plan) -> Trial:
    mdp = deep_sea(SEA)
    prior = (at_kl(mdp, 0.5), uniform(mdp), adversarial(mdp))[int(cell.x)]
    made = Trial(mdp, prior, Linvit(0.2, DELTA, lam=1.0), 0)
    learner = Linvit(0.2, DELTA, eps_llm=made.kl, bonus=SEA_BONUS, max_return=1.0, stop=False)
    return Trial(mdp, prior, learner, PRIOR_EPISODES)


def _ordering(experiment: Experiment, rows: Rows) -> Outcome:
    """Check that every prior ends epsilon-optimal, and that a better one is certified sooner."""
    (line,) = experiment.lines
    medians = {name: centre(table(rows, line, name)[1]).tolist() for name in ("fast", "certified", "optimal")}
    fast = medians["fast"]
    ordered = all(a < b for a, b in pairwise(fast))
    lost = sum(found[0]["optimal"] is None for _, found in rows)
    return Outcome(
        bars=(
            Bar("order of G-times", "good < uniform < adversarial", " < ".join(f"{each:g}" for each in fast), ordered),
            Bar("recovery", "every run ends epsilon-optimal", f"{lost} of {len(rows)} did not", not lost),
            validity(rows),
        ),
        facts={
            "medians": {name: dict(zip(PRIORS, map(_whole, found), strict=False)) for name, found in medians.items()}
        },
    )


def _words(median: float) -> str:
    return f"{median:g}" if np.isfinite(median) else "never"


def _whole(value: float) -> float | None:
    return value if np.isfinite(value) else None


CONTESTS = (
    Experiment(
        "exploration",
        "episodes to a certificate, by how it explores",
        "world",
        (MIXTURE, GREEDY, UNIFORM),
        (0.0, 1.0, 2.0, 3.0),
        (0.0, 2.0),
        5,
        _explore,
        times,
        _contest,
        ("fast", "certified", "optimal"),
        labels=WORLDS,
    ),
    Experiment(
        "prior-quality",
        "episodes with a good, a uniform and an adversarial prior on the deep sea",
        "prior",
        ("LINVIT",),
        (0.0, 1.0, 2.0),
        (0.0, 1.0, 2.0),
        1,
        _quality,
        times,
        _ordering,
        ("fast", "certified", "optimal"),
        labels=PRIORS,
    ),
)
