"""One InterCode task: a question in words, and what only the grader knows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import Any

from slinvit.types import Task

SQL = "intercode-sql"
BASH = "intercode-bash"

HORIZON = 10
"""Turns per episode in the published runs."""


@dataclass(frozen=True)
class InterCodeTask:
    """One question.

    Attributes:
        id: unique in a run, ``sql-0007`` or ``bash-1-0007``: kind, file system, position in the list it came from.
        domain: :data:`SQL` or :data:`BASH`.
        query: the question in words; recordings know tasks by it.
        gold: the command whose effects are wanted. Never shown to planners.
        place: name of the database, or of the file tree.
        source: where the place is defined: the dump, or the tree; opaque to everybody but the engines.
        horizon: most turns.
        facts: about the task, for reports; JSON values. ``type`` groups tasks in reports (SQL: hardness).
        public: what a planner may know beside the question, for example the tables; JSON values.
        digest: of the gold command, so that tasks which differ in it only are told apart where none may be shown.
    """

    id: str
    domain: str
    query: str
    gold: str = field(repr=False)
    place: str
    source: Any = field(repr=False, compare=False)
    horizon: int = HORIZON
    facts: Mapping[str, Any] = field(default_factory=dict)
    public: Mapping[str, Any] = field(default_factory=dict)
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "digest", sha256(self.gold.encode()).hexdigest()[:16])

    @cached_property
    def task(self) -> Task:
        """What planners may know."""
        metadata = {"place": self.place, **self.public}
        return Task(self.id, self.domain, self.query, self.horizon, metadata=metadata)

    @property
    def report(self) -> Mapping[str, Any]:
        """What only reports may know, the gold command among it."""
        return {"gold": self.gold, "place": self.place, **self.facts}


__all__ = ["BASH", "HORIZON", "SQL", "InterCodeTask"]
