"""Exact log p(candidate | prompt) of a transformers causal language model, by teacher forcing.

What was forwarded once, for a prompt or a candidate, is not forwarded again: see :mod:`priors.tokentree`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from priors.precision import quantise
from priors.tokentree.encoding import Encoded, Encoder
from priors.tokentree.engine import Recipe, recipe
from priors.tokentree.requests import Engine, Request
from slinvit.errors import InputError, PriorError, TooLong
from slinvit.types import FloatArray, Usage

IntArray: TypeAlias = npt.NDArray[np.int64]

_PROBES = ("Observation: a desk\n", "Observation: a desk\nAction: look\nObservation: a mug\n")


@dataclass(frozen=True, eq=False)
class Scores:
    """What scoring one prompt gave.

    Attributes:
        log_probs: ``[K]`` log p(candidate, terminator | prompt) in nats, summed over tokens.
        usage: one call, the tokens of the prompt, the tokens really forwarded.
    """

    log_probs: FloatArray
    usage: Usage


@dataclass(frozen=True)
class CandidateScorer:
    """Scores candidates behind a prompt, and remembers what it forwarded.

    What else was asked before or in the same batch moves a result by rounding only (below 1e-5 nats in float32).

    Attributes:
        model: in evaluation mode; whoever changes its weights calls :meth:`fresh`.
        tokenizer: of that model.
        name: for messages.
        terminator: text that ends a candidate, so that no candidate is the beginning of another; with ``chat`` what the
            template writes behind an answer.
        chat: render the prompt as a user message with the tokenizer's chat template.
        memory: most bytes of cached keys, values and states; None: half of a GPU's free memory; elsewhere an
            eighth of the machine's, and 2 GiB at most.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    name: str
    terminator: str = "\n"
    chat: bool = False
    memory: int | None = None

    @cached_property
    def recipe(self) -> Recipe:
        """How this model is scored, found out once."""
        return recipe(self.model, self.memory)

    @cached_property
    def engine(self) -> Engine:
        """Scores token ids, and counts the tokens forwarded."""
        return self.recipe.make()

    @property
    def longest(self) -> int | None:
        """Most tokens that the model reads, ``None`` where it does not say."""
        most: int | None = getattr(self.model.config.get_text_config(), "max_position_embeddings", None)
        return most

    @cached_property
    def encoder(self) -> Encoder:
        """Tokenises prompts and candidates."""
        return Encoder(self.tokenizer, special=not self.chat)

    def fresh(self) -> "CandidateScorer":
        """Return a scorer of the same model that has forwarded nothing yet: its answers do not depend on the past."""
        other = replace(self)
        vars(other).update(recipe=self.recipe, encoder=self.encoder)
        return other

    def rounded(self) -> "CandidateScorer":
        """Round the model's linear layers to 8 bits, in place; return a scorer that has forwarded nothing yet.

        The engine is chosen before: behind the noise of 8 bits an engine that is wrong would look right.
        """
        other = self.fresh()
        quantise(self.model, self.name)
        return other

    def score(self, prompts: Sequence[str], candidates: Sequence[Sequence[str]]) -> list[Scores]:
        """Return the scores of ``candidates[i]`` behind ``prompts[i]``.

        Raises:
            InputError: a prompt without candidates, or the tokenizer has no usable boundary between the two.
            TooLong: a text is too long for the model or the memory.
            PriorError: a log-probability that is not finite.
        """
        encoded = self._encode(prompts, candidates)
        requests = [self._request(texts, listed) for texts, listed in zip(encoded, candidates, strict=True)]
        answers = self.engine.score(requests)
        if not all(np.isfinite(answer.log_probs).all() for answer in answers):
            raise PriorError(f"model {self.name!r} gave a log-probability that is not finite for a candidate")
        return [
            Scores(answer.log_probs, Usage(1, len(texts.head) + len(texts.prompt), answer.tokens_forwarded))
            for texts, answer in zip(encoded, answers, strict=True)
        ]

    def encode(self, prompt: str, candidates: Sequence[str]) -> tuple[list[int], list[list[int]]]:
        """Return the tokens of the prompt and of prompt, candidate and terminator together, for each candidate.

        The whole is tokenised as one text; where that merges the end of the prompt with a candidate, scoring starts at
        the last token that all of them share.
        """
        (texts,) = self._encode([prompt], [candidates])
        return texts.head + texts.prompt, [texts.head + row for row in texts.rows]

    def prompt_ids(self, prompt: str, *, room: int) -> list[int]:
        """Return the tokens of ``prompt``, behind which ``room`` more are to follow.

        Raises:
            InputError: no tokens.
            TooLong: too many for the model.
        """
        ids, _ = self.encode(prompt, [])
        self._check_length(len(ids), room)
        self._check_boundary(ids, [], [])
        return ids

    def lengths(self, prompts: Sequence[str], candidates: Sequence[Sequence[str]]) -> list[IntArray]:
        """Return ``[K]`` the number of tokens that :meth:`score` sums, terminators included, for each prompt."""
        encoded = self._encode(prompts, candidates)
        requests = [self._request(texts, listed) for texts, listed in zip(encoded, candidates, strict=True)]
        return [np.array([len(tail) for tail in request.tails], np.int64) for request in requests]

    def ended(self, prompt: Sequence[int], tokens: Sequence[int]) -> tuple[str, bool]:
        """Return the text of ``tokens`` behind ``prompt`` up to the terminator, and whether that has come.

        A token that ends texts also ends this one.
        """
        decode, last = self.tokenizer.decode, list(prompt[-1:])  # some tokenizers drop a space in front of a text
        lead, whole = (str(decode(ids, clean_up_tokenization_spaces=False)) for ids in (last, [*last, *tokens]))
        over = tokens[-1] == self.tokenizer.eos_token_id
        behind = whole[len(lead) :]
        if over and self.terminator not in behind:
            behind = behind.removesuffix(str(self.tokenizer.eos_token))
        text, terminator, _ = behind.partition(self.terminator)
        return text, over or bool(terminator)

    def keeps_beginnings(self) -> bool:
        """Say whether a prompt that grows at its end keeps the text in front of it; some chat templates rewrite it.

        Where not, scores stay exact; only less is shared.
        """
        if not self.chat:
            return True
        shorter, longer = map(self._rendered, _PROBES)
        front, found, _ = shorter.partition(_PROBES[0].strip())
        return bool(found) and longer.startswith(front + found)

    def _encode(self, prompts: Sequence[str], candidates: Sequence[Sequence[str]]) -> list[Encoded]:
        rendered = list(map(self._rendered, prompts)) if self.chat else prompts
        ended = [[candidate + self.terminator for candidate in listed] for listed in candidates]
        return self.encoder.encode(rendered, ended)

    def _rendered(self, prompt: str) -> str:
        turn = [{"role": "user", "content": prompt}]
        return str(
            self.tokenizer.apply_chat_template(turn, add_generation_prompt=True, tokenize=False, enable_thinking=False)
        )

    def _request(self, texts: Encoded, candidates: Sequence[str]) -> Request:
        if not candidates:
            raise InputError(f"model {self.name!r}: a prompt without candidates; give at least one behind each prompt")
        shared = _common_prefix([texts.prompt, *texts.rows])
        tails = [row[shared:] for row in texts.rows]
        prompt = texts.head + texts.rows[0][:shared]
        self._check_length(len(prompt), max(map(len, tails)))
        self._check_boundary(prompt, tails, candidates)
        return Request(prompt, tails)

    def _check_length(self, prompt: int, behind: int) -> None:
        """Raise where ``behind`` tokens more than those of the prompt are too many; the last one is never read."""
        if self.longest is not None and prompt + behind - 1 > self.longest:
            raise TooLong(
                f"model {self.name!r} reads at most {self.longest} tokens; {prompt} of the prompt and {behind} behind "
                "it are more; use a shorter template or a model with a longer context"
            )

    def _check_boundary(self, prompt: Sequence[int], tails: Sequence[list[int]], candidates: Sequence[str]) -> None:
        if not prompt:
            raise InputError(
                f"model {self.name!r}: its tokenizer leaves no boundary between prompt and candidates; give a prompt "
                "that is not empty and ends with a newline"
            )
        order = sorted(range(len(tails)), key=lambda number: tails[number])
        for shorter, longer in pairwise(order):
            if tails[longer][: len(tails[shorter])] == tails[shorter]:
                raise InputError(
                    f"model {self.name!r}: its tokenizer cannot tell {candidates[shorter]!r} from "
                    f"{candidates[longer]!r}; choose a terminator that it keeps apart"
                )


def _common_prefix(rows: Sequence[list[int]]) -> int:
    first, last = min(rows), max(rows)
    return next((i for i, (one, other) in enumerate(zip(first, last, strict=False)) if one != other), len(first))
