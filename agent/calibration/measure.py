"""Measure a prior on the tasks of an environment, without training anything."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

import priors
import value_estimators
from agent.bench import describe, load_domain, load_instances
from agent.calibration.blocksworld import BlocksWorldTruth
from agent.calibration.metrics import is_constant
from agent.calibration.policies import Bootstrap, LogProbs, divergence, measures, predicted_need, shown
from agent.calibration.ranking import look_ahead, rankings
from agent.calibration.states import Kind, Truth, Visit, anywhere, listed, propose, sampled, shortest, walk
from agent.settings import Settings
from slinvit.budget import Budget
from slinvit.errors import InputError
from slinvit.protocols import Prior, Simulator, ValueEstimator
from slinvit.rng import generator

LAMS = (0.0, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, math.inf)
VALUES = ("zero", "goals-met", "obstacles", "learned")
CONTROL = "uniform"
MEASURES = ("spearman", "kendall", "ordered", "greedy")
TRUTHS: Mapping[str, type[Truth]] = {"blocksworld": BlocksWorldTruth}
"""Environments in which Q* is known for every state."""


@dataclass(frozen=True)
class Request:
    """What to measure.

    Attributes:
        bench: environment, tasks, horizon, seed and prior.
        against: spec of a stronger policy.
        values: specs of value estimators, used where Q* is known; empty: :data:`VALUES`.
        lams: weights of log pi, value units per nat, 0 or more, ``inf`` allowed; empty: :data:`LAMS`.
        random_states: per task, used where Q* is known.
        draws: bootstrap resamples.

    Raises:
        InputError: a lam that cannot be, a count below 1.
    """

    bench: Settings
    against: str | None = None
    values: tuple[str, ...] = ()
    lams: tuple[float, ...] = ()
    random_states: int = 8
    draws: int = 1000

    def __post_init__(self) -> None:
        object.__setattr__(self, "lams", checked_lams(self.lams or LAMS))
        object.__setattr__(self, "values", tuple(dict.fromkeys(self.values)))
        for name, count in (("random states per task", self.random_states), ("bootstrap draws", self.draws)):
            if count < 1:
                raise InputError(f"the number of {name} must be 1 or more, not {count}")


def checked_lams(lams: Sequence[float]) -> tuple[float, ...]:
    """Return the grid in ascending order, each value once; raises ``InputError`` for one below 0 or NaN."""
    for lam in lams:
        if math.isnan(lam) or lam < 0:
            raise InputError(f"lam must be 0 or more, not {lam}")
    return tuple(sorted(set(lams)))


def calibrate(request: Request) -> dict[str, Any]:
    """Return everything that was measured, as Python's own types; infinities are floats.

    Raises:
        InputError: an environment in which Q* is unknown and no ``against``, or open-ended actions.
        PriorError: a model gave no distribution.
    """
    bench = request.bench
    instances = load_instances(bench)
    truth = TRUTHS[bench.env]() if bench.env in TRUTHS else None
    if truth is None and request.against is None:
        raise InputError(
            f"the best actions of {bench.env!r} are not known exactly (they are in: {', '.join(TRUTHS)}, tabular); "
            "compare with a stronger policy: --against SPEC"
        )
    header = describe(bench, instances)
    policies = _policies(request)
    simulator = load_domain(bench).simulator(instances[0])  # where Q* is known one serves all tasks
    values = _values(request, policies[bench.prior], simulator) if truth else {}
    total = Budget()
    spent = {name: total.child() for name in (*policies, "walking", "values")}
    visits = _visits(request, truth, instances, policies, spent)
    log_probs = {name: _ask(policy, visits, spent[name], bench.seed) for name, policy in policies.items()}
    bootstrap = Bootstrap(request.draws, bench.seed)
    kinds = list(dict.fromkeys(visit.kind for visit in visits))
    return {
        "env": bench.env,
        "tasks": {"source": bench.tasks, **header["tasks"]},
        "seed": bench.seed,
        "prior": bench.prior,
        "against": request.against,
        "states": {kind: _population([visit for visit in visits if visit.kind == kind]) for kind in kinds},
        "policies": {
            name: {kind: measures(visits, given, kind, bootstrap) for kind in kinds}
            for name, given in log_probs.items()
        },
        "divergence": _divergences(request, visits, log_probs, bootstrap),
        "predicted_need": (
            predicted_need(visits, log_probs[bench.prior], log_probs[CONTROL], bootstrap) if truth else None
        ),
        "ranking": _ranking(request, visits, log_probs[bench.prior], values, simulator, spent["values"]),
        "oracles": [text for text, value in values.items() if value_estimators.is_oracle(value)],
        "ledger": total.ledger().as_dict(),
        "spent": amounts(spent),
        "provenance": {
            "prior": header["prior"],
            "against": dict(priors.provenance(policies[request.against])) if request.against else None,
            "values": {text: _provenance(value) for text, value in values.items()},
            "world": header["world"],
            "versions": header["versions"],
            "horizon": bench.horizon,
            "random_states": request.random_states,
            "bootstrap_draws": request.draws,
        },
    }


def amounts(spent: Mapping[str, Budget]) -> dict[str, dict[str, float]]:
    """Return what was spent by what it was spent on; of time only the total means anything."""
    ledgers = {name: budget.ledger().as_dict() for name, budget in spent.items()}
    return {name: {key: n for key, n in ledger.items() if key != "seconds"} for name, ledger in ledgers.items()}


def _policies(request: Request) -> dict[str, Prior]:
    """Return the policies by spec, the measured one first; the uniform prior is the control."""
    texts = dict.fromkeys([request.bench.prior, *([request.against] if request.against else []), CONTROL])
    return {text: priors.remember(priors.build(text)) for text in texts}


def _visits(
    request: Request,
    truth: Truth | None,
    instances: Sequence[Any],
    policies: Mapping[str, Prior],
    spent: Mapping[str, Budget],
) -> list[Visit]:
    bench = request.bench
    domain = load_domain(bench)

    def follow(kind: Kind, name: str) -> list[Visit]:
        act = sampled(policies[name], spent[name])
        return walk(domain, instances, kind, act, seed=bench.seed, budget=spent["walking"])

    visits = follow("own", bench.prior)
    if request.against is not None:
        visits += follow("against", request.against)
    if truth is None:
        return visits
    best = walk(domain, instances, "optimal", shortest(truth), seed=bench.seed, budget=spent["walking"])
    visits = [*best, *visits, *anywhere(truth, instances, request.random_states, seed=bench.seed)]
    return [Visit(visit.kind, visit.task, visit.state, truth.q_values(visit.state)) for visit in visits]


def _ask(policy: Prior, visits: Sequence[Visit], budget: Budget, seed: int) -> LogProbs:
    states = [visit.state for visit in visits]
    answers = propose(policy, states, budget, generator(seed, "calibrate", "propose"))
    return [
        np.array([answer.log_prob(action) for action in listed(state)])
        for state, answer in zip(states, answers, strict=True)
    ]


def _population(visits: Sequence[Visit]) -> dict[str, Any]:
    """Return how many states there are, and in how many of them all actions are equally good."""
    counts: dict[str, Any] = {
        "states": len(visits),
        "tasks": len({visit.task for visit in visits}),
        "mean_actions": float(np.mean([len(listed(visit.state)) for visit in visits])),
    }
    known = [(visit.optimal, visit.q) for visit in visits if visit.q is not None]
    if known:
        counts["mean_optimal_actions"] = float(np.mean([optimal.sum() for optimal, _ in known]))
        counts["indifferent"] = sum(is_constant(q) for _, q in known)
    return counts


def _divergences(
    request: Request, visits: Sequence[Visit], log_probs: Mapping[str, LogProbs], bootstrap: Bootstrap
) -> dict[str, Any] | None:
    if request.against is None:
        return None
    names = dict.fromkeys((request.bench.prior, CONTROL))
    return {name: divergence(visits, log_probs[request.against], log_probs[name], bootstrap) for name in names}


def _values(request: Request, prior: Prior, simulator: Simulator) -> dict[str, ValueEstimator]:
    texts = request.values or VALUES
    return {text: value_estimators.build(text, prior=prior, simulator=simulator) for text in texts}


def _provenance(value: ValueEstimator) -> dict[str, Any]:
    says = getattr(value, "provenance", None)
    return dict(says()) if callable(says) else {}


def _ranking(
    request: Request,
    visits: Sequence[Visit],
    log_probs: LogProbs,
    values: Mapping[str, ValueEstimator],
    simulator: Simulator,
    budget: Budget,
) -> list[dict[str, Any]]:
    """Return the rank correlations of every value and its mixes with the prior."""
    rng = generator(request.bench.seed, "calibrate", "values")
    scores = {text: look_ahead(visits, value, simulator, budget, rng) for text, value in values.items()}
    rows = rankings(visits, log_probs, scores, request.lams, draws=request.draws, seed=request.bench.seed)
    return [{**asdict(row), **{key: shown(getattr(row, key)) for key in MEASURES}} for row in rows]
