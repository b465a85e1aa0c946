"""The tokenizer of a remote model, for strategies that ask about single tokens."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from typing import TYPE_CHECKING, Any

from slinvit.errors import InputError

if TYPE_CHECKING:
    from priors.tokentree.encoding import Encoder

BUNDLED = "bundled"


@dataclass(frozen=True)
class Tokens:
    """Texts as the model reads them; loaded when first used.

    Attributes:
        source: a folder or hub id of transformers, or ``bundled``.
    """

    source: str

    @cached_property
    def tokenizer(self) -> Any:
        """The tokenizer; raises ``InputError`` where there is none."""
        from transformers import AutoTokenizer

        folder = str(resources.files("priors") / "assets/blocksworld") if self.source == BUNDLED else self.source
        try:
            return AutoTokenizer.from_pretrained(folder)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, ImportError) as error:
            reason = " ".join(str(error).split())[:160]
            raise InputError(
                f"no tokenizer {self.source!r}: {reason}; give the model's as tokenizer=FOLDER_OR_HUB_ID"
            ) from error

    @cached_property
    def encoder(self) -> "Encoder":
        """Tokenises as the scorer of local models does."""
        from priors.tokentree.encoding import Encoder

        return Encoder(self.tokenizer, special=True)

    def rows(self, prompt: str, continuations: Sequence[str]) -> list[tuple[int, ...]]:
        """Return the tokens of prompt and continuation as one text, for each continuation."""
        (texts,) = self.encoder.encode([prompt], [continuations])
        return [(*texts.head, *row) for row in texts.rows]

    def text(self, ids: Sequence[int]) -> str:
        """Return the text of ``ids``, special tokens included."""
        return str(self.tokenizer.decode(list(ids), skip_special_tokens=False, clean_up_tokenization_spaces=False))

    def piece(self, number: int) -> str:
        """Return the text that one token adds behind others."""
        before = self.rows("a", [""])[0] or (number,)
        return self.text((*before, number))[len(self.text(before)) :]

    def numbers(self, texts: Mapping[str, float]) -> dict[int, float]:
        """Return ``texts`` by token, without those that are not exactly one."""
        found = {}
        for text, value in texts.items():
            ids = self.tokenizer(text, add_special_tokens=False)["input_ids"]
            if len(ids) == 1 and self.piece(ids[0]) == text:
                found[ids[0]] = value
        return found


__all__ = ["Tokens"]
