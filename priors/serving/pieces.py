"""Tokens as text, so that the pieces of a text, joined, are that text."""

from collections.abc import Sequence
from functools import cached_property
from itertools import accumulate
from typing import Any

from priors.serving.errors import Refused

FRAGMENT = "\N{REPLACEMENT CHARACTER}"


class Speller:
    """Says which text a token stands for.

    Args:
        tokenizer: of the model.
    """

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._names: dict[int, str] = {}

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of ``ids``, special tokens included."""
        return str(self._tokenizer.decode(list(ids), skip_special_tokens=False, clean_up_tokenization_spaces=False))

    def name(self, token: int) -> str:
        """Return the text that a token adds behind another one; part of a character reads as U+FFFD."""
        if token not in self._names:
            lead, text = self._lead
            self._names[token] = self.decode([*lead, token])[len(text) :]
        return self._names[token]

    def pieces(self, ids: Sequence[int], text: str | None = None) -> list[str]:
        """Return the text of each token; joined they are ``text``.

        Of the tokens of one character the last has it, the others are empty.

        Args:
            ids: tokens from the beginning of a text.
            text: what they were made from; by default what they decode to.

        Raises:
            Refused: the tokens do not give ``text`` back.
        """
        whole = self.decode(ids) if text is None else text
        names = [self.name(token) for token in ids]
        if "".join(names) == whole:
            return names
        running = Running(self)
        pieces = [running.push(token) for token in ids]
        if pieces:
            pieces[-1] += running.flush()
        if "".join(pieces) == whole:
            return pieces
        raise Refused(
            "the tokenizer of this model does not give the prompt back as it was written, so no offsets can be told; "
            "send token ids",
            param="prompt",
        )

    @cached_property
    def _lead(self) -> tuple[list[int], str]:
        ids: list[int] = self._tokenizer("a", add_special_tokens=False)["input_ids"]
        return ids, self.decode(ids)


class Running:
    """Spells a growing text token by token; a character is complete or not there.

    Args:
        speller: of the model.
        context: tokens in front, of which nothing is spelt.
    """

    def __init__(self, speller: Speller, context: Sequence[int] = ()) -> None:
        self._decode = speller.decode
        self._known, self._open = list(context[-4:]), list[int]()

    def push(self, token: int) -> str:
        """Return the text that ``token`` completes."""
        self._open.append(token)
        new = self._new()
        if new.endswith(FRAGMENT):
            return ""
        self._known, self._open = self._open, []
        return new

    def flush(self) -> str:
        """Return what is still incomplete."""
        return self._new() if self._open else ""

    def _new(self) -> str:
        # Some tokenizers drop a space in front of a text, so tokens are read behind those before them.
        return self._decode(self._known + self._open)[len(self._decode(self._known)) :]


def offsets(pieces: Sequence[str], start: int = 0) -> list[int]:
    """Return where each piece begins, in characters."""
    return list(accumulate(map(len, pieces), initial=start))[:-1]
