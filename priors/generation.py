"""Proposals where any text may be typed: drawn token by token behind the cached prompt, many samples at once.

A proposal is the text in front of the first terminator. It comes with log p(text, terminator | prompt), the very number
that scoring the text would give; temperature and top-p shape only which texts are drawn.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

from priors.sampling import Sampling
from slinvit.budget import Budget
from slinvit.errors import BudgetExceeded, InputError, PriorError
from slinvit.types import FloatArray, Usage

if TYPE_CHECKING:
    from priors.scoring import CandidateScorer

Ids: TypeAlias = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Proposals:
    """What was drawn in one state.

    Attributes:
        texts: distinct, in the order in which they were first finished; at least one, and without a key at most as
            many as asked for.
        log_probs: ``[A]`` log p(text, terminator | prompt) in nats, not normalised over ``texts``.
        counts: ``[A]`` how often each was drawn.
        draws: how many were made; those not in ``counts`` were dropped.
        usage: one call; ``completion_tokens`` counts every drawn token.
    """

    texts: tuple[str, ...]
    log_probs: FloatArray
    counts: npt.NDArray[np.int64]
    draws: int
    usage: Usage


def generate(
    scorer: "CandidateScorer",
    prompts: Sequence[str],
    k: int | None = None,
    *,
    sampling: Sampling | None = None,
    key: Callable[[str], str | None] | None = None,
    budget: Budget,
    rng: np.random.Generator,
) -> list[Proposals]:
    """Return up to ``k`` distinct proposals behind each prompt; all samples of all prompts share their forwards.

    With ``key``, texts of equal keys count as one, and a text whose key is ``None`` counts as none; all are returned.

    Draws that reach ``max_new_tokens``, are blank, or are no text are dropped. Drawing goes on until there are ``k``;
    it stops at ``max_draws``, or when the budget allows no further tokens, and returns what is complete by then.
    Up to rounding and limits, a prompt's proposals depend on ``rng`` and its place, not on the other prompts.

    Raises:
        InputError: an empty prompt; no terminator.
        TooLong: a prompt with ``max_new_tokens`` behind it is too long for the model.
        BudgetExceeded: nothing was asked, or some prompt has no proposal yet.
        PriorError: no proposal within ``max_draws``, or the model gave NaN.
    """
    sampling = sampling or Sampling()
    if not scorer.terminator:
        raise InputError(f"model {scorer.name!r}: without a terminator a proposal never ends; give terminator=TEXT")
    wanted = sampling.proposals if k is None else k
    if wanted < 1:
        raise InputError(f"proposals asked for must be 1 or more, not {wanted}")
    starts = [tuple(scorer.prompt_ids(prompt, room=sampling.max_new_tokens)) for prompt in prompts]
    budget.spend(llm_calls=len(prompts))
    budget.charge(prompt_tokens=sum(map(len, starts)))
    seeds = rng.integers(2**63, size=len(prompts))
    states = [_Drawing(ids, wanted, sampling, seed, key) for ids, seed in zip(starts, seeds.tolist(), strict=True)]
    limit = _draw(scorer, states, sampling, budget)
    for state in states:
        if not state.counts:
            raise limit or PriorError(
                f"model {scorer.name!r}: none of {state.draws} draws of at most {sampling.max_new_tokens} tokens was a "
                f"text that ends with {scorer.terminator!r}; raise max_new_tokens or max_draws"
            )
    return _scored(scorer, prompts, states, budget)


class _Drawing:
    """The samples of one state: how many have drawn which tokens."""

    def __init__(
        self, prompt: Ids, wanted: int, sampling: Sampling, seed: int, key: Callable[[str], str | None] | None
    ) -> None:
        self.prompt = prompt
        self.nats: dict[Ids, float] = {(): 0.0}  # log p of every beginning that was drawn
        self.counts: Counter[str] = Counter()
        self.draws = 0
        self.tokens = self.forwarded = 0
        self._open: dict[Ids, int] = {}
        self._found: set[str] = set()
        self._key = key
        self._wanted = wanted
        self._most = sampling.max_draws or 4 * wanted
        self._sampling = sampling
        self._rng = np.random.default_rng(seed)

    def open(self) -> list[tuple[Ids, int]]:
        """Return unfinished beginnings and how many samples are there; none when enough was found, or drawn."""
        missing = min(self._wanted - len(self._found), self._most - self.draws)
        if not self._open and missing > 0:
            self._open = {(): missing}
            self.draws += missing
        return list(self._open.items())

    def extend(self, ids: Ids, log_probs: FloatArray, scorer: "CandidateScorer") -> None:
        """Draw the next token of every sample that is at ``ids``."""
        samples = self._open.pop(ids)
        self.tokens += samples
        for token, count in self._drawn(log_probs, samples).items():
            longer = (*ids, token)
            self.nats[longer] = self.nats[ids] + float(log_probs[token])
            text, ended = scorer.ended(self.prompt, longer)
            if ended and _usable(text):
                self._finish(text, count)
            elif not ended and len(longer) < self._sampling.max_new_tokens:
                self._open[longer] = count

    def _finish(self, text: str, count: int) -> None:
        self.counts[text] += count
        found = text if self._key is None else self._key(text)
        if found is not None:
            self._found.add(found)

    def _drawn(self, log_probs: FloatArray, samples: int) -> Counter[int]:
        below = np.cumsum(self._sampling.shape(log_probs))
        return Counter(np.searchsorted(below, self._rng.random(samples) * below[-1], side="right").tolist())


def _draw(
    scorer: "CandidateScorer", states: Sequence[_Drawing], sampling: Sampling, budget: Budget
) -> BudgetExceeded | None:
    """Draw until every state has enough; return the limit that stopped it, if one did."""
    while todo := [(state, ids, samples) for state in states for ids, samples in state.open()]:
        try:
            budget.spend(completion_tokens=sum(samples for _, _, samples in todo))
        except BudgetExceeded as limit:
            return limit
        before = scorer.engine.counters().forwarded
        rows = scorer.engine.next_token([state.prompt + ids for state, ids, _ in todo])
        if np.isnan(rows).any():
            raise PriorError(f"model {scorer.name!r} gave NaN for the next token")
        forwarded = scorer.engine.counters().forwarded - before
        budget.charge(tokens_forwarded=forwarded)
        for (state, ids, _), log_probs, share in zip(todo, rows, _shares(forwarded, len(todo)), strict=True):
            state.forwarded += share
            state.extend(ids, log_probs, scorer)
    return None


def _scored(
    scorer: "CandidateScorer", prompts: Sequence[str], states: Sequence[_Drawing], budget: Budget
) -> list[Proposals]:
    """Return the proposals with their log-probabilities; scores those drawn in other tokens than their text has."""
    nats = [_known(scorer, prompt, state) for prompt, state in zip(prompts, states, strict=True)]
    unknown = [[text for text in state.counts if text not in known] for state, known in zip(states, nats, strict=True)]
    places = [i for i, texts in enumerate(unknown) if texts]
    for i, scores in zip(
        places, scorer.score([prompts[i] for i in places], [unknown[i] for i in places]) if places else (), strict=True
    ):
        nats[i].update(zip(unknown[i], scores.log_probs.tolist(), strict=True))
        states[i].forwarded += scores.usage.tokens_forwarded
        budget.charge(tokens_forwarded=scores.usage.tokens_forwarded)
    return [_proposals(state, known) for state, known in zip(states, nats, strict=True)]


def _known(scorer: "CandidateScorer", prompt: str, state: _Drawing) -> dict[str, float]:
    """Return log p of the texts whose own tokens were drawn behind the whole prompt; none where one begins earlier."""
    texts, start = list(state.counts), len(state.prompt)
    _, rows = scorer.encode(prompt, texts)
    if any(tuple(row[:start]) != state.prompt for row in rows):
        return {}  # scoring then starts inside the prompt, for all alike
    tails = {text: tuple(row[start:]) for text, row in zip(texts, rows, strict=True)}
    return {text: state.nats[tail] for text, tail in tails.items() if tail in state.nats}


def _proposals(state: _Drawing, nats: Mapping[str, float]) -> Proposals:
    texts = tuple(state.counts)
    usage = Usage(1, len(state.prompt), state.forwarded, state.tokens)
    counts = np.array([state.counts[text] for text in texts], np.int64)
    return Proposals(texts, np.array([nats[text] for text in texts]), counts, state.draws, usage)


def _usable(text: str) -> bool:
    return bool(text.strip()) and "\ufffd" not in text  # the mark for bytes that are no text


def _shares(total: int, count: int) -> Iterator[int]:
    return (total // count + (i < total % count) for i in range(count))
