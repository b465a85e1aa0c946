"""States of InterCode worlds with given answers."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

import pytest

from envs.intercode.answer import Answer
from slinvit.types import Snapshot, State, Task


@dataclass(frozen=True)
class Payload:
    answer: Answer | None


def rows_of(*rows: tuple[Any, ...], signature: Hashable = None) -> Answer:
    columns = tuple(f"c{i}" for i in range(len(rows[0]))) if rows else ()
    found = signature or ("rows", frozenset(map(str, rows)))
    return Answer(True, str(list(rows)), rows=rows, columns=columns, signature=found)


@pytest.fixture
def rows() -> Callable[..., Answer]:
    return rows_of


@pytest.fixture
def after() -> Callable[..., State]:
    """Return a state behind (command, answer) pairs; a pair with the answer ``None`` is ``submit`` or ``skip``."""

    def state(
        *steps: tuple[str, Answer | None], question: str = "List the names.", domain: str = "intercode-sql"
    ) -> State:
        history, last = [], None
        for command, answer in steps:
            last = answer or last
            history.append((command, last.text if last else ""))
        task = Task("t", domain, question, 10, metadata={"place": "world_1"})
        seen = history[-1][1] if history else "Database: world_1"
        over = bool(steps) and steps[-1][1] is None
        return State(task, seen, tuple(history), snapshot=Snapshot(str(steps), Payload(last)), terminal=over)

    return state
