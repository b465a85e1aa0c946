"""What one policy does in states whose best actions are known, or where a stronger policy was asked."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from agent.calibration.metrics import (
    Estimate,
    coverage,
    greedy_share,
    is_constant,
    mean_over_states,
    optimal_nats,
    ratio,
    reliability,
    sums,
)
from agent.calibration.states import Kind, Visit
from slinvit.kl import kl_divergence
from slinvit.rng import generator
from slinvit.types import FloatArray

TOP = (1, 2, 3)

LogProbs = Sequence[FloatArray]
"""``[A]`` per visit in nats, in the order of the state's actions."""


@dataclass(frozen=True)
class Bootstrap:
    """How intervals are made: ``draws`` resamples of whole tasks from ``seed``."""

    draws: int
    seed: int

    def mean(self, values: Sequence[float], tasks: Sequence[str]) -> dict[str, Any]:
        """Return the mean over states with its interval."""
        return shown(mean_over_states(np.array(values, dtype=np.float64), tasks, self.draws, self.rng()))

    def ratio(self, top: FloatArray, bottom: FloatArray) -> dict[str, Any]:
        """Return sum(top) / sum(bottom), both by task, with its interval."""
        return shown(ratio(top, bottom, self.draws, self.rng()))

    def rng(self) -> np.random.Generator:
        """Return the generator, the same every time: intervals of two policies use the same resamples."""
        return generator(self.seed, "bootstrap")


def measures(visits: Sequence[Visit], log_probs: LogProbs, kind: Kind, bootstrap: Bootstrap) -> dict[str, Any]:
    """Return what a policy does on one kind of states; means over states.

    ``entropy`` and ``kl_optimal`` in nats; ``unsupported`` counts states where no optimal action has probability;
    ``trajectory_kl`` sums ``kl_optimal`` over the states of a shortest plan; ``coverage``, ``greedy`` and
    ``reliability`` leave out states in which all actions are equally good.
    """
    pairs = [(visit, given) for visit, given in zip(visits, log_probs, strict=True) if visit.kind == kind]
    tasks = [visit.task for visit, _ in pairs]
    found: dict[str, Any] = {"entropy": bootstrap.mean([entropy(given) for _, given in pairs], tasks)}
    if any(visit.q is None for visit, _ in pairs):
        return found
    nats = [optimal_nats(given, visit.optimal) for visit, given in pairs]
    found |= {"kl_optimal": bootstrap.mean(nats, tasks), "unsupported": sum(map(math.isinf, nats))}
    if kind == "optimal":
        totals = per_task(nats, tasks)
        found["trajectory_kl"] = bootstrap.ratio(totals, np.ones(len(totals)))
    choices = [(visit, given) for visit, given in pairs if visit.q is not None and not is_constant(visit.q)]
    return found | (_choices(choices, bootstrap) if choices else {})


def predicted_need(
    visits: Sequence[Visit], log_probs: LogProbs, uniform: LogProbs, bootstrap: Bootstrap
) -> dict[str, Any]:
    """Return the ratio of the episodes that the theory asks for with a prior to those with the uniform prior.

    Source: derived: docs/theory.md §7
    """
    chosen = [i for i, visit in enumerate(visits) if visit.kind == "optimal"]
    tasks = [visits[i].task for i in chosen]
    mine, control = (
        per_task([optimal_nats(given[i], visits[i].optimal) for i in chosen], tasks) for given in (log_probs, uniform)
    )
    return bootstrap.ratio(mine, control)


def divergence(
    visits: Sequence[Visit], stronger: LogProbs, log_probs: LogProbs, bootstrap: Bootstrap
) -> dict[str, dict[str, Any]]:
    """Return how far a policy is from a stronger one, by kind of states.

    ``kl`` is KL(stronger || policy) in nats; ``agreement`` the probability that the policy's most probable action is
    one of the stronger policy's most probable.
    """
    found: dict[str, dict[str, Any]] = {}
    for kind in dict.fromkeys(visit.kind for visit in visits):
        chosen = [i for i, visit in enumerate(visits) if visit.kind == kind]
        tasks = [visits[i].task for i in chosen]
        nats = [float(kl_divergence(stronger[i], log_probs[i])) for i in chosen]
        agree = [coverage(log_probs[i], stronger[i] == stronger[i].max(), 1) for i in chosen]
        found[kind] = {"kl": bootstrap.mean(nats, tasks), "agreement": bootstrap.mean(agree, tasks)}
    return found


def entropy(log_probs: FloatArray) -> float:
    """Return the entropy in nats."""
    supported = log_probs[log_probs > -np.inf]
    return float(-(np.exp(supported) * supported).sum())


def per_task(values: Sequence[float], tasks: Sequence[str]) -> FloatArray:
    """Return the sum of ``values`` of each task, ``[T]``."""
    _, owner = np.unique(tasks, return_inverse=True)
    return sums(owner, values)


def shown(estimate: Estimate) -> dict[str, Any]:
    """Return an estimate as JSON values; an infinite mean stays a float."""
    return {"mean": estimate.mean, "ci95": None if estimate.ci95 is None else list(estimate.ci95)}


def _choices(choices: Sequence[tuple[Visit, FloatArray]], bootstrap: Bootstrap) -> dict[str, Any]:
    tasks = [visit.task for visit, _ in choices]
    stated = np.exp(np.concatenate([given for _, given in choices]))
    right = np.concatenate([visit.optimal for visit, _ in choices])
    return {
        "greedy": bootstrap.mean([float(greedy_share(given, visit.optimal)) for visit, given in choices], tasks),
        "coverage": {
            str(k): bootstrap.mean([coverage(given, visit.optimal, k) for visit, given in choices], tasks) for k in TOP
        },
        "reliability": asdict(reliability(stated, right)),
    }
