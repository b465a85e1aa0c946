"""Answers in the shape that OpenAI's clients read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

from priors.serving.asks import Echoed
from priors.serving.pieces import FRAGMENT, Speller, offsets
from priors.serving.writing import Written


@dataclass(frozen=True, slots=True)
class Front:
    """A prompt that is echoed.

    Attributes:
        ids: its tokens.
        pieces: their texts.
        echoed: their log-probabilities, where they are wanted.
    """

    ids: Sequence[int]
    pieces: Sequence[str]
    echoed: Echoed | None


@dataclass(frozen=True, slots=True)
class Namer:
    """Names tokens by their text, or by number.

    Attributes:
        speller: of the model.
        as_ids: name them ``token_id:N``: texts of different tokens may be equal.
    """

    speller: Speller
    as_ids: bool

    def pieces(self, ids: Sequence[int], pieces: Sequence[str]) -> list[str]:
        """Return the names of the tokens of a text."""
        return [f"token_id:{token}" for token in ids] if self.as_ids else list(pieces)

    def written(self, written: Written) -> list[str]:
        """Return the names of the tokens that are shown; one that ends is no text, but has a name."""
        names = self.pieces(written.shown, written.pieces)
        return [*names[:-1], self.name(written.tokens[-1])] if written.ended else names

    def name(self, token: int) -> str:
        """Return the name of a token that may not be in a text."""
        return f"token_id:{token}" if self.as_ids else self.speller.name(token)

    def names(self, tops: Mapping[int, float]) -> dict[str, float]:
        """Return log-probabilities by name; of equal names the most probable."""
        named: dict[str, float] = {}
        for token, value in tops.items():
            name = self.name(token)
            named[name] = max(value, named.get(name, value))
        return named


def usage(prompt: int, written: int) -> dict[str, int]:
    """Return what a request took, in tokens."""
    return {"prompt_tokens": prompt, "completion_tokens": written, "total_tokens": prompt + written}


def completion_choice(
    index: int, front: Front | None, written: Written, namer: Namer, *, wanted: bool
) -> dict[str, Any]:
    """Return one choice of ``/v1/completions``."""
    lead = "" if front is None else "".join(front.pieces)
    logprobs = _lists(front, written, namer) if wanted else None
    return {"index": index, "text": lead + written.text, "logprobs": logprobs, "finish_reason": written.finish}


def chat_choice(index: int, written: Written, namer: Namer, *, wanted: bool) -> dict[str, Any]:
    """Return one choice of ``/v1/chat/completions``."""
    message = {"role": "assistant", "content": written.text, "refusal": None}
    content = None
    if wanted:
        own = zip(map(namer.name, written.shown), written.log_probs, written.tops, strict=False)
        content = [{**_entry(name, value), "top_logprobs": _entries(tops, namer)} for name, value, tops in own]
    return {
        "index": index,
        "message": message,
        "logprobs": None if content is None else {"content": content, "refusal": None},
        "finish_reason": written.finish,
    }


def _lists(front: Front | None, written: Written, namer: Namer) -> dict[str, Any]:
    """Return the parallel lists over prompt, if echoed, and text: the first token of a text has no log-probability."""
    shown = len(written.pieces)
    names, pieces = namer.written(written), [*written.pieces]
    values: list[float | None] = [*written.log_probs[:shown]]
    tops: list[dict[str, float] | None] = [namer.names(each) for each in written.tops[:shown]]
    if front is not None:
        assert front.echoed is not None
        names, pieces = [*namer.pieces(front.ids, front.pieces), *names], [*front.pieces, *pieces]
        values = [None, *front.echoed.log_probs.tolist(), *values]
        tops = [None, *_echoed_tops(front, namer), *tops]
    return {
        "tokens": names,
        "token_logprobs": values,
        "top_logprobs": tops,
        "text_offset": offsets(pieces),
    }


def _echoed_tops(front: Front, namer: Namer) -> list[dict[str, float] | None]:
    echoed = front.echoed
    assert echoed is not None
    rows = zip(echoed.ids.tolist(), echoed.values.tolist(), front.ids[1:], echoed.log_probs.tolist(), strict=True)
    return [
        namer.names({**{each: value for each, value in zip(ids, values, strict=True) if value > -inf}, token: own})
        for ids, values, token, own in rows
    ]


def _entries(tops: Mapping[int, float], namer: Namer) -> list[dict[str, Any]]:
    return [_entry(namer.name(token), value) for token, value in sorted(tops.items(), key=lambda item: -item[1])]


def _entry(name: str, value: float) -> dict[str, Any]:
    bare = FRAGMENT in name or name.startswith("token_id:")
    return {"token": name, "logprob": value, "bytes": None if bare else list(name.encode())}
