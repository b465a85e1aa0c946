"""What the values read of a state: the question, the last command, and what it gave."""

from collections.abc import Sequence
from dataclasses import dataclass

from envs.intercode.answer import Answer, answer_of
from envs.intercode.graded import is_skip, is_submit
from envs.intercode.task import BASH, SQL
from slinvit.errors import InputError
from slinvit.types import Action, State

History = tuple[tuple[Action, str], ...]


@dataclass(frozen=True)
class Turn:
    """The last command of an episode; a ``submit`` behind it hands it in and changes nothing.

    Attributes:
        sql: the world is InterCode-SQL, else InterCode-Bash.
        question: in words.
        command: ``None`` before the first.
        answer: what it gave; ``None`` before the first command, and where the agent gave up.
        before: the history up to the command.
    """

    sql: bool
    question: str
    command: Action | None
    answer: Answer | None
    before: History


def turns(states: Sequence[State], name: str) -> list[Turn]:
    """Return the last command of each state.

    Args:
        states: of InterCode worlds.
        name: of the value, for messages.

    Raises:
        InputError: a state of another world.
    """
    return [_turn(state, name) for state in states]


def _turn(state: State, name: str) -> Turn:
    if state.task.domain not in (SQL, BASH):
        raise InputError(
            f"task {state.task.id!r}: the value {name!r} reads {SQL} and {BASH} states, not {state.task.domain!r}; "
            "values for every world: rollout, zero"
        )
    history, sql = state.history, state.task.domain == SQL
    gave_up = bool(history) and is_skip(history[-1][0])
    while history and (is_submit(history[-1][0]) or is_skip(history[-1][0])):
        history = history[:-1]
    if not history:
        return Turn(sql, state.task.goal, None, None, ())
    return Turn(sql, state.task.goal, history[-1][0], None if gave_up else answer_of(state), history[:-1])
