"""A real HTTP server whose answers can be recomputed, and a proxy in front of it that does everything wrong."""

import hashlib
import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any

import pytest

from priors.remote.manners import Manners
from priors.remote.transport import Request, Transport

MODEL = "toy"


def _number(*parts: object) -> int:
    return int(hashlib.sha256(repr(parts).encode()).hexdigest()[:8], 16)


def _reply(path: str, asked: dict[str, Any]) -> dict[str, Any]:
    """Return what the toy model answers: a function of the request alone."""
    if path.endswith("/score"):
        scores = [-(_number(asked["prompt"], each) % 9999 + 1) / 1000 for each in asked["candidates"]]
        return {"log_probs": scores, "usage": {"prompt_tokens": len(asked["prompt"]), "completion_tokens": 0}}
    if path.endswith("/chat/completions"):
        done = _number(asked["messages"]) % 5
        usage = {"prompt_tokens": len(json.dumps(asked["messages"])), "completion_tokens": 6}
        message = {"role": "assistant", "content": f"Let me see.\nDone: {done}/4"}
        return {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}], "usage": usage}
    tokens = list(asked["prompt"])
    if not asked.get("echo"):
        choice = {"index": 0, "text": f" {_number(asked['prompt']) % 5}/4", "logprobs": None}
        return {"choices": [choice], "usage": {"prompt_tokens": len(tokens), "completion_tokens": 3}}
    logprobs = {
        "tokens": tokens,
        "token_logprobs": [None, *(-(_number(asked["prompt"][:i]) % 99) / 10 for i in range(1, len(tokens)))],
        "text_offset": list(range(len(tokens))),
    }
    choice = {"index": 0, "text": asked["prompt"], "logprobs": logprobs, "finish_reason": "length"}
    return {"choices": [choice], "usage": {"prompt_tokens": len(tokens), "completion_tokens": 0}}


@dataclass
class Served:
    """A server and what it saw.

    Attributes:
        url: base URL.
        asked: (path, body) of every request, in order of arrival.
        keys: how often each idempotency key was answered completely.
        headers: of every request.
        faults: how often what went wrong, on purpose.
        rate: probability of a fault.
        delay: seconds before every answer.
        kinds: faults to choose from.
        script: texts to answer with, first to last, before the toy model answers.
    """

    url: str
    server: ThreadingHTTPServer
    asked: list[tuple[str, str]] = field(default_factory=list)
    keys: Counter[str] = field(default_factory=Counter)
    headers: list[dict[str, str]] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    rate: float = 0.0
    delay: float = 0.0
    kinds: tuple[str, ...] = ()
    script: list[str | None] = field(default_factory=list)
    lock: Any = field(default_factory=Lock)
    rng: random.Random = field(default_factory=lambda: random.Random(0))

    @property
    def port(self) -> int:
        return int(self.server.server_address[1])


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    served: Served

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self._json(200, {"data": [{"id": MODEL}]})

    def do_POST(self) -> None:
        text = self.rfile.read(int(self.headers["Content-Length"])).decode()
        with self.served.lock:
            self.served.asked.append((self.path, text))
            self.served.headers.append({name.lower(): value for name, value in self.headers.items()})
        time.sleep(self.served.delay)
        self.handle_post(text)
        with self.served.lock:
            self.served.keys[str(self.headers.get("Idempotency-Key"))] += 1

    def handle_post(self, text: str) -> None:
        asked = json.loads(text)
        if asked["model"] != MODEL:
            self._json(404, {"error": {"message": f"no model {asked['model']}, {self.headers['Authorization']}"}})
            return
        reply = _reply(self.path, asked)
        with self.served.lock:
            if self.served.script:
                choice = reply["choices"][0]
                choice["text"] = choice.setdefault("message", {})["content"] = self.served.script.pop(0)
        self._json(200, reply)

    def _json(self, status: int, content: Any, **headers: str) -> None:
        self._send(status, json.dumps(content).encode(), None, **headers)

    def _send(self, status: int, body: bytes, length: int | None = None, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)


FAULTS = ("delay", "cut", "truncated", "429", "500", "503", "garbage", "html", "counts", "usage", "choices")


class Proxy(Handler):
    upstream: str

    def handle_post(self, text: str) -> None:
        with self.served.lock:
            fault = self.served.rng.choice(self.served.kinds) if self.served.rng.random() < self.served.rate else ""
            self.served.faults[fault or "none"] += 1
        if fault in ("cut", "429", "500", "503", "html"):
            self._failed(fault)
            return
        if fault == "delay":
            time.sleep(0.05)
        status, body = self._forwarded(text)
        if fault == "truncated":
            self._send(status, body[: len(body) // 2], length=len(body))
            self.close_connection = True
        elif fault == "garbage":
            self._send(status, body[: len(body) // 2] + b"\xff" + body[len(body) // 2 + 1 :])
        else:
            self._send(status, json.dumps(_spoiled(fault, json.loads(body))).encode())

    def _failed(self, fault: str) -> None:
        if fault == "cut":
            self.close_connection = True
            self.connection.close()
        elif fault == "429":
            self._json(429, {"error": {"message": "slow down"}}, Retry_After="0.02")
        elif fault == "html":
            self._send(200, b"<html>Bad gateway</html>")
        else:
            self._json(int(fault), {"error": {"message": "out of order"}})

    def _forwarded(self, text: str) -> tuple[int, bytes]:
        connection = HTTPConnection(self.upstream, timeout=60)
        headers = {
            name: value for name, value in self.headers.items() if name.lower() in ("authorization", "idempotency-key")
        }
        connection.request("POST", self.path, text.encode(), {"Content-Type": "application/json", **headers})
        response = connection.getresponse()
        body = response.read()
        connection.close()
        return response.status, body


def _spoiled(fault: str, body: dict[str, Any]) -> dict[str, Any]:
    """Return valid JSON that contradicts itself."""
    if fault == "counts" and "log_probs" in body:
        return {**body, "log_probs": body["log_probs"][1:]}
    if fault == "counts" and (body["choices"][0].get("logprobs") or {}).get("tokens"):
        logprobs = body["choices"][0]["logprobs"]
        spoiled = {**logprobs, "token_logprobs": logprobs["token_logprobs"][:-1]}
        return {**body, "choices": [{**body["choices"][0], "logprobs": spoiled}]}
    if fault in ("counts", "usage"):
        return {**body, "usage": {"prompt_tokens": 10**7, "completion_tokens": 0}}
    if fault == "choices":
        return {**body, "choices": [], "log_probs": [1.0]}
    return body


def serve(handler: type[Handler], *, port: int = 0, **members: Any) -> Served:
    """Start a server in a thread; port 0 is any."""
    bound = type("Bound", (handler,), members)
    server = ThreadingHTTPServer(("127.0.0.1", port), bound)
    server.daemon_threads = True
    server.block_on_close = False
    served = Served(f"http://127.0.0.1:{server.server_address[1]}/v1", server, kinds=FAULTS)
    bound.served = served  # type: ignore[attr-defined]
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    return served


@pytest.fixture
def upstream() -> Iterator[Served]:
    """Serve the toy model, faultlessly."""
    served = serve(Handler)
    yield served
    served.server.shutdown()
    served.server.server_close()


@pytest.fixture
def proxy(upstream: Served) -> Iterator[Served]:
    """Serve the toy model, badly: set ``rate``."""
    served = serve(Proxy, upstream=f"127.0.0.1:{upstream.port}")
    yield served
    served.server.shutdown()
    served.server.server_close()


@pytest.fixture
def connect() -> Iterator[Callable[..., Transport]]:
    """Return a function from URL and manners to a transport that is closed in the end."""
    opened: list[Transport] = []

    def make(url: str, **manners: Any) -> Transport:
        opened.append(Transport(url, Manners(**{"pause": 0.01, **manners})))
        return opened[-1]

    yield make
    for transport in opened:
        transport.close()


@pytest.fixture
def score() -> Callable[..., Request]:
    """Return a function from prompt and candidates to a request of ``/score``."""

    def make(prompt: str, *candidates: str, draw: int = 0) -> Request:
        body = {"model": MODEL, "prompt": prompt, "candidates": list(candidates or ("a", "b"))}
        return Request.of("score", body, draw=draw)

    return make


@pytest.fixture
def expected() -> Callable[[Request], Any]:
    """Return a function from a request to what the toy model answers."""
    return lambda request: _reply(
        "/" + {"chat": "chat/completions"}.get(request.endpoint, request.endpoint), request.json()
    )


@pytest.fixture
def start() -> Iterator[Callable[..., "subprocess.Popen[str]"]]:
    """Return a function that starts the command line as a process of its own."""
    started: list[subprocess.Popen[str]] = []

    def run(*arguments: object, **environment: str) -> "subprocess.Popen[str]":
        code = "import sys; from agent.cli import main; main(sys.argv[1:])"
        process = subprocess.Popen(
            [sys.executable, "-c", code, *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "COLUMNS": "200", **environment},
        )
        started.append(process)
        return process

    yield run
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()
