"""What files hold on one side of a comparison: read from a layer, or by programs where there is none."""

import time
from bisect import bisect_left
from collections.abc import Callable, Hashable, Sequence
from functools import cached_property
from hashlib import md5
from typing import Protocol

from envs.intercode.bash.box import Box, ended
from envs.intercode.bash.layers import Layer
from slinvit.errors import EnvironmentFailure

CHECKSUM = "md5sum"

CONTENTS = ("/bin/sh", "-c", 'find "$0" -printf "%y %p %l\\n" | sort; find "$0" -type f -exec md5sum {} + | sort')
"""Kinds, names, link targets and checksums below a path, which follows as one more argument."""

SECONDS = 5.0
"""Wall time for all checks of one side together."""


class Files(Protocol):
    """The files of one side."""

    def checksums(self, commands: Sequence[Sequence[str]]) -> Sequence[bytes | None]:
        """Return what each of ``commands``, all of them :data:`CHECKSUM`, prints; ``None`` where it does not end."""

    def contents(self, paths: Sequence[str]) -> Sequence[Hashable | None]:
        """Return what is at and below each path, equal for equal contents; ``None`` where that cannot be said."""


class Live:
    """Files looked at by programs of the place that they are in.

    Args:
        box: opens that place.
        seconds: wall time for all programs of one call together.
    """

    def __init__(self, box: Callable[[], Box], seconds: float = SECONDS) -> None:
        self._box = box
        self._seconds = seconds

    def checksums(self, commands: Sequence[Sequence[str]]) -> Sequence[bytes | None]:
        """Run the commands."""
        return outputs_of(self._box(), commands, self._seconds) if commands else ()

    def contents(self, paths: Sequence[str]) -> Sequence[Hashable | None]:
        """List what is there."""
        return self.checksums([(*CONTENTS, f"./{path}") for path in paths])


class Kept:
    """Files read from a layer; no program of that side runs for those that are regular.

    Args:
        layer: what was changed.
        box: opens a place in which the layer can be looked at.
        seconds: wall time for all programs of one call together.
    """

    def __init__(self, layer: Layer, box: Callable[[], Box], seconds: float = SECONDS) -> None:
        self._layer = layer
        self._box = box
        self._seconds = seconds

    def checksums(self, commands: Sequence[Sequence[str]]) -> Sequence[bytes | None]:
        """Return what the program would print for files, and run it for links, folders and what nobody changed."""
        found = [self._checksum(command) for command in commands]
        rest = [command for command, known in zip(commands, found, strict=True) if known is None]
        if not rest:
            return found
        box = self._box()
        box.restore(self._layer)
        printed = iter(outputs_of(box, rest, self._seconds))
        return [next(printed) if known is None else known for known in found]

    def contents(self, paths: Sequence[str]) -> Sequence[Hashable | None]:
        """Return kinds, bytes and link targets."""
        return [self._content(path.rstrip("/")) for path in paths]

    @cached_property
    def _entries(self) -> dict[str, tuple[str, bytes]]:
        """Kind and data by path, in the order of paths; another name of a file is that file."""
        known = {entry.path: entry for entry in self._layer.entries}
        found = {}
        for path in sorted(known):
            entry = known[path]
            if entry.kind == "h":
                found[path] = ("f", known[entry.data.decode(errors="surrogateescape")].data)
            elif entry.kind != "t":
                found[path] = (entry.kind, entry.data)
        return found

    @cached_property
    def _paths(self) -> list[str]:
        return list(self._entries)

    def _checksum(self, command: Sequence[str]) -> bytes | None:
        """Return the checksum of a regular file in the program's words; a backslash in a name would change these."""
        path = command[-1]
        kind, data = self._entries.get(path, ("", b""))
        if len(command) != 2 or kind != "f" or "\\" in path or path.startswith("-"):
            return None
        digest = md5(data, usedforsecurity=False).hexdigest()
        return f"{digest}  {path}\n".encode(errors="surrogateescape")

    def _content(self, path: str) -> Hashable:
        first, last = (bisect_left(self._paths, path + end) for end in ("/", "0"))  # "0" comes after "/"
        return self._entries.get(path), tuple((name, self._entries[name]) for name in self._paths[first:last])


class Reference:
    """Files of the gold side: that something there cannot be read is a failure of the comparison, not of the agent.

    Args:
        files: those of the side.
        task: id of the task, for messages.
    """

    def __init__(self, files: Files, task: str) -> None:
        self._files = files
        self._task = task

    def checksums(self, commands: Sequence[Sequence[str]]) -> Sequence[bytes | None]:
        """Return what each command prints; raises ``EnvironmentFailure`` where one does not end by itself."""
        found = self._files.checksums(commands)
        self._check(found, [" ".join(command) for command in commands])
        return found

    def contents(self, paths: Sequence[str]) -> Sequence[Hashable | None]:
        """Return what is at and below each path; raises ``EnvironmentFailure`` where that cannot be said."""
        found = self._files.contents(paths)
        self._check(found, [f"reading {path!r}" for path in paths])
        return found

    def _check(self, found: Sequence[Hashable | None], names: Sequence[str]) -> None:
        for result, name in zip(found, names, strict=True):
            if result is None:
                raise EnvironmentFailure(
                    f"task {self._task!r}: after the gold command, {name} was ended at a limit or could not be started"
                )


def outputs_of(box: Box, commands: Sequence[Sequence[str]], seconds: float) -> list[bytes | None]:
    """Return what each of ``commands`` prints in ``box``; ``None`` where it does not end by itself.

    Args:
        box: where they run.
        commands: lists of arguments.
        seconds: wall time for all of them together.
    """
    last = time.monotonic() + seconds
    found: list[bytes | None] = []
    for command in commands:
        left = last - time.monotonic()
        output = box.run(command, seconds=left) if left > 0 else None
        found.append(output.data if output is not None and ended(output) else None)
    return found
