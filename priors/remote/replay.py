"""Why a replay has no answer: in what a request differs from the nearest one recorded."""

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

from priors.remote.messages import Request
from priors.remote.store import Store, Stored
from slinvit.errors import RecordError

AT_MOST = 2000
"""Entries looked at."""

CONTEXT = 30
"""Characters shown on either side of a difference."""


def missing(store: Store, request: Request, file: str) -> RecordError:
    """Return the error that names the difference between ``request`` and the nearest entry of ``store``."""
    entries = list(islice(store.entries(request.endpoint), AT_MOST))
    if not entries:
        return RecordError(f"{file} holds no {request.endpoint} request at all; record this run first")
    nearest = max(entries, key=lambda entry: _likeness(entry, request))
    if nearest.body == request.body:
        return RecordError(
            f"{file} has no answer to this {request.endpoint} request: it holds draw {nearest.draw} of it, "
            f"draw {request.draw} is wanted; was it recorded with another --seed?"
        )
    where, recorded, wanted = next(_differences(json.loads(nearest.body), request.json(), request.endpoint))
    return RecordError(
        f"{file} has no answer to this {request.endpoint} request; the nearest recorded one differs in {where}: "
        f"{recorded} recorded, {wanted} wanted"
    )


def _likeness(entry: Stored, request: Request) -> tuple[int, float]:
    """Return how many characters begin and end alike, then how alike the lengths are."""
    start = _shared(entry.body, request.body)
    end = _shared(entry.body[::-1], request.body[::-1])
    return start + end, -abs(len(entry.body) - len(request.body))


def _differences(old: Any, new: Any, where: str) -> Iterator[tuple[str, str, str]]:
    """Yield (place, recorded, wanted) for everything that differs."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted({*old, *new}):
            yield from _differences(old.get(key), new.get(key), f"{where}.{key}")
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for place, (before, after) in enumerate(zip(old, new, strict=True)):
            yield from _differences(before, after, f"{where}[{place}]")
    elif old != new:
        yield where, *_around(old, new)


def _around(old: Any, new: Any) -> tuple[str, str]:
    if not (isinstance(old, str) and isinstance(new, str)):
        return tuple(json.dumps(value)[: 3 * CONTEXT] for value in (old, new))  # type: ignore[return-value]
    start = max(_shared(old, new) - CONTEXT, 0)
    return repr(old[start : start + 2 * CONTEXT]), repr(new[start : start + 2 * CONTEXT])


def _shared(one: str, other: str) -> int:
    """Return how many characters both begin with."""
    return next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
