"""`slinvit serve` as a process, and what it refuses before it starts."""

import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

Slinvit = Callable[..., Any]
Start = Callable[..., "subprocess.Popen[str]"]

TOKEN = "a-secret-nobody-guesses"
TEMPLATE = "{% for m in messages %}{{ m['content'] }}\n{% endfor %}"


@pytest.fixture
def serve(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., tuple["subprocess.Popen[str]", str]]]:
    """Return a function that starts a server and waits until it listens; gives the process and its base URL."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    processes: list[subprocess.Popen[str]] = []

    def begin(*arguments: object) -> tuple["subprocess.Popen[str]", str]:
        process = start("serve", "--port", 0, *arguments)
        processes.append(process)
        assert process.stdout is not None
        said = process.stdout.readline()
        found = re.search(r"http://[\w.:]+/v1", said)
        assert found is not None, said or (process.stderr.read() if process.stderr else "")
        return process, found[0]

    yield begin
    for process in processes:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_server_that_is_told_to_stop_finishes_what_is_under_way(
    serve: Callable[..., tuple["subprocess.Popen[str]", str]], tmp_path: Path, how: signal.Signals
) -> None:
    template = tmp_path / "plain.jinja"
    template.write_text(TEMPLATE, encoding="utf-8")
    process, url = serve("--chat-template", template, "--name", "mine")
    body = {"model": "mine", "messages": [{"role": "user", "content": "a"}], "max_tokens": 300, "n": 8}
    with ThreadPoolExecutor(1) as threads, httpx.Client(trust_env=False, timeout=60) as client:
        answer = threads.submit(client.post, f"{url}/chat/completions", json={**body, "logit_bias": {"1": -100}})
        health = url.replace("/v1", "/health")
        _until(lambda: httpx.get(health, trust_env=False).json()["waiting"] == 1)
        process.send_signal(how)
        assert len(answer.result().json()["choices"]) == 8
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, "stopped\n")


def test_a_token_from_the_environment_is_needed_and_never_printed(
    serve: Callable[..., tuple["subprocess.Popen[str]", str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLINVIT_API_KEY", TOKEN)
    process, url = serve("--host", "0.0.0.0")
    local = url.replace("0.0.0.0", "127.0.0.1")
    assert httpx.get(f"{local}/models", trust_env=False).status_code == 401
    found = httpx.get(f"{local}/models", headers={"Authorization": f"Bearer {TOKEN}"}, trust_env=False)
    assert found.json()["data"][0]["id"] == "bundled"
    httpx.post(f"{local}/completions", content=b"{", headers={"Authorization": f"Bearer {TOKEN}"}, trust_env=False)
    process.terminate()
    out, err = process.communicate(timeout=30)
    assert TOKEN not in out + err


def test_an_address_that_others_reach_needs_a_token_or_a_decision(
    slinvit: Slinvit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SLINVIT_API_KEY", raising=False)
    outcome = slinvit("serve", "--host", "0.0.0.0")
    assert outcome.code == 2
    assert "SLINVIT_API_KEY, or say --insecure" in outcome.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--token-env", "NO_SUCH_VARIABLE"], "NO_SUCH_VARIABLE: that environment variable is not set"),
        (["--prior", "uniform", "--port", "0"], "offers a local model, bundled or hf:PATH_OR_ID"),
        (["--prior", "bundeld", "--port", "0"], "did you mean 'bundled'"),
        (["--chat-template", "none.jinja", "--port", "0"], "cannot read --chat-template none.jinja"),
        (["--tls-cert", "cert.pem"], "--tls-cert and --tls-key go together"),
        (["--host", "no.such.host.invalid", "--insecure"], "cannot listen on no.such.host.invalid"),
    ],
)
def test_what_cannot_be_served_is_said_in_one_line(slinvit: Slinvit, arguments: list[str], said: str) -> None:
    before = signal.getsignal(signal.SIGTERM)
    outcome = slinvit("serve", *arguments)
    assert (outcome.code, outcome.err.count("\n")) == (2, 1)
    assert said in outcome.err
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_port_that_is_taken_is_said_before_the_model_is_loaded(slinvit: Slinvit) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        outcome = slinvit("serve", "--port", taken.getsockname()[1])
    assert outcome.code == 2
    assert "another --port" in outcome.err


def _until(holds: Callable[[], bool]) -> None:
    limit = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < limit
        time.sleep(0.02)
