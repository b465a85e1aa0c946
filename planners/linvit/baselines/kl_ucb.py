"""Optimism under the KL-regularised objective, for logarithmic regret (arXiv 2502.07460, arXiv 2603.02155)."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from envs.tabular import TabularMDP
from planners.linvit.algorithm import Linvit
from planners.linvit.counts import Counts
from planners.linvit.result import LinvitResult
from slinvit.errors import InputError


@dataclass(frozen=True)
class KlUcb:
    """Play the Gibbs policy of the optimistic values at every step: what LINVIT plays without its mixture.

    In the line of those papers, not a copy of either: theirs are bandits and linear function classes with their own
    bonuses, here are tables with the Hoeffding bonus of LINVIT.

    Attributes:
        epsilon: accuracy that results are judged by, positive, in units of return.
        delta: probability of being wrong, inside (0, 1).
        lam: units of return per nat, positive.
        bonus: as in :class:`Linvit`.
        max_return: the most an episode can earn, where that is known to be less than the horizon.
        stop: whether to stop at a certificate; by default not, regret is what it is about.
        oracle: whether to judge each round by the true transitions.
    """

    epsilon: float
    delta: float
    lam: float
    bonus: Literal["certified", "practical"] | float = "certified"
    max_return: float | None = None
    stop: bool = False
    oracle: bool = True

    def __post_init__(self) -> None:
        if not self.lam > 0:
            raise InputError(f"lam must be positive, not {self.lam}; KL-UCB at lam = 0 is Ucbvi")
        _ = self._learner

    @property
    def _learner(self) -> Linvit:
        return Linvit(
            self.epsilon,
            self.delta,
            lam=self.lam,
            bonus=self.bonus,
            exploration="greedy",
            max_return=self.max_return,
            stop=self.stop,
            oracle=self.oracle,
        )

    def run(
        self,
        env: TabularMDP,
        episodes: int,
        rng: np.random.Generator,
        *,
        log_prior: npt.ArrayLike | None = None,
        resume: Counts | None = None,
    ) -> LinvitResult:
        """Return what at most ``episodes`` further episodes teach; arguments as for :meth:`Linvit.run`.

        Source: derived: docs/theory.md §4
        """
        return self._learner.run(env, episodes, rng, log_prior=log_prior, resume=resume)
