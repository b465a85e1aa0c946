"""``ranked``: the model lists its best actions, best first."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from priors.remote.asking import Asking, Reading
from priors.remote.matching import Matcher
from priors.remote.speaker import Speaker
from priors.remote.transport import Request
from slinvit.errors import PriorError
from slinvit.types import Action, FloatArray, Method

CHAT = (
    "{prompt}\n\nList the {count} best next actions, best first, exactly as they are to be typed. "
    "Answer with a numbered list and nothing else:\n1. the best action\n2. the second best"
)

COMPLETION = "{prompt}\n\nThe {count} best next actions, best first:\n1."


@dataclass(frozen=True)
class Ranked:
    """p proportional to 1 / rank; actions that are not listed share the weight of the rank behind the last one listed.

    Attributes:
        speaker: the model.
        listed: actions that the model is to list.
        temperature: ``None``: not sent.
        longest: most tokens of an answer, thinking included.
    """

    speaker: Speaker
    listed: int = 5
    temperature: float | None = 0.0
    longest: int = 1024
    name: ClassVar[str] = "ranked"
    method: ClassVar[Method] = "ranked"
    deterministic: ClassVar[bool] = True
    open_ended: ClassVar[bool] = True

    def read(self, request: Request, body: Any) -> list[str]:
        """Return the lines of the list; may be none."""
        (text,) = self.speaker.texts(body)
        return [line.strip() for line in text.splitlines() if line.strip()]

    def ask(self, prompt: str, actions: Sequence[Action] | None, *, k: int | None, rng: np.random.Generator) -> Asking:
        """Return the conversation: one request."""
        count = self.listed if actions is None else min(self.listed, len(actions))
        form = CHAT if self.speaker.way == "chat" else COMPLETION
        text = form.format(prompt=prompt.rstrip(), count=count)
        stop = "\n\n" if self.speaker.way == "completions" else None
        (lines,) = yield [self.speaker.request(text, self.longest, temperature=self.temperature, stop=stop)]
        return _open(lines, k) if actions is None else _closed(lines, actions)


def weights(ranks: int, unlisted: int) -> FloatArray:
    """Return ``[ranks + unlisted]`` log 1 / rank, then for each unlisted action log of its share of the next rank's."""
    listed = -np.log(np.arange(1, ranks + 1))
    rest = np.full(unlisted, -np.log((ranks + 1) * max(unlisted, 1)))
    return np.concatenate([listed, rest])


def _closed(lines: Sequence[str], actions: Sequence[Action]) -> Reading:
    matcher = Matcher(actions)
    found = [matcher.find(line) for line in lines]
    order = list(dict.fromkeys(action for action in found if action is not None))
    if not order:
        raise PriorError(f"no line is an admissible action: the model wrote {(lines or [''])[0][:60]!r}")
    rest = [action for action in actions if action not in order]
    scores = dict(zip([*order, *rest], weights(len(order), len(rest)), strict=True))
    return Reading(actions, np.array([scores[action] for action in actions]), found.count(None) / len(found))


def _open(lines: Sequence[str], k: int | None) -> Reading:
    items = [re.sub(r"^(?:\d+[.)]|[-*])\s*", "", line) for line in lines]
    order = list(dict.fromkeys(filter(None, items)))[:k]
    if not order:
        raise PriorError("the model listed nothing; one that thinks needs more answer_tokens")
    return Reading(order, weights(len(order), 0), 0.0)
