"""From a request to its answer, as jobs of the worker."""

import secrets
import time
from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from typing import Any

import numpy as np

from priors.scoring import Scores
from priors.serving import shapes
from priors.serving.asks import Ask, Echo, Echoed, Next, Score
from priors.serving.bodies import ChatBody, CompletionBody, Sampled, ScoreBody, TokenizeBody
from priors.serving.errors import Refused
from priors.serving.limits import Limits
from priors.serving.pieces import Speller
from priors.serving.served import Served
from priors.serving.worker import Job
from priors.serving.writing import Style, Writer, Written, bias, sampling


class Jobs:
    """Makes jobs.

    Args:
        served: the model.
        limits: of a request.
    """

    def __init__(self, served: Served, limits: Limits) -> None:
        self._served, self._limits = served, limits
        self._speller = Speller(served.tokenizer)

    def score(self, body: ScoreBody) -> Job:
        """Score candidates behind a prompt, exactly as the prior does in process."""
        served = self._served
        served.check_model(body.model)
        twice = [candidate for candidate, count in Counter(body.candidates).items() if count > 1]
        if twice:
            raise Refused(f"candidates: {twice[0]!r} is listed more than once", param="candidates")
        scorer = served.ending(body.terminator)
        (lengths,) = scorer.lengths([body.prompt], [body.candidates])
        tokens = len(scorer.encode(body.prompt, [])[0]) + int(lengths.sum())
        self._check_size(tokens)
        scores: Scores = yield Score(body.prompt, body.candidates, body.terminator, tokens)
        usage = shapes.usage(scores.usage.prompt_tokens, 0)
        return {
            "object": "score",
            "model": served.name,
            "log_probs": scores.log_probs.tolist(),
            "terminator": scorer.terminator,
            "usage": {**usage, "tokens_forwarded": scores.usage.tokens_forwarded},
        }

    def tokenize(self, body: TokenizeBody) -> Job:
        """Return the tokens of a text."""
        self._served.check_model(body.model)
        ids = self._served.raw.encode(body.prompt, [])[0]
        ids = ids if body.add_special_tokens else ids[self._served.front :]
        return {"tokens": ids, "count": len(ids), "max_model_len": self._served.longest}
        yield  # a job, though it needs nothing of the model

    def completions(self, body: CompletionBody) -> Job:
        """Continue texts; with ``echo``, also say what each of their tokens had for a log-probability."""
        self._served.check_model(body.model)
        prompts = [self._ids(prompt) for prompt in body.prompts()]
        style = self._style(body, body.max_tokens, body.logprobs)
        self._check(prompts, body.n, style, echoed=body.echo)
        shown = (
            [self._pieces(given, ids) for given, ids in zip(body.prompts(), prompts, strict=True)] if body.echo else []
        )
        echoes: list[Echoed] = []
        if body.echo and body.logprobs is not None:
            echoes = yield Echo(prompts, body.logprobs, style.also)
        written = yield from self._write(prompts, body, style)
        namer = shapes.Namer(self._speller, as_ids=bool(body.return_tokens_as_token_ids))
        choices = []
        for index, text in enumerate(written):
            place = index // body.n
            front = shapes.Front(prompts[place], shown[place], echoes[place] if echoes else None) if body.echo else None
            choices.append(shapes.completion_choice(index, front, text, namer, wanted=body.logprobs is not None))
        return self._answer("text_completion", "cmpl", choices, prompts, written)

    def chat(self, body: ChatBody) -> Job:
        """Answer in a conversation."""
        self._served.check_model(body.model)
        if body.top_logprobs is not None and not body.logprobs:
            raise Refused("top_logprobs needs logprobs: true", param="top_logprobs")
        ids = self._served.chat_ids([message.plain() for message in body.messages])
        most = body.max_completion_tokens or body.max_tokens
        if most is None:
            room = self._limits.new_tokens if self._served.longest is None else self._served.longest - len(ids)
            most = max(min(room, self._limits.new_tokens), 1)
        style = self._style(body, most, (body.top_logprobs or 0) if body.logprobs else None)
        self._check([ids], body.n, style, echoed=False)
        written = yield from self._write([ids], body, style)
        namer = shapes.Namer(self._speller, as_ids=bool(body.return_tokens_as_token_ids))
        choices = [
            shapes.chat_choice(index, text, namer, wanted=bool(body.logprobs)) for index, text in enumerate(written)
        ]
        return self._answer("chat.completion", "chatcmpl", choices, [ids], written)

    def _write(
        self, prompts: Sequence[Sequence[int]], body: Sampled, style: Style
    ) -> Generator[Ask, Any, list[Written]]:
        """Write ``n`` texts behind each prompt, all at once."""
        seed = secrets.randbits(63) if body.seed is None else body.seed % 2**63
        writers = [
            Writer(prompt, style, np.random.default_rng([seed, place, number]), self._speller)
            for place, prompt in enumerate(prompts)
            for number in range(body.n)
        ]
        while unfinished := [writer for writer in writers if not writer.written.finish]:
            rows = yield Next([writer.ids for writer in unfinished])
            for writer, row in zip(unfinished, rows, strict=True):
                writer.extend(row)
        return [writer.written for writer in writers]

    def _style(self, body: Sampled, most: int, top: int | None) -> Style:
        if most > self._limits.new_tokens:
            raise Refused(
                f"max_tokens: this server writes at most {self._limits.new_tokens} tokens", param="max_tokens"
            )
        also = body.logprob_token_ids or []
        wrong = next((token for token in also if not 0 <= token < self._served.vocabulary), None)
        if wrong is not None:
            raise Refused(f"logprob_token_ids: {wrong} is no token id", param="logprob_token_ids")
        if also and top is None:
            raise Refused("logprob_token_ids needs logprobs", param="logprob_token_ids")
        vocabulary = self._served.vocabulary
        return Style(sampling(body), bias(body, vocabulary), body.stops, self._served.ends, most, top, also)

    def _ids(self, prompt: str | Sequence[int]) -> list[int]:
        return self._served.raw.encode(prompt, [])[0] if isinstance(prompt, str) else list(prompt)

    def _pieces(self, given: str | Sequence[int], ids: Sequence[int]) -> list[str]:
        """Return the text of each token of a prompt; of special ones that the client did not write there is none."""
        if not isinstance(given, str):
            return self._speller.pieces(ids)
        front = self._served.front
        return [""] * front + self._speller.pieces(ids[front:], given)

    def _check(self, prompts: Sequence[Sequence[int]], n: int, style: Style, *, echoed: bool) -> None:
        if not prompts:
            raise Refused("prompt: the list is empty", param="prompt")
        if len(prompts) * n > self._limits.sequences:
            raise Refused(
                f"at most {self._limits.sequences} prompts times n, {len(prompts) * n} were asked for", param="n"
            )
        for ids in prompts:
            self._served.check_ids(ids, style.most)
        read, most = sum(map(len, prompts)), style.most * n * len(prompts)
        self._check_size(read + most)
        if style.top is not None:
            entries = (min(style.top, self._served.vocabulary) + len(style.also)) * (most + (read if echoed else 0))
            if entries > self._limits.top_entries:
                raise Refused(
                    f"logprobs={style.top} for so many tokens may be {entries} entries; at most "
                    f"{self._limits.top_entries} are given in one answer",
                    param="logprobs",
                )

    def _check_size(self, tokens: int) -> None:
        if tokens > self._limits.request_tokens:
            raise Refused(
                f"this request has {tokens} tokens, at most {self._limits.request_tokens} are taken at once; split it",
                status=413,
            )

    def _answer(
        self,
        kind: str,
        prefix: str,
        choices: Sequence[Mapping[str, Any]],
        prompts: Sequence[Sequence[int]],
        written: Sequence[Written],
    ) -> dict[str, Any]:
        return {
            "id": f"{prefix}-{secrets.token_hex(12)}",
            "object": kind,
            "created": int(time.time()),
            "model": self._served.name,
            "choices": list(choices),
            "usage": shapes.usage(sum(map(len, prompts)), sum(len(text.tokens) for text in written)),
        }
