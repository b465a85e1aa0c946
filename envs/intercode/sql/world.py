"""The plain SQL world: executes statements, never grades."""

from collections import Counter
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Any, Literal, TypeAlias

from envs.intercode.answer import Answer
from envs.intercode.graded import is_skip, is_submit
from envs.intercode.sql.result import Result, SqlSession
from envs.intercode.task import InterCodeTask
from slinvit.errors import EnvironmentFailure, SnapshotError
from slinvit.types import Action, Snapshot, State, Transition

OpenSession: TypeAlias = Callable[[], SqlSession]


@dataclass(frozen=True, slots=True)
class Position:
    """The payload of a snapshot.

    Attributes:
        question: which task, by id, question and database.
        image: the data and the current database.
        answer: the outcome of the last statement; submitting or giving up leaves it.
        changed: data or current database differ from the beginning of the task.
        ended: the episode was ended by submitting or giving up.
    """

    question: tuple[str, str, str]
    image: Any = field(repr=False)
    answer: Answer | None = None
    changed: bool = False
    ended: bool = False

    @property
    def key(self) -> Hashable:
        """Equal for equal situations."""
        return self.question[0], self.image.key, _digest(self.answer), self.ended


class SqlWorld:
    """One task on one session; rewards are 0, an error of the server is ``valid=False``; deterministic.

    Args:
        instance: the task; ``public["start"]`` is what the agent reads first.
        open_session: makes the session, at the first reset.
    """

    snapshots: Literal["native", "replay", "none"] = "native"

    def __init__(self, instance: InterCodeTask, open_session: OpenSession) -> None:
        self.instance = instance
        self._open = open_session
        self._session: SqlSession | None = None
        self._state: State | None = None
        self._pristine: Hashable = None

    def reset(self, *, seed: int | None = None) -> State:
        """Start again on fresh data; ``seed`` changes nothing."""
        self._session = self._session or self._open()
        self._session.open(self.instance.place)
        position = Position(_question(self.instance), self._session.image())
        self._pristine = position.image.key
        start = str(self.instance.public["start"])
        self._state = State(self.instance.task, start, snapshot=Snapshot(position.key, position))
        return self._state

    def step(self, action: Action) -> Transition:
        """Execute one statement, hand in the last answer (``submit``), or give up (``skip``).

        Raises:
            EnvironmentFailure: the episode is over, or the server is gone.
        """
        before, session = self._here()
        if before.over:
            raise EnvironmentFailure(f"task {before.task.id!r}: the episode is over, reset before stepping")
        position = _position_of(before)
        if is_submit(action) or is_skip(action):
            text = "skipped" if is_skip(action) else before.observation
            self._state = _after(before, action, text, replace(position, ended=True))
            return Transition(self._state, 0.0)
        result = session.execute(action)
        image = session.image() if result.changed else position.image
        changed = image.key != self._pristine
        answer = answer_to(result, changed=changed)
        position = replace(position, image=image, answer=answer, changed=changed)
        self._state = _after(before, action, answer.text, position)
        return Transition(self._state, 0.0, valid=answer.ok)

    def restore(self, state: State) -> State:
        """Continue from ``state``.

        Raises:
            SnapshotError: no snapshot, or a corrupt or foreign one.
        """
        position = _position_of(state)
        if position.question != _question(self.instance):
            raise SnapshotError(
                f"a snapshot of task {state.task.id!r} belongs to another task than {self.instance.id!r}"
            )
        if state.snapshot is None or state.snapshot.key != position.key:
            raise SnapshotError(f"task {state.task.id!r}: the snapshot belongs to another state")
        if self._session is None:
            self.reset()
        _, session = self._here()
        session.restore(position.image)
        self._state = state
        return state

    def close(self) -> None:
        """Close the session."""
        if self._session is not None:
            self._session.close()
            self._session = self._state = None

    def _here(self) -> tuple[State, SqlSession]:
        if self._state is None or self._session is None:
            raise EnvironmentFailure(f"task {self.instance.id!r}: reset before stepping")
        return self._state, self._session


def answer_to(result: Result, *, changed: bool) -> Answer:
    """Return ``result`` as everybody may see it."""
    ok = result.error is None
    return Answer(
        ok=ok,
        text=result.observation,
        rows=result.rows if ok else None,
        columns=result.columns if ok else (),
        changed=("data",) if changed else (),
        signature=_signature(result),
        seconds=result.seconds,
    )


def _signature(result: Result) -> Hashable:
    if result.error is not None:
        return "error", result.error
    if result.rows is None:
        return ("no rows",)
    return "rows", len(result.columns), frozenset(Counter(map(str, result.rows)).items())


def _digest(answer: Answer | None) -> Hashable:
    """Return what tells answers apart, the order of rows included."""
    if answer is None:
        return None
    return answer.ok, len(answer.columns), blake2b(answer.text.encode(errors="surrogatepass"), digest_size=16).digest()


def _after(before: State, action: Action, text: str, position: Position) -> State:
    history = (*before.history, (action, text))
    return State(
        task=before.task,
        observation=text,
        history=history,
        snapshot=Snapshot(position.key, position),
        terminal=position.ended,
        truncated=not position.ended and len(history) >= before.task.horizon,
        visited=(*before.visited, before.key),
    )


def _question(instance: InterCodeTask) -> tuple[str, str, str]:
    return instance.id, instance.query, instance.place


def _position_of(state: State) -> Position:
    payload = None if state.snapshot is None else state.snapshot.payload
    if not isinstance(payload, Position):
        raise SnapshotError(f"task {state.task.id!r}: the state carries no snapshot of a SQL world")
    return payload
