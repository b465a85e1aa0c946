"""One timing of one method: process CPU time, one thread."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from transformers import PreTrainedModel, PreTrainedTokenizerBase  # noqa: TID251 - only the types

from benchmarks.scoring.bound import ends
from benchmarks.scoring.methods import continue_rows, ours, prefill, rows_forwarded
from benchmarks.scoring.scenarios import Request, encode
from slinvit.errors import InputError
from slinvit.types import FloatArray

Method: TypeAlias = Callable[[PreTrainedModel, PreTrainedTokenizerBase, Request], FloatArray]
_STRANGERS = (" help", " wait", " inventory", " xylophone", "xylophone", "zebra", "(")


@dataclass(frozen=True)
class Timed:
    """What one timing gave.

    Attributes:
        seconds: process CPU time, scaled up where only a part was timed.
        log_probs: by request, over its candidates or the first few of them.
        part: what was timed, empty for everything.
        forwarded: tokens the model was given, where the method counts them.
    """

    seconds: float
    log_probs: Mapping[Request, FloatArray] = field(default_factory=dict)
    part: str = ""
    forwarded: int | None = None


Trial: TypeAlias = Callable[[], Timed]


def best_of(trials: Mapping[str, Trial], repetitions: int) -> dict[str, Timed]:
    """Return the fastest of each trial; repetitions are interleaved."""
    rounds = [{name: trial() for name, trial in trials.items()} for _ in range(repetitions)]
    return {name: min((each[name] for each in rounds), key=lambda timed: timed.seconds) for name in trials}


def ours_in_batches(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, batches: Sequence[Sequence[Request]]
) -> Timed:
    """Score batches one after the other, nothing cached before."""
    return _batches(ours(model, tokenizer), batches)


def ours_warm(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, request: Request) -> Timed:
    """Score one request whose prompt is cached, but no token of its candidates."""
    scorer = ours(model, tokenizer)
    scorer.score([request.prompt], [_strangers(tokenizer, request)])
    return _batches(scorer, [[request]])


def rows_cold(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, requests: Sequence[Request]) -> Timed:
    """Cache each prompt once, its candidates in rows; nothing is kept between requests."""
    found, forwarded, start = {}, 0, time.process_time()
    for request in requests:
        encoded = encode(tokenizer, request)
        found[request] = continue_rows(model, prefill(model, encoded.prompt), encoded.tails)
        forwarded += rows_forwarded(encoded)
    return Timed(time.process_time() - start, found, forwarded=forwarded)


def rows_warm(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, request: Request) -> Timed:
    """Score candidates in rows behind a prompt that is cached; tokenisation of the prompt is not counted."""
    encoded = encode(tokenizer, request)
    prefix = prefill(model, encoded.prompt)
    start = time.process_time()
    log_probs = continue_rows(model, prefix, encoded.tails, keep=True)
    seconds = time.process_time() - start
    return Timed(seconds, {request: log_probs}, forwarded=rows_forwarded(encoded) - len(encoded.prompt))


def slow(
    method: Method,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    sample: Mapping[Request, float],
    few: int,
) -> Timed:
    """Time a method whose cost is linear in requests and candidates on a part, and scale it up.

    Args:
        method: to be timed.
        model: in evaluation mode.
        tokenizer: of that model.
        sample: requests, and how many each stands for.
        few: candidates of each that are scored.
    """
    found, seconds, scored = {}, 0.0, 0
    for request, stands_for in sample.items():
        part = Request(request.prompt, request.candidates[:few])
        start = time.process_time()
        found[request] = method(model, tokenizer, part)
        elapsed = time.process_time() - start
        seconds += elapsed * stands_for * len(request.candidates) / len(part.candidates)
        scored += len(part.candidates)
    total = round(sum(len(request.candidates) * stands_for for request, stands_for in sample.items()))
    return Timed(seconds, found, "" if scored == total else f"{scored} of {total} candidates, scaled")


def deviation(timed: Timed, reference: Timed) -> float:
    """Return the largest difference, in nats, on what ``reference`` scored."""
    return max(
        float(np.abs(timed.log_probs[request][: len(expected)] - expected).max())
        for request, expected in reference.log_probs.items()
    )


@contextmanager
def time_in_model(model: PreTrainedModel) -> Iterator[list[float]]:
    """Collect the process CPU time spent in forwards of the model, its inside and its output matrix."""
    spent, entered = [0.0], [0.0, 0.0]  # seconds so far; depth and start of the outermost call

    def enter(*_: Any) -> None:
        if entered[0] == 0:
            entered[1] = time.process_time()
        entered[0] += 1

    def leave(*_: Any) -> None:
        entered[0] -= 1
        if entered[0] == 0:
            spent[0] += time.process_time() - entered[1]

    parts = [model, model.base_model, ends(model)[1]]
    handles = [part.register_forward_pre_hook(enter) for part in parts]
    handles += [part.register_forward_hook(leave) for part in parts]
    try:
        yield spent
    finally:
        for handle in handles:
            handle.remove()


def _batches(scorer: Any, batches: Sequence[Sequence[Request]]) -> Timed:
    found, forwarded, start = {}, 0, time.process_time()
    for batch in batches:
        scored = scorer.score([request.prompt for request in batch], [request.candidates for request in batch])
        for request, scores in zip(batch, scored, strict=True):
            found[request] = scores.log_probs
            forwarded += scores.usage.tokens_forwarded
    return Timed(time.process_time() - start, found, forwarded=forwarded)


def _strangers(tokenizer: PreTrainedTokenizerBase, request: Request) -> list[str]:
    """Return a candidate that shares no token with those of ``request``."""
    known = {tail[0] for tail in encode(tokenizer, request).tails}
    for text in _STRANGERS:
        if encode(tokenizer, Request(request.prompt, (text,))).tails[0][0] not in known:
            return [text]
    raise InputError(f"every one of {_STRANGERS} begins like a candidate of the request")
