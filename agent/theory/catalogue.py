"""The catalogue: every property, checked in order."""

import time
from collections.abc import Iterator, Sequence
from importlib import import_module

from agent.theory.record import Finding, NotHere, Property, Scale, Status, Verdict
from slinvit.errors import InputError

THEMES = ("decisions", "exact", "structure", "bounds", "learning", "teaching", "search")
"""Modules of this package with a tuple ``PROPERTIES``."""


def catalogue() -> tuple[Property, ...]:
    """Return all properties by number."""
    found = [each for theme in THEMES for each in import_module(f"agent.theory.{theme}").PROPERTIES]
    return tuple(sorted(found, key=lambda each: each.number))


def chosen(only: str | None) -> tuple[Property, ...]:
    """Return the properties whose numbers ``only`` lists, ``1,2,17`` or ``17-24``; all without it.

    Raises:
        InputError: not a list of numbers, or a number that is not in the catalogue.
    """
    every = catalogue()
    if only is None:
        return every
    wanted = {number for part in only.split(",") for number in _numbers(part)}
    known = {each.number for each in every}
    if wanted - known:
        raise InputError(f"--only: there is no property {min(wanted - known)}; the numbers are {_ranges(known)}")
    return tuple(each for each in every if each.number in wanted)


def validate(properties: Sequence[Property], scale: Scale) -> Iterator[Verdict]:
    """Check each property and yield what came out."""
    for each in properties:
        began = time.perf_counter()
        status: Status
        try:
            finding = each.check(scale)
            status = "pass" if finding.cases and finding.worst <= each.tolerance else "FAIL"
        except NotHere as missing:
            finding, status = Finding(0, 0.0, str(missing)), "skip"
        yield Verdict(each, finding, status, time.perf_counter() - began)


def _numbers(part: str) -> range:
    first, dash, last = part.partition("-")
    try:
        low, high = int(first), int(last if dash else first)
    except ValueError:
        raise InputError(f"--only: {part!r} is no number and no range; write for example 1,2,17-24") from None
    if low > high:
        raise InputError(f"--only: the range {part} is empty; write the smaller number first")
    if high - low > 999:
        raise InputError(f"--only: the range {part} is too long")
    return range(low, high + 1)


def _ranges(numbers: set[int]) -> str:
    ordered = sorted(numbers)
    starts = [n for n in ordered if n - 1 not in numbers]
    ends = [n for n in ordered if n + 1 not in numbers]
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in zip(starts, ends, strict=True))
