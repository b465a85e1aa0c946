"""LINVIT: value iteration regularised towards a policy prior, exact and learned."""

from planners.linvit.algorithm import Linvit
from planners.linvit.baselines import KlUcb, PosteriorSampling, PriorAlone, QLearning, Ucbvi
from planners.linvit.bounds import Bounds
from planners.linvit.counts import Counts
from planners.linvit.priors import (
    adversarial,
    at_kl,
    boltzmann,
    full_support,
    mixed_with_uniform,
    permuted,
    tabulate,
)
from planners.linvit.result import Learner, LinvitResult, Trace
from planners.linvit.solve import (
    Evaluation,
    RegularizedSolution,
    checked_prior,
    evaluate,
    optimal,
    solve,
    trajectory_kl,
    uniform,
)

__all__ = [
    "Bounds",
    "Counts",
    "Evaluation",
    "KlUcb",
    "Learner",
    "Linvit",
    "LinvitResult",
    "PosteriorSampling",
    "PriorAlone",
    "QLearning",
    "RegularizedSolution",
    "Trace",
    "Ucbvi",
    "adversarial",
    "at_kl",
    "boltzmann",
    "checked_prior",
    "evaluate",
    "full_support",
    "mixed_with_uniform",
    "optimal",
    "permuted",
    "solve",
    "tabulate",
    "trajectory_kl",
    "uniform",
]
