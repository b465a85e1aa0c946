"""LINVIT: optimistic value iteration regularised towards a policy prior, learned from episodes."""

import math
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from envs.tabular import TabularMDP
from planners.linvit.behaviour import Behaviour
from planners.linvit.bounds import Bounds, Problem, bounds
from planners.linvit.certificates import fast_certificate, gap_certificate, proved_certificate
from planners.linvit.counts import Counts
from planners.linvit.doubling import Guesses
from planners.linvit.online import Round, Truth, learn
from planners.linvit.priors import full_support
from planners.linvit.result import LinvitResult, StoppedBy
from planners.linvit.solve import uniform
from slinvit.errors import InputError, UnknownName
from slinvit.types import FloatArray

BONUS_SCALES = {"certified": 1.0, "practical": 0.25}
"""The proof needs 1. On small random MDPs one run in sixteen leaves its bounds at a quarter, all do at a twentieth."""

TIE = 1e-9
"""Spreads this close count as equal and the first action is explored, so that rounding does not decide."""

EXPLORATIONS = ("mixture", "greedy", "uniform")
CERTIFICATES = ("plug-in", "proved")

Exploration: TypeAlias = Literal["mixture", "greedy", "uniform"]
"""``mixture``: the optimistic policy, and at one random step the most uncertain action; ``greedy``: the optimistic
policy alone; ``uniform``: any legal action."""


@dataclass(frozen=True)
class Linvit:
    """Learn a policy near the optimum of the KL-regularised objective, given a prior near the optimal policy.

    A run stops when its certificate bounds V*_lam - V^pi_lam by epsilon / 2. That is a statement about V* - V^pi, with
    ``epsilon``, only where the bias V* - V*_lam <= lam KL(pi* || prior) is known to be at most epsilon / 2 as well:

    * ``eps_llm`` given, and true: lam = epsilon / (2 eps_llm), the bias is at most epsilon / 2;
    * ``lam`` alone: **only V*_lam - V^pi_lam <= epsilon / 2 is certified**; a large lam certifies the prior at once,
      however bad it is. The result has ``bias=None``, unless lam = 0;
    * both: refused where lam eps_llm > epsilon / 2;
    * neither: the distance is guessed, the guess is doubled, and the run stops by a bound on the bias of its own.

    The default certificate is a plug-in: it holds in every experiment of docs/results/theory.md, and is not proved.
    "With probability 1 - delta" is a theorem for ``certificate="proved"`` with ``bonus="certified"`` alone.

    Attributes:
        epsilon: accuracy, positive, in units of return.
        delta: probability of being wrong, inside (0, 1).
        lam: KL-regularisation weight, units of return per nat, 0 or more. ``None``: epsilon / (2 eps_llm).
        eps_llm: a bound on KL(pi* || prior) over a whole episode, in nats, positive.
        bonus: scale of the confidence width: ``certified`` (1), ``practical`` (0.25), or a positive number.
        exploration: how episodes are played.
        max_return: value cap, the most an episode can earn, where that is known to be less than the horizon.
        certificate: ``plug-in``: stop by the smaller of G and the gap of the bounds; ``proved``: stop by the one of
            which every step is proved (with the certified bonus), half of ``delta`` for it and half for the bounds.
        stop: whether to stop at a certificate; off for studies of regret.
        oracle: whether to judge each round by the true transitions, which costs a little time.

    Raises:
        InputError: a setting outside its range, with what is allowed.
    """

    epsilon: float
    delta: float
    lam: float | None = None
    eps_llm: float | None = None
    bonus: Literal["certified", "practical"] | float = "certified"
    exploration: Exploration = "mixture"
    max_return: float | None = None
    certificate: Literal["plug-in", "proved"] = "plug-in"
    stop: bool = True
    oracle: bool = True

    def __post_init__(self) -> None:
        check_accuracy(self.epsilon, self.delta)
        if self.lam is not None and not 0 <= self.lam < math.inf:
            raise InputError(f"lam must be 0 or more and finite, not {self.lam}; for lam = inf use PriorAlone")
        if self.eps_llm is not None and not 0 < self.eps_llm < math.inf:
            raise InputError(f"eps_llm must be positive nats, not {self.eps_llm}; None doubles a guess")
        if self.exploration not in EXPLORATIONS:
            raise UnknownName("exploration", self.exploration, EXPLORATIONS)
        if self.certificate not in CERTIFICATES:
            raise UnknownName("certificate", self.certificate, CERTIFICATES)
        if self.max_return is not None and not 0 < self.max_return < math.inf:
            raise InputError(f"max_return must be positive and finite, not {self.max_return}; None is the horizon")
        if self.bias is not None and self.bias > self.epsilon / 2 * (1 + TIE):
            raise InputError(
                f"lam = {self.lam:g} and eps_llm = {self.eps_llm:g} cost up to lam * eps_llm = {self.bias:g}, more "
                f"than epsilon / 2 = {self.epsilon / 2:g}; leave one of them out, or take lam <= epsilon / (2 eps_llm)"
            )
        _ = self.bonus_scale

    @property
    def bias(self) -> float | None:
        """A bound on V* - V*_lam from the settings alone, in units of return; ``None``: they do not bound it."""
        if self.lam is None:
            return None if self.eps_llm is None else self.epsilon / 2
        if self.lam == 0:
            return 0.0
        return None if self.eps_llm is None else self.lam * self.eps_llm

    @property
    def bonus_scale(self) -> float:
        """The factor on the bonus."""
        if isinstance(self.bonus, str):
            if self.bonus not in BONUS_SCALES:
                raise UnknownName("bonus", self.bonus, BONUS_SCALES)
            return BONUS_SCALES[self.bonus]
        if isinstance(self.bonus, bool) or not 0 < self.bonus < math.inf:
            raise InputError(f"the scale of the bonus must be positive, not {self.bonus}")
        return float(self.bonus)

    def guesses(self, log_prior: FloatArray) -> Guesses:
        """Return the prices on leaving the prior that a run goes through: one, unless eps_llm is unknown."""
        if self.lam is not None:
            return Guesses((self.lam,))
        if self.eps_llm is not None:
            return Guesses((self.epsilon / (2 * self.eps_llm),))
        return Guesses.doubling(self.epsilon, log_prior)

    def run(
        self,
        env: TabularMDP,
        episodes: int,
        rng: np.random.Generator,
        *,
        log_prior: npt.ArrayLike | None = None,
        resume: Counts | None = None,
    ) -> LinvitResult:
        """Return what at most ``episodes`` further episodes in ``env`` teach.

        Args:
            env: the world; its transitions are sampled from, and otherwise only read to judge rounds.
            episodes: 0 or more.
            rng: source of randomness, ``2 H + 1`` uniform numbers per episode.
            log_prior: ``[H, S, A]`` or ``[S, A]`` in nats. ``None``: uniform.
            resume: counts of an earlier run, which this one continues exactly.

        Raises:
            InputError: a prior that excludes legal actions, counts of another MDP, a ``max_return`` that rewards pass.

        Source: derived: docs/theory.md §4
        """
        prior = full_support(env, uniform(env) if log_prior is None else log_prior)
        problem, guesses = Problem.of(env, prior, self.max_return), self.guesses(prior)

        def plan(counts: Counts) -> Round:
            return self.plan(problem, guesses, counts)

        truth = Truth(env, prior) if self.oracle else None
        return learn(env, episodes, rng, plan, epsilon=self.epsilon, resume=resume, truth=truth, stop=self.stop)

    def plan(self, problem: Problem, guesses: Guesses, counts: Counts) -> Round:
        """Return the round of the first guess from ``counts.guess`` on that is not yet certified, or of the last."""
        guess = min(counts.guess, guesses.last)
        while True:
            planned = self._plan_at(problem, guesses, counts, guess)
            if not planned.certified or guess == guesses.last:
                break
            guess += 1
        if not guesses.unknown:
            return replace(planned, bias=self.bias)
        return self._without_eps_llm(problem, guesses, counts, planned)

    def _plan_at(self, problem: Problem, guesses: Guesses, counts: Counts, guess: int) -> Round:
        lam, delta = guesses.lams[guess], self.delta_of_each(guesses)
        found = bounds(problem, counts, lam, delta, self.bonus_scale)
        gap = gap_certificate(found, problem.initial_state)
        if self.certificate == "proved":
            fast = proved_certificate(found, problem, counts, lam, delta)
            certified: StoppedBy | None = "certificate" if fast <= self.epsilon / 2 else None
            deployed = found.optimistic
        else:
            fast = fast_certificate(found, counts.model(), lam, problem.initial_state)
            smaller: StoppedBy = "certificate" if fast <= gap else "gap"
            certified = smaller if min(fast, gap) <= self.epsilon / 2 else None
            deployed = found.optimistic if fast <= gap else found.pessimistic
        behaviour = self._behaviour(problem, found)
        return Round(behaviour, found.optimistic, deployed, lam, found, fast, gap, certified, guess)

    def _without_eps_llm(self, problem: Problem, guesses: Guesses, counts: Counts, planned: Round) -> Round:
        """Return the round with its bias; it may stop where the shortfall plus that is within epsilon."""
        assert planned.bounds is not None
        plain = bounds(problem, counts, 0.0, self.delta_of_each(guesses), self.bonus_scale)
        start = problem.initial_state
        bias = min(planned.lam * guesses.largest, float(plain.v_upper[0, start] - planned.bounds.v_lower[0, start]))
        by_gap = self.certificate == "plug-in" and planned.gap < planned.certificate
        shortfall = planned.gap if by_gap else planned.certificate
        reason: StoppedBy = "gap" if by_gap else "certificate"
        return replace(planned, bias=bias, certified=reason if shortfall + bias <= self.epsilon else None)

    def delta_of_each(self, guesses: Guesses) -> float:
        """Return the share of delta of one set of bounds: every guess has its own, the plain ones are one more."""
        sets = len(guesses.lams) + 1 if guesses.unknown else 1
        return self.delta / (sets if self.certificate == "plug-in" else 2 * sets)

    def _behaviour(self, problem: Problem, found: Bounds) -> Behaviour:
        if self.exploration == "greedy":
            return Behaviour(found.optimistic)
        if self.exploration == "uniform":
            return Behaviour(problem.legal / problem.legal.sum(axis=-1, keepdims=True))
        spread = np.where(problem.legal, found.spread, -1.0)
        return Behaviour(found.optimistic, (spread >= spread.max(axis=-1, keepdims=True) - TIE).argmax(axis=-1))


def check_accuracy(epsilon: float, delta: float) -> None:
    """Check what is asked for.

    Raises:
        InputError: ``epsilon`` not positive and finite, ``delta`` outside (0, 1).
    """
    if not 0 < epsilon < math.inf:
        raise InputError(f"epsilon must be positive, in units of return, not {epsilon}")
    if not 0 < delta < 1:
        raise InputError(f"delta must be between 0 and 1, both excluded, not {delta}")
