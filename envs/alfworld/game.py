"""A game file: one household, one task."""

import json
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from slinvit.errors import InputError

TASK_TYPES = (
    "pick_and_place_simple",
    "look_at_obj_in_light",
    "pick_clean_then_place_in_recep",
    "pick_heat_then_place_in_recep",
    "pick_cool_then_place_in_recep",
    "pick_two_obj_and_place",
)
"""In the order of ALFWorld's numbers 1 to 6."""

_TASK = re.compile(r"(Your task is to: )([^\"\n]*)")


@dataclass(frozen=True, repr=False)
class Game:
    """One official or generated game.

    Attributes:
        id: ``TYPE-OBJECT-.../trial_...`` below the split, or the name of a generated game.
        split: ``valid_seen``, ``train``, ..., ``generated``.
        domain: PDDL rules.
        grammar: text grammar, with the task in words.
        problem: PDDL problem.
        walkthrough: commands that solve it.
        solvable: what the compiler found.
    """

    id: str
    split: str
    domain: str
    grammar: str
    problem: str
    walkthrough: tuple[str, ...] = ()
    solvable: bool = True

    def __repr__(self) -> str:
        return f"Game({self.split}/{self.id})"

    @property
    def task_type(self) -> str:
        """One of :data:`TASK_TYPES`, the beginning of the id."""
        return self.id.partition("-")[0]

    @property
    def goal(self) -> str:
        """The task in words."""
        found = _TASK.search(self.grammar)
        if found is None:
            raise InputError(f"game {self.id}: its grammar says no task")
        return found[2]

    @property
    def rules(self) -> tuple[str, str]:
        """PDDL domain and grammar without the task: what all games of one distribution share."""
        return self.domain, _TASK.sub(r"\1", self.grammar)


def parse_game(text: str | bytes, *, id: str, split: str) -> Game:
    """Return the game that a ``game.tw-pddl`` file holds.

    Raises:
        InputError: not such a file, or one that was never compiled.
    """
    try:
        content: Mapping[str, Any] = json.loads(text)
        domain, grammar, problem = (content[part] for part in ("pddl_domain", "grammar", "pddl_problem"))
        walkthrough = tuple(content.get("walkthrough") or ())
        solvable = bool(content.get("solvable", True))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"game {id}: not a game file ({type(error).__name__}: {error})") from error
    if not all(isinstance(part, str) for part in (domain, grammar, problem, *walkthrough)):
        raise InputError(f"game {id}: not a game file: its rules, its problem and its walkthrough must be texts")
    # The rules are the same text in thousands of games.
    game = Game(id, split, sys.intern(domain), grammar, problem, walkthrough, solvable)
    if not game.goal:
        raise InputError(f"game {id}: its task is empty")
    return game
