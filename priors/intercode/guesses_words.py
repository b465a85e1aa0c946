"""Words of questions and of names, brought to a common form."""

import re
from collections.abc import Iterable

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_IRREGULAR = {"people": "person", "children": "child", "men": "man", "women": "woman", "countries": "country"}
_SMALL = """
a all also an and any are as at be been being by do does each ever every find for from give has have having how i in is
it its list many me much of on or our please return show tell than that the their them there these they this to us was
we were what when where which who whom whose why will with you your
"""
STOP = frozenset(_SMALL.split())
"""Words that say nothing about what is asked for."""


def stems(text: str) -> tuple[str, ...]:
    """Return the words of ``text`` without endings; names like ``airportCode`` and ``first_name`` fall into parts."""
    return tuple(stem(word.lower()) for word in _WORD.findall(text))


def stem(word: str) -> str:
    """Return ``word`` without the ending of a plural or of a verb form."""
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    for ending, rest in (("ies", "y"), ("sses", "ss"), ("xes", "x"), ("ches", "ch"), ("ss", "ss"), ("us", "us")):
        if word.endswith(ending) and len(word) > len(ending) + 1:
            return word.removesuffix(ending) + rest
    for ending in ("ing", "ed", "s"):
        if word.endswith(ending) and len(word) > len(ending) + 2:
            return word.removesuffix(ending)
    return word


def content(text: str) -> tuple[str, ...]:
    """Return the stems of the words of ``text`` that say something, in order."""
    return tuple(stem(word.lower()) for word in _WORD.findall(text) if word.lower() not in STOP)


def coverage(name: str, words: Iterable[str]) -> float:
    """Return the share of the parts of ``name`` that are among ``words``, 0 to 1.

    A part also counts where it begins a word, or a word begins it, from four letters on: ``descr`` for a description.
    """
    parts, known = stems(name), set(words)
    if not parts:
        return 0.0
    return sum(any(_alike(part, word) for word in known) for part in parts) / len(parts)


def _alike(part: str, word: str) -> bool:
    shorter, longer = sorted((part, word), key=len)
    return part == word or (len(shorter) >= 4 and longer.startswith(shorter))


__all__ = ["STOP", "content", "coverage", "stem", "stems"]
