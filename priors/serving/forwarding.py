"""One place where the model is asked: what several requests need is forwarded together."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from priors.serving.asks import Ask, Echo, Next, Score
from priors.serving.limits import Limits
from priors.serving.reading import Reader
from priors.serving.served import Served
from slinvit.errors import PriorError
from slinvit.types import FloatArray

Asks: TypeAlias = Sequence[Any]

REMEMBERED = 1_000_000
"""Different tokens after which the engine starts anew: its books of what was ever asked grow with them."""

NUMBER = 8


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, or why there is none."""

    answer: Any = None
    error: Exception | None = None


class Forwarder:
    """Answers asks, merged; used by one thread at a time.

    Args:
        served: the model.
        limits: most bytes of logits.
    """

    def __init__(self, served: Served, limits: Limits) -> None:
        self._served = served
        self._engine = served.scorer.engine
        self._reader = Reader(served.scorer.model, limits.logits_bytes)
        self._rows = max(limits.logits_bytes // (served.vocabulary * NUMBER), 1)
        self._earlier = 0

    @property
    def forwarded(self) -> int:
        """Tokens that the model computed so far."""
        return self._earlier + self._engine.counters().forwarded + self._reader.forwarded

    def answer(self, asks: Sequence[Ask]) -> list[Reply]:
        """Return one reply per ask. Where asks fail together each is tried alone: one client's mistake is its own."""
        groups: dict[Any, list[int]] = defaultdict(list)
        for number, ask in enumerate(asks):
            groups[ask.terminator if isinstance(ask, Score) else type(ask)].append(number)
        replies = [Reply()] * len(asks)
        for numbers in groups.values():
            together = [asks[number] for number in numbers]
            for number, reply in zip(numbers, self._tried(self._way(together[0]), together), strict=True):
                replies[number] = reply
        self._forget()
        return replies

    def _way(self, ask: Ask) -> Callable[[Asks], Sequence[Any]]:
        ways: dict[type[Ask], Callable[[Asks], Sequence[Any]]] = {
            Score: self._scores,
            Next: self._nexts,
            Echo: self._reader.read,
        }
        return ways[type(ask)]

    def _tried(self, way: Callable[[Asks], Sequence[Any]], asks: Asks) -> list[Reply]:
        try:
            return [Reply(answer) for answer in way(asks)]
        except Exception as error:  # whatever it is, it is the answer to whoever asked, and nobody else's
            if len(asks) == 1:
                return [Reply(error=error)]
        return [reply for ask in asks for reply in self._tried(way, [ask])]

    def _scores(self, asks: Sequence[Score]) -> Sequence[Any]:
        scorer = self._served.ending(asks[0].terminator)
        return scorer.score([ask.prompt for ask in asks], [ask.candidates for ask in asks])

    def _nexts(self, asks: Sequence[Next]) -> list[FloatArray]:
        texts = list(dict.fromkeys(tuple(text) for ask in asks for text in ask.texts))
        rows = dict(zip(texts, self._next_rows(texts), strict=True))
        return [np.stack([rows[tuple(text)] for text in ask.texts]) for ask in asks]

    def _next_rows(self, texts: Sequence[Sequence[int]]) -> FloatArray:
        parts = [self._engine.next_token(texts[i : i + self._rows]) for i in range(0, len(texts), self._rows)]
        found = np.concatenate(parts)
        if np.isnan(found).any():
            raise PriorError(f"the model {self._served.name!r} gave NaN for the next token")
        return found

    def _forget(self) -> None:
        counters = self._engine.counters()
        if counters.distinct > REMEMBERED:
            self._earlier += counters.forwarded
            self._engine.clear()
