"""Learning to tell good InterCode answers from bad ones: what was proposed elsewhere, and what it earned."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np

import priors
from agent.bench import load_domain, load_instances, simulating
from agent.settings import Settings
from envs.intercode.graded import SOLVED
from slinvit.budget import Budget
from slinvit.errors import InputError
from slinvit.protocols import Grader, Prior, Simulator
from slinvit.rng import generator
from slinvit.types import FloatArray, State
from value_estimators.intercode.agreement import Agreement
from value_estimators.intercode.features import Features, features, names
from value_estimators.intercode.learned import AnswerValue, Weights, judged
from value_estimators.intercode.turn import turns


@dataclass(frozen=True)
class Example:
    """A proposal that was executed.

    Attributes:
        task: id.
        place: database or file system of its task.
        ran: a value that is learned is asked about it; an error of SQL is worth 0 without learning.
        features: what the value will read.
        success: submitting it earns a reward of 1.
    """

    task: str
    place: str
    ran: bool
    features: Features
    success: bool


def examples(settings: Settings) -> Iterator[Example]:
    """Yield every first command that the prior of ``settings`` proposes for its tasks, executed and graded.

    Raises:
        InputError: the settings cannot be run, or the world has no grader.
    """
    prior = priors.build(settings.prior, run=settings.remote)
    domain = load_domain(settings)
    for instance in load_instances(settings):
        with simulating(settings, domain, instance) as simulator, closing(domain.environment(instance)) as env:
            start = env.reset(seed=settings.seed)
            rng = generator(settings.seed, instance.task.id)
            yield from _tried(start, simulator, priors.Remembering(prior), rng)


def _tried(start: State, simulator: Simulator, prior: Prior, rng: np.random.Generator) -> Iterator[Example]:
    if not isinstance(simulator, Grader):
        raise InputError(f"task {start.task.id!r}: its world grades no answers, so nothing can be learned from them")
    budget, votes = Budget(), Agreement(prior)
    (proposal,) = prior.propose([start], budget=budget, rng=rng)
    moved = simulator.step([start] * len(proposal.actions), proposal.actions, budget=budget)
    states = [transition.state for transition in moved]
    found = turns(states, "learned-answer")
    agreed = votes.shares([start.task] * len(found), found).tolist()
    rewards = simulator.grade(states, budget=budget).tolist()
    place = str(start.task.metadata.get("place", ""))
    for turn, share, reward in zip(found, agreed, rewards, strict=True):
        read = features(turn, votes.mass(start.task, turn), share)
        yield Example(start.task.id, place, judged(turn), read, reward >= SOLVED)


def learn(domain: str, found: Sequence[Example], *, folds: int, ridge: float, card: Mapping[str, Any]) -> AnswerValue:
    """Return weights learned from all places, and for each fold of places those learned from the others.

    Args:
        domain: name of the world.
        found: what to learn from; those that did not run are left out.
        folds: most folds; a place is in one of them, the largest places are spread first.
        ridge: weight of half the squared norm of the standardised weights, in units of one example's log-loss.
        card: how it was made.

    Raises:
        InputError: fewer than two places, or no successes or no failures among the others of some fold.
    """
    found = [example for example in found if example.ran]
    sizes = Counter(example.place for example in found)
    if len(sizes) < 2:
        raise InputError(f"learning for other places needs examples of two places or more, found {len(sizes)}")
    members = _folds(sizes, folds)
    fold_of = {place: number for number, places in enumerate(members) for place in places}
    without = [fit(domain, [each for each in found if each.place not in places], ridge) for places in members]
    return AnswerValue(domain, fit(domain, found, ridge), tuple(without), fold_of, card)


def fit(domain: str, found: Sequence[Example], ridge: float) -> Weights:
    """Return the weights of least log-loss plus ``ridge`` times half their squared norm, the bias left out.

    The norm is of weights of standardised features; those returned are of the features as they are.
    """
    labels = np.array([example.success for example in found], dtype=np.float64)
    if not 0 < labels.sum() < len(labels):
        raise InputError(f"{len(found)} examples with {int(labels.sum())} successes: learning needs both kinds")
    order = names(domain)
    inputs = np.array([[example.features[name] for name in order] for example in found])
    mean, scale = inputs.mean(axis=0), inputs.std(axis=0)
    scale[scale < 1e-9] = 1.0
    solution = _minimised((inputs - mean) / scale, labels, ridge)
    weights = solution[1:] / scale
    bias = float(solution[0] - weights @ mean)
    return Weights(bias, dict(zip(order, weights.tolist(), strict=True)))


def log_loss(solution: FloatArray, inputs: FloatArray, labels: FloatArray, ridge: float) -> tuple[float, FloatArray]:
    """Return the regularised sum of log-losses in nats, and its gradient ``[1 + F]``; ``solution[0]`` is the bias."""
    margins = (inputs @ solution[1:] + solution[0]) * (2 * labels - 1)
    pull = -(2 * labels - 1) * np.exp(-np.logaddexp(0.0, margins))
    loss = np.logaddexp(0.0, -margins).sum() + ridge / 2 * (solution[1:] ** 2).sum()
    return float(loss), np.concatenate([[pull.sum()], inputs.T @ pull + ridge * solution[1:]])


def _minimised(inputs: FloatArray, labels: FloatArray, ridge: float) -> FloatArray:
    from scipy.optimize import minimize

    start = np.zeros(1 + inputs.shape[1])
    found = minimize(log_loss, start, args=(inputs, labels, ridge), jac=True, method="L-BFGS-B", tol=1e-10)
    return np.asarray(found.x)


def _folds(sizes: Mapping[str, int], folds: int) -> list[list[str]]:
    members: list[list[str]] = [[] for _ in range(min(folds, len(sizes)))]
    for place in sorted(sizes, key=lambda place: (-sizes[place], place)):
        min(members, key=lambda places: sum(sizes[each] for each in places)).append(place)
    return members
