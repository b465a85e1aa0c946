"""One text that the model writes, token by token."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from priors.sampling import Sampling
from priors.serving.bodies import Sampled
from priors.serving.errors import Refused
from priors.serving.pieces import Running, Speller
from slinvit.types import FloatArray


@dataclass(frozen=True)
class Style:
    """How texts are drawn and when they end.

    Attributes:
        sampling: ``None``: the most probable token.
        bias: added to log p before drawing, by token.
        stops: texts that end a text and are not part of it.
        ends: tokens that do.
        most: tokens.
        top: how many of the most probable tokens are noted at each place; ``None``: nothing is.
        also: tokens noted at each place.
    """

    sampling: Sampling | None
    bias: Mapping[int, float]
    stops: Sequence[str]
    ends: frozenset[int]
    most: int
    top: int | None
    also: Sequence[int] = ()


@dataclass
class Written:
    """What was written.

    Attributes:
        tokens: all that were drawn, one that ends included.
        pieces: texts of the first of them; joined they are the text. A token that ends has none: ``""``.
        ended: whether the last token is one that ends.
        log_probs: of ``tokens``, in nats, as the model gives them.
        tops: ``[top + also]`` tokens and their log-probabilities, per token.
        finish: why it ended: ``stop`` or ``length``; empty while it has not.
    """

    tokens: list[int] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)
    ended: bool = False
    log_probs: list[float] = field(default_factory=list)
    tops: list[dict[int, float]] = field(default_factory=list)
    finish: str = ""

    @property
    def text(self) -> str:
        """All pieces."""
        return "".join(self.pieces)

    @property
    def shown(self) -> list[int]:
        """Tokens of the pieces; those behind a text that stops are not shown."""
        return self.tokens[: len(self.pieces)]


class Writer:
    """Draws the tokens behind a prompt.

    Args:
        prompt: token ids.
        style: how.
        rng: for the draws.
        speller: of the model.
    """

    def __init__(self, prompt: Sequence[int], style: Style, rng: np.random.Generator, speller: Speller) -> None:
        self._prompt, self._style, self._rng = prompt, style, rng
        self._running = Running(speller, prompt)
        self.written = Written(finish="" if style.most else "length")

    @property
    def ids(self) -> list[int]:
        """Prompt and everything drawn."""
        return [*self._prompt, *self.written.tokens]

    def extend(self, log_probs: FloatArray) -> None:
        """Draw the next token from ``[V]`` log-probabilities in nats."""
        written, style = self.written, self._style
        token = self._drawn(log_probs)
        written.tokens.append(token)
        written.log_probs.append(float(log_probs[token]))
        if style.top is not None:
            written.tops.append(noted(log_probs, style.top, (token, *style.also)))
        if token in style.ends:
            written.finish, written.ended = "stop", True
            self._close()
            written.pieces.append("")
            return
        written.pieces.append(self._running.push(token))
        if len(written.tokens) == style.most:
            written.finish = "length"
            self._close()
        self._cut()

    def _drawn(self, log_probs: FloatArray) -> int:
        style = self._style
        if style.bias:
            log_probs = log_probs.copy()
            log_probs[list(style.bias)] += list(style.bias.values())
        if style.sampling is None:
            return int(log_probs.argmax())
        below = np.cumsum(style.sampling.shape(log_probs))
        return int(np.searchsorted(below, self._rng.random() * below[-1], side="right"))

    def _close(self) -> None:
        rest = self._running.flush()
        if rest:
            self.written.pieces[-1] += rest

    def _cut(self) -> None:
        """End the text in front of the first stop that it has."""
        written = self.written
        longest = max(map(len, self._style.stops), default=0)
        if not longest:
            return
        text = written.text
        start = max(len(text) - len(written.pieces[-1]) - longest + 1, 0)
        found = [at for stop in self._style.stops if (at := text.find(stop, start)) >= 0]
        if not found:
            return
        written.finish = "stop"
        room, pieces = min(found), list[str]()
        for piece in written.pieces:
            if room <= 0:
                break
            pieces.append(piece[:room])
            room -= len(piece)
        written.pieces = pieces


def noted(log_probs: FloatArray, top: int, also: Sequence[int]) -> dict[int, float]:
    """Return the ``top`` most probable tokens, first the most probable, and those in ``also``; nats."""
    top = min(top, len(log_probs))
    best: npt.NDArray[np.int64] = np.argpartition(-log_probs, top - 1)[:top] if top else np.zeros(0, np.int64)
    order = best[np.argsort(-log_probs[best], kind="stable")].tolist()
    return {token: float(log_probs[token]) for token in dict.fromkeys((*order, *also)) if log_probs[token] > -np.inf}


def sampling(body: Sampled) -> Sampling | None:
    """Return how a request wants its tokens drawn."""
    if body.temperature == 0:
        return None
    return Sampling(draw_temperature=1.0 if body.temperature is None else body.temperature, top_p=body.top_p or 1.0)


def bias(body: Sampled, vocabulary: int) -> dict[int, float]:
    """Return the bias by token; raises ``Refused`` for what is no token."""
    found: dict[int, float] = {}
    for key, value in (body.logit_bias or {}).items():
        if not key.isdecimal() or int(key) >= vocabulary:
            raise Refused(f"logit_bias: {key!r} is no token id, they are 0 to {vocabulary - 1}", param="logit_bias")
        found[int(key)] = value
    return found
