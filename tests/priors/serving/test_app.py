"""What is refused, who may ask, what happens to clients that leave: over real HTTP."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

import priors
from priors.serving.limits import Limits
from priors.serving.server import running

TOKEN = "a-secret-nobody-guesses"
SMALL = Limits(
    body_bytes=4000, request_tokens=300, new_tokens=200, sequences=6, top_entries=500, held_bytes=5000, waiting=50
)
JSON = {"content-type": "application/json"}

REFUSED: list[tuple[str, dict[str, Any], int, str | None, str]] = [
    ("completions", {}, 400, "prompt", "missing"),
    ("completions", {"prompt": 3}, 400, "prompt", "list of token ids"),
    ("completions", {"prompt": []}, 400, "prompt", "empty"),
    ("completions", {"prompt": ""}, 400, "prompt", "no tokens"),
    ("completions", {"prompt": [[]]}, 400, "prompt", "no tokens"),
    ("completions", {"prompt": [9999]}, 400, "prompt", "9999 is no token id"),
    ("completions", {"prompt": [-1]}, 400, "prompt", "-1 is no token id"),
    ("completions", {"prompt": "a", "model": "bundlet"}, 404, "model", "did you mean 'bundled'"),
    ("completions", {"prompt": "a", "tempreature": 1}, 400, "tempreature", "did you mean 'temperature'"),
    ("completions", {"prompt": "a", "temperature": -1}, 400, "temperature", "greater than or equal to 0"),
    ("completions", {"prompt": "a", "temperature": "1"}, 400, "temperature", "valid number"),
    ("completions", {"prompt": "a", "top_p": 0}, 400, "top_p", "greater than 0"),
    ("completions", {"prompt": "a", "stream": True}, 400, "stream", "streaming is not offered"),
    ("completions", {"prompt": "a", "best_of": 3}, 400, "best_of", "is not offered"),
    ("completions", {"prompt": "a", "presence_penalty": 1.0}, 400, "presence_penalty", "penalties are not offered"),
    ("completions", {"prompt": "a", "max_tokens": 500}, 400, "max_tokens", "at most 200"),
    ("completions", {"prompt": "a", "n": 7}, 400, "n", "at most 6"),
    ("completions", {"prompt": "a", "logprobs": 400}, 400, "logprobs", "at most 500"),
    ("completions", {"prompt": "a", "logit_bias": {"x": 1}}, 400, "logit_bias", "no token id"),
    ("completions", {"prompt": "a", "logprob_token_ids": [1]}, 400, "logprob_token_ids", "needs logprobs"),
    ("completions", {"prompt": "a", "logprobs": 1, "logprob_token_ids": [-1]}, 400, "logprob_token_ids", "no token"),
    ("completions", {"prompt": "a", "stop": ""}, 400, "stop", "at least 1 character"),
    ("completions", {"prompt": ["a" * 99] * 4}, 413, None, "split it"),
    ("completions", {"prompt": "a" * 3500}, 400, "prompt", "reads at most 512 tokens"),
    ("completions", {"prompt": "a" * 5000}, 413, None, "at most 4000"),
    ("score", {"prompt": "a\n"}, 400, "candidates", "missing"),
    ("score", {"prompt": "a\n", "candidates": []}, 400, "candidates", "at least 1 item"),
    ("score", {"prompt": "a\n", "candidates": ["b", "b"]}, 400, "candidates", "'b' is listed more than once"),
    ("score", {"prompt": "", "candidates": ["b", "c"]}, 400, None, "boundary"),
    ("score", {"prompt": "a", "candidates": ["b", "bc"], "terminator": ""}, 400, None, "cannot tell 'b' from 'bc'"),
    ("chat/completions", {"messages": []}, 400, "messages", "at least 1 item"),
    ("chat/completions", {"messages": [{"role": "user"}]}, 400, "messages", "field required"),
    (
        "chat/completions",
        {"messages": [{"role": "user", "content": "x"}], "top_logprobs": 1},
        400,
        "top_logprobs",
        "need",
    ),
]


@pytest.fixture(scope="module")
def small() -> Iterator[str]:
    with running(priors.build("bundled"), limits=SMALL, token=TOKEN) as url:
        yield url


@pytest.fixture
def asker(small: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=small, headers={"Authorization": f"Bearer {TOKEN}"}, trust_env=False) as found:
        yield found


@pytest.mark.parametrize(("path", "body", "status", "param", "said"), REFUSED)
def test_what_cannot_be_answered_is_refused_by_name(
    asker: httpx.Client, path: str, body: dict[str, Any], status: int, param: str | None, said: str
) -> None:
    answer = asker.post(f"/{path}", json=body)
    error = answer.json()["error"]
    assert (answer.status_code, error["param"]) == (status, param), error
    assert said in error["message"]
    assert error["type"] in ("invalid_request_error", "not_found_error")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"prompt": NaN}', b"[" * 3000, b'{"prompt": "\xff"}'])
def test_what_is_no_json_object_is_refused(asker: httpx.Client, body: bytes) -> None:
    answer = asker.post("/completions", content=body, headers=JSON)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"]


def test_only_json_is_taken_because_web_pages_can_send_other_types(asker: httpx.Client) -> None:
    answer = asker.post("/completions", content=b'{"prompt": "a"}', headers={"content-type": "text/plain"})
    assert answer.status_code == 415


def test_a_body_without_a_length_is_limited_too(asker: httpx.Client) -> None:
    answer = asker.post("/completions", content=iter([b" " * 3000, b" " * 3000]), headers=JSON)
    assert answer.status_code == 413


def test_unknown_paths_and_methods_are_named(asker: httpx.Client) -> None:
    assert asker.get("/nothing").json()["error"]["type"] == "not_found_error"
    assert asker.get("/score").status_code == 405
    assert asker.get("/models/bundled").json()["id"] == "bundled"
    assert asker.get("/models/other").status_code == 404


@pytest.mark.parametrize("given", [None, "Bearer wrong", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN}x"])
def test_who_has_no_token_gets_nothing_but_health(
    small: str, given: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    headers = {} if given is None else {"Authorization": given}
    with httpx.Client(headers=headers, trust_env=False) as client:
        for address in (f"{small}/models", small.replace("/v1", "/metrics"), f"{small}/nothing"):
            answer = client.get(address)
            assert answer.status_code == 401
            assert answer.headers["WWW-Authenticate"] == "Bearer"
            assert TOKEN not in answer.text
        assert client.get(small.replace("/v1", "/health")).json()["status"] == "ok"
    assert TOKEN not in caplog.text


def test_a_page_whose_name_resolves_to_this_machine_gets_nothing(url: str) -> None:
    answer = httpx.get(f"{url}/models", headers={"Host": "evil.example:80"}, trust_env=False)
    assert answer.status_code == 421
    assert "names of this machine" in answer.json()["error"]["message"]


def test_a_client_that_leaves_is_not_written_for(
    url: str, client: httpx.Client, metrics: Callable[[], dict[str, float]]
) -> None:
    before = metrics()
    body = json.dumps({"prompt": "a\n", "max_tokens": 480, "n": 32, "logit_bias": {"1": -100}}).encode()
    port = client.base_url.port or 0
    with socket.create_connection(("127.0.0.1", port)) as connection:
        head = "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        _until(lambda: metrics()["slinvit_waiting"] == 1)
    _until(lambda: metrics()["slinvit_waiting"] == 0)
    _until(lambda: metrics()["slinvit_dropped_total"] == before["slinvit_dropped_total"] + 1)
    assert metrics()["slinvit_completion_tokens_total"] == before["slinvit_completion_tokens_total"]


def test_metrics_are_in_the_text_format_and_count(
    client: httpx.Client, complete: Callable[..., Any], metrics: Callable[[], dict[str, float]]
) -> None:
    before = metrics()
    usage = complete(prompt="a\n", max_tokens=2, logit_bias={"1": -100})["usage"]
    client.post("/completions", json={})
    after = metrics()
    assert usage["completion_tokens"] == 2
    for name, more in {
        'slinvit_requests_total{path="/v1/completions",status="200"}': 1,
        'slinvit_requests_total{path="/v1/completions",status="400"}': 1,
        "slinvit_completion_tokens_total": 2,
        "slinvit_prompt_tokens_total": usage["prompt_tokens"],
        "slinvit_rounds_total": 2,
    }.items():
        assert after[name] == before.get(name, 0) + more
    assert after["process_resident_memory_bytes"] > 1 << 20


def _until(holds: Callable[[], bool]) -> None:
    limit = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < limit
        time.sleep(0.02)
