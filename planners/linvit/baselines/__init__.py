"""What LINVIT is compared with, under the same interface."""

from planners.linvit.baselines.kl_ucb import KlUcb
from planners.linvit.baselines.posterior_sampling import PosteriorSampling
from planners.linvit.baselines.prior_alone import PriorAlone
from planners.linvit.baselines.q_learning import QLearning
from planners.linvit.baselines.ucbvi import Ucbvi

__all__ = ["KlUcb", "PosteriorSampling", "PriorAlone", "QLearning", "Ucbvi"]
