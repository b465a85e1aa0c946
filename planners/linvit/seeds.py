"""One learner, many seeds: the runs of :meth:`Linvit.run`, compiled."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from envs.tabular import TabularMDP
from planners.linvit.algorithm import Linvit
from planners.linvit.behaviour import next_planning
from planners.linvit.bounds import Problem
from planners.linvit.counts import Counts, IntArray
from planners.linvit.priors import full_support
from planners.linvit.result import LinvitResult, Record, Trace
from planners.linvit.solve import optimal, solve, uniform
from slinvit.errors import InputError, UnknownName
from slinvit.types import FloatArray

if TYPE_CHECKING:
    from planners.linvit.kernels import Rows
    from planners.linvit.kernels_judge import Memory, Oracle, World
    from planners.linvit.kernels_run import Settings

Backend: TypeAlias = Literal["numba", "numpy"]
"""``numba``: planning, episodes and judging in one compiled loop per seed; ``numpy``: the reference."""

BACKENDS = ("numba", "numpy")


def run_seeds(
    learner: Linvit,
    env: TabularMDP,
    episodes: int,
    seeds: Sequence[int],
    *,
    log_prior: npt.ArrayLike | None = None,
    backend: Backend = "numba",
    threads: int = 1,
) -> list[LinvitResult]:
    """Return ``learner.run(env, episodes, np.random.default_rng(seed), log_prior=log_prior)`` for each seed, in order.

    Both backends draw the same numbers and agree to rounding; only at ``lam = 0`` may rounding decide which of two
    equally good actions is played. The compiled one takes some 20 seconds to compile when first used on a machine; it
    releases the interpreter while it runs, so that threads run side by side.

    Args:
        learner: what to run.
        env: the world.
        episodes: at most so many per seed, 0 or more.
        seeds: one run each.
        log_prior: ``[H, S, A]`` or ``[S, A]`` in nats. ``None``: uniform.
        backend: how to compute.
        threads: seeds at a time, for ``numba``.

    Raises:
        InputError: as ``learner.run``; and for the compiled backend a learner with the proved certificate.
    """
    if backend not in BACKENDS:
        raise UnknownName("backend", backend, BACKENDS)
    if not isinstance(episodes, int | np.integer) or episodes < 0 or threads < 1:
        raise InputError(f"run_seeds needs 0 or more episodes, not {episodes}, and 1 or more threads, not {threads}")
    prior = full_support(env, uniform(env) if log_prior is None else log_prior)
    if backend == "numpy":
        return [learner.run(env, episodes, np.random.default_rng(seed), log_prior=prior) for seed in seeds]
    if learner.certificate != "plug-in":
        raise InputError(
            'the compiled learner has only the plug-in certificate; use backend="numpy" for the proved one'
        )
    run = _Runs(learner, env, episodes, prior)
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(run.seed, seeds))


class _Runs:
    """What all seeds share, in the form the kernels take; read only."""

    def __init__(self, learner: Linvit, env: TabularMDP, episodes: int, prior: FloatArray) -> None:
        from planners.linvit.compiled import transition_rows  # numba takes half a second to import

        self.learner, self.env, self.episodes, self.prior = learner, env, episodes, prior
        self.rows = transition_rows(env)
        self.pattern = _pattern(self.rows, env)
        self.world = _world(learner, env, prior, self.rows)
        self.settings = _settings(learner, prior)
        self.oracle = _oracle(learner, env, prior)

    def seed(self, seed: int) -> LinvitResult:
        """Return the run of ``seed``."""
        from planners.linvit.kernels_run import learn

        memory, planned = self._memory(), _zeros(self.pattern)
        records = np.full((_rounds(self.episodes), len(Record._fields)), np.nan)
        rng = np.random.default_rng(seed)
        rounds, guess = learn(rng, self.episodes, self.world, self.settings, self.oracle, memory, planned, records)
        seen = _transitions(memory.counts, self.env)
        last = replace(self.learner, oracle=False).run(
            self.env, 0, rng, log_prior=self.prior, resume=Counts(seen, None, guess)
        )
        counts = Counts(seen, _transitions(planned, self.env), guess)
        return replace(last, counts=counts, trace=_trace(records[:rounds]))

    def _memory(self) -> "Memory":
        from planners.linvit.kernels_judge import Memory

        horizon, states, actions = self.env.r.shape
        return Memory(
            counts=_zeros(self.pattern),
            visits=np.zeros((horizon, states * actions)),
            q_upper=np.zeros(self.env.r.shape),
            q_lower=np.zeros(self.env.r.shape),
            v_upper=np.zeros((horizon + 1, states)),
            v_lower=np.zeros((horizon + 1, states)),
            optimistic=np.zeros(self.env.r.shape),
            pessimistic=np.zeros(self.env.r.shape),
            played=np.exp(uniform(self.env)),  # what uniform exploration plays; the others write over it
            explore=np.zeros((horizon, states), dtype=np.int64),
        )


def _world(learner: Linvit, env: TabularMDP, prior: FloatArray, rows: "Rows") -> "World":
    from planners.linvit.kernels_judge import World

    problem = Problem.of(env, prior, learner.max_return)
    penalty = np.where(problem.legal, 0.0, -np.inf)
    return World(rows, problem.rewards, np.array(prior, order="C"), penalty, problem.caps, env.initial_state)


def _settings(learner: Linvit, prior: FloatArray) -> "Settings":
    from planners.linvit.kernels_run import GREEDY, MIXTURE, UNIFORM, Settings

    guesses = learner.guesses(prior)
    ways = {"greedy": GREEDY, "mixture": MIXTURE, "uniform": UNIFORM}
    return Settings(
        np.array(guesses.lams),
        guesses.unknown,
        guesses.largest if guesses.unknown else 0.0,
        learner.delta_of_each(guesses),
        learner.bonus_scale,
        learner.epsilon,
        ways[learner.exploration],
        learner.stop,
    )


def _oracle(learner: Linvit, env: TabularMDP, prior: FloatArray) -> "Oracle":
    from planners.linvit.kernels_judge import Oracle

    if not learner.oracle:
        return Oracle(False, 0.0, np.zeros((1, 1, 1, 1)), np.zeros((1, 1, 1)))
    solutions = [solve(env, prior, lam) for lam in learner.guesses(prior).lams]
    best = float(optimal(env).v[0, env.initial_state])
    return Oracle(True, best, np.stack([each.q for each in solutions]), np.stack([each.v for each in solutions]))


def _pattern(rows: "Rows", env: TabularMDP) -> "Rows":
    """Return where counts are kept: the rows of each step, whether or not the transitions change with the step."""
    from planners.linvit.kernels import Rows

    width = env.num_states * env.num_actions
    if len(rows.table):
        return rows._replace(table=np.broadcast_to(0.0, (env.horizon * width, env.num_states)))
    if len(rows.starts) - 1 == env.horizon * width:
        return rows
    lengths = np.tile(np.diff(rows.starts), env.horizon)
    starts = np.concatenate([[0], np.cumsum(lengths)])
    return Rows(rows.table, starts, np.tile(rows.states, env.horizon), np.tile(rows.entries, env.horizon))


def _zeros(pattern: "Rows") -> "Rows":
    return pattern._replace(table=np.zeros(pattern.table.shape), entries=np.zeros(pattern.entries.shape))


def _transitions(counts: "Rows", env: TabularMDP) -> IntArray:
    """Return counts as ``[H, S, A, S]``."""
    shape = (*env.r.shape, env.num_states)
    if len(counts.table):
        return counts.table.astype(np.int64).reshape(shape)
    full = np.zeros((env.r.size, env.num_states), dtype=np.int64)
    full[np.repeat(np.arange(env.r.size), np.diff(counts.starts)), counts.states] = counts.entries
    return full.reshape(shape)


def _trace(records: FloatArray) -> Trace:
    return Trace.of([Record(int(row[0]), row[1], row[2], bool(row[3]), *row[4:]) for row in records.tolist()])


def _rounds(episodes: int) -> int:
    """Return the most planning rounds that a run can have."""
    count, episode = 2, 0
    while episode < episodes:
        episode, count = next_planning(episode), count + 1
    return count
