"""Q-learning with a fixed share of random actions, with or without a policy prior."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from envs.tabular import TabularMDP
from planners.linvit.algorithm import check_accuracy
from planners.linvit.behaviour import Behaviour, Trajectory
from planners.linvit.bounds import Problem
from planners.linvit.counts import Counts
from planners.linvit.online import Round, Truth, learn
from planners.linvit.result import LinvitResult
from planners.linvit.solve import checked_prior, uniform
from slinvit.errors import InputError
from slinvit.kl import gibbs_policy, soft_value
from slinvit.types import FloatArray


@dataclass(frozen=True)
class QLearning:
    """Play the Gibbs policy of the learned values, and the prior in a share ``explore`` of the actions.

    With ``lam = 0`` and no prior that is epsilon-greedy Q-learning; with both it is Q-learning for the regularised
    values. The n-th visit moves a value by (H + 1) / (H + n) of the way to its target; values begin at 0.

    Attributes:
        epsilon: accuracy that results are judged by, positive, in units of return.
        lam: units of return per nat, 0 or more and finite.
        explore: share of actions drawn from the prior, between 0 and 1.
        oracle: whether to judge rounds by the true transitions.

    Raises:
        InputError: a setting outside its range.
    """

    epsilon: float
    lam: float = 0.0
    explore: float = 0.1
    oracle: bool = True

    def __post_init__(self) -> None:
        check_accuracy(self.epsilon, delta=0.5)
        if not 0 <= self.lam < math.inf:
            raise InputError(f"lam must be 0 or more and finite, not {self.lam}")
        if not 0 <= self.explore <= 1:
            raise InputError(f"the share of exploring actions must be between 0 and 1, not {self.explore}")

    def run(
        self,
        env: TabularMDP,
        episodes: int,
        rng: np.random.Generator,
        *,
        log_prior: npt.ArrayLike | None = None,
        resume: Counts | None = None,
    ) -> LinvitResult:
        """Return what ``episodes`` further episodes teach; the policy returned leaves the exploration out.

        Arguments as for :meth:`Linvit.run`. Behaviour follows every episode; rounds only judge it.

        Raises:
            InputError: as :meth:`Linvit.run`, and counts to resume from that carry no values.
        """
        prior = checked_prior(env, uniform(env) if log_prior is None else log_prior)
        values = _Values(Problem.of(env, prior), self, resume)

        def plan(_: Counts) -> Round:
            greedy = np.exp(gibbs_policy(values.q, prior, self.lam))
            return Round(Behaviour(values.policy), greedy, greedy, self.lam)

        truth = Truth(env, prior) if self.oracle else None
        return learn(env, episodes, rng, plan, epsilon=self.epsilon, resume=resume, truth=truth, observe=values.observe)


class _Values:
    """The values of a run, and the behaviour that follows them; both change with every episode."""

    def __init__(self, problem: Problem, settings: QLearning, resume: Counts | None) -> None:
        self.problem, self.lam, self.explore = problem, settings.lam, settings.explore
        shape = problem.rewards.shape
        self.q, self.visits = np.zeros(shape), np.zeros(shape, dtype=np.int64)
        if resume is not None and resume.episodes:
            if resume.q is None:
                raise InputError("these counts carry no values; Q-learning can only resume a run of Q-learning")
            self.q, self.visits = resume.q.copy(), resume.visits.copy()
        self.policy = self._behaviour(self.q, problem.log_prior)

    def observe(self, path: Trajectory) -> FloatArray:
        """Learn from one episode; returns the values."""
        states, actions, successors = (np.array(column) for column in zip(*path, strict=True))
        steps, prior = np.arange(len(path)), self.problem.log_prior
        later = np.zeros(len(path))
        later[:-1] = soft_value(self.q[steps[1:], successors[:-1]], prior[steps[1:], successors[:-1]], self.lam)
        here = (steps, states, actions)
        self.visits[here] += 1
        horizon = len(path)
        rate = (horizon + 1) / (horizon + self.visits[here])
        self.q[here] += rate * (self.problem.rewards[here] + later - self.q[here])
        self.policy[steps, states] = self._behaviour(self.q[steps, states], prior[steps, states])
        return self.q

    def _behaviour(self, q: FloatArray, log_prior: FloatArray) -> FloatArray:
        greedy = np.exp(gibbs_policy(q, log_prior, self.lam))
        return np.asarray((1 - self.explore) * greedy + self.explore * np.exp(log_prior))
