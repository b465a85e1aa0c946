"""What the world of a shell needs of a sandbox, whichever engine it is."""

from collections.abc import Callable, Hashable, Sequence
from typing import Any, Protocol, TypeAlias

from envs.intercode.task import InterCodeTask


class Printed(Protocol):
    """What a command left, as :class:`envs.intercode.bash.sandbox.Output` has it."""

    @property
    def data(self) -> bytes:
        """Standard output and standard error, together."""

    @property
    def code(self) -> int | None:
        """The exit code; ``None`` where the command was ended."""

    @property
    def timed_out(self) -> bool:
        """Whether it was ended for its time."""

    @property
    def flooded(self) -> bool:
        """Whether it was ended for its output."""

    @property
    def seconds(self) -> float:
        """Wall time."""


class Frozen(Protocol):
    """A file system at rest."""

    @property
    def key(self) -> Hashable:
        """Equal for equal contents."""


class Box(Protocol):
    """A closed place with a file system of its own in which commands run."""

    def run(self, argv: Sequence[str], *, cwd: str = "/", seconds: float | None = None) -> Printed:
        """Run one process to its end."""

    def snapshot(self) -> Any:
        """Return the file system as it is, :class:`Frozen`."""

    def restore(self, layer: Any) -> None:
        """Set the file system back, with ``None`` to the beginning."""

    def close(self) -> None:
        """Give back what it holds."""


MakeBox: TypeAlias = Callable[[InterCodeTask], Box]


def ended(output: Printed) -> bool:
    """Whether a program that was started without a shell ran, and ended neither at a limit nor by a signal."""
    return not (output.timed_out or output.flooded) and output.code is not None and _by_itself(output.code)


def _by_itself(code: int) -> bool:
    """126 and 127: it could not be started; above 128: a signal. Git ends with 128 itself where it cannot go on."""
    return code < 126 or code == 128
