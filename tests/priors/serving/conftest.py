"""Servers that run as long as the tests, and clients."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

import priors
import priors.templates
from priors.local import LocalPrior
from priors.serving.server import running

PROMPT = priors.templates.BLOCKSWORLD.format(
    observation="the red block is clear, the hand is empty, the red block is on top of the blue block, "
    "the blue block is on the table",
    goal="the blue block is on top of the red block",
)


@pytest.fixture(scope="session")
def prompt() -> str:
    """A problem that the bundled model knows."""
    return PROMPT


@pytest.fixture(scope="session")
def reference() -> LocalPrior:
    """The bundled prior in this process, for comparison; the server has its own."""
    prior = priors.build("bundled")
    assert isinstance(prior, LocalPrior)
    return prior


@pytest.fixture(scope="session")
def url() -> Iterator[str]:
    """The base URL of a server with the bundled prior."""
    with running(priors.build("bundled")) as found:
        yield found


@pytest.fixture
def client(url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, timeout=60, trust_env=False) as found:
        yield found


@pytest.fixture(scope="session")
def chat_url(model_folder: Callable[[str], Path]) -> Iterator[str]:
    """The base URL of a server with a small random model that has a chat template."""
    with running(priors.build(f"hf:{model_folder('chat')}"), name="tiny-chat") as found:
        yield found


@pytest.fixture
def metrics(client: httpx.Client) -> Callable[[], dict[str, float]]:
    """Return a function that reads what the server did."""

    def read() -> dict[str, float]:
        text = client.get(str(client.base_url).replace("/v1/", "/metrics")).text
        lines = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
        return {name: float(value) for name, _, value in lines}

    return read


@pytest.fixture
def complete(client: httpx.Client) -> Callable[..., Any]:
    """Return a function that posts to /v1/completions and returns the JSON of a success."""

    def post(**body: Any) -> Any:
        answer = client.post("/completions", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    return post
