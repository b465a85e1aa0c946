"""/v1/score over HTTP: the scores of the prior in process, whoever else asks at the same time."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import httpx
import numpy as np
import pytest
import torch

import priors
from priors.local import LocalPrior
from priors.serving.server import running

ACTIONS = ("unstack the red block from on top of the blue block", "pick up the blue block", "put down the red block")
EXACT = 1e-4


def test_scores_are_those_of_the_prior_in_process(client: httpx.Client, reference: LocalPrior, prompt: str) -> None:
    answer = client.post("/score", json={"model": "bundled", "prompt": prompt, "candidates": ACTIONS}).json()
    (expected,) = reference.scorer.score([prompt], [ACTIONS])
    assert answer["log_probs"] == pytest.approx(expected.log_probs, abs=EXACT)
    assert answer["terminator"] == "\n"
    assert answer["usage"]["prompt_tokens"] == expected.usage.prompt_tokens
    assert answer["usage"]["completion_tokens"] == 0


def test_another_terminator_is_another_event(client: httpx.Client, reference: LocalPrior, prompt: str) -> None:
    body = {"prompt": prompt, "candidates": ACTIONS[:2], "terminator": ""}
    answer = client.post("/score", json=body).json()
    (expected,) = replace(reference.scorer, terminator="").score([prompt], [ACTIONS[:2]])
    assert answer["log_probs"] == pytest.approx(expected.log_probs, abs=EXACT)
    assert answer["terminator"] == ""


def test_many_clients_at_once_get_their_own_scores_from_few_forwards(
    url: str, client: httpx.Client, reference: LocalPrior, prompt: str, metrics: Callable[[], dict[str, float]]
) -> None:
    colours = ["red", "blue", "orange", "violet", "yellow", "white", "black", "silver"]
    prompts = [
        prompt.replace("red", one).replace("blue", other) for one in colours for other in colours if one != other
    ]
    candidates = [ACTIONS[i % 2 :] for i in range(len(prompts))]
    before = metrics()

    def ask(number: int) -> list[float]:
        body = {"prompt": prompts[number], "candidates": candidates[number]}
        answer = httpx.post(f"{url}/score", json=body, timeout=60, trust_env=False)
        return list(answer.json()["log_probs"])

    with ThreadPoolExecutor(16) as threads:
        found = list(threads.map(ask, range(len(prompts))))
    for scores, expected in zip(found, reference.scorer.score(prompts, candidates), strict=True):
        assert scores == pytest.approx(expected.log_probs, abs=EXACT)
    after = metrics()
    assert after["slinvit_asks_total"] - before["slinvit_asks_total"] == len(prompts)
    assert after["slinvit_rounds_total"] - before["slinvit_rounds_total"] < len(prompts)
    assert after["slinvit_waiting"] == 0


def test_a_chat_model_scores_in_its_chat_template(chat_url: str, model_folder: Callable[[str], Path]) -> None:
    answer = httpx.post(
        f"{chat_url}/score", json={"prompt": "find the mug", "candidates": ["look", "open drawer 2"]}, trust_env=False
    ).json()
    prior = priors.build(f"hf:{model_folder('chat')}")
    assert isinstance(prior, LocalPrior)
    (expected,) = prior.scorer.score(["find the mug"], [["look", "open drawer 2"]])
    assert answer["log_probs"] == pytest.approx(expected.log_probs, abs=EXACT)
    assert answer["terminator"] == "<|im_end|>"


@pytest.mark.parametrize("kind", ["gpt2", "qwen2"])
def test_any_local_model_can_be_served(model_folder: Callable[[str], Path], kind: str) -> None:
    prior = priors.build(f"hf:{model_folder(kind)}")
    with running(prior) as url:
        answer = httpx.post(f"{url}/score", json={"prompt": "a\n", "candidates": ["b", "bc"]}, trust_env=False).json()
    other = priors.build(f"hf:{model_folder(kind)}")
    assert isinstance(other, LocalPrior)
    np.testing.assert_allclose(answer["log_probs"], other.scorer.score(["a\n"], [["b", "bc"]])[0].log_probs, atol=EXACT)


def test_what_an_engine_forgot_is_computed_again(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch, prompt: str, metrics: Callable[[], dict[str, float]]
) -> None:
    body = {"prompt": prompt, "candidates": ACTIONS}
    first = client.post("/score", json=body).json()
    assert client.post("/score", json=body).json()["usage"]["tokens_forwarded"] == 0
    monkeypatch.setattr("priors.serving.forwarding.REMEMBERED", 0)
    client.post("/score", json=body)
    monkeypatch.undo()
    forwarded = metrics()["slinvit_tokens_forwarded_total"]
    again = client.post("/score", json=body).json()
    assert again["usage"]["tokens_forwarded"] > 0
    assert again["log_probs"] == pytest.approx(first["log_probs"], abs=EXACT)
    assert metrics()["slinvit_tokens_forwarded_total"] == forwarded + again["usage"]["tokens_forwarded"]


def test_a_model_that_gives_no_number_is_said_and_is_no_failure_that_may_pass(
    model_folder: Callable[[str], Path],
) -> None:
    prior = priors.build(f"hf:{model_folder('llama')}")
    assert isinstance(prior, LocalPrior)
    with running(prior) as url:
        with torch.no_grad():
            prior.scorer.model.get_output_embeddings().weight.fill_(float("nan"))  # type: ignore[no-untyped-call]
        score = httpx.post(f"{url}/score", json={"prompt": "a\n", "candidates": ["b"]}, trust_env=False)
        written = httpx.post(f"{url}/completions", json={"prompt": "a\n"}, trust_env=False)
        echoed = httpx.post(
            f"{url}/completions",
            json={"prompt": "a\n", "echo": True, "logprobs": 1, "max_tokens": 0},
            trust_env=False,
        )
    assert [answer.status_code for answer in (score, written, echoed)] == [422] * 3
    assert "not finite" in score.json()["error"]["message"]
