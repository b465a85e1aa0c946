"""Many clients at once over real HTTP, and the server they ask."""

import asyncio
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import httpx

from benchmarks.scoring.scenarios import TERMINATOR, Request
from benchmarks.serving.workload import Walk
from slinvit.errors import PriorError

LONGEST = 1 << 24
"""Bytes of an answer."""

Sent: TypeAlias = tuple[str, dict[str, Any]]
"""Path and body of a request."""


@dataclass(frozen=True)
class Way:
    """How a client gets the scores of a node.

    Attributes:
        requests: what it sends, one after the other.
        read: makes the scores of what came back; nats.
    """

    requests: Callable[[Request], list[Sent]]
    read: Callable[[Request, list[Any]], list[float]]


@dataclass(frozen=True)
class Outcome:
    """What all clients together measured.

    Attributes:
        nodes: scored.
        seconds: wall time from the first request to the last answer.
        model_seconds: the server's, with the model in use.
        forwarded: tokens that the model computed.
        rounds: times the model was used.
        most_bytes: most memory that the server held, as seen between requests.
        scores: ``[clients][steps][K]`` in nats.
    """

    nodes: int
    seconds: float
    model_seconds: float
    forwarded: int
    rounds: int
    most_bytes: int
    scores: Sequence[Sequence[Sequence[float]]]

    @property
    def rate(self) -> float:
        """Nodes per second."""
        return self.nodes / self.seconds


def run(address: str, walks: Sequence[Walk], way: Way) -> Outcome:
    """Return what came of all ``walks`` at once, one client each; a client waits for an answer before it asks again.

    Requests are written before and answers read after the clock runs: clients share the processors with the server.
    """
    return asyncio.run(_run(address, walks, way))


@contextmanager
def server(prior: str, *options: object, threads: int = 2) -> Iterator[str]:
    """Run ``slinvit serve`` as a process of its own; gives its address."""
    command = "from agent.cli import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", command, "serve", "--port", "0", "--prior", prior, *map(str, options)],
        env={**os.environ, "OMP_NUM_THREADS": str(threads), "SLINVIT_API_KEY": ""},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        found = re.search(r"(http://[\d.:]+)/v1", process.stdout.readline())
        if found is None:
            raise PriorError(f"slinvit serve --prior {prior} did not start")
        yield found[1]
    finally:
        process.terminate()
        process.communicate()


def metrics(url: str) -> dict[str, float]:
    """Return what the server counted."""
    lines = httpx.get(f"{url}/metrics", trust_env=False).text.splitlines()
    pairs = (line.rpartition(" ") for line in lines if not line.startswith("#"))
    return {name.removeprefix("slinvit_"): float(value) for name, _, value in pairs}


async def _run(address: str, walks: Sequence[Walk], way: Way) -> Outcome:
    before = metrics(address)
    port = int(address.rpartition(":")[2])
    messages = [[_message(*sent) for node in walk for sent in way.requests(node)] for walk in walks]
    start = time.perf_counter()
    walking = asyncio.gather(*(_client(port, own) for own in messages))
    most = await _most_memory(address, walking)
    answers, ends = zip(*await walking, strict=True)
    after = metrics(address)
    return Outcome(
        sum(map(len, walks)),
        max(ends) - start,
        after["model_seconds_total"] - before["model_seconds_total"],
        int(after["tokens_forwarded_total"] - before["tokens_forwarded_total"]),
        int(after["rounds_total"] - before["rounds_total"]),
        int(max(most, after["process_resident_memory_bytes"])),
        [_scores(walk, own, way) for walk, own in zip(walks, answers, strict=True)],
    )


async def _client(port: int, messages: Sequence[bytes]) -> tuple[list[bytes], float]:
    """Return the bodies of the answers, and when the last one came."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=LONGEST)
    bodies = []
    for message in messages:
        writer.write(message)
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head.lower())
        body = await reader.readexactly(int(length[1]) if length else 0)
        if b" 200 " not in head[:16]:
            raise PriorError(f"the server answered {body[:200]!r}")
        bodies.append(body)
    writer.close()
    return bodies, time.perf_counter()


async def _most_memory(address: str, until: "asyncio.Future[Any]") -> float:
    """Return the most bytes that the server held, looked at twice a second until something is done."""
    most = 0.0
    while not until.done():
        await asyncio.wait({until}, timeout=0.5)
        if not until.done():
            most = max(most, (await asyncio.to_thread(metrics, address))["process_resident_memory_bytes"])
    return most


def _scores(walk: Walk, bodies: Sequence[bytes], way: Way) -> list[list[float]]:
    answers = iter(json.loads(body) for body in bodies)
    return [way.read(node, [next(answers) for _ in way.requests(node)]) for node in walk]


def _message(path: str, body: Mapping[str, Any]) -> bytes:
    content = json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content


def _score(node: Request) -> list[Sent]:
    return [("/v1/score", {"prompt": node.prompt, "candidates": list(node.candidates)})]


def _echo(node: Request, candidates: Sequence[str]) -> Sent:
    texts = [node.prompt + candidate + TERMINATOR for candidate in candidates]
    return "/v1/completions", {"prompt": texts, "echo": True, "logprobs": 0, "max_tokens": 0}


def _echoed(node: Request, answers: Sequence[Any]) -> list[float]:
    logprobs = [choice["logprobs"] for answer in answers for choice in answer["choices"]]
    return [_behind(each, len(node.prompt)) for each in logprobs]


def _behind(logprobs: Mapping[str, Any], start: int) -> float:
    pairs = zip(logprobs["text_offset"], logprobs["token_logprobs"], strict=True)
    return float(sum(value for offset, value in pairs if offset >= start))


SCORE = Way(_score, lambda _, answers: list(answers[0]["log_probs"]))
ECHO_EACH = Way(lambda node: [_echo(node, [candidate]) for candidate in node.candidates], _echoed)
ECHO_ALL = Way(lambda node: [_echo(node, node.candidates)], _echoed)
"""One request per node; one per candidate, as clients of completion servers do; all candidates as a list of prompts."""
