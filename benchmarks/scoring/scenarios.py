"""What is scored: a node, a search tree, several episodes; and which tokens that needs at least."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from transformers import PreTrainedTokenizerBase  # noqa: TID251 - only the type

from benchmarks.scoring.prompts import Room
from slinvit.errors import InputError

TERMINATOR = "\n"
INTRODUCTION = "Interact with a household to solve a task. Here are examples.\n"
OBSERVATION_TOKENS = (12, 30)


@dataclass(frozen=True)
class Request:
    """Candidates behind a prompt."""

    prompt: str
    candidates: tuple[str, ...]


@dataclass(frozen=True)
class Encoded:
    """Token ids of a request: the prompt's, and per candidate those of candidate and terminator."""

    prompt: tuple[int, ...]
    tails: tuple[tuple[int, ...], ...]

    @property
    def rows(self) -> tuple[tuple[int, ...], ...]:
        """What has to be forwarded: the last token of a candidate is only predicted."""
        return tuple(self.prompt + tail[:-1] for tail in self.tails)


Tree: TypeAlias = Sequence[Sequence[Request]]
"""Requests by depth."""


@dataclass(frozen=True)
class Writer:
    """Writes requests with one tokenizer; ``rooms[0]`` is the task, the others are the examples."""

    tokenizer: PreTrainedTokenizerBase
    rooms: Sequence[Room]

    def prompt(self, tokens: int, task: int = 0) -> str:
        """Return a prompt of at most ``tokens`` tokens, filled with examples up to the last line that fits."""
        head, tail = INTRODUCTION, "Here is the task.\n" + self.rooms[task].start() + ">"
        room = tokens - self._count(head) - self._count(tail)
        examples = "".join(room.transcript() for room in self.rooms[len(self.rooms) // 4 :])
        lines = examples.splitlines(keepends=True)
        used = np.cumsum([self._count(line) for line in lines])
        if not lines or room < 0 or used[-1] < room:
            raise InputError(f"cannot write a prompt of {tokens} tokens from {len(self.rooms)} rooms")
        return head + "".join(lines[: int(np.searchsorted(used, room, side="right"))]) + tail

    def node(self, tokens: int, candidates: int, rng: np.random.Generator) -> Request:
        """Return one node."""
        return Request(self.prompt(tokens), self.candidates(candidates, rng))

    def tree(
        self, tokens: int, candidates: int, *, branching: int, depth: int, rng: np.random.Generator, task: int = 0
    ) -> Tree:
        """Return a whole lookahead; a child's prompt is its parent's, an action, an observation of 12-30 tokens."""
        root = Request(self.prompt(tokens, task), self.candidates(candidates, rng, task))
        levels: list[tuple[Request, ...]] = [(root,)]
        for _ in range(depth):
            prompts = [child for parent in levels[-1] for child in self._children(parent, branching, rng)]
            levels.append(tuple(Request(prompt, self.candidates(candidates, rng, task)) for prompt in prompts))
        return tuple(levels)

    def candidates(self, count: int, rng: np.random.Generator, task: int = 0) -> tuple[str, ...]:
        """Return ``count`` different actions of the task's room, and of further rooms where it has too few."""
        pool: dict[str, None] = {}
        for room in self.rooms[task:]:
            pool |= dict.fromkeys(room.actions())
            if len(pool) >= count:
                return tuple(str(action) for action in rng.choice(list(pool), size=count, replace=False))
        raise InputError(f"the rooms have {len(pool)} actions, {count} are needed")

    def _children(self, parent: Request, branching: int, rng: np.random.Generator) -> list[str]:
        chosen = rng.choice(parent.candidates, size=branching, replace=False)
        return [f"{parent.prompt}{action}\n{self._observation(rng)}\n>" for action in chosen]

    def _observation(self, rng: np.random.Generator) -> str:
        low, high = OBSERVATION_TOKENS
        while True:
            room = self.rooms[int(rng.integers(len(self.rooms)))]
            text = room.answer(f"go to {rng.choice(list(room.contents))}")
            if low <= self._count(text) <= high:
                return text

    def _count(self, text: str) -> int:
        return len(self.tokenizer(text)["input_ids"])


def encode(tokenizer: PreTrainedTokenizerBase, request: Request) -> Encoded:
    """Return the ids of ``request``; raises ``InputError`` where the tokenizer merges prompt and candidate."""
    texts = [request.prompt, *(request.prompt + candidate + TERMINATOR for candidate in request.candidates)]
    prompt, *rows = (tuple(ids) for ids in tokenizer(texts)["input_ids"])
    for row, candidate in zip(rows, request.candidates, strict=True):
        if row[: len(prompt)] != prompt:
            raise InputError(f"the tokenizer merges the end of the prompt with {candidate!r}")
    return Encoded(prompt, tuple(row[len(prompt) :] for row in rows))


def distinct_tokens(rows: Iterable[Sequence[int]]) -> int:
    """Return how many tokens a prefix tree of ``rows`` holds."""
    return sum(len(row) - shared for row, shared in _sorted_rows(rows))


def distinct_positions(rows: Iterable[Sequence[int]]) -> int:
    """Return the sum over those tokens of how many tokens each attends to, itself included."""
    return sum((len(row) * (len(row) + 1) - shared * (shared + 1)) // 2 for row, shared in _sorted_rows(rows))


def scored_positions(request: Encoded) -> int:
    """Return behind how many different token sequences the model's next-token distribution is needed."""
    return 1 + distinct_tokens(tail[:-1] for tail in request.tails)


def requests(levels: Iterable[Sequence[Request]]) -> list[Request]:
    """Return all requests of a tree, parents first."""
    return [request for level in levels for request in level]


def merged(trees: Sequence[Tree]) -> Tree:
    """Return the trees as one whose levels hold the requests of all."""
    return tuple(tuple(request for level in levels for request in level) for levels in zip(*trees, strict=True))


def _sorted_rows(rows: Iterable[Sequence[int]]) -> Iterable[tuple[Sequence[int], int]]:
    previous: Sequence[int] = ()
    for row in sorted(set(map(tuple, rows))):
        yield row, _shared(previous, row)
        previous = row


def _shared(one: Sequence[int], other: Sequence[int]) -> int:
    shortest = min(len(one), len(other))
    if one[:shortest] == other[:shortest]:
        return shortest
    return next(i for i in range(shortest) if one[i] != other[i])
