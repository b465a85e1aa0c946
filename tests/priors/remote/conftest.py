"""A real HTTP server over a toy language model whose numbers can be recomputed, honest or flawed in chosen ways."""

import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from transformers import AutoTokenizer

from slinvit.types import FloatArray

FIRST_LETTER = 0.4
"""How much more probable, in nats, the toy finds every letter than the one behind it: a position bias."""


@dataclass
class Toy:
    """A language model made of hashes, and the server in front of it.

    Attributes:
        folder: of its tokenizer.
        flaws: what the server does wrong or not at all.
        top: most log-probabilities per token that it shows.
        asked: paths of the requests so far.
        write: what the model writes in a chat, by text and number of the request.
        url: base URL.
    """

    folder: Path
    flaws: set[str] = field(default_factory=set)
    top: int = 1000
    asked: list[str] = field(default_factory=list)
    write: Callable[[str, int], str] = lambda text, number: "go to shelf 1"
    url: str = ""

    def __post_init__(self) -> None:
        self.tokenizer: Any = AutoTokenizer.from_pretrained(str(self.folder))
        self.size = len(self.tokenizer)

    def ids(self, text: str) -> list[int]:
        return list(self.tokenizer(text)["input_ids"])

    def piece(self, number: int) -> str:
        return str(self.tokenizer.decode([number]))

    def next_log_probs(self, ids: list[int]) -> FloatArray:
        """Return ``[V]`` log p(next token | ids), a function of the ids."""
        values = np.random.default_rng(crc32(repr(ids).encode())).normal(size=self.size) * 2
        return np.asarray(values - np.logaddexp.reduce(values))

    def log_prob(self, prompt: str, continuation: str) -> float:
        """Return log p(continuation | prompt), by the definition."""
        ids, start = self.ids(prompt + continuation), len(self.ids(prompt))
        return float(sum(self.next_log_probs(ids[:i])[ids[i]] for i in range(start, len(ids))))

    def worth(self, action: str) -> float:
        """Return how the toy values an action in a chat, in nats."""
        return (crc32(action.encode()) % 300) / 100

    # The server.

    async def completions(self, request: Request) -> JSONResponse:
        self.asked.append("completions")
        asked = await request.json()
        wrong = self.refusal(asked)
        if wrong:
            return JSONResponse({"error": {"message": wrong}}, 400)
        ids = list(asked["prompt"]) if isinstance(asked["prompt"], list) else self.ids(asked["prompt"])
        count = len(ids)
        tops: list[dict[str, float] | None] = []
        values: list[float | None] = []
        for i in range(count if asked.get("echo") else 0):
            values.append(None if i == 0 else float(self.next_log_probs(ids[:i])[ids[i]]))
            tops.append(None)
        for _ in range(asked.get("max_tokens", 16)):
            log_probs = self.next_log_probs(ids)
            forced = [int(number) for number in asked.get("logit_bias", {})]
            ids.append(forced[0] if forced else int(log_probs.argmax()))
            values.append(float(log_probs[ids[-1]]))
            best = np.argsort(-log_probs)[: asked.get("logprobs") or 0].tolist()
            tops.append({self.name(i, asked): float(log_probs[i]) for i in [*best, ids[-1]]})
        shown = ids if asked.get("echo") else ids[count:]
        logprobs = self.flawed(
            {
                "tokens": [self.name(i, asked) for i in shown],
                "token_logprobs": values,
                "top_logprobs": tops,
                "text_offset": np.cumsum([0, *(len(self.piece(i)) for i in shown)])[:-1].tolist(),
            }
        )
        shows = asked.get("logprobs") is not None and "no logprobs" not in self.flaws
        text = str(self.tokenizer.decode(shown))
        choice = {"index": 0, "text": text, "logprobs": logprobs if shows else None}
        shown_more = int("shows a beginning" in self.flaws)
        usage = {"prompt_tokens": count + shown_more, "completion_tokens": len(ids) - count}
        return JSONResponse({"choices": [choice], "usage": usage})

    def refusal(self, asked: dict[str, Any]) -> str | None:
        """Return why the request is refused, if it is."""
        if asked.get("echo") and "rejects echo" in self.flaws:
            return "echo is not supported"
        if isinstance(asked["prompt"], list) and "text only" in self.flaws:
            return "prompt must be text"
        if asked.get("logit_bias") and "no bias" in self.flaws:
            return "logit_bias is not supported"
        if (asked.get("logprobs") or 0) > self.top:
            return f"logprobs must be at most {self.top}"
        return None

    def name(self, number: int, asked: dict[str, Any]) -> str:
        numbered = asked.get("return_tokens_as_token_ids") and "names" not in self.flaws
        return f"token_id:{number}" if numbered else self.piece(number)

    def flawed(self, logprobs: dict[str, Any]) -> dict[str, Any]:
        values = logprobs["token_logprobs"]
        if "zeros" in self.flaws:
            values = [None if value is None else 0.0 for value in values]
            logprobs["top_logprobs"] = [top and dict.fromkeys(top, 0.0) for top in logprobs["top_logprobs"]]
        if "equal" in self.flaws:
            values = [None if value is None else -1.5 for value in values]
            logprobs["top_logprobs"] = [top and dict.fromkeys(top, -1.5) for top in logprobs["top_logprobs"]]
        if "shifted log-probabilities" in self.flaws and len(values) > 1:
            values = [None, *([-3.25] if len(values) > 1 else []), *values[1:-1]]
        if "shifted offsets" in self.flaws:
            logprobs["text_offset"] = [offset + i for i, offset in enumerate(logprobs["text_offset"])]
        found = {**logprobs, "token_logprobs": values}
        if "hides the end" in self.flaws and len(values) > 1:
            found = {name: listed[:-1] for name, listed in found.items()}
        if "shows a beginning" in self.flaws and len(values) > 1:
            offsets = [0, *(offset + len("<s>") for offset in logprobs["text_offset"])]
            values = [None, -1.0, *values[1:]]
            tops = [None, *logprobs["top_logprobs"]]
            found = {"tokens": ["<s>", *logprobs["tokens"]], "token_logprobs": values, "top_logprobs": tops}
            found["text_offset"] = offsets
        return found

    async def chat(self, request: Request) -> JSONResponse:
        self.asked.append("chat")
        asked = await request.json()
        text = asked["messages"][-1]["content"]
        if asked.get("logprobs") and "no chat logprobs" in self.flaws:
            return JSONResponse({"error": {"message": "logprobs are not supported with this model"}}, 400)
        if "five" in self.flaws and asked.get("top_logprobs", 0) > 5:
            return JSONResponse({"error": {"message": "top_logprobs must be at most 5"}}, 400)
        letters = self.letters(text) if asked.get("logprobs") else None
        choices = []
        for i in range(asked.get("n", 1)):
            content = (
                max(letters, key=lambda token: letters[token]) if letters else self.write(text, len(self.asked) + i)
            )
            listed = letters and [{"token": t, "logprob": v} for t, v in list(letters.items())[: asked["top_logprobs"]]]
            entry = listed and [{"token": content, "logprob": letters and letters[content], "top_logprobs": listed}]
            logprobs = {"content": entry} if listed else None
            choices.append({"index": i, "message": {"role": "assistant", "content": content}, "logprobs": logprobs})
        usage = {"prompt_tokens": len(text), "completion_tokens": len(choices)}
        return JSONResponse({"choices": choices, "usage": usage})

    def letters(self, text: str) -> dict[str, float]:
        """Return log-probabilities of letters: worth of the best action listed, less for later letters; 1 % is lost."""
        listed = re.findall(r"^([A-T])\. (.*)$", text, re.MULTILINE)
        if "no letters" in self.flaws or not listed:
            return {"The": -0.5, "I": -1.5}
        values = np.array(
            [
                max(map(self.worth, line.split("; "))) - FIRST_LETTER * (ord(letter) - ord("A"))
                for letter, line in listed
            ]
        )
        log_probs = values - np.logaddexp.reduce(values) + np.log(0.99)
        order = np.argsort(-log_probs)
        return {" " + listed[i][0]: float(log_probs[i]) for i in order}

    async def score(self, request: Request) -> JSONResponse:
        self.asked.append("score")
        if "no score" in self.flaws:
            return JSONResponse({"error": {"message": "not found"}}, 404)
        asked = await request.json()
        scores = [self.log_prob(asked["prompt"], candidate + "\n") for candidate in asked["candidates"]]
        if "score zeros" in self.flaws:
            scores = [0.0 for _ in scores]
        if "score sorted" in self.flaws:
            scores = sorted(scores)
        return JSONResponse({"log_probs": scores, "usage": {"prompt_tokens": 1, "completion_tokens": 0}})


@pytest.fixture
def toy(model_folder: Callable[[str], Path]) -> Iterator[Toy]:
    """Serve a toy model that has no ``/v1/score``."""
    model = Toy(model_folder("llama"), {"no score"})
    app = Starlette(
        routes=[
            Route("/v1/completions", model.completions, methods=["POST"]),
            Route("/v1/chat/completions", model.chat, methods=["POST"]),
            Route("/v1/score", model.score, methods=["POST"]),
        ]
    )
    config = uvicorn.Config(app, port=0, log_level="critical", ws="none", lifespan="off", http="h11")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.005)
    model.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/v1"
    yield model
    server.should_exit = True
    thread.join()
