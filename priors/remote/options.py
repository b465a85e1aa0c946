"""The options of a remote prior, read from a spec."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from priors.remote.manners import MANNERS
from priors.simple import check_options
from priors.templates import template
from slinvit.errors import InputError, did_you_mean
from slinvit.registry import Spec

STRATEGIES = ("score", "echo", "trie", "labelled", "sampled", "ranked")
"""By falling fidelity."""


@dataclass(frozen=True)
class Options:
    """How a distribution is obtained; each can be given as ``key=value`` in a spec.

    Attributes:
        strategy: one of :data:`STRATEGIES`; ``None``: the first that works.
        template: how a state becomes a prompt.
        endpoint: ``chat`` or ``completions`` for strategies that can use either; ``None``: the first that works.
        terminator: what ends an action, for ``echo`` and ``trie``, and for ``sampled`` from completions.
        tokenizer: folder or hub id of the model's tokenizer, for ``trie``; with it ``echo`` sends token ids.
        top: most probable tokens that are asked for; ``None``: 20, or 5 where the server refuses that.
        permutations: labellings per state of ``labelled``.
        samples: proposals per state of ``sampled``.
        alpha: pseudo-counts of ``sampled`` over all actions together.
        n: ``yes``: all proposals in one request; ``None``: at OpenAI.
        listed: actions that ``ranked`` lets the model list.
        sampling_temperature: of ``sampled`` (1) and ``ranked`` (0); ``none``: not sent.
        answer_tokens: most tokens of a written answer, thinking included; ``None``: 1024 in a chat, in a completion
            what actions take.
    """

    strategy: str | None = None
    template: str = "plain"
    endpoint: str | None = None
    terminator: str = "\n"
    tokenizer: str | None = None
    top: int | None = None
    permutations: int = 2
    samples: int = 16
    alpha: float = 1.0
    n: str | None = None
    listed: int = 5
    sampling_temperature: str | None = None
    answer_tokens: int | None = None

    def __post_init__(self) -> None:
        _check_choice("strategy", self.strategy, STRATEGIES)
        _check_choice("endpoint", self.endpoint, ("chat", "completions"))
        _check_choice("n", self.n, ("yes", "no"))
        self.temperature(0.0)

    @classmethod
    def of(cls, spec: Spec) -> "Options":
        """Return the options among those of ``spec``, which may hold manners too; raises ``InputError``.

        A template that says what a reply is asks for ``sampled``, where nothing else is said.
        """
        check_options(spec, (*(field.name for field in fields(cls)), *MANNERS))
        own = {key: value for key, value in spec.options.items() if key not in MANNERS}
        reply = template(own.get("template", cls.template)).reply
        if reply is not None:
            own = {"strategy": "sampled", "terminator": reply.terminator, **own}
        return cls(**{key: _READERS[key](key, value) for key, value in own.items()})

    def given(self) -> Mapping[str, Any]:
        """Return what differs from the defaults."""
        return {each.name: value for each in fields(self) if (value := getattr(self, each.name)) != each.default}

    def temperature(self, default: float) -> float | None:
        """Return the temperature to send, ``None`` for none."""
        if self.sampling_temperature is None or self.sampling_temperature == "none":
            return default if self.sampling_temperature is None else None
        value = _number("sampling_temperature", self.sampling_temperature)
        if not 0 <= value <= 2:
            raise InputError(
                f"sampling_temperature={value:g}: must be between 0 and 2, or none for models that refuse it"
            )
        return value


def _check_choice(key: str, value: str | None, allowed: tuple[str, ...]) -> None:
    if value is not None and value not in allowed:
        raise InputError(f"{key}={value}: must be one of {', '.join(allowed)}{did_you_mean(value, allowed)}")


def _text(_: str, value: str) -> str:
    return value.replace("\\n", "\n")


def _count(key: str, value: str) -> int:
    if not value.isdecimal() or int(value) == 0:
        raise InputError(f"{key}={value}: must be a whole number of 1 or more")
    return int(value)


def _number(key: str, value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if not 0 <= number < math.inf:
        raise InputError(f"{key}={value}: must be a number of 0 or more")
    return number


_KINDS: Mapping[Any, Callable[[str, str], Any]] = {
    str: _text,
    str | None: _text,
    int: _count,
    int | None: _count,
    float: _number,
}
_READERS = {field.name: _KINDS[field.type] for field in fields(Options)}

__all__ = ["STRATEGIES", "Options"]
