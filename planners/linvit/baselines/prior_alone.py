"""The prior as a policy, which learns nothing."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from envs.tabular import TabularMDP
from planners.linvit.algorithm import check_accuracy
from planners.linvit.behaviour import Behaviour
from planners.linvit.counts import Counts
from planners.linvit.online import Round, Truth, learn
from planners.linvit.result import LinvitResult
from planners.linvit.solve import checked_prior, uniform


@dataclass(frozen=True)
class PriorAlone:
    """Play the prior: LINVIT at lam = inf.

    Attributes:
        epsilon: accuracy that results are judged by, positive, in units of return.
        oracle: whether to judge each round by the true transitions.
    """

    epsilon: float
    oracle: bool = True

    def __post_init__(self) -> None:
        check_accuracy(self.epsilon, delta=0.5)

    def run(
        self,
        env: TabularMDP,
        episodes: int,
        rng: np.random.Generator,
        *,
        log_prior: npt.ArrayLike | None = None,
        resume: Counts | None = None,
    ) -> LinvitResult:
        """Return ``episodes`` further episodes of the prior; arguments as for :meth:`Linvit.run`."""
        prior = checked_prior(env, uniform(env) if log_prior is None else log_prior)
        policy = np.exp(prior)
        planned = Round(Behaviour(policy), policy, policy)
        truth = Truth(env, prior) if self.oracle else None
        return learn(env, episodes, rng, lambda _: planned, epsilon=self.epsilon, resume=resume, truth=truth)
