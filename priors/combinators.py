"""Priors made from priors."""

import math
from collections.abc import Generator, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np

from slinvit.budget import Budget
from slinvit.errors import InputError
from slinvit.protocols import Prior
from slinvit.types import Action, ActionDistribution, FloatArray, State, Task, Usage, taken_before


@dataclass(frozen=True)
class _Wrapper:
    prior: Prior

    @property
    def deterministic(self) -> bool:
        """Whether equal states get equal answers whatever the generator."""
        return is_deterministic(self.prior)

    @property
    def batched(self) -> bool:
        """Whether a larger batch costs less per state."""
        return is_batched(self.prior)

    def fresh(self) -> Prior:
        """Return an equal prior that has computed nothing yet."""
        return replace(self, prior=fresh(self.prior))

    def provenance(self) -> Mapping[str, Any]:
        """Return what the prior inside says of itself."""
        return provenance(self.prior)

    def propose(
        self, states: Sequence[State], *, k: int | None = None, budget: Budget, rng: np.random.Generator
    ) -> list[ActionDistribution]:
        """Return the prior's distributions, each changed by this combinator."""
        inner = self.prior.propose(states, k=k, budget=budget, rng=rng)
        return [self._change(state, given) for state, given in zip(states, inner, strict=True)]

    def situation(self, state: State) -> Hashable:
        """Return what the answer depends on; equal situations get equal answers."""
        return situation(self.prior, state)

    def draws(self, state: State) -> bool:
        """Say whether the answer in ``state`` is drawn at random."""
        return not is_deterministic(self.prior, [state])

    def _change(self, state: State, given: ActionDistribution) -> ActionDistribution:
        raise NotImplementedError


@dataclass(frozen=True)
class Tempered(_Wrapper):
    """p ** (1 / temperature), normalised: above 1 flatter, below 1 sharper."""

    temperature: float

    def __post_init__(self) -> None:
        if not 0 < self.temperature < math.inf:
            raise InputError(f"the temperature of a prior must be positive and finite, not {self.temperature}")

    def _change(self, state: State, given: ActionDistribution) -> ActionDistribution:
        return _with_scores(given, given.log_probs / self.temperature)


@dataclass(frozen=True)
class MixedWithUniform(_Wrapper):
    """(1 - weight) p + weight uniform: full support, at most weight away from p in total variation."""

    weight: float

    def __post_init__(self) -> None:
        if not 0 <= self.weight <= 1:
            raise InputError(f"the weight of the uniform part must be between 0 and 1, not {self.weight}")

    def _change(self, state: State, given: ActionDistribution) -> ActionDistribution:
        with np.errstate(divide="ignore"):
            scores = np.log((1 - self.weight) * given.probs + self.weight / len(given.actions))
        return _with_scores(given, scores)


@dataclass(frozen=True)
class Adversarial(_Wrapper):
    """1 / p, normalised: what the prior finds likely is unlikely, and the other way round; a control."""

    def _change(self, state: State, given: ActionDistribution) -> ActionDistribution:
        return _with_scores(given, np.where(np.isneginf(given.log_probs), -np.inf, -given.log_probs))


@dataclass(frozen=True)
class Metered(_Wrapper):
    """Counts one ``llm_calls`` per state, as a language model in the prior's place would; answers do not change."""

    def propose(
        self, states: Sequence[State], *, k: int | None = None, budget: Budget, rng: np.random.Generator
    ) -> list[ActionDistribution]:
        """Return the prior's distributions, paid for."""
        budget.spend(llm_calls=len(states))
        return super().propose(states, k=k, budget=budget, rng=rng)

    def _change(self, state: State, given: ActionDistribution) -> ActionDistribution:
        return replace(given, usage=replace(given.usage, llm_calls=given.usage.llm_calls + 1))


@dataclass(frozen=True)
class MaskVisited(_Wrapper):
    """Excludes actions already taken in this episode when the observation was the one seen now.

    Needs no simulator. Where every action has been tried nothing is excluded.
    """

    def situation(self, state: State) -> Hashable:
        """Return what the answer depends on: also the actions already tried here."""
        return situation(self.prior, state), taken_before(state)

    def _change(self, state: State, given: ActionDistribution) -> ActionDistribution:
        tried = taken_before(state)
        scores = np.where([action in tried for action in given.actions], -np.inf, given.log_probs)
        return given if np.isneginf(scores).all() else _with_scores(given, scores)


Recall: TypeAlias = Generator[list[State], Any, list[ActionDistribution]]
"""Yields states it does not know, is sent their distributions, and returns those of all."""


class Remembering:
    """Asks a deterministic prior once per distinct situation; a remembered answer costs nothing.

    Where the prior draws at random nothing is remembered.

    Meant to live as long as one episode, and to belong to it alone: its ledger then does not depend on others.
    """

    def __init__(self, prior: Prior) -> None:
        self.prior = prior
        self.deterministic = is_deterministic(prior)
        self._known: dict[Hashable, ActionDistribution] = {}
        self._said: dict[Hashable, ActionDistribution] = {}

    def draws(self, state: State) -> bool:
        """Say whether the answer in ``state`` is drawn at random."""
        return not is_deterministic(self.prior, [state])

    def said(self, task: Task, history: Sequence[tuple[Action, str]]) -> ActionDistribution | None:
        """Return the newest answer in an open-ended world after ``history``; ``None`` where nobody asked."""
        return self._said.get((task.id, tuple(history)))

    def propose(
        self, states: Sequence[State], *, k: int | None = None, budget: Budget, rng: np.random.Generator
    ) -> list[ActionDistribution]:
        """Return the prior's distributions, asking only about situations not seen before."""
        recall, answers = self.recall(states, k), None
        while True:
            try:
                unknown = recall.send(answers)
            except StopIteration as end:
                known: list[ActionDistribution] = end.value
                return known
            answers = self.prior.propose(unknown, k=k, budget=budget, rng=rng)

    def recall(self, states: Sequence[State], k: int | None = None) -> Recall:
        """Do what :meth:`propose` does, but let the caller ask the prior: at most once, and only what is not known."""
        found = yield from self._recall(states, k)
        for state, answer in zip(states, found, strict=True):
            if state.actions is None:
                self._said[state.task.id, state.history] = answer
        return found

    def _recall(self, states: Sequence[State], k: int | None) -> Recall:
        if not is_deterministic(self.prior, states):
            drawn: list[ActionDistribution] = yield list(states)
            return drawn
        # Where any text may be typed, the answer also depends on how many actions were asked for.
        situations = [(situation(self.prior, state), k if state.actions is None else None) for state in states]
        new = {seen: state for seen, state in zip(situations, states, strict=True) if seen not in self._known}
        if not new:
            return [self._known[seen] for seen in situations]
        paid = dict(zip(new, (yield list(new.values())), strict=True))
        self._known.update({seen: replace(answer, usage=Usage()) for seen, answer in paid.items()})
        return [paid.pop(seen) if seen in paid else self._known[seen] for seen in situations]


def remember(prior: Prior) -> Prior:
    """Return ``prior`` with a memory of its own; make one per episode."""
    return Remembering(prior)


def is_deterministic(prior: Prior, states: Sequence[State] = ()) -> bool:
    """Say whether equal states always get equal answers, ``states`` among them.

    Priors that do not say so by ``deterministic`` are taken to draw at random; one that draws in some states only says
    in which by a method ``draws(state)``, and is asked about ``states``.
    """
    draws = getattr(prior, "draws", None)
    return bool(getattr(prior, "deterministic", False)) and not (callable(draws) and any(map(draws, states)))


def is_batched(prior: Prior) -> bool:
    """Say whether a larger batch costs ``prior`` less per state; priors that do not say are taken to gain nothing."""
    return bool(getattr(prior, "batched", False))


def fresh(prior: Prior) -> Prior:
    """Return an equal prior that has computed nothing yet; one that does not say how keeps nothing, or not by state."""
    renewed = getattr(prior, "fresh", None)
    result: Prior = renewed() if callable(renewed) else prior
    return result


def situation(prior: Prior, state: State) -> Hashable:
    """Return what the answer of ``prior`` in ``state`` depends on; priors that do not say may read everything."""
    reads = getattr(prior, "situation", None)
    return reads(state) if callable(reads) else (state.observation, state.history, state.actions)


def provenance(prior: Prior) -> Mapping[str, Any]:
    """Return what identifies the model behind ``prior`` (name, hashes, versions), as far as it says so."""
    says = getattr(prior, "provenance", None)
    return says() if callable(says) else {}


def _with_scores(given: ActionDistribution, scores: FloatArray) -> ActionDistribution:
    changed = ActionDistribution.normalised(given.actions, scores, method=given.method, usage=given.usage)
    return replace(changed, unmatched=given.unmatched)
