"""/v1/completions over HTTP: echo, log-probabilities, sampling."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import chisquare

import priors
from priors.local import LocalPrior
from priors.serving.server import running

ACTIONS = ("unstack the red block from on top of the blue block", "pick up the blue block")
EXACT = 1e-4
END = 1
Complete = Callable[..., Any]


def next_row(reference: LocalPrior, prompt: str) -> Any:
    return reference.scorer.engine.next_token([reference.scorer.encode(prompt, [])[0]])[0]


def test_echo_sums_to_the_score_of_a_candidate(complete: Complete, reference: LocalPrior, prompt: str) -> None:
    (expected,) = reference.scorer.score([prompt], [ACTIONS])
    texts = [f"{prompt}{action}\n" for action in ACTIONS]
    answer = complete(prompt=texts, echo=True, logprobs=0, max_tokens=0)
    for choice, text, score in zip(answer["choices"], texts, expected.log_probs, strict=True):
        logprobs = choice["logprobs"]
        behind = [i for i, offset in enumerate(logprobs["text_offset"]) if offset >= len(prompt)]
        assert sum(logprobs["token_logprobs"][i] for i in behind) == pytest.approx(score, abs=EXACT)
        assert choice["text"] == "".join(logprobs["tokens"]) == text
        assert logprobs["token_logprobs"][0] is logprobs["top_logprobs"][0] is None
        assert choice["finish_reason"] == "length"
    assert answer["usage"]["completion_tokens"] == 0
    assert answer["usage"]["prompt_tokens"] == sum(len(each["logprobs"]["tokens"]) for each in answer["choices"])


def test_offsets_say_where_tokens_are(complete: Complete, prompt: str) -> None:
    (choice,) = complete(prompt=prompt, echo=True, logprobs=1, max_tokens=3, seed=5)["choices"]
    logprobs = choice["logprobs"]
    for token, offset in zip(logprobs["tokens"], logprobs["text_offset"], strict=True):
        assert choice["text"][offset : offset + len(token)] == token
    assert choice["text"].startswith(prompt)
    assert len(logprobs["token_logprobs"]) == len(logprobs["tokens"]) == len(logprobs["top_logprobs"])


def test_the_most_probable_tokens_come_with_the_one_that_stands_there(complete: Complete, prompt: str) -> None:
    (choice,) = complete(prompt=prompt, echo=True, logprobs=3, max_tokens=0)["choices"]
    logprobs = choice["logprobs"]
    for token, own, top in list(
        zip(logprobs["tokens"], logprobs["token_logprobs"], logprobs["top_logprobs"], strict=True)
    )[1:]:
        assert 3 <= len(top) <= 4
        assert top[token] == pytest.approx(own, abs=EXACT)


def test_all_tokens_of_the_vocabulary_together_have_probability_one(
    complete: Complete, reference: LocalPrior, prompt: str
) -> None:
    row = next_row(reference, prompt)
    body = {"prompt": prompt, "max_tokens": 1, "logprobs": 453, "return_tokens_as_token_ids": True}
    (choice,) = complete(**body)["choices"]
    (top,) = choice["logprobs"]["top_logprobs"]
    assert logsumexp(list(top.values())) == pytest.approx(0, abs=EXACT)
    assert [top[f"token_id:{token}"] for token in range(453)] == pytest.approx(row, abs=EXACT)


def test_tokens_that_are_asked_for_are_shown_whatever_their_rank(
    complete: Complete, reference: LocalPrior, prompt: str
) -> None:
    row = next_row(reference, prompt)
    last = int(row.argmin())
    body = {"prompt": prompt, "logprobs": 1, "logprob_token_ids": [last], "return_tokens_as_token_ids": True}
    (written,) = complete(**body, max_tokens=1)["choices"]
    assert written["logprobs"]["top_logprobs"][0][f"token_id:{last}"] == pytest.approx(row[last], abs=EXACT)
    (echoed,) = complete(**{**body, "prompt": f"{prompt}pick up"}, max_tokens=0, echo=True)["choices"]
    place = echoed["logprobs"]["text_offset"].index(len(prompt))
    assert echoed["logprobs"]["top_logprobs"][place][f"token_id:{last}"] == pytest.approx(row[last], abs=EXACT)


def test_token_ids_are_a_prompt_too(complete: Complete, reference: LocalPrior, prompt: str) -> None:
    ids = reference.scorer.encode(prompt, [])[0]
    body = {"echo": True, "logprobs": 2, "max_tokens": 0}
    by_text, by_ids, listed = (complete(prompt=each, **body)["choices"][0] for each in (prompt, ids, [ids]))
    assert by_text == by_ids == listed


def test_the_tokenizer_can_be_asked(client: httpx.Client, reference: LocalPrior, prompt: str) -> None:
    answer = client.post(str(client.base_url).replace("/v1/", "/tokenize"), json={"prompt": prompt}).json()
    assert answer["tokens"] == reference.scorer.encode(prompt, [])[0]
    assert answer["count"] == len(answer["tokens"])
    assert answer["max_model_len"] == 512


def test_a_prompt_of_one_token_has_nothing_before_it(complete: Complete) -> None:
    (choice,) = complete(prompt=[7], echo=True, logprobs=1, max_tokens=0)["choices"]
    assert choice["logprobs"]["token_logprobs"] == [None]


def test_the_same_seed_writes_the_same_and_every_choice_its_own(complete: Complete, prompt: str) -> None:
    body = {"prompt": [prompt, prompt], "n": 4, "max_tokens": 12, "temperature": 8.0, "stop": "\n"}
    first, second, other = (complete(**body, seed=seed)["choices"] for seed in (3, 3, 4))
    assert first == second != other
    assert [choice["index"] for choice in first] == list(range(8))
    assert len({choice["text"] for choice in first}) > 1


def test_temperature_zero_takes_the_most_probable_token(complete: Complete, reference: LocalPrior, prompt: str) -> None:
    answer = complete(prompt=prompt, max_tokens=1, temperature=0, logprobs=0, return_tokens_as_token_ids=True)
    assert answer["choices"][0]["logprobs"]["tokens"] == [f"token_id:{next_row(reference, prompt).argmax()}"]


def test_draws_follow_the_model_at_the_temperature(complete: Complete, reference: LocalPrior, prompt: str) -> None:
    row = next_row(reference, prompt) / 3
    probs = np.exp(row - logsumexp(row))
    drawn: Counter[str] = Counter()
    for seed in range(4):
        answer = complete(
            prompt=prompt, max_tokens=1, temperature=3, n=128, seed=seed, logprobs=0, return_tokens_as_token_ids=True
        )
        drawn.update(choice["logprobs"]["tokens"][0] for choice in answer["choices"])
    likely = [token for token in range(453) if probs[token] * 512 >= 5]
    observed = [drawn[f"token_id:{token}"] for token in likely]
    expected = [512 * probs[token] for token in likely]
    rest = 512 - sum(expected)
    assert len(likely) >= 5
    assert chisquare([*observed, 512 - sum(observed)], [*expected, rest]).pvalue > 0.001


def test_log_probabilities_are_the_models_own_at_any_temperature(complete: Complete, prompt: str) -> None:
    body = {"prompt": prompt, "max_tokens": 1, "logprobs": 5}
    tops = [complete(**body, temperature=t)["choices"][0]["logprobs"]["top_logprobs"][0] for t in (0, 1)]
    best = [sorted(top.items(), key=lambda item: -item[1])[:5] for top in tops]
    assert [name for name, _ in best[0]] == [name for name, _ in best[1]]
    assert [value for _, value in best[0]] == pytest.approx([value for _, value in best[1]], abs=EXACT)


def test_a_biased_token_is_forced_and_keeps_its_own_log_probability(
    complete: Complete, reference: LocalPrior, prompt: str
) -> None:
    row = next_row(reference, prompt)
    last = int(row.argmin())
    answer = complete(
        prompt=prompt, max_tokens=1, logprobs=0, logit_bias={str(last): 100}, return_tokens_as_token_ids=True
    )
    logprobs = answer["choices"][0]["logprobs"]
    assert logprobs["tokens"] == [f"token_id:{last}"]
    assert logprobs["token_logprobs"] == pytest.approx([row[last]], abs=EXACT)


def test_a_text_ends_in_front_of_the_first_stop(complete: Complete, prompt: str) -> None:
    whole = complete(prompt=prompt, max_tokens=20, temperature=0)["choices"][0]["text"]
    (cut,) = complete(prompt=prompt, max_tokens=20, temperature=0, stop=["the blue", " from on"], logprobs=0)["choices"]
    assert cut["text"] == whole[: min(at for stop in ("the blue", " from on") if (at := whole.find(stop)) >= 0)]
    assert cut["finish_reason"] == "stop"
    assert "".join(cut["logprobs"]["tokens"]) == cut["text"]


def test_the_token_that_ends_a_text_is_named_but_no_text(complete: Complete, prompt: str) -> None:
    answer = complete(prompt=prompt, max_tokens=5, logprobs=0, logit_bias={str(END): 100})
    (choice,) = answer["choices"]
    assert (choice["text"], choice["finish_reason"]) == ("", "stop")
    assert choice["logprobs"]["tokens"] == ["<end>"]
    assert answer["usage"]["completion_tokens"] == 1


def test_without_tokens_to_write_nothing_is_written(complete: Complete, prompt: str) -> None:
    answer = complete(prompt=prompt, max_tokens=0)
    assert answer["choices"] == [{"index": 0, "text": "", "logprobs": None, "finish_reason": "length"}]


def test_characters_of_several_tokens_are_whole(model_folder: Callable[[str], Path]) -> None:
    text = "naïve 日本 \N{SLICE OF PIZZA}!"
    with running(priors.build(f"hf:{model_folder('qwen2')}")) as url:
        body = {"prompt": text, "echo": True, "logprobs": 1, "max_tokens": 0}
        (choice,) = httpx.post(f"{url}/completions", json=body, trust_env=False).json()["choices"]
    assert "".join(choice["logprobs"]["tokens"]) == choice["text"] == text
    assert len(choice["logprobs"]["tokens"]) > len(text)
