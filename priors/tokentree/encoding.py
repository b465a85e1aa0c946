"""Text to token ids: prompt, candidate and terminator tokenised as one text, but every distinct piece only once.

A text is cut between two characters that are no white space with one newline between them, behind the newline. Where no
token of the vocabulary spans such a place, both sides are tokenised independently of each other, so the ids of the text
are those of its pieces, one after the other. This is checked once per tokenizer; where it fails, texts stay whole.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from transformers import PreTrainedTokenizerBase

_CUT = re.compile(r"(?<=\S\n)(?=\S)")
_SPANS_A_CUT = re.compile(r"[\nĊ][^\s▁ĊĠĉč]")
_PROBE = (
    "Task: find 12 mugs, now\nObservation: you see.\nx\n3 apples (red)\n<go>\n[END]\n- go to\nÄ b\n\nNext action:\n"
)
_MOST_PIECES = 1 << 16


@dataclass(frozen=True, slots=True)
class Encoded:
    """The token ids of a prompt and of every candidate behind it.

    Attributes:
        head: ids in front of the place where any of the texts may differ.
        prompt: what the prompt adds to ``head``.
        rows: what prompt, candidate and terminator add to ``head``, one per candidate.
    """

    head: list[int]
    prompt: list[int]
    rows: list[list[int]]


class Encoder:
    """Tokenises texts as the tokenizer does, piece by piece where that gives the same.

    Args:
        tokenizer: of a model.
        special: put the tokenizer's special tokens in front of a text; an end that it puts behind is left out.

    Attributes:
        cuts: whether texts are tokenised in pieces.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, *, special: bool) -> None:
        self._tokenizer: Any = tokenizer
        self._special, self._drops_end = special, False
        ids: list[int] = self._ids("a")
        self._drops_end = special and tokenizer.eos_token_id is not None and ids[-1:] == [tokenizer.eos_token_id]
        self._front = self._ids("") if special else []
        self._known: dict[str, list[int]] = {}
        self.cuts = self._may_cut()

    def encode(self, prompts: Sequence[str], candidates: Sequence[Sequence[str]]) -> list[Encoded]:
        """Return the ids of ``prompts[i]`` and of that prompt with each of ``candidates[i]`` behind it."""
        if not self.cuts:
            return [
                Encoded([], self._ids(prompt), [self._ids(prompt + candidate) for candidate in listed])
                for prompt, listed in zip(prompts, candidates, strict=True)
            ]
        stable = [_CUT.split(prompt) for prompt in prompts]
        behind = [
            [_CUT.split(pieces[-1] + candidate) for candidate in ("", *listed)]
            for pieces, listed in zip(stable, candidates, strict=True)
        ]
        self._learn(piece for pieces in [*stable, *(row for rows in behind for row in rows)] for piece in pieces)
        return [
            Encoded(self._front + self._joined(pieces[:-1]), self._joined(rows[0]), list(map(self._joined, rows[1:])))
            for pieces, rows in zip(stable, behind, strict=True)
        ]

    def _joined(self, pieces: Sequence[str]) -> list[int]:
        return [token for piece in pieces for token in self._known[piece]]

    def _learn(self, pieces: Iterable[str]) -> None:
        if len(self._known) > _MOST_PIECES:
            self._known.clear()
        new = [piece for piece in dict.fromkeys(pieces) if piece not in self._known]
        if new:
            ids = self._tokenizer(new, add_special_tokens=False)["input_ids"]
            self._known.update(zip(new, ids, strict=True))

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer(text, add_special_tokens=self._special)["input_ids"]
        return ids[:-1] if self._drops_end else ids

    def _may_cut(self) -> bool:
        if not self._tokenizer.is_fast or any(map(_SPANS_A_CUT.search, self._tokenizer.get_vocab())):
            return False
        if any(token.lstrip for token in self._tokenizer.added_tokens_decoder.values()):  # takes the newline before it
            return False
        pieces = _CUT.split(_PROBE)
        self._learn(pieces)
        return self._front + self._joined(pieces) == self._ids(_PROBE)
