"""What the requests of clients need of the model, in a form that can be merged."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from slinvit.types import FloatArray


@dataclass(frozen=True, slots=True)
class Score:
    """Score candidates behind a prompt; answered by :class:`priors.scoring.Scores`.

    Attributes:
        prompt: text, rendered as the prior does.
        candidates: texts, at least one.
        terminator: ends each; ``None``: the prior's.
        tokens: of prompt and candidates.
    """

    prompt: str
    candidates: Sequence[str]
    terminator: str | None
    tokens: int


@dataclass(frozen=True, slots=True)
class Next:
    """What comes next; answered by ``[B, V]`` log-probabilities in nats.

    Attributes:
        texts: token ids, at least one each.
    """

    texts: Sequence[Sequence[int]]

    @property
    def tokens(self) -> int:
        """Of all texts."""
        return sum(map(len, self.texts))


@dataclass(frozen=True, slots=True)
class Echo:
    """What each token of given texts had for a probability; answered by one :class:`Echoed` per text.

    Attributes:
        texts: token ids, at least one each.
        top: how many of the most probable tokens are wanted at each place.
        also: tokens whose log-probability is wanted at each place.
    """

    texts: Sequence[Sequence[int]]
    top: int
    also: Sequence[int] = ()

    @property
    def tokens(self) -> int:
        """Of all texts."""
        return sum(map(len, self.texts))


@dataclass(frozen=True, eq=False, slots=True)
class Echoed:
    """A text of ``L`` tokens, read by the model; all in nats, from the second token on.

    Attributes:
        log_probs: ``[L - 1]`` of the tokens.
        ids: ``[L - 1, top + also]`` tokens: the most probable first, then those asked for.
        values: ``[L - 1, top + also]`` their log-probabilities.
    """

    log_probs: FloatArray
    ids: npt.NDArray[np.int64]
    values: FloatArray


Ask: TypeAlias = Score | Next | Echo
