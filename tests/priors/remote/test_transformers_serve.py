"""A server that nobody here wrote: it samples, and ignores requests for log-probabilities without a word."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import numpy as np
import pytest

import priors
from slinvit import Budget, InputError, State
from slinvit.types import ActionDistribution

pytest.importorskip("fastapi", reason="transformers serve needs fastapi, which is not installed")

OPTIONS = "attempts=2,answer_tokens=16,samples=4"


@pytest.fixture(scope="module")
def server(model_folder: Callable[[str], Path]) -> Iterator[str]:
    """Start `transformers serve` with a small random chat model; gives MODEL@URL."""
    folder = model_folder("chat")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "transformers.cli.transformers",
            "serve",
            "--port",
            str(port),
            "--device",
            "cpu",
            folder,
        ],
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait(f"http://127.0.0.1:{port}/health", process)
        yield f"{folder}@http://127.0.0.1:{port}/v1"
    finally:
        process.kill()
        process.wait()


def _wait(url: str, process: "subprocess.Popen[bytes]") -> None:
    for _ in range(600):
        assert process.poll() is None, "transformers serve has ended"
        try:
            with urlopen(url, timeout=5):
                return
        except (URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
    raise AssertionError("transformers serve does not answer")


@pytest.mark.parametrize("strategy", ["echo", "trie", "labelled"])
def test_the_probe_says_that_it_has_no_log_probabilities_and_that_sampling_works(server: str, strategy: str) -> None:
    folder = server.partition("@")[0]
    with pytest.raises(InputError, match=r"lacks log-probabilities of .*: no log-prob.*; strategy=sampled works here"):
        priors.build(f"openai:{server},{OPTIONS},strategy={strategy},tokenizer={folder}")


def test_open_ended_proposals_come_from_it(server: str, kitchen: State) -> None:
    prior = priors.build(f"openai:{server},{OPTIONS}")
    assert priors.provenance(prior)["strategy"] == "sampled"
    state = State(kitchen.task, kitchen.observation)
    (found,) = prior.propose([state], k=3, budget=Budget(), rng=np.random.default_rng(0))
    assert isinstance(found, ActionDistribution)
    assert 1 <= len(found.actions) <= 3
