"""What travels to a remote model and back: plain data."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, Protocol, TypeAlias

from slinvit.budget import Budget
from slinvit.types import Usage

Endpoint: TypeAlias = Literal["completions", "chat", "score", "models"]

PATHS: Mapping[Endpoint, str] = {
    "completions": "/completions",
    "chat": "/chat/completions",
    "score": "/score",
    "models": "/models",
}
"""Where an endpoint is, below the base URL (which ends in ``/v1``); ``models`` is read with GET, all others posted."""


@dataclass(frozen=True)
class Request:
    """What is asked, and nothing else: equal requests have one answer.

    Attributes:
        endpoint: which of :data:`PATHS`.
        body: canonical JSON; build it with :meth:`of`.
        draw: which of many independent draws is wanted, where the answer is drawn at random. Take it from the ``rng``
            of the call, so that the same seed asks for the same draw, whenever and in whatever order; 0 for answers
            that are not drawn.
    """

    endpoint: Endpoint
    body: str
    draw: int = 0

    @classmethod
    def of(cls, endpoint: Endpoint, body: Mapping[str, Any], *, draw: int = 0) -> "Request":
        """Return the request for ``body``, JSON values; raises ``ValueError`` for NaN and infinities."""
        return cls(endpoint, canonical(body), draw)

    @cached_property
    def key(self) -> str:
        """64 hex digits; equal requests, equal keys."""
        return hashlib.sha256(f"{self.endpoint}\n{self.draw}\n{self.body}".encode()).hexdigest()

    def json(self) -> Any:
        """Return the body as JSON values."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Answer:
    """What came back.

    Attributes:
        body: the JSON object of the server, as text.
        usage: tokens as the server counted them; ``llm_calls`` is 1.
        usd: price by the price table.
        from_store: nothing was sent for it now.
    """

    body: str
    usage: Usage = field(default_factory=Usage)
    usd: float = 0.0
    from_store: bool = False

    def json(self) -> Any:
        """Return the body as JSON values."""
        return json.loads(self.body)


Check: TypeAlias = Callable[[Request, Any], None]
"""Gets a request and the JSON that came back; raises :class:`slinvit.errors.PriorError` where that cannot be right."""


class Completer(Protocol):
    """What strategies, the probe, the critic and tests need of a transport."""

    def complete(self, requests: Sequence[Request], *, budget: Budget, check: Check | None = None) -> list[Answer]:
        """Return one answer per request, in order.

        Books tokens and usd into ``budget``, the same whether an answer is new or from the store; whoever asks books
        ``llm_calls``, one per state, before.

        Args:
            requests: equal ones are sent once.
            budget: charged for every request.
            check: what must hold of a new answer: one that fails is asked again, and not kept.

        Raises:
            RemoteError: a request that failed for good; ``.status`` says with which HTTP status, if any. Answers that
                arrived are in the store.
            LimitReached: a hard limit of the run would be passed; the request was not sent.
            RecordError: the store cannot be used, or a replay has no such answer.
        """
        ...


def canonical(body: Mapping[str, Any]) -> str:
    """Return ``body`` as JSON that is the same text for equal values: sorted keys, no spaces, no NaN."""
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


__all__ = ["PATHS", "Answer", "Check", "Completer", "Endpoint", "Request", "canonical"]
