"""A world made of files in which commands run, and nothing else of the machine can be touched.

A sandbox is a process, the warden, in bubblewrap: it holds the task's tree in memory, a writable layer over it, and
runs one command at a time. What a command leaves running is ended when it ends: a state is the file system and nothing
else, so that it can be kept and continued from.
"""

import contextlib
import os
import socket
import subprocess
import tempfile
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from envs.intercode.bash import launch
from envs.intercode.bash.inside.files import pack, unpack
from envs.intercode.bash.inside.wire import receive, send
from envs.intercode.bash.layers import Layer
from envs.intercode.bash.limits import Limits
from envs.intercode.bash.probe import require
from envs.intercode.bash.system import host_entries, host_folders, root_entries
from envs.intercode.bash.tree import Tree
from slinvit.errors import EnvironmentFailure, SnapshotError

PATIENCE = 30.0
"""Seconds beyond a command's own after which a warden that does not answer counts as broken."""


@dataclass(frozen=True, slots=True)
class Output:
    """What a command did.

    Attributes:
        data: standard output and error, in the order in which they were written, at most the limit's bytes.
        code: exit code; 128 + n after signal n, 126 or 127 where it could not be started.
        timed_out: it was ended at its time limit.
        flooded: it was ended because it wrote too much.
        seconds: by the clock.
    """

    data: bytes
    code: int | None
    timed_out: bool = False
    flooded: bool = False
    seconds: float = 0.0


class Sandbox:
    """One side of a task, the agent's or the reference's: a writable layer over a tree. Close it after use.

    Args:
        tree: what lies below the writable layer.
        root: folder with a system for the commands; without it they see this machine's programs, read-only.
        limits: what commands may use.

    Raises:
        InputError: this machine cannot sandbox; the message names the reason and a remedy.
        EnvironmentFailure: the sandbox did not start.
    """

    def __init__(self, tree: Tree, *, root: Path | None = None, limits: Limits | None = None) -> None:
        self.tree = tree
        self.limits = limits or Limits()
        require(root)
        self._process, self._channel, self._errors = _start(root)
        self._close = weakref.finalize(self, _end, self._process, self._channel, self._errors)
        self._layer: Layer | None = None
        below = host_entries() if root is None else root_entries()
        entries, data = pack([*below, *tree.entries])
        system = host_folders() if root is None else ()
        limit = self.limits.facts()
        self._ask("begin", data, entries=entries, system=system, root=root is not None, limits=limit)

    def run(self, argv: Sequence[str], *, cwd: str = "/", seconds: float | None = None) -> Output:
        """Run ``argv`` in ``cwd`` and return when it has ended, on its own or at a limit.

        Raises:
            EnvironmentFailure: the sandbox itself broke; it is closed.
        """
        if not argv or not argv[0]:
            return Output(b"no command\n", 127)
        if any("\0" in text for text in (cwd, *argv)):
            return Output(b"a command cannot contain a NUL byte\n", 126)
        allowed = self.limits.seconds if seconds is None else seconds
        self._layer = None
        reply, data = self._ask("run", argv=_texts(argv), cwd=_texts([cwd])[0], seconds=allowed)
        stopped = reply["stopped"]
        return Output(data, reply["code"], stopped == "timed out", stopped == "flooded", reply["seconds"])

    def snapshot(self) -> Layer:
        """Return what was written since the beginning."""
        if self._layer is None:
            reply, data = self._ask("snapshot")
            self._layer = Layer(tuple(unpack(reply["entries"], data)))
        return self._layer

    def restore(self, layer: Layer | None) -> None:
        """Continue from ``layer``, of this or another sandbox of the same tree; ``None`` is the beginning.

        Raises:
            SnapshotError: the layer does not fit; the sandbox is at the beginning.
        """
        layer = layer or Layer()
        entries, data = pack(layer.entries)
        try:
            self._ask("restore", data, entries=entries)
        except _Refused as refused:
            self._layer = None
            self._ask("restore", entries=[])
            text = f"file system {self.tree.name}: the layer cannot be restored: {refused.reason}"
            raise SnapshotError(text) from None
        self._layer = layer

    def close(self) -> None:
        """End all processes of the sandbox and forget what it holds; may be called twice."""
        self._close()

    def __enter__(self) -> "Sandbox":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask(self, do: str, data: bytes = b"", **message: Any) -> tuple[dict[str, Any], bytes]:
        if not self._close.alive:
            raise EnvironmentFailure(f"the sandbox of file system {self.tree.name} is closed")
        self._channel.settimeout(PATIENCE + float(message.get("seconds", 0)))
        try:
            send(self._channel, {"do": do, **message}, data)
            reply, answer = receive(self._channel)
        except (OSError, EOFError) as error:
            reason = f"{error}; {_last_words(self._process, self._channel, self._errors)}"
            self.close()
            raise EnvironmentFailure(f"the sandbox of file system {self.tree.name} broke: {reason}") from error
        if "error" in reply:
            raise _Refused(self.tree.name, reply["error"])
        return reply, answer


class _Refused(EnvironmentFailure):
    """Raised when a warden could not do what it was asked and says why."""

    def __init__(self, name: str, reason: str) -> None:
        self.reason = reason
        super().__init__(f"the sandbox of file system {name} failed: {reason}")


def _texts(texts: Sequence[str]) -> list[str]:
    """Return ``texts`` without characters that no file system can hold (lone surrogates other than escaped bytes)."""
    return [os.fsdecode(text.encode("utf-8", "surrogateescape" if _bytes_only(text) else "replace")) for text in texts]


def _bytes_only(text: str) -> bool:
    return not any("\ud800" <= letter <= "\udfff" and not "\udc80" <= letter <= "\udcff" for letter in text)


def _start(root: Path | None) -> tuple[subprocess.Popen[bytes], socket.socket, IO[bytes]]:
    ours, theirs = socket.socketpair()
    errors = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the process
    with theirs:
        process = subprocess.Popen(
            launch.command(root),
            stdin=theirs.fileno(),
            stdout=errors,
            stderr=errors,
            cwd="/",
        )
    return process, ours, errors


def _last_words(process: subprocess.Popen[bytes], channel: socket.socket, errors: IO[bytes]) -> str:
    channel.close()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(5)
    errors.seek(0)
    said = " ".join(errors.read()[-2000:].decode(errors="replace").split())
    return said or f"its process ended with code {process.returncode}"


def _end(process: subprocess.Popen[bytes], channel: socket.socket, errors: IO[bytes]) -> None:
    """Close the connection; the warden then ends and the kernel ends what is in its namespaces."""
    with contextlib.suppress(OSError):
        channel.shutdown(socket.SHUT_RDWR)
    channel.close()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    errors.close()


__all__ = ["Output", "Sandbox"]
