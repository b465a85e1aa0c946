"""Choosing the fastest engine that is exact for a model."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from transformers import PreTrainedModel

from priors.tokentree.branching import BranchingEngine, WholeTextEngine
from priors.tokentree.detect import Memory, inspect_memory
from priors.tokentree.memory import sane_share
from priors.tokentree.packed import PackedEngine
from priors.tokentree.requests import Answer, Counters, Engine, Request
from slinvit.errors import InputError, TooLong
from slinvit.types import FloatArray

TOLERANCE = {torch.float32: 1e-3, torch.float64: 1e-3}
"""Nats by which an engine may differ from plain forwards of the probe; any wrong mask or state is far outside."""

HALF_TOLERANCE = 0.5
"""The same where rounding alone gives tenths of a nat."""


@dataclass(frozen=True, eq=False)
class Recipe:
    """How a model is scored.

    Attributes:
        method: ``packed``, ``packed up to N tokens, then branching``, ``branching``, ``branching token by token`` or
            ``whole texts``; all but the last may end with ``; beyond N tokens whole texts``.
        reason: why not by a faster one; empty where there is none.
        make: returns a new engine that has seen nothing.
    """

    method: str
    reason: str
    make: Callable[[], Engine]


def recipe(model: PreTrainedModel, memory: int | None = None) -> Recipe:
    """Return the fastest way to score ``model`` that agrees with plain forwards over a short probe.

    Args:
        model: a causal language model in evaluation mode.
        memory: most bytes of cached keys, values and states; None: half of a GPU's free memory; elsewhere an
            eighth of the machine's, and 2 GiB at most.

    Raises:
        InputError: ``memory`` or the device has no room for the probe.
    """
    limit = sane_share(model.device) if memory is None else memory
    found = inspect_memory(model)
    reasons = [found.obstacle or ""]
    whole = partial(WholeTextEngine, model, renew=found.stable is not None)
    expected = whole().score([request for requests in _probe(model) for request in requests])
    tried = _ways(model, found, limit, waste=0)  # so that the probe's texts lie in several rows
    for (method, make), (_, probed) in zip(_ways(model, found, limit), tried, strict=True):
        fault = _fault(probed(), model, expected)
        if fault is None:
            if found.stable is not None:
                method, make = (
                    f"{method}; beyond {found.stable} tokens whole texts",
                    partial(SplitEngine, found.stable, make, whole),
                )
            return Recipe(method, "; ".join(filter(None, reasons)), make)
        reasons.append(f"{method} {fault}")
    return Recipe("whole texts", "; ".join(filter(None, reasons)), whole)


def _ways(
    model: PreTrainedModel, found: Memory, limit: int, waste: int | None = None
) -> Iterator[tuple[str, Callable[[], Engine]]]:
    """Yield the ways that may be exact for a model that remembers as ``found``, fastest first."""
    if found.argument is None:
        return
    branch = partial(BranchingEngine, model, argument=found.argument)
    if found.obstacle is None:
        packed = partial(PackedEngine, model, layers=found.layers, bytes_per_token=found.bytes_per_token, waste=waste)
        half = limit // 2
        if found.window is None:
            yield "packed", partial(packed, memory=limit)
        else:
            both = partial(SplitEngine, found.window, partial(packed, memory=half), partial(branch, memory=half))
            yield f"packed up to {found.window} tokens, then branching", both
    yield "branching", partial(branch, memory=limit)
    yield "branching token by token", partial(branch, memory=limit, stride=1)


def _probe(model: PreTrainedModel) -> list[list[Request]]:
    """Return two calls: two unrelated texts together, then one that continues the first behind a candidate."""
    vocabulary = model.config.get_text_config().vocab_size
    ids = [(7919 * i + 13) % vocabulary for i in range(19)]
    prompt, one, other, behind, last, stranger = (
        ids[:5],
        ids[5:8],
        [ids[5], *ids[8:10]],
        ids[10:11],
        ids[11:14],
        ids[14:],
    )
    together = [Request(prompt, [one, other]), Request(stranger, [one, last])]
    return [together, [Request(prompt + one + behind, [last])]]


def _fault(engine: Engine, model: PreTrainedModel, expected: Sequence[Answer]) -> str | None:
    """Return what is wrong with ``engine`` on the probe; None: it gives what plain forwards over whole texts give."""
    try:
        given = [answer for requests in _probe(model) for answer in engine.score(requests)]
    except TooLong as error:
        raise InputError(str(error)) from error
    except InputError:
        raise
    except Exception as error:  # whatever a model of another kind makes of it, there is a slower way
        return f"fails with {type(error).__name__}: {' '.join(str(error).split())[:100]}"
    off = max(float(np.abs(a.log_probs - b.log_probs).max()) for a, b in zip(given, expected, strict=True))
    close = off <= TOLERANCE.get(model.dtype, HALF_TOLERANCE)
    return None if close else "does not give what plain forwards give"


class SplitEngine:
    """Scores short texts in one way, where that is exact, and longer ones in another; no forward has both.

    Args:
        most: longest text that is short, in tokens.
        short: makes the engine for those.
        long: makes the engine for the others.
    """

    def __init__(self, most: int, short: Callable[[], Engine], long: Callable[[], Engine]) -> None:
        self._most = most
        self._short = short()
        self._long = long()

    def clear(self) -> None:
        """Forget everything."""
        self._short.clear()
        self._long.clear()

    def counters(self) -> Counters:
        """Return the tokens since the last :meth:`clear`; what both engines were asked for counts twice."""
        return self._short.counters() + self._long.counters()

    def score(self, requests: Sequence[Request]) -> list[Answer]:
        """Return one answer per request."""
        lengths = [len(request.prompt) + max(map(len, request.tails)) - 1 for request in requests]
        short = [i for i, length in enumerate(lengths) if length <= self._most]
        long = [i for i, length in enumerate(lengths) if length > self._most]
        answers = dict(zip(short, self._short.score([requests[i] for i in short]), strict=True))
        answers |= zip(long, self._long.score([requests[i] for i in long]), strict=True)
        return [answers[i] for i in range(len(requests))]

    def next_token(self, texts: Sequence[Sequence[int]]) -> FloatArray:
        """Return ``[B, V]`` log p(next token | text) in nats."""
        return np.concatenate(
            [(self._short if len(text) <= self._most else self._long).next_token([text]) for text in texts]
        )
