"""``sampled``: the model writes actions, and they are counted."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from priors.remote.asking import Asking, Reading
from priors.remote.matching import Matcher, first_line
from priors.remote.speaker import Speaker
from priors.remote.transport import Request
from slinvit.errors import PriorError
from slinvit.types import Action, FloatArray, Method

CHAT = "{prompt}\n\nAnswer with the next action, exactly as it is to be typed, and nothing else."


@dataclass(frozen=True)
class Sampled:
    """Shares among ``samples`` proposals, smoothed by a Dirichlet prior of total mass ``alpha``, evenly spread.

    A proposal is its first line; it counts for the admissible action that it is, exactly or after normalising, and
    else as unmatched. The standard deviation of a share p is about sqrt(p (1 - p) / samples). Where any text may be
    typed, the distinct proposals are the actions.

    Attributes:
        speaker: the model.
        samples: proposals per state.
        alpha: pseudo-counts over all actions together.
        temperature: of sampling; ``None``: not sent.
        longest: most tokens of a proposal, thinking included.
        together: the server draws all proposals in one request (``n``).
        stop: what ends a proposal of a completion model.
        whole: a proposal is all that was written, and the prompt says itself how to answer; whoever asks reads it.
    """

    speaker: Speaker
    samples: int = 16
    alpha: float = 1.0
    temperature: float | None = 1.0
    longest: int = 1024
    together: bool = False
    stop: str = "\n"
    whole: bool = False
    name: ClassVar[str] = "sampled"
    method: ClassVar[Method] = "sampled"
    deterministic: ClassVar[bool] = False
    open_ended: ClassVar[bool] = True

    def read(self, request: Request, body: Any) -> list[str]:
        """Return the proposals in one answer; may be empty texts."""
        return [text.strip() if self.whole else first_line(text) for text in self.speaker.texts(body)]

    def ask(self, prompt: str, actions: Sequence[Action] | None, *, k: int | None, rng: np.random.Generator) -> Asking:
        """Return the conversation: one round; ``k`` limits the actions where any text may be typed."""
        written: list[list[str]] = yield self.requests(prompt, int(rng.integers(2**31)))
        proposals = [text for texts in written for text in texts]
        if actions is None:
            return _open(proposals, None if self.whole else k)
        matcher = Matcher(actions)
        found = Counter(matcher.find(text) for text in proposals)
        unmatched = found.pop(None, 0)
        if not found:
            raise PriorError(
                f"none of {len(proposals)} proposals is an admissible action: the model wrote {proposals[0][:60]!r}, "
                f"admissible is {actions[0]!r}"
            )
        counts = np.array([found[action] for action in actions], dtype=np.float64)
        return Reading(actions, smoothed(counts, self.alpha), unmatched / len(proposals))

    def requests(self, prompt: str, draw: int) -> list[Request]:
        """Return what draws all proposals; ``draw`` numbers the first."""
        asis = self.whole or self.speaker.way == "completions"
        text = prompt if asis else CHAT.format(prompt=prompt.rstrip())
        stop = self.stop if self.speaker.way == "completions" else None
        fields = {"temperature": self.temperature, "stop": stop}
        if self.together:
            return [self.speaker.request(text, self.longest, draw=draw, n=self.samples, **fields)]
        return [self.speaker.request(text, self.longest, draw=draw + i, **fields) for i in range(self.samples)]


def smoothed(counts: FloatArray, alpha: float) -> FloatArray:
    """Return ``[A]`` log((n_a + alpha / A) / (n + alpha)), in nats: the mean of the Dirichlet posterior."""
    with np.errstate(divide="ignore"):
        return np.asarray(np.log((counts + alpha / len(counts)) / (counts.sum() + alpha)))


def _open(proposals: Sequence[str], k: int | None) -> Reading:
    counts = Counter(filter(None, proposals))
    if not counts:
        raise PriorError(f"the model wrote nothing, {len(proposals)} times; one that thinks needs more answer_tokens")
    kept = counts.most_common(k)
    shares = np.array([count for _, count in kept], dtype=np.float64)
    return Reading([text for text, _ in kept], np.log(shares), 1 - counts.total() / len(proposals))
