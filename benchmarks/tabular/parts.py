"""The four parts of the benchmark, each a list of rows: one backup, thin transitions, many seeds, whole runs."""

import time
from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np

from benchmarks.tabular.measure import LAM, Problem, Row, Size, best_of, cpu_seconds, problem, timed
from envs.tabular import garnet
from planners.linvit import Counts, Linvit, at_kl
from planners.linvit.behaviour import play
from planners.linvit.bounds import Problem as Known
from planners.linvit.compiled import backward_induction as compiled_induction
from planners.linvit.compiled import transition_rows
from planners.linvit.core import backward_induction, dense_model
from planners.linvit.seeds import run_seeds
from planners.linvit.solve import solve
from slinvit.types import FloatArray

PLAIN = "unregularised"
CORE, COMPILED, SOLVE = "numpy core", "numba", "numpy core, with checks and policy"
LOOP, BATCH, COMPILED_LOOP = "numpy, loop over seeds", "numpy, one batch", "numba, loop over seeds"
DENSE, CSR, COMPILED_DENSE, COMPILED_CSR = "numpy dense", "scipy CSR", "numba dense", "numba CSR"
EACH, LAZY, WHOLE = "numpy, planning before every episode", "numpy reference (lazy planning)", "numba (lazy planning)"


PeerTimes: TypeAlias = Callable[[Problem, float], Mapping[str, float]]
"""What published backups take on a problem, each repeated for some seconds."""


def backup_rows(each: Problem, least: float, peers: PeerTimes | None = None) -> list[Row]:
    """Return the time of one backward sweep over the horizon: values of states and of actions; peers in alternation."""
    mdp, rewards, prior, table = each.mdp, each.rewards, each.log_prior, transition_rows(each.mdp)
    calls: dict[str, Callable[[], object]] = {
        CORE: lambda: backward_induction(mdp.expected, rewards, prior, LAM),
        SOLVE: lambda: solve(mdp, prior, LAM),
        COMPILED: lambda: compiled_induction(table, rewards, prior, LAM),
    }

    def measure() -> dict[str, float]:
        ours = {name: cpu_seconds(call, least) for name, call in calls.items()}
        return {**ours, **(peers(each, least) if peers else {})}

    found = best_of(5, measure)
    return [
        Row("backup", str(each.size), name, seconds, "" if name in calls else PLAIN) for name, seconds in found.items()
    ]


def plain_values(each: Problem) -> FloatArray:
    """Return V* ``[H + 1, S]``, what unregularised peers must find."""
    return backward_induction(each.mdp.expected, each.rewards, each.log_prior, 0.0)[1]


def sparse_rows(size: Size, least: float) -> list[Row]:
    """Return the time of one sweep where each action has four successors, dense and as CSR."""
    each = problem(size, successors=4)
    dense, rewards, prior = each.mdp, each.rewards, each.log_prior
    thin, rows = dense.compact(), transition_rows(dense)
    full = rows._replace(table=each.p.reshape(-1, size.states))
    calls: dict[str, Callable[[], object]] = {
        DENSE: lambda: backward_induction(dense.expected, rewards, prior, LAM),
        CSR: lambda: backward_induction(thin.expected, rewards, prior, LAM),
        COMPILED_DENSE: lambda: compiled_induction(full, rewards, prior, LAM),
        COMPILED_CSR: lambda: compiled_induction(rows, rewards, prior, LAM),
    }
    return [Row("sparse", str(size), name, seconds) for name, seconds in timed(calls, least).items()]


def seed_rows(size: Size, seeds: int, least: float) -> list[Row]:
    """Return the time of one sweep over each of ``seeds`` models: one after another by either backend, or one batch."""
    each, rng = problem(size), np.random.default_rng(1)
    models = rng.dirichlet(np.ones(size.states), size=(seeds, size.states, size.actions))
    rewards, prior = each.rewards, each.log_prior
    tables = [transition_rows(each.mdp)._replace(table=model.reshape(-1, size.states)) for model in models]
    single = [dense_model(np.broadcast_to(model, (size.horizon, *model.shape))) for model in models]
    batch = dense_model(np.broadcast_to(models, (size.horizon, *models.shape)))
    wide = (size.horizon, seeds, size.states, size.actions)
    wide_rewards, wide_prior = (np.ascontiguousarray(np.broadcast_to(each[:, None], wide)) for each in (rewards, prior))
    calls: dict[str, Callable[[], object]] = {
        LOOP: lambda: [backward_induction(model, rewards, prior, LAM) for model in single],
        BATCH: lambda: backward_induction(batch, wide_rewards, wide_prior, LAM),
        COMPILED_LOOP: lambda: [compiled_induction(table, rewards, prior, LAM) for table in tables],
    }
    where = f"{size} seeds={seeds}"
    return [Row("seeds", where, name, seconds) for name, seconds in timed(calls, least).items()]


def run_rows(size: Size, episodes: int) -> list[Row]:
    """Return the time of a whole run with certificates, without the oracle, once each (the compiled one: best of 3)."""
    env = garnet(size.states, size.actions, size.horizon, seed=0)
    prior, learner = at_kl(env, 0.5), Linvit(0.05 * size.horizon, 0.1, eps_llm=0.5, stop=False, oracle=False)
    run_seeds(learner, env, 1, [0], log_prior=prior)  # compiles
    calls: dict[str, tuple[int, Callable[[], object]]] = {
        EACH: (1, lambda: numpy_every_episode(learner, size, episodes)),
        LAZY: (1, lambda: run_seeds(learner, env, episodes, [0], log_prior=prior, backend="numpy")),
        WHOLE: (3, lambda: run_seeds(learner, env, episodes, [0], log_prior=prior)),
    }
    where = f"{size} episodes={episodes}"
    return [Row("run", where, name, min(_once(call) for _ in range(times))) for name, (times, call) in calls.items()]


def numpy_every_episode(learner: Linvit, size: Size, episodes: int) -> Counts:
    """Run LINVIT the straightforward way: numpy arrays, and a whole planning round before every episode."""
    env = garnet(size.states, size.actions, size.horizon, seed=0)
    prior = at_kl(env, 0.5)
    known, guesses, rng = Known.of(env, prior), learner.guesses(prior), np.random.default_rng(0)
    transitions = Counts.empty(env).transitions.copy()
    for _ in range(episodes):
        planned = learner.plan(known, guesses, Counts(transitions))
        for step, (state, action, successor) in enumerate(play(env, planned.behaviour, rng)):
            transitions[step, state, action, successor] += 1
    return Counts(transitions)


def _once(call: Callable[[], object]) -> float:
    started = time.process_time()
    call()
    return time.process_time() - started
