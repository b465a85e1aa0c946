"""How texts are drawn from a model, token by token."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from slinvit.errors import InputError
from slinvit.types import FloatArray


@dataclass(frozen=True)
class Sampling:
    """How proposals are drawn.

    Attributes:
        draw_temperature: of every next-token distribution: above 1 more varied, below 1 less.
        top_p: draw only from the most probable tokens that together have this probability.
        max_new_tokens: longest proposal, terminator included; a longer draw is dropped.
        proposals: distinct texts wanted per state where the caller does not say.
        max_draws: most draws per state, dropped and repeated ones included; None: 4 for every proposal wanted.

    Raises:
        InputError: a number outside its range.
    """

    draw_temperature: float = 1.0
    top_p: float = 1.0
    max_new_tokens: int = 64
    proposals: int = 8
    max_draws: int | None = None

    def __post_init__(self) -> None:
        if not 0 < self.draw_temperature < np.inf:
            raise InputError(f"draw_temperature={self.draw_temperature}: must be positive and finite")
        if not 0 < self.top_p <= 1:
            raise InputError(f"top_p={self.top_p}: must be above 0 and at most 1")
        for name in ("max_new_tokens", "proposals", "max_draws"):
            if (number := getattr(self, name)) is not None and number < 1:
                raise InputError(f"{name}={number}: must be 1 or more")

    def shape(self, log_probs: FloatArray) -> FloatArray:
        """Return the probabilities ``[V]`` that are drawn from."""
        probs: FloatArray = np.exp((log_probs - log_probs.max()) / self.draw_temperature)
        probs /= probs.sum()
        if self.top_p < 1:
            order = np.argsort(-probs, kind="stable")
            above = np.cumsum(probs[order]) - probs[order]
            probs[order[above >= self.top_p]] = 0.0
        return probs


def sampling_from(options: Mapping[str, str]) -> Sampling:
    """Return the sampling that options of a prior ask for; raises ``InputError``."""
    given: dict[str, Any] = {}
    for field in fields(Sampling):
        if field.name in options:
            kind = float if field.name in ("draw_temperature", "top_p") else int
            try:
                given[field.name] = kind(options[field.name])
            except ValueError:
                raise InputError(f"{field.name}={options[field.name]}: must be a number") from None
    return Sampling(**given)
