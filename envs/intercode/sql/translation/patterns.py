"""LIKE and REGEXP."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from envs.intercode.sql.translation.texts import PACKET, fold_kept
from envs.intercode.sql.translation.values import StatementError, plain

LONG_SEARCH = 20_000_000
"""Letters that a search for a part with ``_`` compares at most."""

REMEMBERED = 200
"""Characters of the longest pattern that is kept in its read form."""

SLOW_REGEXP = "Timeout exceeded in regular expression match."


@dataclass(frozen=True, slots=True)
class Segment:
    """What stands between two ``%`` of a pattern: letters, ``None`` where any one may stand."""

    letters: tuple[str | None, ...]
    text: str | None

    def at(self, text: str, place: int) -> bool:
        """Whether it matches at a place."""
        if self.text is not None:
            return text.startswith(self.text, place)
        known = text[place : place + len(self.letters)]
        return len(known) == len(self.letters) and all(
            each is None or each == letter for each, letter in zip(self.letters, known, strict=True)
        )

    def find(self, text: str, start: int) -> int:
        """The first place from ``start`` on; -1 when there is none.

        Raises:
            StatementError: the search would take too long.
        """
        if self.text is not None:
            return text.find(self.text, start)
        places = range(start, len(text) - len(self.letters) + 1)
        if len(places) * len(self.letters) > LONG_SEARCH:
            raise StatementError("Query execution was interrupted, maximum statement execution time exceeded")
        return next((place for place in places if self.at(text, place)), -1)


def like_pattern(pattern: str, escape: str) -> list[Segment]:
    """Read the pattern of LIKE."""
    segments: list[list[str | None]] = [[]]
    letters = iter(pattern)
    for letter in letters:
        if letter == escape:
            segments[-1].append(next(letters, escape))
        elif letter == "%":
            segments.append([])
        else:
            segments[-1].append(None if letter == "_" else letter)
    texts = (None if None in each else "".join(part or "" for part in each) for each in segments)
    return [Segment(tuple(each), text) for each, text in zip(segments, texts, strict=True)]


known_pattern = lru_cache(maxsize=4_096)(like_pattern)


def follows(text: str, segments: Sequence[Segment]) -> bool:
    """Whether a text is the segments with anything between: each is taken where it first fits."""
    first, *middle = segments
    if not first.at(text, 0):
        return False
    place = len(first.letters)
    if not middle:
        return place == len(text)
    *middle, last = middle
    for segment in middle:
        found = segment.find(text, place)
        if found < 0:
            return False
        place = found + len(segment.letters)
    end = len(text) - len(last.letters)
    return end >= place and last.at(text, end)


def like(value: Any, pattern: Any, escape: str = "\\", binary: int = 0) -> int | None:
    """LIKE."""
    if value is None or pattern is None:
        return None
    known, wanted = plain(value), plain(pattern)
    if not binary:
        known, wanted = fold_kept(known), fold_kept(wanted)
    segments = (known_pattern if len(wanted) <= REMEMBERED else like_pattern)(wanted, escape)
    return int(follows(known, segments))


@lru_cache(maxsize=1_024)
def expression(pattern: str, binary: bool) -> Any:
    """Compile a regular expression of MySQL.

    Raises:
        StatementError: it is none.
    """
    import regex  # type: ignore[import-untyped]  # unlike re, it can be given a limit of time

    try:
        return regex.compile(
            pattern.replace("[[:<:]]", r"\b").replace("[[:>:]]", r"\b"), 0 if binary else regex.IGNORECASE
        )
    except regex.error as error:
        raise StatementError(f"Illegal argument to a regular expression: {error}"[:200]) from error


def regexp(value: Any, pattern: Any, binary: int, seconds: float) -> int | None:
    """REGEXP.

    Raises:
        StatementError: the pattern is no regular expression, or takes too long.
    """
    if value is None or pattern is None:
        return None
    try:
        return int(expression(plain(pattern), bool(binary)).search(plain(value), timeout=seconds) is not None)
    except TimeoutError as error:
        raise StatementError(SLOW_REGEXP) from error


def regexp_replace(value: Any, pattern: Any, new: Any, seconds: float) -> str | None:
    """REGEXP_REPLACE.

    Raises:
        StatementError: the pattern is no regular expression, or takes too long.
    """
    if value is None or pattern is None or new is None:
        return None
    text, filler = plain(value), plain(new)
    parts: list[str] = []
    end = size = 0
    try:
        for match in expression(plain(pattern), False).finditer(text, timeout=seconds):
            parts += text[end : match.start()], filler
            size += match.start() - end + len(filler)
            end = match.end()
            if size > PACKET:
                return None
    except TimeoutError as error:
        raise StatementError(SLOW_REGEXP) from error
    return "".join(parts) + text[end:] if size + len(text) - end <= PACKET else None


__all__ = ["like", "regexp", "regexp_replace"]
