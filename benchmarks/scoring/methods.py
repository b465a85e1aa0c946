"""The usual ways to score candidates, each as common practice writes it, and ours behind the same verb.

All return ``[K]`` summed log p(candidate, newline | prompt) in nats.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from transformers import DynamicCache, PreTrainedModel, PreTrainedTokenizerBase  # noqa: TID251 - what is compared

from benchmarks.scoring.scenarios import Encoded, Request, encode
from priors.scoring import CandidateScorer, Scores
from slinvit.types import FloatArray, Usage


@dataclass(frozen=True)
class Prefix:
    """A forwarded prompt: its cache, its ``length`` in tokens and the log-probabilities ``[V]`` behind it."""

    cache: Any
    length: int
    log_probs: torch.Tensor


@torch.inference_mode()
def naive(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, request: Request) -> FloatArray:
    """One forward per candidate over the whole text, a softmax over the vocabulary at every position."""
    totals = []
    for candidate in request.candidates:
        encoded = encode(tokenizer, Request(request.prompt, (candidate,)))
        ids = torch.tensor([encoded.prompt + encoded.tails[0]], device=model.device)
        probs = model(input_ids=ids).logits[0].float().softmax(-1)
        chosen = probs[:-1].gather(1, ids[0, 1:, None])[:, 0]
        totals.append(float(chosen[len(encoded.prompt) - 1 :].log().double().sum()))
    return np.array(totals)


@torch.inference_mode()
def naive_last_rows(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, request: Request) -> FloatArray:
    """The naive loop, with logits only where a candidate's tokens are predicted."""
    totals = []
    for candidate in request.candidates:
        encoded = encode(tokenizer, Request(request.prompt, (candidate,)))
        tail = torch.tensor(encoded.tails[0], device=model.device)
        ids = torch.tensor([encoded.prompt + encoded.tails[0][:-1]], device=model.device)
        logits = model(input_ids=ids, logits_to_keep=len(tail)).logits[0].float()
        totals.append(float(logits.log_softmax(-1).gather(1, tail[:, None]).double().sum()))
    return np.array(totals)


@torch.inference_mode()
def padded(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, request: Request, *, batch: int = 8
) -> FloatArray:
    """Padded batches of whole texts, log-softmax of all logits."""
    encoded = encode(tokenizer, request)
    totals = []
    for first in range(0, len(encoded.tails), batch):
        tails = encoded.tails[first : first + batch]
        ids, kept = _pad([encoded.prompt + tail for tail in tails], model.device)
        log_probs = model(input_ids=ids, attention_mask=kept.long()).logits.float().log_softmax(-1)
        steps = log_probs[:, :-1].gather(2, ids[:, 1:, None])[..., 0]
        steps = torch.where(kept[:, 1:], steps, 0.0)[:, len(encoded.prompt) - 1 :]
        totals.append(steps.double().sum(1).cpu().numpy())
    return np.concatenate(totals)


@torch.inference_mode()
def prefill(model: PreTrainedModel, prompt: Sequence[int]) -> Prefix:
    """Forward a prompt once and keep its cache."""
    output = model(input_ids=torch.tensor([prompt], device=model.device), use_cache=True, logits_to_keep=1)
    return Prefix(output.past_key_values, len(prompt), output.logits[0, -1].float().log_softmax(-1))


@torch.inference_mode()
def continue_rows(
    model: PreTrainedModel, prefix: Prefix, tails: Sequence[Sequence[int]], *, keep: bool = False
) -> FloatArray:
    """Score ``tails`` in one row each behind the prompt's cache, repeated; ``keep`` leaves the cache as it was."""
    ids, kept = _pad(tails, model.device)
    totals = prefix.log_probs[ids[:, 0]].double()
    if ids.shape[1] > 1:
        cache = _repeated(model, prefix.cache, len(tails)) if keep else prefix.cache
        if not keep:
            cache.batch_repeat_interleave(len(tails))
        seen = torch.ones(len(tails), prefix.length, dtype=torch.long, device=model.device)
        output = model(
            input_ids=ids[:, :-1],
            attention_mask=torch.cat([seen, kept[:, :-1].long()], dim=1),
            past_key_values=cache,
            use_cache=True,
        )
        steps = output.logits.float().log_softmax(-1).gather(2, ids[:, 1:, None])[..., 0]
        totals = totals + torch.where(kept[:, 1:], steps, 0.0).double().sum(1)
    return np.asarray(totals.cpu().numpy(), dtype=np.float64)


@dataclass(frozen=True)
class PerPromptScorer:
    """What this library scored with first: every prompt is forwarded once, its candidates in rows behind it.

    Nothing is kept between prompts. Has the verb of :class:`priors.scoring.CandidateScorer`.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    name: str = "one cache per prompt"

    def fresh(self) -> "PerPromptScorer":
        """Return a scorer that remembers nothing: this one."""
        return self

    def score(self, prompts: Sequence[str], candidates: Sequence[Sequence[str]]) -> list[Scores]:
        """Return the scores of ``candidates[i]`` behind ``prompts[i]``."""
        return [self._score(Request(prompt, tuple(listed))) for prompt, listed in zip(prompts, candidates, strict=True)]

    def _score(self, request: Request) -> Scores:
        encoded = encode(self.tokenizer, request)
        log_probs = continue_rows(self.model, prefill(self.model, encoded.prompt), encoded.tails)
        return Scores(log_probs, Usage(1, len(encoded.prompt), rows_forwarded(encoded)))


def rows_forwarded(encoded: Encoded) -> int:
    """Return the tokens, without padding, that a cached prompt with candidates in rows forwards."""
    return len(encoded.prompt) + sum(len(tail) - 1 for tail in encoded.tails)


def ours(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, *, memory: int | None = None) -> CandidateScorer:
    """Return the library's scorer, nothing cached; what it finds out about model and tokenizer once is done."""
    scorer = CandidateScorer(model, tokenizer, "benchmark", memory=memory)
    _ = scorer.engine, scorer.encoder
    return scorer


def _pad(rows: Sequence[Sequence[int]], device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    longest = max(map(len, rows))
    ids = torch.tensor([[*row, *[0] * (longest - len(row))] for row in rows], device=device)
    kept = torch.tensor([[True] * len(row) + [False] * (longest - len(row)) for row in rows], device=device)
    return ids, kept


def _repeated(model: PreTrainedModel, cache: Any, count: int) -> Any:
    """Return a copy of ``cache`` with ``count`` rows; the one copy that ``batch_repeat_interleave`` makes, too."""
    copy: Any = DynamicCache(config=model.config)
    for new, old in zip(copy.layers, cache.layers, strict=True):
        new.lazy_initialization(old.keys, old.values)
        new.keys = old.keys.repeat_interleave(count, dim=0)
        new.values = old.values.repeat_interleave(count, dim=0)
    return copy
