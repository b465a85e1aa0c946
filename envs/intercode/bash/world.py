"""A shell in a file system as an episode: commands are executed, nothing is graded."""

from collections.abc import Hashable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from envs.intercode.answer import Answer
from envs.intercode.bash.box import Box, MakeBox, Printed
from envs.intercode.bash.paths import ROOT, cd_target, is_cd
from envs.intercode.bash.quoting import arguments
from envs.intercode.bash.status import Change, printable, status_of
from envs.intercode.bash.tasks import first_text
from envs.intercode.graded import is_skip, is_submit
from envs.intercode.task import InterCodeTask
from slinvit.errors import EnvironmentFailure, SnapshotError
from slinvit.types import Action, Snapshot, State, Transition

SECONDS = 10.0
"""Wall time after which the original gave up on a command."""

MALFORMED = "Malformed command"
TIMED_OUT = "Command timed out"
SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Position:
    """Payload of a snapshot: everything that later commands and the grader can see.

    Attributes:
        task: id of the task.
        layer: the file system, :class:`envs.intercode.bash.box.Frozen`.
        directory: the working directory.
        answer: of the last command.
        status: what ``git status --short`` prints, ``None`` where it did not end.
        changes: what it means.
        ended: after ``submit`` or ``skip``.
    """

    task: str
    layer: Any = field(compare=False)
    directory: str = ROOT
    answer: Answer | None = None
    status: str | None = ""
    changes: tuple[Change, ...] = ()
    ended: bool = False

    @property
    def key(self) -> Hashable:
        """Equal for equal situations."""
        said = None if self.answer is None else (self.answer.ok, self.answer.text)
        return self.task, self.layer.key, self.directory, said, self.ended


class BashWorld:
    """The live world of one task: rewards are always 0.

    Args:
        instance: the task.
        make: opens a sandbox in the file system of a task.
        seconds: wall time of one command.
    """

    snapshots: Literal["native", "replay", "none"] = "native"

    def __init__(self, instance: InterCodeTask, make: MakeBox, seconds: float = SECONDS) -> None:
        self._instance = instance
        self._make = make
        self._seconds = seconds
        self._box: Box | None = None
        self._state: State | None = None
        self._there: Any = None

    def reset(self, *, seed: int | None = None) -> State:
        """Start the episode again; ``seed`` changes nothing."""
        box = self._opened()
        box.restore(None)
        position = Position(self._instance.id, box.snapshot())
        text = first_text(self._instance.place)
        return self._now(State(self._instance.task, text, snapshot=Snapshot(position.key, position)))

    def step(self, action: Action) -> Transition:
        """Execute one command; ``valid`` says whether it ended without an error.

        Raises:
            EnvironmentFailure: the episode is over.
        """
        state = self._state if self._state is not None else self.reset()
        if state.over:
            raise EnvironmentFailure(f"task {state.task.id!r}: the episode is over, reset before stepping")
        before = position_of(state)
        if is_skip(action) or is_submit(action):
            last = self._instance.query if before.answer is None else before.answer.text
            return self._after(state, action, SKIPPED if is_skip(action) else last, replace(before, ended=True))
        after = self._executed(before, action)
        assert after.answer is not None
        return self._after(state, action, after.answer.text, after)

    def restore(self, state: State) -> State:
        """Continue from ``state``."""
        position = position_of(state)
        if position.task != self._instance.id or state.task.id != self._instance.id:
            raise SnapshotError(f"a state of task {position.task!r} cannot be continued in {self._instance.id!r}")
        # Not by the key, which leaves times and version control's diary out: the next command may read those.
        if position.layer is not self._there and position.layer != self._there:
            self._opened().restore(position.layer)
        return self._now(state)

    def close(self) -> None:
        """Close the sandbox."""
        box, self._box, self._state, self._there = self._box, None, None, None
        if box is not None:
            box.close()

    def _opened(self) -> Box:
        if self._box is None:
            self._box = self._make(self._instance)
        return self._box

    def _now(self, state: State) -> State:
        self._state, self._there = state, position_of(state).layer
        return state

    def _executed(self, before: Position, action: Action) -> Position:
        box = self._opened()
        self._there = None
        ok, text, directory, seconds = execute(box, action, before.directory, self._seconds)
        status, changes = status_of(box)
        layer = box.snapshot()
        paths = tuple(printable(path) for path, _ in changes)
        signature = (ok, tuple(sorted(text.split("\n"))), layer.key)
        answer = Answer(ok, text, changed=paths, signature=signature, seconds=seconds)
        return Position(before.task, layer, directory, answer, status, changes)

    def _after(self, state: State, action: Action, observation: str, position: Position) -> Transition:
        history = (*state.history, (action, observation))
        after = State(
            task=state.task,
            observation=observation,
            history=history,
            snapshot=Snapshot(position.key, position),
            terminal=position.ended,
            truncated=not position.ended and len(history) >= state.task.horizon,
            visited=(*state.visited, state.key),
        )
        valid = position.ended or position.answer is None or position.answer.ok
        return Transition(self._now(after), 0.0, valid=valid)


def position_of(state: State) -> Position:
    """Return where ``state`` is; raises ``SnapshotError`` where it carries no snapshot of this world."""
    payload = None if state.snapshot is None else state.snapshot.payload
    if state.snapshot is None or not isinstance(payload, Position):
        raise SnapshotError(f"task {state.task.id!r}: not a snapshot of a shell: {type(payload).__name__}")
    if state.snapshot.key != payload.key:
        raise SnapshotError(f"task {state.task.id!r}: the snapshot belongs to another state")
    return payload


def execute(box: Box, action: Action, directory: str, seconds: float) -> tuple[bool, str, str, float]:
    """Run what an agent typed; return whether it exited with 0, what it printed, where it leads, and the wall time.

    A ``cd`` is run where it leads from the root, and moves the episode only if that exits with 0.
    """
    moves = is_cd(action)
    target = cd_target(action, directory) if moves else directory
    words = None if target is None else arguments(f"cd {target}" if moves else action)
    if words is None or target is None:
        return False, MALFORMED, directory, 0.0
    output = box.run(words, cwd=ROOT if moves else directory, seconds=seconds)
    ok, text = _read(output)
    return ok, text, target if ok else directory, output.seconds


def _read(output: Printed) -> tuple[bool, str]:
    if output.timed_out:
        return False, TIMED_OUT
    if output.flooded:
        return False, output.data.decode("utf-8", "replace")
    try:
        return output.code == 0, output.data.decode("utf-8")
    except UnicodeDecodeError:
        return False, MALFORMED
