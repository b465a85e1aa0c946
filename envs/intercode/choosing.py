"""Choosing tasks on the command line: a source, then options, separated by commas."""

import logging
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from envs.intercode.layout import EMBEDDED, official
from envs.intercode.task import HORIZON, InterCodeTask
from slinvit.errors import InputError, UnknownName, did_you_mean
from slinvit.registry import parse_spec
from slinvit.rng import generator

DEFAULT_HORIZON = "2x"
"""What the command line says where nothing was said."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Wish:
    """Which tasks are wanted.

    Attributes:
        source: ``embedded``, ``official``, ``random`` or a path.
        count: how many of ``random``.
        options: what narrows them down, by name; all values are text.
    """

    source: str
    count: int = 0
    options: Mapping[str, str] = field(default_factory=dict)


ItemT = TypeVar("ItemT", bound=InterCodeTask)

Read = Callable[[Path], Sequence[ItemT]]
"""Reads all tasks of a place."""

Facet = Callable[[InterCodeTask], str]
"""What an option of tasks compares with, for example the name of the database."""


def wish_of(tasks: str, options: Sequence[str]) -> Wish:
    """Return the source and options of ``tasks``; ``options`` are the allowed ones.

    Raises:
        UnknownName: another option.
        InputError: it cannot be read.
    """
    source, _, rest = tasks.partition(",")
    if source.isdecimal():
        source = f"random:{source}"
    spec = parse_spec(f"options:{rest}")
    if spec.argument:
        raise InputError(f"cannot read {spec.argument!r} in {tasks!r}: options are {', '.join(options)}, as key=value")
    for option in spec.options:
        if option not in options:
            raise UnknownName("option of InterCode tasks", option, options)
    if not source.startswith("random:") and source != "random":
        return Wish(source, 0, spec.options)
    count = source.partition(":")[2] or "1"
    if not count.isdecimal() or int(count) < 1:
        raise InputError(f"cannot read {count!r} in {tasks!r}: the count must be a whole number, 1 or more")
    return Wish("random", int(count), spec.options)


def gather(
    tasks: str, read: Read[ItemT], facets: Mapping[str, Facet], *, seed: int = 0, limit: int | None = None
) -> list[ItemT]:
    """Return the tasks that ``tasks`` names.

    Args:
        tasks: ``embedded``, ``official``, ``random:40`` (or ``40``: drawn from the official ones or, where these are
            not found, from the embedded) or a path as :func:`find` takes it; then options: ``number=1-20`` (position
            among all of the source), ``id=...``, and the names in ``facets``, several values joined by ``+``.
        read: reads all tasks of a place.
        facets: further options: what they compare with.
        seed: of draws.
        limit: at most this many.

    Raises:
        InputError: the source cannot be used, or nothing fits.
    """
    if limit is not None and limit < 1:
        raise InputError(f"the limit on tasks must be 1 or more, not {limit}")
    wish = wish_of(tasks, ("number", "id", *facets))
    chosen = _fitting(wish, read(_place(wish)), facets)
    if wish.source == "random":
        draw = generator(seed, "intercode tasks").permutation(len(chosen))[: wish.count]
        chosen = [chosen[i] for i in sorted(draw)]
    return chosen[:limit]


def turns(horizon: str) -> int:
    """Return the most turns of an episode; raises ``InputError``."""
    if horizon == DEFAULT_HORIZON:
        return HORIZON
    if horizon.isdecimal() and int(horizon) > 0:
        return int(horizon)
    raise InputError(f"cannot read the horizon {horizon!r}: InterCode takes a number of turns; {HORIZON} by default")


def _place(wish: Wish) -> Path:
    if wish.source == "embedded":
        return EMBEDDED
    if wish.source == "official":
        return official()
    if wish.source != "random":
        if not Path(wish.source).exists() and "/" not in wish.source:
            known = ("embedded", "official", "random:COUNT")
            raise InputError(
                f"{wish.source!r} is no folder or file{did_you_mean(wish.source, known)}; known: {', '.join(known)}"
            )
        return Path(wish.source)
    try:
        return official()
    except InputError as error:
        _log.warning("%s; drawing from the embedded tasks", error)
        return EMBEDDED


def _fitting(wish: Wish, items: Sequence[ItemT], facets: Mapping[str, Facet]) -> list[ItemT]:
    first, last = _range(wish.options.get("number", ""), len(items))
    chosen = list(items[first - 1 : last])
    if (name := wish.options.get("id")) is not None:
        wanted = frozenset(name.split("+"))
        _known("task", wanted, (item.id for item in items))
        chosen = [item for item in chosen if item.id in wanted]
    for option, facet in facets.items():
        if option in wish.options:
            wanted = frozenset(wish.options[option].lower().split("+"))
            _known(option, wanted, (facet(item).lower() for item in items))
            chosen = [item for item in chosen if facet(item).lower() in wanted]
    if not chosen:
        asked = ",".join(f"{key}={value}" for key, value in wish.options.items())
        raise InputError(f"none of the {len(items)} tasks of {wish.source} fits {asked or 'that'}")
    return chosen


def _known(kind: str, wanted: frozenset[str], known: Iterable[str]) -> None:
    names = set(known)
    for name in sorted(wanted - names):
        raise UnknownName(kind, name, names)


def _range(text: str, count: int) -> tuple[int, int]:
    if not text:
        return 1, count
    found = re.fullmatch(r"(\d+)(?:-(\d+))?", text)
    first, last = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
    if not 1 <= first <= last <= count:
        raise InputError(f"cannot use number={text}: a number from 1 to {count}, or a range such as 1-20")
    return first, last
