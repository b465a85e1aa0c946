"""Log-probabilities in the answers of servers, in the two forms that exist.

``/v1/completions`` gives parallel lists, chat (and llama.cpp everywhere) a list of objects called ``content``.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from slinvit.errors import PriorError

FRAGMENT = "\N{REPLACEMENT CHARACTER}"
"""Stands for a token that is part of a character only; so does OpenAI's ``bytes:``."""


@dataclass(frozen=True)
class Top:
    """The most probable tokens at one place.

    Attributes:
        texts: log-probability in nats by the text of the token.
        ids: likewise by number, where the server says it.
        chosen: the token that was generated, by text.
        chosen_log_prob: of that token.
    """

    texts: Mapping[str, float]
    ids: Mapping[int, float]
    chosen: str
    chosen_log_prob: float | None


@dataclass(frozen=True)
class Echo:
    """The tokens of a text.

    Attributes:
        tokens: texts.
        log_probs: of each behind those before it; ``None`` for the first.
        offsets: where each begins, in characters; empty where the server does not say.
    """

    tokens: tuple[str, ...]
    log_probs: tuple[float | None, ...]
    offsets: tuple[int, ...]


def first_token(body: Any) -> Top:
    """Return the log-probabilities of the first token generated; raises ``PriorError`` where there are none."""
    logprobs = body["choices"][0].get("logprobs") or {}
    if logprobs.get("content"):
        return _from_content(logprobs["content"][0])
    listed = logprobs.get("top_logprobs")
    if not listed or not isinstance(listed[0], Mapping) or not logprobs.get("tokens"):
        raise PriorError("no log-probabilities of the token that was generated (top_logprobs)")
    chosen = logprobs["tokens"][0]
    own = (logprobs.get("token_logprobs") or [None])[0]
    return _top(listed[0].items(), chosen, own)


def echoed(body: Any) -> Echo:
    """Return the tokens of prompt and completion; raises ``PriorError`` where there are none."""
    logprobs = body["choices"][0].get("logprobs") or {}
    tokens, values = logprobs.get("tokens"), logprobs.get("token_logprobs")
    if not tokens or not values or len(tokens) != len(values):
        raise PriorError("no log-probabilities of the tokens of the prompt (echo)")
    return Echo(tuple(map(str, tokens)), tuple(values), tuple(logprobs.get("text_offset") or ()))


def is_fragment(token: str) -> bool:
    """Say whether a token is only part of a character, so that its text does not identify it."""
    return FRAGMENT in token or token.startswith("bytes:")


def _from_content(entry: Mapping[str, Any]) -> Top:
    listed = [*(entry.get("top_logprobs") or []), entry]
    top = _top(((each["token"], each["logprob"]) for each in listed), entry["token"], entry["logprob"])
    numbered = {each["id"]: float(each["logprob"]) for each in listed if isinstance(each.get("id"), int)}
    return Top(top.texts, {**numbered, **top.ids}, top.chosen, top.chosen_log_prob)


def _top(entries: Iterable[tuple[str, Any]], chosen: str, own: Any) -> Top:
    texts: dict[str, float] = {}
    ids: dict[int, float] = {}
    for name, value in entries:
        # vLLM names tokens by number where it is asked to (return_tokens_as_token_ids).
        number = name.removeprefix("token_id:")
        if number != name and number.isdecimal():
            ids[int(number)] = float(value)
        elif not math.isinf(float(value)):
            texts[name] = max(texts.get(name, -math.inf), float(value))
    return Top(texts, ids, chosen, None if own is None else float(own))


__all__ = ["Echo", "Top", "echoed", "first_token", "is_fragment"]
