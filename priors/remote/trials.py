"""Can a server do what a strategy needs? Each trial asks questions whose answers are known, and believes no status."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from priors.remote.asking import Strategy
from priors.remote.backend import ABSURD, CERTAIN, PROMPT, Backend
from priors.remote.evidence import (
    NOISE,
    Lacking,
    check_greedy,
    check_same,
    check_scores,
    check_swapped,
    check_tokens,
    check_top,
    first_working,
)
from priors.remote.logprobs import Top
from priors.remote.manners import OPENAI
from priors.remote.speaker import Speaker
from priors.remote.strategies.echo import Echo
from priors.remote.strategies.labelled import Labelled
from priors.remote.strategies.ranked import Ranked
from priors.remote.strategies.sampled import Sampled
from priors.remote.strategies.score import Score
from priors.remote.strategies.trie import Trie
from priors.remote.tokens import Tokens
from priors.remote.transport import Request
from priors.templates import template
from slinvit.errors import InputError

ACTION_TOKENS = 48
"""Tokens of an action."""

PROMPT_LOGPROBS = "log-probabilities of the prompt's tokens (echo)"
NEXT_LOGPROBS = "log-probabilities of generated tokens (logprobs)"


def score(backend: Backend) -> Strategy:
    """Return a strategy that works; raises :class:`Lacking`."""
    strategy, capability = Score(backend.model), "scoring of candidates (/v1/score of `slinvit serve`)"
    scores = backend.scores(strategy, capability)
    check_scores(scores, capability)
    check_swapped(scores, backend.scores(strategy, capability, (ABSURD, CERTAIN)), capability)
    return strategy


def echo(backend: Backend) -> Strategy:
    """Return a strategy that works; raises :class:`Lacking`."""
    options = backend.options
    texts = Echo(backend.model, options.terminator)
    named = [] if options.tokenizer is None else [replace(texts, tokens=Tokens(options.tokenizer))]
    strategy, _ = first_working([*named, texts], lambda each: backend.scores(each, PROMPT_LOGPROBS))
    _check_places(backend, replace(strategy, tokens=None))
    return strategy


def trie(backend: Backend) -> Strategy:
    """Return a strategy that works; raises :class:`Lacking`."""
    tokens = Tokens(backend.options.tokenizer or backend.model)
    try:
        (prompt,) = tokens.rows(PROMPT, [""])
    except InputError as error:
        raise Lacking("the model's tokenizer", error) from error
    plain = Trie(backend.model, tokens, backend.options.terminator, ids=False, numbered=False, forced=False)
    plain, top = first_working(
        [replace(plain, top=top) for top in backend.tops()],
        lambda each: backend.top(each.request(PROMPT), NEXT_LOGPROBS),
    )
    check_top(top, NEXT_LOGPROBS)
    strategy = _with_ids(backend, plain, prompt, top)
    strategy = replace(strategy, asked=strategy.numbered and _shows(backend, strategy, prompt))
    strategy = replace(strategy, forced=_forces(backend, strategy, prompt))
    check_scores(backend.scores(strategy, NEXT_LOGPROBS), NEXT_LOGPROBS)
    return strategy


def labelled(backend: Backend) -> Strategy:
    """Return a strategy that works; raises :class:`Lacking`."""

    def shown(strategy: Labelled) -> None:
        capability = f"{NEXT_LOGPROBS} at {strategy.speaker.path}"
        request = strategy.speaker.request(PROMPT, 1, temperature=1, **strategy.speaker.logprobs(strategy.top))
        check_top(backend.top(request, capability), capability)

    def tried(speaker: Speaker) -> Labelled:
        options = [Labelled(speaker, top, backend.options.permutations) for top in backend.tops()]
        strategy, _ = first_working(options, shown)
        backend.scores(strategy, f"answers with a letter at {speaker.path}")
        return strategy

    return first_working(backend.speakers(), tried)[1]


def sampled(backend: Backend) -> Strategy:
    """Return a strategy that works; raises :class:`Lacking`."""
    options, reply = backend.options, template(backend.options.template).reply
    together = options.n == "yes" or (options.n is None and backend.url == OPENAI)

    def tried(strategy: Sampled) -> None:
        request = strategy.requests(PROMPT, 0)[0]
        _check_text(backend.read(strategy.read, request, f"text at {strategy.speaker.path}"))

    ways = [
        Sampled(
            speaker,
            options.samples,
            options.alpha,
            options.temperature(1.0),
            backend.longest(speaker, ACTION_TOKENS if reply is None else reply.longest),
            together,
            options.terminator,
            reply is not None,
        )
        for speaker in backend.speakers()
    ]
    return first_working(ways, tried)[0]


def ranked(backend: Backend) -> Strategy:
    """Return a strategy that works; raises :class:`Lacking`."""
    options = backend.options

    def tried(strategy: Ranked) -> None:
        backend.scores(strategy, f"lists of actions at {strategy.speaker.path}")

    ways = [
        Ranked(
            speaker,
            options.listed,
            options.temperature(0.0),
            backend.longest(speaker, ACTION_TOKENS * options.listed),
        )
        for speaker in backend.speakers()
    ]
    return first_working(ways, tried)[0]


def _check_places(backend: Backend, strategy: Echo) -> None:
    """Raise :class:`Lacking` where the log-probabilities of a prompt belong to other tokens than they stand beside."""
    request = strategy.request(PROMPT + ABSURD)
    check_tokens(backend.read(strategy.read, request, PROMPT_LOGPROBS).log_probs, PROMPT_LOGPROBS)
    body = {"model": backend.model, "prompt": PROMPT, "max_tokens": 1}
    try:
        top = backend.top(Request.of("completions", {**body, "temperature": 1, "logprobs": 5}), NEXT_LOGPROBS)
        check_top(top, NEXT_LOGPROBS)
    except Lacking:
        _check_preference(backend, strategy, body)
        return
    for text in sorted(filter(str.strip, top.texts), key=lambda text: -top.texts[text]):
        found = _last(backend, strategy, text)
        if found is not None:
            check_same(found, top.texts[text], PROMPT_LOGPROBS)
            return


def _check_preference(backend: Backend, strategy: Echo, body: Mapping[str, Any]) -> None:
    """Do the same where no log-probabilities of generated tokens are there to compare with."""
    written = backend.ask(Request.of("completions", {**body, "temperature": 0}), "text at /v1/completions")
    texts = (str(written["choices"][0]["text"]), ABSURD[:1])
    best, other = (_last(backend, strategy, text) for text in texts)
    if texts[0].strip() and best is not None and other is not None:
        check_greedy(best, other, PROMPT_LOGPROBS)


def _last(backend: Backend, strategy: Echo, text: str) -> float | None:
    """Return the log-probability of ``text`` behind the prompt, ``None`` where it is no token there."""
    request = strategy.request(PROMPT + text)
    echo = backend.read(strategy.read, request, PROMPT_LOGPROBS)
    return echo.log_probs[-1] if echo.tokens[-1] == text else None


def _with_ids(backend: Backend, plain: Trie, prompt: Sequence[int], top: Top) -> Trie:
    """Return ``plain``, sending token ids if the server takes them; raises :class:`Lacking` for another tokenizer."""
    for numbered in (True, False):
        strategy = replace(plain, ids=True, numbered=numbered)
        try:
            found = backend.top(strategy.request(prompt), "token ids as prompts")
        except Lacking:
            continue
        shown = {plain.tokens.piece(number): value for number, value in found.ids.items()} or found.texts
        common = shown.keys() & top.texts.keys()
        if not common or max(abs(shown[text] - top.texts[text]) for text in common) > NOISE:
            raise Lacking("the model's tokenizer", f"{plain.tokens.source!r} is that of another model")
        return replace(strategy, numbered=bool(found.ids))
    return plain


def _shows(backend: Backend, strategy: Trie, prompt: Sequence[int]) -> bool:
    """Say whether the server shows a token that is not among the most probable, asked for by number."""
    shown = backend.top(strategy.request(prompt), NEXT_LOGPROBS).ids
    other = next(number for number in range(len(shown) + 1) if number not in shown)
    try:
        found = backend.top(replace(strategy, asked=True).request(prompt, wanted=[other]), "tokens asked for by number")
    except Lacking:
        return False
    return other in found.ids


def _forces(backend: Backend, strategy: Trie, prompt: Sequence[int]) -> bool:
    """Say whether a token forced by a bias comes with its own log-probability."""
    sent = prompt if strategy.ids else PROMPT
    top = backend.top(strategy.request(sent), NEXT_LOGPROBS)
    shown = top.ids or strategy.tokens.numbers(top.texts)
    if len(shown) < 2:
        return False
    second = sorted(shown, key=lambda number: -shown[number])[1]
    try:
        forced = backend.top(strategy.request(sent, second), "forced tokens (logit_bias)")
    except Lacking:
        return False
    known = forced.chosen_log_prob
    return known is not None and strategy.is_token(forced.chosen, second) and abs(known - shown[second]) <= NOISE


def _check_text(texts: Sequence[str]) -> None:
    if not any(texts):
        raise Lacking("text", "the model wrote nothing; one that thinks needs more answer_tokens")


TRIALS: Mapping[str, Callable[[Backend], Strategy]] = {
    "score": score,
    "echo": echo,
    "trie": trie,
    "labelled": labelled,
    "sampled": sampled,
    "ranked": ranked,
}
"""By falling fidelity."""

__all__ = ["TRIALS", "Backend"]
