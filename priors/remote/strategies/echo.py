"""``echo``: the server repeats prompt and candidate with the log-probability of every token."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, ClassVar

import numpy as np

from priors.remote import logprobs
from priors.remote.asking import Asking, Reading
from priors.remote.logprobs import is_fragment
from priors.remote.strategies.sharing import shared
from priors.remote.tokens import Tokens
from priors.remote.transport import Request
from slinvit.errors import PriorError
from slinvit.types import Action, Method

BEHIND = 1
"""Tokens to generate behind the text, which are not looked at: some servers refuse 0, others break down."""


@dataclass(frozen=True)
class Echo:
    """Exact log p(action, terminator | prompt), one request per action.

    All candidates are scored from the first token in which any two differ: what they share cancels, whatever the
    tokenizer makes of the place where prompt and candidate meet.

    Attributes:
        model: name at the server.
        terminator: ends a candidate, so that none is the beginning of another.
        tokens: tokenizer, to send token ids instead of text.
    """

    model: str
    terminator: str = "\n"
    tokens: Tokens | None = None
    name: ClassVar[str] = "echo"
    method: ClassVar[Method] = "exact"
    deterministic: ClassVar[bool] = True
    open_ended: ClassVar[bool] = False

    def request(self, prompt: str | Sequence[int]) -> Request:
        """Return the request for one text, or its token ids."""
        return Request.of(
            "completions",
            {
                "model": self.model,
                "prompt": prompt if isinstance(prompt, str) else list(prompt),
                "max_tokens": BEHIND,
                "echo": True,
                "logprobs": 1,
                "temperature": 1,
            },
        )

    def read(self, request: Request, body: Any) -> logprobs.Echo:
        """Return the tokens of the text that was sent, every one behind the first with its log-probability."""
        prompt, found = request.json()["prompt"], logprobs.echoed(body)
        usage = body.get("usage") or {}
        written = int(usage.get("completion_tokens", BEHIND))
        if isinstance(prompt, str):
            told = _told(prompt, found, written)
        elif len(found.tokens) - written <= len(prompt) <= len(found.tokens) and (
            usage.get("prompt_tokens", len(prompt)) == len(prompt)
        ):
            told = _first(found, len(prompt))
        else:
            raise PriorError(f"{len(found.tokens)} tokens came back for {len(prompt)} token ids and {written} more")
        if any(value is None or not np.isfinite(value) for value in told.log_probs[1:]):
            raise PriorError("a token of the prompt without a finite log-probability")
        return told

    def ask(self, prompt: str, actions: Sequence[Action] | None, *, k: int | None, rng: np.random.Generator) -> Asking:
        """Return the conversation: one round, one request per action."""
        assert actions is not None
        ended = [action + self.terminator for action in actions]
        sent: list[Any] = [prompt + each for each in ended] if self.tokens is None else self.tokens.rows(prompt, ended)
        echoes: list[logprobs.Echo] = yield [self.request(each) for each in sent]
        if self.tokens is None:
            start = shared([echo.tokens for echo in echoes], actions, same=lambda token: not is_fragment(token))
        else:
            start = shared(sent, actions)
        scores = [sum(value for value in echo.log_probs[max(start, 1) :] if value is not None) for echo in echoes]
        return Reading(actions, np.array(scores, dtype=np.float64))


def _told(text: str, echo: logprobs.Echo, written: int) -> logprobs.Echo:
    """Return the part of ``echo`` that is ``text``.

    Raises:
        PriorError: the tokens are not those of ``text``, or are said to be in other places.
    """
    # What was generated is behind the text; a token that ends everything may be counted and not shown.
    for count in dict.fromkeys((len(echo.tokens) - written, len(echo.tokens))):
        told = _first(echo, count)
        if any(map(is_fragment, told.tokens)):
            return told
        # A token that begins every text (BOS) belongs to the model's text, not to ours.
        for extra in (0, 1):
            if "".join(told.tokens[extra:]) == text:
                _check_offsets(told, extra)
                return told
    raise PriorError("the tokens that came back are not those of the text that was sent (echo)")


def _first(echo: logprobs.Echo, count: int) -> logprobs.Echo:
    return logprobs.Echo(echo.tokens[:count], echo.log_probs[:count], echo.offsets[:count])


def _check_offsets(echo: logprobs.Echo, extra: int) -> None:
    """Raise ``PriorError`` where offsets, if there are any, do not say where the tokens behind ``extra`` ones are."""
    offsets = echo.offsets[extra:]
    places = [0, *accumulate(map(len, echo.tokens[extra:]))][: len(offsets)]
    # Some servers count the token that begins the text, others do not.
    starts = (0, sum(map(len, echo.tokens[:extra])))
    if offsets and (offsets[0] not in starts or [each - offsets[0] for each in offsets] != places):
        raise PriorError("text_offset does not say where the tokens are (shifted offsets)")
