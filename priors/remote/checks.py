"""Answers that contradict themselves are no answers: they are asked again, and never kept."""

import math
from collections.abc import Mapping
from typing import Any

from priors.remote.prices import worst_case
from slinvit.types import Usage

PARALLEL = ("tokens", "token_logprobs", "top_logprobs", "text_offset")

HIDDEN = 4096
"""Tokens that a server may add to a prompt by itself: templates, a system prompt of its own."""


def problem(endpoint: str, asked: Mapping[str, Any], body: Any) -> str | None:
    """Return what is wrong with an answer whatever it was asked for, ``None`` where nothing is."""
    if not isinstance(body, Mapping):
        return f"expected a JSON object, got {str(body)[:60]!r}"
    if "error" in body and body["error"] is not None:
        return f"an error under a status of success: {str(body['error'])[:200]}"
    if endpoint in ("completions", "chat"):
        return _choices_problem(endpoint, asked, body) or _usage_problem(asked, body)
    return _score_problem(asked, body) or _usage_problem(asked, body) if endpoint == "score" else None


def usage_of(body: Mapping[str, Any]) -> tuple[Usage, int] | None:
    """Return the tokens of an answer and how many of the prompt were cached, ``None`` where it does not say."""
    usage = body.get("usage")
    if not isinstance(usage, Mapping) or not isinstance(usage.get("prompt_tokens"), int):
        return None
    details = usage.get("prompt_tokens_details")
    cached = details.get("cached_tokens") if isinstance(details, Mapping) else None
    used = Usage(1, prompt_tokens=usage["prompt_tokens"], completion_tokens=usage.get("completion_tokens") or 0)
    return used, min(cached or 0, used.prompt_tokens)


def _choices_problem(endpoint: str, asked: Mapping[str, Any], body: Mapping[str, Any]) -> str | None:
    choices = body.get("choices")
    if not isinstance(choices, list) or not all(isinstance(choice, Mapping) for choice in choices):
        return "no list of choices"
    expected = int(asked.get("n", 1)) * (_prompt_count(asked) if endpoint == "completions" else 1)
    if len(choices) != expected:
        return f"{len(choices)} choices where {expected} were asked for"
    indices = [choice.get("index", place) for place, choice in enumerate(choices)]
    if sorted(map(str, indices)) != sorted(map(str, range(expected))):
        return f"choices numbered {indices}"
    for choice in choices:
        if endpoint == "completions" and not isinstance(choice.get("text"), str):
            return "a choice without text"
        if endpoint == "chat" and not isinstance(choice.get("message"), Mapping):
            return "a choice without a message"
        found = _logprobs_problem(choice.get("logprobs"))
        if found is not None:
            return found
    return None


def _logprobs_problem(logprobs: Any) -> str | None:
    """Return what is wrong with ``logprobs`` in either form: parallel lists, or a list of tokens."""
    if logprobs is None:
        return None
    if not isinstance(logprobs, Mapping):
        return "log-probabilities that are no object"
    lists = {name: logprobs[name] for name in PARALLEL if isinstance(logprobs.get(name), list)}
    if len({len(values) for values in lists.values()}) > 1:
        lengths = ", ".join(f"{len(values)} {name}" for name, values in lists.items())
        return f"lists that should be parallel are not: {lengths}"
    content = logprobs.get("content") or []
    values = [*lists.get("token_logprobs", []), *(entry.get("logprob") for entry in content)]
    for value in values:
        if value is not None and not _is_log_probability(value):
            return f"{value!r} as the log-probability of a token"
    return None


def _score_problem(asked: Mapping[str, Any], body: Mapping[str, Any]) -> str | None:
    scores, candidates = body.get("log_probs"), asked.get("candidates", [])
    if not isinstance(scores, list) or len(scores) != len(candidates):
        found = f"{len(scores)} scores" if isinstance(scores, list) else "no scores"
        return f"{found} for {len(candidates)} candidates"
    wrong = [score for score in scores if not _is_log_probability(score)]
    return f"{wrong[0]!r} as a log-probability" if wrong else None


def _usage_problem(asked: Mapping[str, Any], body: Mapping[str, Any]) -> str | None:
    used = usage_of(body)
    if used is None:
        return None
    usage, most = used[0], worst_case(asked)
    if not 0 <= usage.prompt_tokens <= most.prompt_tokens + HIDDEN:
        return f"a usage of {usage.prompt_tokens} prompt tokens, but the prompt has at most {most.prompt_tokens}"
    limited = "max_tokens" in asked or "max_completion_tokens" in asked
    if usage.completion_tokens < 0 or (limited and usage.completion_tokens > most.completion_tokens + 1):
        return f"a usage of {usage.completion_tokens} completion tokens where at most {most.completion_tokens} are"
    return _echo_problem(asked, body, usage)


def _echo_problem(asked: Mapping[str, Any], body: Mapping[str, Any], usage: Usage) -> str | None:
    """Return a contradiction between the tokens shown and the tokens counted, where all of them are shown."""
    shown = [(choice.get("logprobs") or {}).get("tokens") for choice in body["choices"]] if "choices" in body else []
    lists = [tokens for tokens in shown if isinstance(tokens, list)]
    if not asked.get("echo") or not shown or len(lists) < len(shown):
        return None
    tokens, counted = sum(map(len, lists)), usage.prompt_tokens + usage.completion_tokens
    # A token that begins the text (BOS) is counted by all servers and shown by some.
    if not 0 <= counted - tokens <= len(shown):
        return f"{tokens} tokens shown, {counted} counted"
    return None


def _prompt_count(asked: Mapping[str, Any]) -> int:
    prompt = asked.get("prompt")
    return len(prompt) if isinstance(prompt, list) and prompt and not isinstance(prompt[0], int) else 1


def _is_log_probability(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and not math.isnan(value) and value <= 1e-3


__all__ = ["problem", "usage_of"]
