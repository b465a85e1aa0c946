"""Priors made from priors."""

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from slinvit.budget import Budget
from slinvit.errors import InputError
from slinvit.protocols import Prior
from slinvit.types import ActionDistribution, FloatArray, State, Usage, taken_before


@dataclass(frozen=True)
class _Wrapper:
    prior: Prior

    @property
    def deterministic(self) -> bool:
        """Whether equal states get equal answers whatever the generator."""
        return is_deterministic(self.prior)

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


class Remembering:
    """Asks a deterministic prior once per distinct situation; a remembered answer costs nothing.

    Meant to live as long as one episode, so that the ledger of an episode does not depend on other episodes.
    """

    def __init__(self, prior: Prior) -> None:
        self.prior = prior
        self.deterministic = is_deterministic(prior)
        self._known: dict[Hashable, ActionDistribution] = {}

    def propose(
        self, states: Sequence[State], *, k: int | None = None, budget: Budget, rng: np.random.Generator
    ) -> list[ActionDistribution]:
        """Return the prior's distributions, asking only about situations not seen before."""
        if not self.deterministic:
            return self.prior.propose(states, k=k, budget=budget, rng=rng)
        # Where any text may be typed, the answer also depends on how many actions were asked for.
        situations = [(situation(self.prior, state), k if state.actions is None else None) for state in states]
        new = {seen: state for seen, state in zip(situations, states, strict=True) if seen not in self._known}
        if not new:
            return [self._known[seen] for seen in situations]
        fresh = dict(zip(new, self.prior.propose(list(new.values()), k=k, budget=budget, rng=rng), strict=True))
        self._known.update({seen: replace(answer, usage=Usage()) for seen, answer in fresh.items()})
        return [fresh.pop(seen) if seen in fresh else self._known[seen] for seen in situations]


def remember(prior: Prior) -> Prior:
    """Return ``prior`` with a memory of its own; make one per episode."""
    return Remembering(prior)


def is_deterministic(prior: Prior) -> bool:
    """Say whether equal states always get equal answers; priors that do not say are taken to draw at random."""
    return bool(getattr(prior, "deterministic", False))


def situation(prior: Prior, state: State) -> Hashable:
    """Return what the answer of ``prior`` in ``state`` depends on; priors that do not say may read everything."""
    reads = getattr(prior, "situation", None)
    return reads(state) if callable(reads) else (state.observation, state.history, state.actions)


def provenance(prior: Prior) -> Mapping[str, Any]:
    """Return what identifies the model behind ``prior`` (name, hashes, versions), as far as it says so."""
    says = getattr(prior, "provenance", None)
    return says() if callable(says) else {}


def _with_scores(given: ActionDistribution, scores: FloatArray) -> ActionDistribution:
    return ActionDistribution.normalised(given.actions, scores, method=given.method, usage=given.usage)
