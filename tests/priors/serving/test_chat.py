"""/v1/chat/completions over HTTP."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

import priors
from priors.local import LocalPrior

EXACT = 1e-4
ASKED = [{"role": "user", "content": "find the mug"}]


@pytest.fixture
def chat(chat_url: str) -> Callable[..., Any]:
    def post(**body: Any) -> Any:
        given = {"model": "tiny-chat", "messages": ASKED, "max_tokens": 3, **body}
        answer = httpx.post(f"{chat_url}/chat/completions", json=given, trust_env=False, timeout=60)
        assert answer.status_code == 200, answer.text
        return answer.json()

    return post


def test_top_logprobs_are_the_models_behind_the_rendered_conversation(
    chat: Callable[..., Any], model_folder: Callable[[str], Path]
) -> None:
    answer = chat(logprobs=True, top_logprobs=4, temperature=0)
    prior = priors.build(f"hf:{model_folder('chat')}")
    assert isinstance(prior, LocalPrior)
    ids = prior.scorer.encode("find the mug", [])[0]
    row = prior.scorer.engine.next_token([ids])[0]
    (choice,) = answer["choices"]
    first = choice["logprobs"]["content"][0]
    assert [each["logprob"] for each in first["top_logprobs"]] == pytest.approx(sorted(row)[::-1][:4], abs=EXACT)
    assert first["logprob"] == pytest.approx(row.max(), abs=EXACT)
    assert first["token"] == first["top_logprobs"][0]["token"]
    assert choice["message"]["role"] == "assistant"
    assert answer["usage"]["prompt_tokens"] == len(ids)


def test_parts_of_text_are_one_message(chat: Callable[..., Any]) -> None:
    parts = [{"type": "text", "text": "find "}, {"type": "text", "text": "the mug"}]
    texts = {
        chat(messages=[{"role": "user", "content": content}], temperature=0)["choices"][0]["message"]["content"]
        for content in ("find the mug", parts)
    }
    assert len(texts) == 1


def test_several_choices_and_both_names_of_the_limit(chat: Callable[..., Any]) -> None:
    answer = chat(n=3, seed=1, max_tokens=None, max_completion_tokens=2, logit_bias={"1": -100})
    assert [choice["index"] for choice in answer["choices"]] == [0, 1, 2]
    assert answer["usage"]["completion_tokens"] == 6
    assert all(choice["logprobs"] is None for choice in answer["choices"])


def test_without_a_template_there_is_no_chat(client: httpx.Client) -> None:
    answer = client.post("/chat/completions", json={"messages": ASKED})
    assert answer.status_code == 400
    assert "no chat template" in answer.json()["error"]["message"]


def test_openais_client_reads_all_of_it(chat_url: str) -> None:
    from openai import OpenAI

    with OpenAI(base_url=chat_url, api_key="none", max_retries=0) as client:
        (model,) = client.models.list().data
        answer = client.chat.completions.create(
            model=model.id,
            messages=[{"role": "user", "content": "find the mug"}],
            max_tokens=2,
            logprobs=True,
            top_logprobs=2,
        )
        echo = client.completions.create(model=model.id, prompt="look\n", echo=True, logprobs=1, max_tokens=0)
    logprobs = answer.choices[0].logprobs
    assert logprobs is not None
    assert logprobs.content is not None
    assert len(logprobs.content[0].top_logprobs) >= 2
    assert echo.choices[0].logprobs is not None
    assert echo.choices[0].logprobs.text_offset is not None
    assert echo.choices[0].logprobs.text_offset[0] == 0
