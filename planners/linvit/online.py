"""The loop that all learners share: plan, look, stop or play some episodes."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeAlias

import numpy as np

from envs.tabular import TabularMDP
from planners.linvit.behaviour import Behaviour, Trajectory, behaviour_value, next_planning, play
from planners.linvit.bounds import Bounds
from planners.linvit.counts import Counts, resumed
from planners.linvit.lemmas import sandwich_violation
from planners.linvit.result import LinvitResult, Record, StoppedBy, Trace
from planners.linvit.solve import RegularizedSolution, evaluate, optimal, solve
from slinvit.errors import InputError
from slinvit.types import FloatArray


@dataclass(frozen=True, eq=False)
class Round:
    """What a learner plans from its counts.

    Attributes:
        behaviour: how the next episodes are played.
        policy: ``[H, S, A]``, the optimistic policy, or what a learner without bounds plays greedily.
        deployed: ``[H, S, A]``, what a run that ends here returns.
        lam: units of return per nat; ``nan`` for a learner that does not regularise.
        bounds: of a learner that has them.
        certificate: the fast certificate.
        gap: upper minus lower bound.
        certified: ``certificate`` or ``gap`` where that one allows to stop.
        guess: which guess of eps_llm is in use.
        bias: bound on V* - V*_lam, in units of return; ``None`` where there is none.
    """

    behaviour: Behaviour
    policy: FloatArray
    deployed: FloatArray
    lam: float = math.nan
    bounds: Bounds | None = None
    certificate: float = math.inf
    gap: float = math.inf
    certified: StoppedBy | None = None
    guess: int = 0
    bias: float | None = None


Plan: TypeAlias = Callable[[Counts], Round]


@dataclass(frozen=True, eq=False)
class Truth:
    """What only somebody who knows the transitions can say of a round; solutions are kept per ``lam``.

    Attributes:
        env: the world.
        log_prior: ``[H, S, A]`` in nats.
    """

    env: TabularMDP
    log_prior: FloatArray
    _solutions: dict[float, RegularizedSolution] = field(default_factory=dict, repr=False)

    def record(self, planned: Round, episode: int) -> Record:
        """Return the round as a record, with what the truth says of it."""
        start, best = self.env.initial_state, self.best
        earned, nats = behaviour_value(self.env, planned.behaviour, self.log_prior)
        judged = self._lost(planned.policy)
        deployed = judged if planned.deployed is planned.policy else self._lost(planned.deployed)
        violation, regularised = math.nan, math.nan
        if not math.isnan(planned.lam):
            solution = self._solution(planned.lam)
            regularised = float(solution.v[0, start]) - earned + (planned.lam * nats if planned.lam else 0.0)
            if planned.bounds is not None:
                violation = sandwich_violation(self.env, planned.bounds, solution)
        return blind_record(planned, episode)._replace(
            oracle_gap=deployed,
            oracle_gap_optimistic=judged,
            violation=violation,
            regret=best - earned,
            kl_regret=regularised,
        )

    @cached_property
    def best(self) -> float:
        """V* at the initial state."""
        return float(optimal(self.env).v[0, self.env.initial_state])

    def _lost(self, policy: FloatArray) -> float:
        return self.best - float(evaluate(self.env, policy).v[0, self.env.initial_state])

    def _solution(self, lam: float) -> RegularizedSolution:
        if lam not in self._solutions:
            self._solutions[lam] = solve(self.env, self.log_prior, lam)
        return self._solutions[lam]


def blind_record(planned: Round, episode: int) -> Record:
    """Return the round as a record, without the truth."""
    unknown = (math.nan,) * 5
    certified = planned.certified is not None
    return Record(episode, planned.certificate, planned.gap, certified, planned.lam, *unknown)


def learn(
    env: TabularMDP,
    episodes: int,
    rng: np.random.Generator,
    plan: Plan,
    *,
    epsilon: float,
    resume: Counts | None = None,
    truth: Truth | None = None,
    stop: bool = True,
    observe: Callable[[Trajectory], FloatArray | None] | None = None,
) -> LinvitResult:
    """Return a run of at most ``episodes`` further episodes.

    Rounds are planned ``t // 50`` episodes after the one at ``t``, at least one; the last one from everything seen.

    Args:
        env: the world; only sampled from.
        episodes: 0 or more.
        rng: source of randomness.
        plan: counts to what to do; called again with the same counts it plans the same.
        epsilon: accuracy, kept in the result.
        resume: where to go on from.
        truth: judges rounds; ``None`` leaves that out.
        stop: whether a certified round ends the run.
        observe: told of every episode, for a learner that keeps more than counts; returns its values.

    Raises:
        InputError: no whole number of episodes of 0 or more, no numpy generator, or counts of another MDP.
    """
    if not isinstance(episodes, int | np.integer) or isinstance(episodes, bool) or episodes < 0:
        raise InputError(f"the number of episodes must be a whole number, 0 or more, not {episodes}")
    if not isinstance(rng, np.random.Generator):
        raise InputError(f"rng must be a numpy Generator, not {rng!r}; pass np.random.default_rng(seed)")
    counts = resumed(env, resume)
    transitions, end = counts.transitions.copy(), counts.episodes + episodes
    records: list[Record] = []

    def at(seen: Counts) -> Round:
        planned = plan(seen)
        episode = seen.episodes
        records.append(truth.record(planned, episode) if truth else blind_record(planned, episode))
        return planned

    seen = counts.at_last_planning()
    planned, played, values = at(seen), counts.episodes, counts.q
    while played < end and not (stop and planned.certified):
        upto = min(end, next_planning(seen.episodes))
        for _ in range(upto - played):
            path = play(env, planned.behaviour, rng)
            for step, (state, action, successor) in enumerate(path):
                transitions[step, state, action, successor] += 1
            if observe:
                values = observe(path)
        played = upto
        if played < next_planning(seen.episodes):
            break
        seen = Counts(transitions.copy(), None, planned.guess, values)
        planned = at(seen)
    last = Counts(transitions, seen.planned, planned.guess, values)
    if played > seen.episodes:
        planned = at(Counts(transitions, None, planned.guess, values))
    return _result(last, planned, epsilon, records, stop)


def _result(counts: Counts, planned: Round, epsilon: float, records: list[Record], stop: bool) -> LinvitResult:
    why: StoppedBy = planned.certified if stop and planned.certified else "episodes"
    trace = Trace.of(records)
    figures = (planned.lam, planned.bounds, planned.certificate, planned.gap)
    return LinvitResult(counts, planned.deployed, epsilon, *figures, why, trace, planned.bias)
