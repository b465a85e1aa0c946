"""What is asked of an engine and what it answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from slinvit.errors import InputError
from slinvit.types import FloatArray

MOST_REMEMBERED = 1 << 19
"""Hashes of tokens that an engine keeps, for its counters only, of what it dropped; about 40 MB."""


@dataclass(frozen=True, slots=True)
class Request:
    """Score some continuations of one text.

    Attributes:
        prompt: token ids, at least one.
        tails: at least one, each of at least one token id behind the prompt.

    Raises:
        InputError: an empty prompt, no tails, or an empty tail.
    """

    prompt: Sequence[int]
    tails: Sequence[Sequence[int]]

    def __post_init__(self) -> None:
        if not min(len(self.prompt), len(self.tails), *map(len, self.tails)):
            raise InputError(
                "to score needs a prompt of one token at least and continuations of one at least; give both"
            )


@dataclass(frozen=True, eq=False, slots=True)
class Answer:
    """The answer to a :class:`Request`.

    Attributes:
        log_probs: ``[K]`` log p(tail | prompt) in nats, summed over tokens.
        tokens_forwarded: tokens computed for it; one that several requests of a call need is charged to the first.
    """

    log_probs: FloatArray
    tokens_forwarded: int


@dataclass(frozen=True, slots=True)
class Counters:
    """Tokens since the cache was empty.

    Attributes:
        forwarded: that the model really computed.
        distinct: different ones, each with all in front of it, that answering needed: the fewest any engine computes.
            Where an engine dropped more than :data:`MOST_REMEMBERED` of them from its memory: an upper bound of that.
    """

    forwarded: int = 0
    distinct: int = 0

    def __add__(self, other: "Counters") -> "Counters":
        return Counters(self.forwarded + other.forwarded, self.distinct + other.distinct)


class Engine(Protocol):
    """Exact log-probabilities of token sequences, with a memory for what was forwarded before.

    Engines are not thread-safe: one thread at a time.
    """

    def score(self, requests: Sequence[Request]) -> list[Answer]:
        """Return one answer per request, in their order."""
        ...

    def next_token(self, texts: Sequence[Sequence[int]]) -> FloatArray:
        """Return ``[B, V]`` log p(next token | text) in nats; extending a text by a token forwards that token only."""
        ...

    def counters(self) -> Counters:
        """Return what was forwarded since the last :meth:`clear`."""
        ...

    def clear(self) -> None:
        """Forget everything; the same calls afterwards give the same bits as on a new engine."""
        ...
