"""A model at a server while it is being probed: questions whose answers are known, and what refusals mean."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import numpy as np

from priors.remote.asking import Strategy, converse, reader
from priors.remote.evidence import Lacking
from priors.remote.logprobs import Top, first_token
from priors.remote.manners import OPENAI
from priors.remote.options import Options
from priors.remote.speaker import Speaker
from priors.remote.tokens import BUNDLED
from priors.remote.transport import Completer, RemoteError, Request
from priors.templates import BLOCKSWORLD
from slinvit.budget import Budget
from slinvit.errors import InputError, PriorError, RecordError
from slinvit.types import FloatArray

T = TypeVar("T")

PROMPT = BLOCKSWORLD.format(
    observation="the red block is clear, the orange block is clear, the hand is empty, the red block is on top of the "
    "blue block, the blue block is on the table, the orange block is on the table",
    goal="the blue block is on top of the orange block",
)
CERTAIN = "unstack the red block from on top of the blue block"
ABSURD = "stack the orange block on top of the orange block"

REFUSALS = frozenset({400, 404, 405, 413, 422, 501})
"""Statuses that say that a server cannot do something."""

CHAT_TOKENS = 1024
"""Tokens of an answer in a chat, thinking included."""


@dataclass(frozen=True)
class Backend:
    """A model at a server, and how it is wanted.

    Attributes:
        transport: to the server.
        url: base URL.
        model: name there.
        options: of the prior.
    """

    transport: Completer
    url: str
    model: str
    options: Options

    @cached_property
    def has_tokenizer(self) -> bool:
        """Whether a tokenizer is named, or known without a name."""
        return self.options.tokenizer is not None or self.model == BUNDLED

    def ask(self, request: Request, capability: str) -> Any:
        """Return the JSON that came back; raises :class:`Lacking` where the server refuses."""
        try:
            return self.transport.complete([request], budget=Budget())[0].json()
        except RemoteError as error:
            raise _refused(error, capability) from error

    def top(self, request: Request, capability: str) -> Top:
        """Return the most probable next tokens; raises :class:`Lacking` where the server does not show them."""
        return self.read(lambda _, body: first_token(body), request, capability)

    def read(self, read: Callable[[Request, Any], T], request: Request, capability: str) -> T:
        """Return what ``read`` makes of the answer; raises :class:`Lacking` where it cannot read it."""
        body = self.ask(request, capability)
        try:
            return reader(read)(request, body)
        except PriorError as error:
            raise Lacking(capability, error) from error

    def scores(self, strategy: Strategy, capability: str, actions: Sequence[str] = (CERTAIN, ABSURD)) -> FloatArray:
        """Return ``[2]`` what ``strategy`` finds for the certain and the absurd action."""
        asking = strategy.ask(PROMPT, actions, k=None, rng=np.random.default_rng(0))
        try:
            ((reading, _),) = converse(strategy, [asking], self.transport, Budget(), insist=False)
        except RemoteError as error:
            raise _refused(error, capability) from error
        except RecordError:
            raise
        except (PriorError, InputError) as error:
            raise Lacking(capability, error) from error
        return reading.scores

    def speakers(self) -> list[Speaker]:
        """Return the ways to speak to the model, preferred first."""
        chat = Speaker(self.model, "chat", "max_completion_tokens" if self.url == OPENAI else "max_tokens")
        ways = [chat, Speaker(self.model, "completions")]
        return [way for way in ways if self.options.endpoint in (None, way.way)]

    def longest(self, speaker: Speaker, written: int) -> int:
        """Return the most tokens of an answer that takes ``written`` tokens where nothing is said around it."""
        return self.options.answer_tokens or (CHAT_TOKENS if speaker.way == "chat" else written)

    def tops(self) -> Sequence[int]:
        """Return how many of the most probable tokens may be asked for, preferred first."""
        return (20, 5) if self.options.top is None else (self.options.top,)


def _refused(error: RemoteError, capability: str) -> Exception:
    """Return what ``error`` means: that the server cannot, or else itself."""
    wrong = error.status is None and error.reason.startswith("an answer")
    if error.status in REFUSALS or wrong:
        return Lacking(capability, f"HTTP {error.status}: {error.reason}" if error.status else error.reason)
    return error


__all__ = ["ABSURD", "CERTAIN", "PROMPT", "Backend"]
