"""What knows the gold answer: runs gold statements in a session of its own."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from envs.intercode.answer import Answer
from envs.intercode.graded import Grade
from envs.intercode.sql.result import Result, SqlSession
from envs.intercode.sql.rewards import Table, is_ordered, scored
from envs.intercode.sql.world import Position
from envs.intercode.task import InterCodeTask
from slinvit.errors import SnapshotError
from slinvit.types import State


@dataclass(frozen=True, slots=True)
class Gold:
    """What a gold statement gave.

    Attributes:
        table: its result, as the reward compares it.
        ordered: it asks for an order of its rows.
        message: of the server, where it was refused.
    """

    table: Table
    ordered: bool
    message: str | None = None


class Golds:
    """Runs gold statements; each only once on unchanged data.

    Gold runs on the data as the agent left them and in its current database, as in the original, where both used one
    connection; but what the gold statement itself does, the agent never sees.

    Args:
        open_session: makes a session over the dump at that path.
    """

    def __init__(self, open_session: Callable[[Path], SqlSession]) -> None:
        self._open = open_session
        self._sessions: dict[Path, SqlSession] = {}
        self._known: dict[Hashable, Gold] = {}

    def of(self, instance: InterCodeTask, image: Any = None) -> Gold:
        """Return the result of the gold statement on pristine data, or on those of ``image``."""
        if image is not None:
            return self._run(instance, image)
        key = (instance.source, instance.place, instance.gold)
        if key not in self._known:
            self._known[key] = self._run(instance, None)
        return self._known[key]

    def close(self) -> None:
        """Close all sessions; results are kept."""
        for session in self._sessions.values():
            session.close()
        self._sessions.clear()

    def _run(self, instance: InterCodeTask, image: Any) -> Gold:
        if instance.source not in self._sessions:
            self._sessions[instance.source] = self._open(instance.source)
        session = self._sessions[instance.source]
        session.open(instance.place)
        if image is not None:
            session.restore(image)
        result = session.execute(instance.gold)
        return Gold(_table(result), is_ordered(instance.gold), result.error)


class SqlGrader:
    """From a state of the plain world to the reward of its last answer.

    Args:
        instance: the task.
        golds: run its gold statement.
        score: which reward, see :data:`envs.intercode.sql.rewards.SCORES`.
    """

    def __init__(self, instance: InterCodeTask, golds: Golds, score: str) -> None:
        self._instance = instance
        self._golds = golds
        self._score = score

    def __call__(self, state: State) -> Grade:
        """Return the reward of the last answer in ``state``, all its parts and variants."""
        payload = None if state.snapshot is None else state.snapshot.payload
        if not isinstance(payload, Position):
            raise SnapshotError(f"task {state.task.id!r}: the state carries no snapshot of a SQL world")
        gold = self._golds.of(self._instance, payload.image if payload.changed else None)
        reward, details = scored(_answered(payload.answer), gold.table, ordered=gold.ordered, score=self._score)
        refused = {} if gold.message is None else {"gold_error": gold.message}
        return Grade(reward, {**details, **refused})


def _answered(answer: Answer | None) -> Table:
    if answer is None:
        return Table()
    return Table(answer.rows, len(answer.columns), error=not answer.ok)


def _table(result: Result) -> Table:
    return Table(result.rows, len(result.columns), error=result.error is not None)
