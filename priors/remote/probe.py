"""Which way to a distribution a server offers, found out before anything is asked of it."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

from priors.remote.asking import Strategy
from priors.remote.backend import Backend
from priors.remote.evidence import Lacking
from priors.remote.options import STRATEGIES
from priors.remote.trials import TRIALS
from slinvit.errors import InputError

WORKS = "works"
NO_TOKENIZER = "the model's tokenizer: give it as tokenizer=FOLDER_OR_HUB_ID"


@dataclass(frozen=True)
class Finding:
    """What one trial showed.

    Attributes:
        name: the strategy.
        strategy: ready to use; ``None`` where something is lacking.
        detail: what is lacking, or ``works``.
        seconds: that the trial took.
    """

    name: str
    strategy: Strategy | None
    detail: str
    seconds: float


@dataclass(frozen=True)
class Choice:
    """The strategy to use, and what trials showed by strategy, in the order in which they were made."""

    strategy: Strategy
    findings: Mapping[str, str]


def trial(backend: Backend, name: str) -> Finding:
    """Return whether the strategy ``name`` works."""
    start = time.monotonic()
    try:
        found = TRIALS[name](backend)
    except Lacking as error:
        return Finding(name, None, str(error), time.monotonic() - start)
    return Finding(name, found, WORKS, time.monotonic() - start)


def choose(backend: Backend) -> Choice:
    """Return the strategy that is asked for, or else the first one, by fidelity, that works.

    Raises:
        InputError: the one asked for does not work, with what is lacking and what works instead; or none does.
        RemoteError: the server cannot be reached, or does not know us.
    """
    wanted = backend.options.strategy
    if wanted is None:
        return _first(backend, STRATEGIES)
    found = trial(backend, wanted)
    if found.strategy is not None:
        return Choice(found.strategy, {wanted: WORKS})
    try:
        works = _first(backend, [name for name in STRATEGIES if name != wanted]).strategy.name
    except InputError:
        raise InputError(f"strategy={wanted}: {_server(backend)} lacks {found.detail}; nor does another work") from None
    raise InputError(f"strategy={wanted}: {_server(backend)} lacks {found.detail}; strategy={works} works here")


def survey(backend: Backend) -> list[Finding]:
    """Return what all trials show, best strategy first; raises ``RemoteError`` where the server cannot be reached."""
    return [trial(backend, name) for name in STRATEGIES]


def _first(backend: Backend, names: "tuple[str, ...] | list[str]") -> Choice:
    findings: dict[str, str] = {}
    for name in names:
        if name == "trie" and not backend.has_tokenizer:
            findings[name] = NO_TOKENIZER
            continue
        found = trial(backend, name)
        findings[name] = found.detail
        if found.strategy is not None:
            return Choice(found.strategy, findings)
    reasons = "; ".join(f"{name}: {detail}" for name, detail in findings.items())
    raise InputError(f"{_server(backend)} offers no way to a distribution over actions ({reasons})")


def _server(backend: Backend) -> str:
    return f"{backend.model!r} at {backend.url}"


__all__ = ["Choice", "Finding", "choose", "survey", "trial"]
