"""From what a model wrote to an admissible action: exactly, else after normalising both, else not at all."""

import re
from collections import defaultdict
from collections.abc import Sequence

from slinvit.types import Action

_LEAD = re.compile(r"^(?:(?:next )?action\s*:|[-*>•]|\(?\d{1,3}[.):])\s*", re.IGNORECASE)
_WRAPPING = " \t`*\"'.!"


class Matcher:
    """Finds admissible actions in text.

    Args:
        actions: the admissible ones.
    """

    def __init__(self, actions: Sequence[Action]) -> None:
        self._exact = frozenset(actions)
        self._alike: dict[str, set[Action]] = defaultdict(set)
        for action in actions:
            self._alike[normalised(action)].add(action)

    def find(self, text: str) -> Action | None:
        """Return the action that the first line of ``text`` names, ``None`` where it names none or several."""
        line = first_line(text)
        if line in self._exact:
            return line
        alike = self._alike.get(normalised(line), set())
        return next(iter(alike)) if len(alike) == 1 else None


def first_line(text: str) -> str:
    """Return the first line that is not empty, without white space around it."""
    return next((line.strip() for line in text.splitlines() if line.strip()), "")


def normalised(text: str) -> str:
    """Return ``text`` in lower case, with single spaces, without list marks, quotes and a final full stop."""
    bare = text.strip()
    while (shorter := _LEAD.sub("", bare).strip(_WRAPPING)) != bare:
        bare = shorter
    return " ".join(bare.casefold().split())


__all__ = ["Matcher", "first_line", "normalised"]
