from typing import Any

import pytest

from priors.remote.checks import problem, usage_of

ECHO = {"model": "m", "prompt": "ab", "max_tokens": 0, "echo": True, "logprobs": 1}
TOKENS = {"tokens": ["a", "b"], "token_logprobs": [None, -1.5], "text_offset": [0, 1]}


def completion(logprobs: Any = None, usage: Any = None, **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "text": "ab", "logprobs": logprobs, **more}
    return {"choices": [choice], "usage": usage or {"prompt_tokens": 2, "completion_tokens": 0}}


def test_good_answers_have_no_problem() -> None:
    assert problem("completions", ECHO, completion(TOKENS)) is None
    assert problem("completions", ECHO, completion(TOKENS, {"prompt_tokens": 3, "completion_tokens": 0})) is None
    assert problem("completions", ECHO, completion(None)) is None
    assert problem("score", {"prompt": "p", "candidates": ["a"]}, {"log_probs": [-1.0]}) is None
    chat = {"choices": [{"message": {"content": None}, "logprobs": {"content": [{"logprob": -0.5}]}}]}
    assert problem("chat", {"messages": []}, chat) is None
    assert problem("models", {}, {"data": []}) is None


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ([], "expected a JSON object"),
        ({"error": {"message": "overloaded"}}, "under a status of success"),
        ({}, "no list of choices"),
        ({"choices": []}, "0 choices where 1 were asked for"),
        (completion(index=4), "choices numbered"),
        ({"choices": [{"index": 0}]}, "without text"),
        (completion("no"), "no object"),
        (completion({**TOKENS, "token_logprobs": [None]}), "not: 2 tokens, 1 token_logprobs, 2 text_offset"),
        (completion({**TOKENS, "token_logprobs": [None, 0.7]}), "0.7 as the log-probability"),
        (completion({**TOKENS, "token_logprobs": [None, float("nan")]}), "nan as the log-probability"),
        (completion({**TOKENS, "token_logprobs": [None, "-1"]}), "'-1' as the log-probability"),
        (completion(TOKENS, {"prompt_tokens": 9, "completion_tokens": 0}), "2 tokens shown, 9 counted"),
        (completion(TOKENS, {"prompt_tokens": 1, "completion_tokens": 0}), "2 tokens shown, 1 counted"),
        (completion(TOKENS, {"prompt_tokens": 10**6, "completion_tokens": 0}), "a usage of 1000000 prompt tokens"),
        (completion(TOKENS, {"prompt_tokens": 2, "completion_tokens": 50}), "a usage of 50 completion tokens"),
    ],
)
def test_completions_that_contradict_themselves_are_named(body: Any, said: str) -> None:
    assert said in str(problem("completions", ECHO, body))


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "no scores for 2 candidates"),
        ({"log_probs": [-1.0]}, "1 scores for 2 candidates"),
        ({"log_probs": [-1.0, None]}, "None as a log-probability"),
        ({"log_probs": [-1.0, 2.0]}, "2.0 as a log-probability"),
    ],
)
def test_scores_that_cannot_be_are_named(body: Any, said: str) -> None:
    assert said in str(problem("score", {"prompt": "p", "candidates": ["a", "b"]}, body))


def test_chat_needs_messages_and_finite_numbers() -> None:
    assert "without a message" in str(problem("chat", {"messages": []}, {"choices": [{"text": "x"}]}))
    chat = {"choices": [{"message": {}, "logprobs": {"content": [{"logprob": None}, {"logprob": 1}]}}]}
    assert "1 as the log-probability" in str(problem("chat", {"messages": []}, chat))


def test_usage_counts_cached_tokens_and_may_be_absent() -> None:
    said = {"prompt_tokens": 9, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 4}}
    found = usage_of({"usage": said})
    assert found is not None
    assert (found[0].prompt_tokens, found[0].completion_tokens, found[1]) == (9, 2, 4)
    assert usage_of({}) is None
    assert usage_of({"usage": {"prompt_tokens": None}}) is None
