"""What shows that log-probabilities are made up, or belong to other tokens than they are said to."""

import math
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

from priors.remote.logprobs import Top
from slinvit.types import FloatArray

T = TypeVar("T")
R = TypeVar("R")

NOISE = 0.5
"""In nats: by how much one log-probability may differ between two ways to ask, in half precision."""


class Lacking(Exception):
    """Raised where a server lacks a capability."""

    def __init__(self, capability: str, detail: object) -> None:
        super().__init__(f"{capability}: {' '.join(str(detail).split())}")

    @classmethod
    def all_of(cls, reasons: "Sequence[Lacking]") -> "Lacking":
        """Return the first of ``reasons`` with what the others add."""
        first, *others = dict.fromkeys(map(str, reasons))
        capability, _, detail = first.partition(": ")
        return cls(capability, "; ".join((detail, *others)))


def check_scores(scores: FloatArray, capability: str) -> None:
    """Raise :class:`Lacking` where two different candidates get ``[2]`` scores that no model gives."""
    if not scores.any():
        raise Lacking(capability, "the server answers 0 for every token")
    if scores[0] == scores[1]:
        raise Lacking(capability, f"the server answers the same for every candidate, {scores[0]:.4g} nats")


def check_swapped(scores: FloatArray, swapped: FloatArray, capability: str) -> None:
    """Raise :class:`Lacking` where ``[2]`` scores do not follow their candidates."""
    if np.abs(scores - swapped[::-1]).max() > NOISE:
        raise Lacking(capability, "scores change places with their candidates' order (shifted)")


def check_tokens(log_probs: Sequence[float | None], capability: str) -> None:
    """Raise :class:`Lacking` where all tokens of a text, but for the first, are equally probable."""
    values = {value for value in log_probs[1:] if value is not None}
    if len(values) == 1:
        (value,) = values
        raise Lacking(
            capability, f"the server answers {f'the same, {value:.4g} nats,' if value else 0} for every token"
        )


def check_top(top: Top, capability: str) -> None:
    """Raise :class:`Lacking` where the most probable tokens are no part of a distribution."""
    values = list(top.texts.values()) or list(top.ids.values())
    if len(values) < 2:
        raise Lacking(capability, f"the server shows {len(values)} of the most probable tokens, not more")
    if not any(values):
        raise Lacking(capability, "the server answers 0 for every token")
    if len(set(values)) == 1:
        raise Lacking(capability, f"the server answers the same for every token, {values[0]:.4g} nats")
    if math.fsum(map(math.exp, values)) > 1.05:
        raise Lacking(capability, "the probabilities of different tokens add up to more than 1")


def check_same(in_prompt: float, generated: float, capability: str) -> None:
    """Raise :class:`Lacking` where a token has another log-probability in a prompt than where it is generated."""
    if abs(in_prompt - generated) > NOISE:
        raise Lacking(
            capability,
            f"shifted: the same token has {in_prompt:.4g} nats in a prompt and {generated:.4g} where it is generated",
        )


def check_greedy(best: float, other: float, capability: str) -> None:
    """Raise :class:`Lacking` where the token that a model prefers is less probable than another one."""
    if other > best + NOISE:
        raise Lacking(
            capability,
            f"shifted: the model's own choice has {best:.4g} nats, another token {other:.4g} at the same place",
        )


def first_working(candidates: Sequence[T], tried: Callable[[T], R]) -> tuple[T, R]:
    """Return the first of ``candidates`` that does not lack anything, with what ``tried`` returned for it."""
    reasons = []
    for candidate in candidates:
        try:
            return candidate, tried(candidate)
        except Lacking as error:
            reasons.append(error)
    raise Lacking.all_of(reasons)


__all__ = [
    "NOISE",
    "Lacking",
    "check_greedy",
    "check_same",
    "check_scores",
    "check_swapped",
    "check_tokens",
    "check_top",
    "first_working",
]
