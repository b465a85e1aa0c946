"""``trie``: every branching of the candidates' token tree is one question for the next token."""

from collections.abc import Collection, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from priors.remote.asking import Asking, Reading
from priors.remote.logprobs import Top, first_token, is_fragment
from priors.remote.strategies.sharing import shared
from priors.remote.tokens import Tokens
from priors.remote.transport import Request
from slinvit.errors import InputError, PriorError
from slinvit.types import Action, Method

FORCE = 100
"""Bias that makes a server generate a token, and so name its log-probability."""

Edges = dict[tuple[int, ...], dict[int, float]]
"""Log-probabilities of the tokens behind a text, by the ids of both."""


@dataclass(frozen=True)
class Trie:
    """Exact log p(action, terminator | prompt) from the log-probabilities of generated tokens.

    One request per inner node of the token tree of the candidates, all in one round; a token outside the ``top`` of its
    node is asked for by number, or by forcing it, where the server can. A token that cannot be seen is an error.

    Attributes:
        model: name at the server.
        tokens: its tokenizer.
        terminator: ends a candidate.
        top: most probable tokens that the server shows.
        ids: the server takes token ids; else the text of every node must be tokenised as the whole is.
        numbered: the server names tokens by number where it is asked to.
        asked: the server shows tokens that are asked for by number (``logprob_token_ids``).
        forced: a token forced by ``logit_bias`` comes with its unbiased log-probability.
    """

    model: str
    tokens: Tokens
    terminator: str = "\n"
    top: int = 20
    ids: bool = True
    numbered: bool = True
    asked: bool = False
    forced: bool = True
    name: ClassVar[str] = "trie"
    method: ClassVar[Method] = "exact"
    deterministic: ClassVar[bool] = True
    open_ended: ClassVar[bool] = False

    def request(self, prompt: str | Sequence[int], force: int | None = None, wanted: Collection[int] = ()) -> Request:
        """Return the question for the token behind a text, or behind token ids."""
        body: dict[str, Any] = {
            "model": self.model,
            "prompt": prompt if isinstance(prompt, str) else list(prompt),
            "max_tokens": 1,
            "logprobs": self.top,
            "temperature": 1,
        }
        if self.numbered:
            body["return_tokens_as_token_ids"] = True
        if self.asked and wanted:
            body["logprob_token_ids"] = sorted(wanted)
        if force is not None:
            body["logit_bias"] = {str(force): FORCE}
        return Request.of("completions", body)

    def read(self, request: Request, body: Any) -> Top:
        """Return the most probable next tokens."""
        return first_token(body)

    def ask(self, prompt: str, actions: Sequence[Action] | None, *, k: int | None, rng: np.random.Generator) -> Asking:
        """Return the conversation: one round, and one more for tokens that were not shown."""
        assert actions is not None
        rows = self.tokens.rows(prompt, [action + self.terminator for action in actions])
        start = max(shared(rows, actions), 1)
        wanted: dict[tuple[int, ...], set[int]] = {}
        for row in rows:
            for place in range(start, len(row)):
                wanted.setdefault(row[:place], set()).add(row[place])
        tops: list[Top] = yield [self.request(self._sent(node), wanted=tokens) for node, tokens in wanted.items()]
        edges = {node: self._seen(top, wanted[node]) for node, top in zip(wanted, tops, strict=True)}
        yield from self._unseen(wanted, edges)
        scores = [sum(edges[row[:place]][row[place]] for place in range(start, len(row))) for row in rows]
        return Reading(actions, np.array(scores, dtype=np.float64))

    def _unseen(
        self, wanted: Mapping[tuple[int, ...], set[int]], edges: Edges
    ) -> Generator[list[Request], list[Top], None]:
        """Ask for the tokens that ``edges`` lacks, and add them."""
        lacking = [(node, token) for node in wanted for token in sorted(wanted[node] - edges[node].keys())]
        if not lacking:
            return
        if not self.forced:
            raise PriorError(
                f"the token {self.tokens.piece(lacking[0][1])!r} is not among the {self.top} most probable ones that "
                "the server shows, and it cannot be forced; allow more with top=N (and at the server, as vLLM's "
                "--max-logprobs), or use strategy=labelled or sampled"
            )
        tops = yield [self.request(self._sent(node), token) for node, token in lacking]
        for (node, token), top in zip(lacking, tops, strict=True):
            if top.chosen_log_prob is None or not self.is_token(top.chosen, token):
                raise PriorError(f"the server was to generate {self.tokens.piece(token)!r}, but gave {top.chosen!r}")
            edges[node][token] = top.chosen_log_prob

    def _seen(self, top: Top, wanted: set[int]) -> dict[int, float]:
        if top.ids:
            return {token: top.ids[token] for token in wanted if token in top.ids}
        pieces = {token: self.tokens.piece(token) for token in wanted}
        return {
            token: top.texts[piece] for token, piece in pieces.items() if piece in top.texts and not is_fragment(piece)
        }

    def is_token(self, name: str, token: int) -> bool:
        """Say whether the server means ``token`` by ``name``."""
        return name in (f"token_id:{token}", self.tokens.piece(token))

    def _sent(self, node: tuple[int, ...]) -> str | tuple[int, ...]:
        if self.ids:
            return node
        text = str(self.tokens.tokenizer.decode(list(node), skip_special_tokens=True))
        if self.tokens.rows(text, [""])[0] != node:
            raise InputError(
                "the server takes no token ids, and the text of a part of a candidate is tokenised otherwise than in "
                "the whole; use strategy=labelled or sampled"
            )
        return text
