"""What the last command gave, as everybody may see it: agents, planners, value estimators."""

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any, Protocol

from slinvit.types import State


@dataclass(frozen=True, slots=True)
class Answer:
    """The outcome of the last command of an episode.

    Attributes:
        ok: it was executed without an error.
        text: the observation, as the agent reads it.
        rows: of a query, each value as the engine gave it; ``None`` for Bash, for errors, and for statements that
            return no rows.
        columns: names of the columns of ``rows``.
        changed: paths that differ from the beginning of the task (Bash), or whether the data do (SQL: ``("data",)``).
        signature: equal for equal answers, whatever the order of rows: what self-consistency counts.
        seconds: wall time of the command.
    """

    ok: bool
    text: str
    rows: tuple[tuple[Any, ...], ...] | None = None
    columns: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    signature: Hashable = None
    seconds: float = field(default=0.0, compare=False)


class Answered(Protocol):
    """What the payloads of snapshots of both worlds have in common."""

    @property
    def answer(self) -> Answer | None:
        """The outcome of the last command; ``None`` before the first."""
        ...


def answer_of(state: State) -> Answer | None:
    """Return the outcome of the last command in ``state``; ``None`` before the first one.

    Without a snapshot (``--simulator none``) only its text is known, and an error is what reads like one.
    """
    if state.snapshot is not None:
        answered: Answered = state.snapshot.payload
        return answered.answer
    if not state.history:
        return None
    text = state.history[-1][1]
    return Answer(ok=not text.startswith(ERRORS), text=text, signature=text)


ERRORS = ("Error executing query:", "Malformed command", "Command timed out")
"""How observations of commands begin that were not executed."""

__all__ = ["ERRORS", "Answer", "Answered", "answer_of"]
