"""Exact log p(candidate | prompt) of a transformers causal language model, by teacher forcing.

The prompt is forwarded once; all candidates then share its cache. Every prompt is scored on its own, so a result never
depends on what else was asked in the same batch.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from slinvit.errors import InputError, PriorError
from slinvit.types import FloatArray, Usage


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
    """Scores candidates behind a prompt.

    Attributes:
        model: in evaluation mode.
        tokenizer: of that model.
        name: for messages.
        terminator: text that ends a candidate, so that no candidate is the beginning of another; with ``chat`` what the
            template writes behind an answer.
        chat: render the prompt as a user message with the tokenizer's chat template.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    name: str
    terminator: str = "\n"
    chat: bool = False

    def score(self, prompts: Sequence[str], candidates: Sequence[Sequence[str]]) -> list[Scores]:
        """Return the scores of ``candidates[i]`` behind ``prompts[i]``.

        Raises:
            InputError: the tokenizer has no usable boundary between prompt and candidates.
            PriorError: a log-probability that is not finite.
        """
        return [self._score(prompt, listed) for prompt, listed in zip(prompts, candidates, strict=True)]

    def _score(self, prompt: str, candidates: Sequence[str]) -> Scores:
        prompt_ids, rows = self.encode(prompt, candidates)
        self._check_length(rows)
        shared = _common_prefix([prompt_ids, *rows])
        self._check_boundary(shared, rows, candidates)
        log_probs = self._teacher_forced(rows[0][:shared], [row[shared:] for row in rows])
        if not np.isfinite(log_probs).all():
            raise PriorError(f"model {self.name!r} gave a log-probability that is not finite for a candidate")
        forwarded = shared + sum(len(row) - shared - 1 for row in rows)
        return Scores(log_probs, Usage(llm_calls=1, prompt_tokens=len(prompt_ids), tokens_forwarded=forwarded))

    def encode(self, prompt: str, candidates: Sequence[str]) -> tuple[list[int], list[list[int]]]:
        """Return the tokens of the prompt and of prompt, candidate and terminator together, for each candidate.

        The whole is tokenised as one text; where that merges the end of the prompt with a candidate, scoring starts at
        the last token that all of them share.
        """
        if not self.chat:
            texts = [prompt, *(prompt + candidate + self.terminator for candidate in candidates)]
            encoded: list[list[int]] = self.tokenizer(texts)["input_ids"]
            if _appends_end(self.tokenizer):
                encoded = [ids[:-1] for ids in encoded]
            return encoded[0], encoded[1:]
        rendered = self.tokenizer.apply_chat_template(
            [{"role": "user", "content": prompt}], add_generation_prompt=True, tokenize=False, enable_thinking=False
        )
        texts = [str(rendered), *(str(rendered) + candidate + self.terminator for candidate in candidates)]
        encoded = self.tokenizer(texts, add_special_tokens=False)["input_ids"]
        return encoded[0], encoded[1:]

    def _check_length(self, rows: Sequence[Sequence[int]]) -> None:
        most, longest = getattr(self.model.config, "max_position_embeddings", None), max(map(len, rows))
        if most is not None and longest > most:
            raise InputError(
                f"model {self.name!r} reads at most {most} tokens; prompt and longest candidate have {longest}; "
                "use a shorter template or a model with a longer context"
            )

    def _check_boundary(self, shared: int, rows: Sequence[Sequence[int]], candidates: Sequence[str]) -> None:
        if shared == 0:
            raise InputError(
                f"model {self.name!r}: its tokenizer leaves no boundary between prompt and candidates; give a prompt "
                "that is not empty and ends with a newline"
            )
        tails = sorted((tuple(row[shared:]), number) for number, row in enumerate(rows))
        for (tail, number), (other, other_number) in pairwise(tails):
            if other[: len(tail)] == tail:
                raise InputError(
                    f"model {self.name!r}: its tokenizer cannot tell {candidates[number]!r} from "
                    f"{candidates[other_number]!r}; choose a terminator that it keeps apart"
                )

    @torch.inference_mode()
    def _teacher_forced(self, prefix: Sequence[int], tails: Sequence[Sequence[int]]) -> FloatArray:
        device = self.model.device
        start = self.model(input_ids=torch.tensor([prefix], device=device), use_cache=True, logits_to_keep=1)
        first = start.logits[0, -1].float().log_softmax(-1)
        totals = first[torch.tensor([tail[0] for tail in tails], device=device)].double()
        longest = max(len(tail) for tail in tails)
        if longest > 1:
            totals = totals + self._continuations(start.past_key_values, len(prefix), tails, longest)
        return np.asarray(totals.cpu().numpy(), dtype=np.float64)

    def _continuations(self, cache: Any, offset: int, tails: Sequence[Sequence[int]], longest: int) -> torch.Tensor:
        device = self.model.device
        ids = torch.zeros(len(tails), longest, dtype=torch.long, device=device)
        kept = torch.zeros(len(tails), longest, dtype=torch.bool, device=device)
        for row, tail in enumerate(tails):
            ids[row, : len(tail)] = torch.tensor(tail, device=device)
            kept[row, : len(tail)] = True
        cache.batch_repeat_interleave(len(tails))
        seen = torch.ones(len(tails), offset, dtype=torch.long, device=device)
        output = self.model(
            input_ids=ids[:, :-1],
            attention_mask=torch.cat([seen, kept[:, :-1].long()], dim=1),
            past_key_values=cache,
            use_cache=True,
        )
        steps = output.logits.float().log_softmax(-1).gather(2, ids[:, 1:, None])[..., 0]
        return torch.where(kept[:, 1:], steps, 0.0).double().sum(dim=1)


def _common_prefix(rows: Sequence[Sequence[int]]) -> int:
    shortest = min(len(row) for row in rows)
    return next((i for i in range(shortest) if any(row[i] != rows[0][i] for row in rows)), shortest)


def _appends_end(tokenizer: PreTrainedTokenizerBase) -> bool:
    """Say whether the tokenizer puts an end-of-text token behind every text it is given."""
    ids: list[int] = tokenizer("a")["input_ids"]
    return tokenizer.eos_token_id is not None and bool(ids) and ids[-1] == tokenizer.eos_token_id
