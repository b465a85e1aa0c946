"""How a strategy and a transport talk: a strategy yields requests, is sent what was read from the answers, and returns.

Strategies know no transport and transports no strategy, so each can be tested, and exchanged, without the other.
"""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, TypeAlias, TypeVar

import numpy as np

from priors.remote.transport import Answer, Completer, Request
from slinvit.budget import Budget
from slinvit.errors import PriorError
from slinvit.types import Action, FloatArray, Method, Usage

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Reading:
    """What a strategy found.

    Attributes:
        actions: ``[A]``, at least one.
        scores: ``[A]`` in nats, up to one constant log-probabilities.
        unmatched: share of what the model wrote that is no admissible action, 0 to 1.
    """

    actions: Sequence[Action]
    scores: FloatArray
    unmatched: float = 0.0


Asking: TypeAlias = Generator[list[Request], list[Any], Reading]
"""Yields the requests of a round, is sent what :meth:`Strategy.read` made of each answer."""


class Strategy(Protocol):
    """A way from a server's answers to a distribution over actions."""

    name: ClassVar[str]
    method: ClassVar[Method]
    deterministic: ClassVar[bool]
    open_ended: ClassVar[bool]

    def read(self, request: Request, body: Any) -> Any:
        """Return what one answer says; raises ``PriorError`` where it cannot be an answer to ``request``."""
        ...

    def ask(self, prompt: str, actions: Sequence[Action] | None, *, k: int | None, rng: np.random.Generator) -> Asking:
        """Return the conversation about one state; ``actions`` is ``None`` where any text may be typed.

        Raises:
            PriorError: what was read is no distribution.
            InputError: this strategy cannot do what is asked.
        """
        ...


def converse(
    strategy: Strategy, conversations: Sequence[Asking], transport: Completer, budget: Budget, *, insist: bool = True
) -> list[tuple[Reading, Usage]]:
    """Return what each conversation found and the tokens it took; all of them advance together, a batch per round.

    Args:
        strategy: of all conversations.
        conversations: not started yet.
        transport: to the server.
        budget: charged for every request.
        insist: let the transport ask again for an answer that cannot be read.

    Raises:
        PriorError: an answer that cannot be read, or none, or answers that are no distribution.
    """
    read, found = reader(strategy.read), dict[int, Reading]()
    usages = [Usage(llm_calls=1)] * len(conversations)
    replies: dict[int, list[Any] | None] = dict.fromkeys(range(len(conversations)))
    while replies:
        asked = {}
        for i, reply in replies.items():
            try:
                # A generator that has not started can only be sent None.
                asked[i] = conversations[i].send(reply)  # type: ignore[arg-type]
            except StopIteration as end:
                found[i] = end.value
        requests = [request for listed in asked.values() for request in listed]
        answers = iter(transport.complete(requests, budget=budget, check=read if insist else None) if requests else [])
        replies = {}
        for i, listed in asked.items():
            own = [next(answers) for _ in listed]
            usages[i] = _total(usages[i], own)
            replies[i] = [read(request, each.json()) for request, each in zip(listed, own, strict=True)]
    return [(found[i], usage) for i, usage in enumerate(usages)]


def reader(read: Callable[[Request, Any], T]) -> Callable[[Request, Any], T]:
    """Return ``read``, failing with ``PriorError`` only, whatever has come back."""

    def careful(request: Request, body: Any) -> T:
        try:
            return read(request, body)
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise PriorError(f"an answer of another form: {type(error).__name__}: {error}") from error

    return careful


def _total(usage: Usage, answers: Sequence[Answer]) -> Usage:
    return Usage(
        usage.llm_calls,
        usage.prompt_tokens + sum(answer.usage.prompt_tokens for answer in answers),
        usage.tokens_forwarded,
        usage.completion_tokens + sum(answer.usage.completion_tokens for answer in answers),
    )


__all__ = ["Asking", "Reading", "Strategy", "converse", "reader"]
