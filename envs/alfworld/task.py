"""A game as a task in words."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import Any

from envs.alfworld.game import Game
from envs.alfworld.wording import Grammar
from slinvit.types import Task

DOMAIN = "alfworld"

HORIZON = 50
"""Steps per episode in the literature."""


@dataclass(frozen=True)
class AlfworldTask:
    """One game to be played.

    Attributes:
        game: the household and what is to be done in it.
        horizon: most steps in an episode.
        wording: how putting things down is said, in whatever the game itself says.
        id: that of the game.
        digest: of everything the game file holds; equal games have equal digests.
    """

    game: Game = field(repr=False, compare=False)
    horizon: int = HORIZON
    wording: Grammar = "move"
    id: str = field(init=False)
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "id", self.game.id)
        object.__setattr__(self, "digest", _digest(self.game))

    @cached_property
    def task(self) -> Task:
        """What planners may know."""
        return Task(self.id, DOMAIN, self.game.goal, self.horizon, metadata={"type": self.game.task_type})

    @property
    def report(self) -> Mapping[str, Any]:
        """What only reports may know: where the game is from, its type, and the length of the stored solution."""
        game = self.game
        return {"type": game.task_type, "split": game.split, "walkthrough": len(game.walkthrough) or None}


def _digest(game: Game) -> str:
    digest = sha256()
    for text in (game.domain, game.grammar, game.problem, *game.walkthrough):
        digest.update(text.encode())
        digest.update(b"\0")
    return digest.hexdigest()[:16]
