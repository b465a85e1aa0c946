"""The price on leaving the prior, where its distance from the optimal policy is known and where it is guessed."""

import math
from dataclasses import dataclass

from planners.linvit.lemmas import largest_kl
from slinvit.types import FloatArray

FIRST_GUESS = 0.1
"""Nats."""


@dataclass(frozen=True)
class Guesses:
    """The prices a run goes through, from high to low.

    Attributes:
        lams: units of return per nat; a run moves on when it is certified at one.
        largest: the most that KL(pi* || prior) can be, in nats; ``nan`` where the price was given.
    """

    lams: tuple[float, ...]
    largest: float = math.nan

    @property
    def last(self) -> int:
        """Index of the lowest price."""
        return len(self.lams) - 1

    @property
    def unknown(self) -> bool:
        """Whether eps_llm is guessed."""
        return not math.isnan(self.largest)

    @classmethod
    def doubling(cls, epsilon: float, log_prior: FloatArray) -> "Guesses":
        """Return epsilon / (2 g) for g = 0.1, 0.2, 0.4, ... nats up to the most that any policy's KL can be.

        Source: derived: docs/theory.md §4
        """
        largest, guesses = largest_kl(log_prior), [FIRST_GUESS]
        while guesses[-1] < largest:
            guesses.append(min(2 * guesses[-1], largest))
        return cls(tuple(epsilon / (2 * guess) for guess in guesses), largest)
