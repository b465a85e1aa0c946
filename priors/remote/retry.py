"""What is worth another attempt, and when."""

import random
from collections.abc import Callable, Mapping
from typing import Any

from tenacity import RetryCallState

from slinvit.errors import PriorError

PASSING = frozenset({408, 409, 429})
"""HTTP statuses below 500 that may pass."""

NOT_IMPLEMENTED = 501

LONGEST_PAUSE = 30.0
"""In seconds."""


class RemoteError(PriorError):
    """Raised where a remote model gave no answer that can be used.

    Attributes:
        status: of HTTP, ``None`` where there was none.
        reason: what the server said, or what is wrong with what it said, in one line.
        passing: whether the same request may succeed later.
        free: whether it is certain that nothing was computed, and so nothing billed.
        retry_after: seconds that the server wants to be left alone for.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        reason: str = "",
        passing: bool = False,
        free: bool = False,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.reason, self.passing = status, reason, passing
        self.free, self.retry_after = free, retry_after


def is_passing(status: int, body: Any) -> bool:
    """Say whether an HTTP status may pass; an empty account does not fill up by waiting."""
    code = body.get("code") if isinstance(body, Mapping) else None
    return code != "insufficient_quota" and status != NOT_IMPLEMENTED and (status in PASSING or status >= 500)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that Retry-After asks for, ``None`` where it is absent or unreadable."""
    text = headers.get("retry-after-ms")
    try:
        if text is not None:
            return max(float(text) / 1000, 0.0)
        return _seconds(headers.get("retry-after"))
    except ValueError:
        return None


def pause(first: float) -> Callable[[RetryCallState], float]:
    """Return what says how long to wait before the next attempt.

    That is what the server asked for, and a random time between half of and all of ``first`` seconds, doubled with
    every attempt up to :data:`LONGEST_PAUSE`.
    """

    def seconds(state: RetryCallState) -> float:
        error = None if state.outcome is None else state.outcome.exception()
        asked = error.retry_after if isinstance(error, RemoteError) else None
        ceiling = min(first * 2.0 ** (state.attempt_number - 1), LONGEST_PAUSE)
        return (asked or 0.0) + random.uniform(ceiling / 2, ceiling)

    return seconds


def _seconds(text: str | None) -> float | None:
    from datetime import UTC, datetime
    from email.utils import parsedate_to_datetime

    if text is None:
        return None
    if text.strip().replace(".", "", 1).isdecimal():
        return float(text)
    return max((parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds(), 0.0)


__all__ = ["PASSING", "RemoteError", "is_passing", "pause", "retry_after"]
