"""How politely, how patiently and up to which bill a remote model is asked."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from slinvit.errors import InputError
from slinvit.registry import Spec

OPENAI = "https://api.openai.com/v1"


@dataclass(frozen=True)
class Manners:
    """Options of everything that asks a remote model; each can be given as ``key=value`` in a spec.

    Attributes:
        concurrency: requests under way at once, per model and process.
        rpm: requests per minute, over all processes that share a store; ``inf``: no limit.
        tpm: tokens per minute, likewise.
        timeout: seconds for one request.
        attempts: how often a request is sent that fails in a way that may pass.
        pause: seconds before the second attempt at most; doubled with every further one, up to half a minute.
        patience: longest pause in seconds that a server may ask for (Retry-After).
        prices: YAML file with prices, over the ones known.
        key_env: environment variable with the API key; default ``OPENAI_API_KEY`` for OpenAI, ``SLINVIT_API_KEY`` for
            every other server.
        record: store that answers are kept in and taken from; ``None``: kept in memory.
        replay: store that answers are taken from, and nothing is sent.
        run: whose bill ``max_...`` limit, where a store is shared.
        max_usd: hard limit of the run, by worst case: a request that might pass it is not sent.
        max_tokens: likewise, prompt and completion tokens.
        max_requests: likewise, requests sent, retries included.

    Raises:
        InputError: an amount that cannot be, or both ``record`` and ``replay``.
    """

    concurrency: int = 8
    rpm: float = math.inf
    tpm: float = math.inf
    timeout: float = 120.0
    attempts: int = 10
    pause: float = 0.5
    patience: float = 120.0
    prices: Path | None = None
    key_env: str | None = None
    record: Path | None = None
    replay: Path | None = None
    run: str = ""
    max_usd: float = math.inf
    max_tokens: float = math.inf
    max_requests: float = math.inf

    def __post_init__(self) -> None:
        for name in ("concurrency", "rpm", "tpm", "timeout", "attempts"):
            if not getattr(self, name) > 0:
                raise InputError(f"{name}={getattr(self, name)}: must be above 0")
        for name in ("pause", "patience", "max_usd", "max_tokens", "max_requests"):
            if not getattr(self, name) >= 0:
                raise InputError(f"{name}={getattr(self, name)}: must be 0 or more")
        if self.record is not None and self.replay is not None:
            raise InputError("record and replay exclude each other: a replay sends nothing that could be recorded")

    @classmethod
    def split(cls, spec: Spec) -> tuple["Manners", dict[str, str]]:
        """Return the manners among the options of ``spec`` (over those of its run), and the other options.

        Raises:
            InputError: a value that cannot be read or cannot be.
        """
        own = {key: value for key, value in spec.options.items() if key in MANNERS}
        elsewhere = {"record", "replay"} if {"record", "replay"} & own.keys() else set()
        given = {**{key: value for key, value in spec.run.items() if key not in elsewhere}, **own}
        rest = {key: value for key, value in spec.options.items() if key not in MANNERS}
        return cls(**{key: MANNERS[key](key, value) for key, value in given.items() if key in MANNERS}), rest


def backend(argument: str) -> tuple[str, str]:
    """Return model and base URL of ``MODEL`` or ``MODEL@BASE_URL``.

    Raises:
        InputError: no model, or a URL that is none, or that holds a password or a query.
    """
    model, at, rest = argument.partition("@http")
    url = f"http{rest}".rstrip("/") if at else OPENAI
    try:
        parts = urlsplit(url)
        strange = parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0
    except ValueError:
        strange = True
    if not model or strange:
        raise InputError(
            f"cannot read {argument!r}: expected MODEL or MODEL@BASE_URL, like MODEL@http://localhost:8000/v1"
        )
    if parts.username or parts.password or parts.query or parts.fragment:
        raise InputError("a base URL must not hold a name, a password or a query; keys come from environment variables")
    return model, url


def is_loopback(url: str) -> bool:
    """Say whether ``url`` is on this machine."""
    host = urlsplit(url).hostname or ""
    return host in ("localhost", "::1") or host.startswith("127.")


def key_name(manners: Manners, base_url: str) -> str:
    """Return the environment variable that may hold the key; OpenAI's is never sent to anybody else unasked."""
    return manners.key_env or ("OPENAI_API_KEY" if base_url == OPENAI else "SLINVIT_API_KEY")


def _number(key: str, value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        raise InputError(f"the option {key}={value} needs a number") from None
    if math.isnan(number):
        raise InputError(f"the option {key}={value} needs a number")
    return number


def _count(key: str, value: str) -> int:
    if not value.isdecimal():
        raise InputError(f"the option {key}={value} needs a whole number")
    return int(value)


def _text(_: str, value: str) -> str:
    return value


def _path(_: str, value: str) -> Path:
    return Path(value)


_READERS: Mapping[Any, Callable[[str, str], Any]] = {
    int: _count,
    float: _number,
    str: _text,
    str | None: _text,
    Path | None: _path,
}

MANNERS = {field.name: _READERS[field.type] for field in fields(Manners)}
"""Option names to ``(key, text) -> value``."""

__all__ = ["MANNERS", "OPENAI", "Manners", "backend", "is_loopback", "key_name"]
