"""UCBVI: optimistic value iteration without a prior (Azar, Osband and Munos, 2017, arXiv 1703.05449)."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from envs.tabular import TabularMDP
from planners.linvit.algorithm import Linvit
from planners.linvit.counts import Counts
from planners.linvit.result import LinvitResult


@dataclass(frozen=True)
class Ucbvi:
    """The plain optimistic backup, lam = 0, with the Hoeffding bonus of LINVIT so that the two can be compared.

    Equally good actions are equally likely. The only certificate is the gap of the bounds.

    Attributes:
        epsilon: accuracy, positive, in units of return.
        delta: probability of being wrong, inside (0, 1).
        bonus: as in :class:`Linvit`.
        max_return: the most an episode can earn, where that is known to be less than the horizon.
        stop: whether to stop at the certificate; by default not, regret is what it is about.
        oracle: whether to judge each round by the true transitions.
    """

    epsilon: float
    delta: float
    bonus: Literal["certified", "practical"] | float = "certified"
    max_return: float | None = None
    stop: bool = False
    oracle: bool = True

    def __post_init__(self) -> None:
        _ = self._learner

    @property
    def _learner(self) -> Linvit:
        return Linvit(
            self.epsilon,
            self.delta,
            lam=0.0,
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
        """Return what at most ``episodes`` further episodes teach; ``log_prior`` is not looked at.

        Source: derived: docs/theory.md §4
        """
        del log_prior
        return self._learner.run(env, episodes, rng, resume=resume)
