"""Grading an answer in Bash: the gold command runs in a clean file system, and both sides are compared."""

import signal
from collections.abc import Callable
from typing import Any

from envs.intercode.bash.box import Box, Printed
from envs.intercode.bash.clean import clean_changes
from envs.intercode.bash.layers import Layer
from envs.intercode.bash.limits import MIB, Limits
from envs.intercode.bash.quoting import arguments
from envs.intercode.bash.rewards import Effects, Side, grade
from envs.intercode.bash.sides import Files, Kept, Live, Reference
from envs.intercode.bash.status import UNREADABLE, Change, status_of
from envs.intercode.bash.world import position_of
from envs.intercode.graded import Grade
from envs.intercode.task import InterCodeTask
from slinvit.errors import EnvironmentFailure
from slinvit.types import State

SECONDS = 60.0
"""Wall time of a gold command; the original had no limit."""

GOLD_LIMITS = Limits(seconds=SECONDS, memory=1024 * MIB, output_bytes=16 * MIB)
"""Of the place in which gold commands run; the original had none. What commands can see of limits (the size of the
disk, numbers of processes) is as in the agent's place: outputs are compared."""

FULL = 15 / 16
"""Share of the writable layer from which on a gold command counts as one that found no space."""

ENDED = frozenset(128 + number for number in (signal.SIGKILL, signal.SIGXCPU, signal.SIGXFSZ))
"""Exit codes of what the kernel has ended at a limit."""


class BashGrader:
    """Grades states of one task; the gold command runs once, when the first state is graded.

    Args:
        instance: the task.
        box: gives the sandbox in which graders of this file system work, one after the other.
        score: ``intercode`` or ``corrected``: which number is the reward.
    """

    def __init__(self, instance: InterCodeTask, box: Callable[[], Box], score: str = "intercode") -> None:
        self._instance = instance
        self._box = box
        self._score = score
        self._gold: Side | None = None

    def __call__(self, state: State) -> Grade:
        """Return what a submit in ``state`` earns; before the first command the question counts as the answer.

        Raises:
            SnapshotError: a state that cannot be continued from.
            EnvironmentFailure: the gold command, or what compares its files, met a limit.
        """
        position = position_of(state)
        text = self._instance.query if position.answer is None else position.answer.text
        if self._gold is None:
            self._gold = self._reference()
        agent = self._side(text, position.status, position.changes, position.layer)
        return grade(agent, self._gold, self._score)

    def _reference(self) -> Side:
        box = self._box()
        box.restore(None)
        text = gold_text(box, self._instance)
        status, changes = gold_status(box, self._instance)
        layer = box.snapshot()
        if isinstance(layer, Layer) and _full(layer):
            raise EnvironmentFailure(f"task {self._instance.id!r}: the gold command filled the writable layer")
        side = self._side(text, status, changes, layer)
        if UNREADABLE in side.effects.changes:
            raise EnvironmentFailure(f"task {self._instance.id!r}: git cannot tell what the gold command changed")
        return Side(side.effects, Reference(side.files, self._instance.id))

    def _side(self, text: str | None, status: str | None, changes: tuple[Change, ...], layer: Any) -> Side:
        """Return one side; engines that keep no layers know of no changes beside those of ``status``."""
        files: Files
        if isinstance(layer, Layer):
            changes, files = clean_changes(self._box(), layer), Kept(layer, self._box)
        else:
            files = Live(lambda: self._restored(layer))
        return Side(Effects(text, status, changes), files)

    def _restored(self, layer: Any) -> Box:
        box = self._box()
        box.restore(layer)
        return box


def gold_text(box: Box, instance: InterCodeTask) -> str | None:
    """Run the gold command of ``instance`` in ``box`` and return what it prints, ``None`` where that is no text.

    Raises:
        EnvironmentFailure: it met a limit.
    """
    output = gold_output(box, instance)
    try:
        return None if output is None else output.data.decode("utf-8")
    except UnicodeDecodeError:
        return None


def gold_output(box: Box, instance: InterCodeTask) -> Printed | None:
    """Run the gold command of ``instance``; ``None`` where its quoting is such that it cannot run.

    Raises:
        EnvironmentFailure: it met a limit: half of what it does is no reference.
    """
    words = arguments(instance.gold)
    if words is None:
        return None
    output = box.run(words, seconds=SECONDS)
    if reason := _limit(output):
        raise EnvironmentFailure(f"task {instance.id!r}: the gold command {reason}")
    return output


def gold_status(box: Box, instance: InterCodeTask) -> tuple[str, tuple[Change, ...]]:
    """Return what version control says after the gold command; raises ``EnvironmentFailure`` where it does not end."""
    status, changes = status_of(box)
    if status is None:
        raise EnvironmentFailure(f"task {instance.id!r}: git status did not end by itself after the gold command")
    return status, changes


def _limit(output: Printed) -> str:
    """Return which limit ended a command, empty where none did."""
    if output.timed_out:
        return f"did not end within {SECONDS:.0f} s"
    if output.flooded:
        return f"wrote more than {len(output.data)} bytes"
    if output.code is None or output.code in ENDED:
        return f"was ended at a limit of memory, processor time or file size (exit code {output.code})"
    return ""


def _full(layer: Layer) -> bool:
    return layer.size > FULL * GOLD_LIMITS.layer_bytes or len(layer.entries) > FULL * GOLD_LIMITS.inodes
