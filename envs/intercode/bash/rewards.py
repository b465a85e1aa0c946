"""What a Bash answer earns: the original's three parts, and a corrected variant of them.

Both sides, the agent's and the reference (a clean file system in which the gold command ran), are seen through
``git status``. The original's number is the headline. Where it is wrong, ``corrected`` says what is right:

* a path with blanks breaks the original's parser of ``git status`` (an odd number of words even raised an error there,
  so no number exists: the corrected parts then stand in, and ``status_unreadable`` is set; likewise where version
  control was ended at a limit, which the original did not have);
* version control is asked in the agent's place, where commands may have hidden changes from it (a commit, a flag, a
  list of what to ignore, a program of the same name); corrected: it is asked in a clean place;
* contents are compared of new files only; corrected: of every path both sides changed, folders with all they hold;
* a gold command without output and without effect is matched by any silent command that changes nothing; corrected:
  its answer part earns nothing, as no outcome can tell a right command from none. ``empty_gold`` counts these tasks.
"""

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

from envs.intercode.bash.quoting import hash_arguments, is_hashed
from envs.intercode.bash.sides import Files
from envs.intercode.bash.similarity import cosine
from envs.intercode.bash.status import Change, words_of
from envs.intercode.graded import Grade
from slinvit.errors import UnknownName

SCORES = ("intercode", "corrected")
"""Which number is the reward."""

BASE, PART = 0.01, 0.33
"""What every answer earns, and the most that each of the three parts adds."""


@dataclass(frozen=True, slots=True)
class Effects:
    """What one side shows after its commands.

    Attributes:
        text: what the last command printed; ``None`` where it is no text.
        status: the output of ``git status --short``; ``None`` where it did not end by itself.
        changes: what really changed.
    """

    text: str | None
    status: str | None = ""
    changes: tuple[Change, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether nothing was printed and nothing changed."""
        return self.text is not None and not self.text.strip() and not self.changes


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two that are compared."""

    effects: Effects
    files: Files


def grade(agent: Side, gold: Side, score: str = "intercode") -> Grade:
    """Return the reward of ``agent``'s answer, at most 1, with its parts.

    The details are ``file_diff``, ``file_changes`` and ``answer_similarity`` (0 to 0.33 each), the sums ``intercode``
    and ``corrected``, ``score`` (the one that is the reward), ``empty_gold`` and ``status_unreadable``.

    Raises:
        UnknownName: another ``score``.
        EnvironmentFailure: files of the reference cannot be read.
    """
    if score not in SCORES:
        raise UnknownName("score", score, SCORES)
    right = _corrected(agent, gold)
    parts = _original(agent, gold)
    details: dict[str, Any] = {"status_unreadable": parts is None, "empty_gold": gold.effects.empty}
    answer = round(PART * _similarity(agent.effects.text, gold.effects.text), 2)
    diff, changes = right[:2] if parts is None else parts
    details |= {"file_diff": diff, "file_changes": changes, "answer_similarity": answer}
    details |= {"intercode": _total(diff, changes, answer), "corrected": _total(*right)}
    details["score"] = details[score]
    return Grade(details["score"], details)


def file_diff(agent: Sequence[Change], gold: Sequence[Change]) -> float:
    """Return 0.33 for equal sets of changes, falling with the number ``n`` that only one side has as ``1 - erf(n)``."""
    return round(PART * (1 - math.erf(len(set(agent) ^ set(gold)))), 2)


def _total(*parts: float) -> float:
    total = BASE
    for part in parts:
        total += part
    return total


def _similarity(answer: str | None, wanted: str | None) -> float:
    """Return how alike two answers are, 0 to 1; without any word in them, or no text, whether they are equal."""
    alike = None if answer is None or wanted is None else cosine(answer, wanted)
    return float(answer == wanted) if alike is None else alike


def _original(agent: Side, gold: Side) -> tuple[float, float] | None:
    """Return the two parts about files as the original computes them; ``None`` where it raised an error."""
    found, wanted = words_of(agent.effects.status), words_of(gold.effects.status)
    if found is None or wanted is None:
        return None
    added = sorted(path for path, code in set(found) & set(wanted) if code in ("A", "??", "C"))
    if not added:
        return file_diff(found, wanted), PART
    commands = [hash_arguments(path) for path in added if is_hashed(path)]
    readable = [command for command in commands if command is not None]
    if len(readable) < len(commands):
        return None
    same = len(added) - len(commands) + _equal(gold.files.checksums(readable), agent.files.checksums(readable))
    return file_diff(found, wanted), round(PART * (same / len(added)), 2)


def _corrected(agent: Side, gold: Side) -> tuple[float, float, float]:
    found, wanted = agent.effects, gold.effects
    common = sorted(set(found.changes) & set(wanted.changes))
    there = [path for path, code in common if code != "D"]
    same = len(common) - len(there) + _equal(gold.files.contents(there), agent.files.contents(there))
    changes = round(PART * (same / len(common)), 2) if common else PART
    answer = 0.0 if wanted.empty else _similarity(found.text, wanted.text)
    return file_diff(found.changes, wanted.changes), changes, round(PART * answer, 2)


def _equal(wanted: Sequence[Hashable | None], found: Sequence[Hashable | None]) -> int:
    """Return how many are the same on both sides; what could not be read is equal to nothing."""
    pairs = zip(wanted, found, strict=True)
    return sum(one is not None and one == other for one, other in pairs)
