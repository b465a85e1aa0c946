"""Engines for models with a state: one pass over the prompt, then every candidate continues from a copy of its end.

Where layers have a sliding window, a recurrence or linear attention, tokens of different candidates in one row would
change each other's state, silently. Here candidates of equal length share a forward, each in a row of its own, without
padding.
"""

from collections import OrderedDict, defaultdict
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from transformers import PreTrainedModel

from priors.tokentree.memory import is_out_of_memory
from priors.tokentree.requests import MOST_REMEMBERED, Answer, Counters, Request
from slinvit.errors import TooLong
from slinvit.types import FloatArray

Ids = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _End:
    """The end of a text: the model's state there, and log p of every next token, ``[V]``."""

    cache: Any
    log_probs: torch.Tensor

    @property
    def nbytes(self) -> int:
        """Bytes of the state."""
        return sum(_nbytes(layer) for layer in self.cache.layers) + self.log_probs.nbytes

    def copies(self, count: int) -> Any:
        """Return the state in ``count`` rows, to be continued."""
        cache = deepcopy(self.cache)
        cache.reorder_cache(torch.zeros(count, dtype=torch.long, device=self.log_probs.device))
        return cache


class Seen:
    """Counts the different tokens asked for, each with all in front of it; an upper bound when there are very many."""

    def __init__(self) -> None:
        self._prefixes: set[int] = set()
        self._forgotten = 0

    def __len__(self) -> int:
        return self._forgotten + len(self._prefixes)

    def add(self, prompt: Sequence[int], tails: Sequence[Sequence[int]]) -> None:
        """Count what scoring ``tails`` behind ``prompt`` must forward."""
        if len(self._prefixes) > MOST_REMEMBERED:
            self._forgotten += len(self._prefixes)
            self._prefixes.clear()
        start = self._chain(0, prompt)
        for tail in tails:
            self._chain(start, tail[:-1])

    def _chain(self, prefix: int, ids: Sequence[int]) -> int:
        for token in ids:
            prefix = hash((prefix, token))
            self._prefixes.add(prefix)
        return prefix


class BranchingEngine:
    """Scores candidates from the state at the prompt's end; see :class:`priors.tokentree.requests.Engine`.

    Prompts re-use the longest earlier prompt that they extend.

    Args:
        model: any causal model that can continue from a state.
        argument: name under which it takes and returns that state.
        memory: most bytes of states to keep.
        stride: most tokens with which it can continue exactly from a state; None: any number.
    """

    def __init__(self, model: PreTrainedModel, *, argument: str, memory: int, stride: int | None = None) -> None:
        self._model = model
        self._argument = argument
        self._memory = memory
        self._stride = stride
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self._ends: OrderedDict[Ids, _End] = OrderedDict()
        self._forwarded = 0
        self._seen = Seen()

    def counters(self) -> Counters:
        """Return the tokens since the last :meth:`clear`."""
        return Counters(self._forwarded, len(self._seen))

    def score(self, requests: Sequence[Request]) -> list[Answer]:
        """Return one answer per request."""
        return [self._score(tuple(request.prompt), request.tails) for request in requests]

    @torch.inference_mode()
    def next_token(self, texts: Sequence[Sequence[int]]) -> FloatArray:
        """Return ``[B, V]`` log p(next token | text) in nats."""
        return np.stack([self._end(tuple(text)).log_probs.double().cpu().numpy() for text in texts])

    @torch.inference_mode()
    def _score(self, prompt: Ids, tails: Sequence[Sequence[int]]) -> Answer:
        before = self._forwarded
        end = self._end(prompt)
        totals: FloatArray = end.log_probs[[tail[0] for tail in tails]].double().cpu().numpy()
        by_length = defaultdict(list)
        for number, tail in enumerate(tails):
            by_length[len(tail)].append(number)
        most = max(1, self._memory // end.nbytes)
        for length, numbers in by_length.items():
            for start in range(0, len(numbers) if length > 1 else 0, most):
                some = numbers[start : start + most]
                totals[some] += self._continued(end, [tails[number] for number in some])
        self._seen.add(prompt, tails)
        return Answer(totals, self._forwarded - before)

    def _continued(self, end: _End, tails: Sequence[Sequence[int]]) -> FloatArray:
        """Return ``[K]`` log p of all but the first token of equally long ``tails``."""
        ids = torch.tensor(tails, device=self._model.device)
        try:
            logits, _ = self._forward(ids[:, :-1], end.copies(len(tails)))
            steps = logits.gather(2, ids[:, 1:, None])[..., 0] - logits.logsumexp(-1)
            return np.asarray(steps.double().sum(1).cpu().numpy(), np.float64)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
        if len(tails) == 1:
            raise TooLong("the device has no memory left for one candidate; use a smaller memory= for the cache")
        middle = len(tails) // 2
        return np.concatenate([self._continued(end, tails[:middle]), self._continued(end, tails[middle:])])

    def _end(self, text: Ids) -> _End:
        """Return the end of ``text``, known or continued from the longest known beginning."""
        if text in self._ends:
            self._ends.move_to_end(text)
            return self._ends[text]
        known = max((old for old in self._ends if text[: len(old)] == old), key=len, default=())
        end = self._after(self._ends.get(known), text[len(known) :])
        self._seen.add(text, ())
        self._ends[text] = end
        while sum(kept.nbytes for kept in self._ends.values()) > self._memory:
            self._ends.popitem(last=False)
        return end

    def _after(self, start: _End | None, ids: Ids) -> _End:
        """Return the end behind ``start`` and ``ids``, in halves where the device is short of memory."""
        try:
            cache = None if start is None else start.copies(1)
            logits, cache = self._forward(torch.tensor([ids], device=self._model.device), cache, keep=1)
            return _End(cache, logits[0, -1].log_softmax(-1))
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
        if len(ids) == 1:
            raise TooLong("the device has no memory left for one token more of a prompt; shorten it")
        middle = len(ids) // 2
        return self._after(self._after(start, ids[:middle]), ids[middle:])

    def _forward(self, ids: torch.Tensor, cache: Any, keep: int = 0) -> tuple[torch.Tensor, Any]:
        """Return float32 logits ``[B, L, V]`` behind ``ids``, with ``keep=1`` the last, and the state after them."""
        logits: list[torch.Tensor] = []
        stride = ids.shape[1] if cache is None or self._stride is None else self._stride
        for piece in torch.split(ids, stride, 1):
            state = {} if cache is None else {self._argument: cache}
            output = self._model(input_ids=piece, use_cache=True, logits_to_keep=keep, **state)
            cache = getattr(output, self._argument)
            if keep:
                logits.clear()
            logits.append(output.logits[:, -keep:].clone() if keep else output.logits)
            self._forwarded += piece.numel()
        return torch.cat(logits, 1).float(), cache


class WholeTextEngine:
    """Scores every candidate by a forward over its whole text: for models that no state can be taken from exactly.

    Args:
        model: any causal model.
        renew: forward one token before each text: rotary embeddings that grow with the text keep the longest so far
            until a short one comes.
    """

    def __init__(self, model: PreTrainedModel, *, renew: bool = False) -> None:
        self._model = model
        self._renew = renew
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self._forwarded = 0
        self._seen = Seen()

    def counters(self) -> Counters:
        """Return the tokens since the last :meth:`clear`."""
        return Counters(self._forwarded, len(self._seen))

    def score(self, requests: Sequence[Request]) -> list[Answer]:
        """Return one answer per request."""
        return [self._score(request) for request in requests]

    def next_token(self, texts: Sequence[Sequence[int]]) -> FloatArray:
        """Return ``[B, V]`` log p(next token | text) in nats."""
        for text in texts:
            self._seen.add(text, ())
        return np.stack([self._log_probs(text, len(text) - 1)[0].double().cpu().numpy() for text in texts])

    def _score(self, request: Request) -> Answer:
        before = self._forwarded
        totals = [self._total(request.prompt, tail) for tail in request.tails]
        self._seen.add(request.prompt, request.tails)
        return Answer(np.array(totals, np.float64), self._forwarded - before)

    def _total(self, prompt: Sequence[int], tail: Sequence[int]) -> float:
        log_probs = self._log_probs([*prompt, *tail[:-1]], len(prompt) - 1)
        return float(log_probs[range(len(tail)), list(tail)].double().sum())

    @torch.inference_mode()
    def _log_probs(self, ids: Sequence[int], first: int) -> torch.Tensor:
        """Return ``[L - first, V]`` log p of the token behind each of ``ids`` from ``first`` on, in float32."""
        try:
            if self._renew:
                self._logits(ids[:1])
            return self._logits(ids)[0, first:].float().log_softmax(-1)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            message = f"the device has no memory left for a text of {len(ids)} tokens; use a shorter prompt"
            raise TooLong(message) from error

    def _logits(self, ids: Sequence[int]) -> torch.Tensor:
        output = self._model(input_ids=torch.tensor([list(ids)], device=self._model.device))
        self._forwarded += len(ids)
        logits: torch.Tensor = output.logits
        return logits


def _nbytes(thing: Any) -> int:
    if isinstance(thing, torch.Tensor):
        return thing.nbytes
    if isinstance(thing, dict):
        return sum(_nbytes(inner) for inner in thing.values())
    return sum(_nbytes(inner) for inner in vars(thing).values()) if hasattr(thing, "__dict__") else 0
