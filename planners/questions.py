"""What a search may ask, and the searches themselves as generators: they ask and are told.

A search never calls a model or a world. It yields a question and is sent the answer, so whoever drives it decides
where the answer comes from, and many searches can share one model batch. A driver that cannot answer within the budget
throws :class:`slinvit.errors.BudgetExceeded` into the search, which may still ask something cheaper before it returns.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from slinvit.tree import Plan
from slinvit.types import Action, ActionDistribution, FloatArray, State, Transition


@dataclass(frozen=True, slots=True)
class Propose:
    """Wants one ``ActionDistribution`` per state; ``k`` as in :meth:`slinvit.protocols.Prior.propose`."""

    states: Sequence[State]
    k: int | None = None


@dataclass(frozen=True, slots=True)
class Simulate:
    """Wants one ``Transition`` per pair of state and action."""

    states: Sequence[State]
    actions: Sequence[Action]


@dataclass(frozen=True, slots=True)
class Estimate:
    """Wants ``[B]`` values, one per state."""

    states: Sequence[State]


Question: TypeAlias = Propose | Simulate | Estimate

Search: TypeAlias = Generator[Question, Any, Plan]
"""A search under way."""

T = TypeVar("T")
Asking: TypeAlias = Generator[Question, Any, T]
"""A part of a search that ends with a ``T``; used with ``yield from``."""


def propose(states: Sequence[State], k: int | None = None) -> Asking[list[ActionDistribution]]:
    """Ask the prior; an empty batch is not asked."""
    answer: list[ActionDistribution] = (yield Propose(states, k)) if states else []
    return answer


def simulate(states: Sequence[State], actions: Sequence[Action]) -> Asking[list[Transition]]:
    """Ask the simulator; an empty batch is not asked."""
    answer: list[Transition] = (yield Simulate(states, actions)) if states else []
    return answer


def estimate(states: Sequence[State]) -> Asking[list[float]]:
    """Ask for values; an empty batch is not asked."""
    answer: FloatArray | None = (yield Estimate(states)) if states else None
    return [] if answer is None else answer.tolist()
