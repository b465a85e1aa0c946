"""Posterior sampling of the model (Osband, Russo and Van Roy, 2013, arXiv 1306.0940), with or without a prior."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from envs.tabular import TabularMDP
from planners.linvit.algorithm import check_accuracy
from planners.linvit.behaviour import Behaviour
from planners.linvit.bounds import Problem
from planners.linvit.core import backward_induction, dense_model
from planners.linvit.counts import Counts
from planners.linvit.online import Round, Truth, learn
from planners.linvit.result import LinvitResult
from planners.linvit.solve import checked_prior, uniform
from slinvit.errors import InputError
from slinvit.kl import gibbs_policy
from slinvit.types import FloatArray


@dataclass(frozen=True)
class PosteriorSampling:
    """Draw a model from its Dirichlet posterior at each planning round, and play what is best in it.

    With ``lam`` positive, best counts the price of leaving the prior. A resumed run draws its first model anew: it has
    the distribution of an unbroken one but is not the same.

    Attributes:
        epsilon: accuracy that results are judged by, positive, in units of return.
        lam: units of return per nat, 0 or more and finite.
        concentration: pseudo-visits of each action, spread evenly over the states; positive.
        oracle: whether to judge each round by the true transitions.

    Raises:
        InputError: a setting outside its range.
    """

    epsilon: float
    lam: float = 0.0
    concentration: float = 1.0
    oracle: bool = True

    def __post_init__(self) -> None:
        check_accuracy(self.epsilon, delta=0.5)
        if not 0 <= self.lam < math.inf:
            raise InputError(f"lam must be 0 or more and finite, not {self.lam}")
        if not 0 < self.concentration < math.inf:
            raise InputError(f"the concentration must be positive, not {self.concentration}")

    def run(
        self,
        env: TabularMDP,
        episodes: int,
        rng: np.random.Generator,
        *,
        log_prior: npt.ArrayLike | None = None,
        resume: Counts | None = None,
    ) -> LinvitResult:
        """Return what ``episodes`` further episodes teach; the policy returned is the best for the mean model.

        Arguments as for :meth:`Linvit.run`. Without ``log_prior`` equally good actions are equally likely.
        """
        prior = checked_prior(env, uniform(env) if log_prior is None else log_prior)
        problem = Problem.of(env, prior)

        def plan(counts: Counts) -> Round:
            seen = counts.transitions + self.concentration / env.num_states
            drawn = self._best(problem, _positive(rng.standard_gamma(seen)))
            mean = self._best(problem, seen)
            return Round(Behaviour(drawn), drawn, mean, self.lam)

        truth = Truth(env, prior) if self.oracle else None
        return learn(env, episodes, rng, plan, epsilon=self.epsilon, resume=resume, truth=truth)

    def _best(self, problem: Problem, weights: npt.NDArray[np.floating]) -> FloatArray:
        model = weights / weights.sum(axis=-1, keepdims=True)
        q, _ = backward_induction(dense_model(model), problem.rewards, problem.log_prior, self.lam)
        return np.exp(gibbs_policy(q, problem.log_prior, self.lam))


def _positive(drawn: FloatArray) -> FloatArray:
    """Return gamma variates whose rows can be normalised: small shapes underflow to 0."""
    return np.maximum(drawn, np.finfo(np.float64).tiny)
