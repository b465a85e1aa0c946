"""``labelled``: the actions are lettered choices, and the model's next token is a letter.

Letters, not numbers: "1" is the beginning of "10", and only some tokenizers have "10" as one token.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from string import ascii_uppercase
from typing import Any, ClassVar
from zlib import crc32

import numpy as np

from priors.remote.asking import Asking, Reading
from priors.remote.logprobs import Top, first_token
from priors.remote.speaker import Speaker
from priors.remote.transport import Request
from slinvit.errors import InputError, PriorError
from slinvit.rng import generator
from slinvit.types import Action, FloatArray, Method

LABELS = ascii_uppercase[:20]
"""As many as servers show tokens of."""

LEAST = 1e-9
"""Probability of all labels together that are not shown, where what is shown adds up to 1."""

CHOICES = "{prompt}\n\nChoices for the next action:\n{listed}\n\nAnswer with the letter of the best choice.\nAnswer:"

GROUPS = (
    "{prompt}\n\nThe possible next actions, in groups:\n{listed}\n\n"
    "Answer with the letter of the group that holds the best action.\nAnswer:"
)


@dataclass(frozen=True)
class Labelled:
    """p(action) as the mean over several labellings of p(its letter), among the letters in use.

    The labellings are rotations of one shuffled order, evenly spaced, so every action stands in different places; the
    order follows from the text, so equal questions get equal answers. Above 20 actions there are two levels:
    p(group) p(action | group).

    Floor: a letter that is not among the tokens shown gets an equal share of the probability that they leave, but at
    most that of the least probable token shown.

    Attributes:
        speaker: the model.
        top: tokens that the server shows.
        permutations: labellings.
    """

    speaker: Speaker
    top: int = 20
    permutations: int = 2
    name: ClassVar[str] = "labelled"
    method: ClassVar[Method] = "labelled"
    deterministic: ClassVar[bool] = True
    open_ended: ClassVar[bool] = False

    def read(self, request: Request, body: Any) -> Top:
        """Return the most probable first tokens."""
        return first_token(body)

    def ask(self, prompt: str, actions: Sequence[Action] | None, *, k: int | None, rng: np.random.Generator) -> Asking:
        """Return the conversation: one round."""
        assert actions is not None
        order = generator(0, crc32("\n".join((prompt, *actions)).encode())).permutation(len(actions))
        shuffled = [actions[i] for i in order]
        levels = _levels(prompt, shuffled, self.permutations)
        tops: list[Top] = yield [
            self.speaker.request(question.text, 1, temperature=1, **self.speaker.logprobs(self.top))
            for level in levels
            for question in level.questions
        ]
        answers = iter(tops)
        probs = [level.mean([next(answers) for _ in level.questions]) for level in levels]
        joint = (
            probs[0]
            if len(levels) == 1
            else np.concatenate([p * each for p, each in zip(probs[0], probs[1:], strict=True)])
        )
        scores = np.empty(len(actions))
        scores[order] = np.log(joint)
        return Reading(actions, scores)


@dataclass(frozen=True)
class _Question:
    """One labelling: ``places[i]`` is the choice with letter ``i``."""

    text: str
    places: Sequence[int]


@dataclass(frozen=True)
class _Level:
    questions: Sequence[_Question] = field(default_factory=list)

    def mean(self, tops: Sequence[Top]) -> FloatArray:
        """Return the probability of every choice, averaged over the labellings."""
        total = np.zeros(len(self.questions[0].places))
        for question, top in zip(self.questions, tops, strict=True):
            total[list(question.places)] += label_probs(top.texts, len(question.places))
        return np.asarray(total / len(tops))


def label_probs(shown: Mapping[str, float], count: int) -> FloatArray:
    """Return ``[count]`` probabilities of the first letters, from log-probabilities of tokens, by the stated floor.

    Raises:
        PriorError: no letter in use is among the tokens.
    """
    probs = np.zeros(count)
    for token, log_prob in shown.items():
        label = token.strip(" \t\n()[].:*\"'▁Ġ")
        if len(label) == 1 and label in LABELS[:count]:
            probs[LABELS.index(label)] += np.exp(log_prob)
    seen = probs > 0
    if not seen.any():
        raise PriorError(
            f"none of the letters {LABELS[0]} to {LABELS[count - 1]} is among the {len(shown)} most probable tokens "
            f"({', '.join(map(repr, list(shown)[:3]))}, ...): this model does not answer with a letter; "
            "use strategy=sampled, or let the server show more with top=N"
        )
    if not seen.all():
        left = max(1 - float(np.exp(list(shown.values())).sum()), LEAST)
        probs[~seen] = min(left / int((~seen).sum()), float(np.exp(min(shown.values()))))
    return np.asarray(probs / probs.sum())


def _levels(prompt: str, actions: Sequence[Action], permutations: int) -> list[_Level]:
    size = len(LABELS)
    if len(actions) <= size:
        return [_level(CHOICES, prompt, [[action] for action in actions], permutations)]
    if len(actions) > size**2:
        raise InputError(
            f"strategy=labelled reads at most {size**2} actions, here are {len(actions)}; use strategy=sampled"
        )
    bounds = np.linspace(0, len(actions), -(-len(actions) // size) + 1).round().astype(int)
    groups = [actions[low:high] for low, high in pairwise(bounds)]
    inner = [_level(CHOICES, prompt, [[action] for action in group], permutations) for group in groups]
    return [_level(GROUPS, prompt, groups, permutations), *inner]


def _level(form: str, prompt: str, choices: Sequence[Sequence[Action]], permutations: int) -> _Level:
    count = len(choices)
    # More labellings than choices would only repeat some.
    turns = [turn * count // min(permutations, count) for turn in range(min(permutations, count))]
    questions = []
    for turn in turns:
        places = [*range(turn, count), *range(turn)]
        listed = "\n".join(f"{label}. {'; '.join(choices[i])}" for label, i in zip(LABELS, places, strict=False))
        questions.append(_Question(form.format(prompt=prompt.rstrip(), listed=listed), places))
    return _Level(questions)
