"""The process that keeps a sandbox: mounts its layers, runs its commands, watches their limits.

It is root of its own user namespace and no one else's, in a private copy of the mounts; commands run below it in
further namespaces, without the capabilities that would lead back. It ends when the connection to its sandbox does.
"""

import os
import select
import socket
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from envs.intercode.bash.inside import kernel
from envs.intercode.bash.inside.cell import PAGE, Cell, end, fork, set_limits
from envs.intercode.bash.inside.files import INDEX, Entry, apply, changes, pack, unpack
from envs.intercode.bash.inside.wire import receive, send

PLACE = "/tmp/layers"
LOWER, BASE, UPPER, MERGED = (f"{PLACE}/{name}" for name in ("lower", "base", "state", "merged"))
ROOT = "/tmp/root"
LOOK = 0.05
"""Seconds between two looks at the memory in use."""


@dataclass
class Warden:
    """What one sandbox does when asked; one method for each request."""

    channel: socket.socket
    limits: dict[str, Any] = field(default_factory=dict)
    system: tuple[str, ...] = ()
    lowers: str = LOWER
    cell: Cell | None = None

    def begin(self, message: Mapping[str, Any], data: bytes) -> None:
        """Put the tree in its place and open the first cell."""
        self.limits = message["limits"]
        set_limits(self.limits)
        self.system = tuple(message["system"])
        for folder in (PLACE, LOWER, BASE, UPPER, MERGED):
            os.mkdir(folder)
        self._tmpfs(LOWER)
        _below(LOWER, list(unpack(message["entries"], data)))
        if message["root"]:
            self.lowers = f"{LOWER}:{ROOT}"
        self._open(())
        if os.path.exists(f"{LOWER}/{INDEX}"):
            self._settle()
        os.mkdir(f"{PLACE}/none")
        lowers = self.lowers if message["root"] else f"{LOWER}:{PLACE}/none"
        kernel.mount("overlay", BASE, "overlay", kernel.MS_RDONLY, f"lowerdir={lowers},userxattr")

    def _settle(self) -> None:
        """Let git see the files where they are now, or its first command would find all of them changed."""
        self.run({"argv": ["git", "status"], "cwd": "/", "seconds": 60.0}, b"")
        with open(f"{MERGED}/{INDEX}", "rb") as file:
            index = file.read()
        self._close()
        with open(f"{LOWER}/{INDEX}", "wb") as file:
            file.write(index)
        self._open(())

    def _tmpfs(self, target: str) -> None:
        size, inodes = self.limits["layer_bytes"], self.limits["inodes"]
        flags = kernel.MS_NOSUID | kernel.MS_NODEV
        kernel.mount("tmpfs", target, "tmpfs", flags, f"size={size},nr_inodes={inodes},mode=755")

    def _open(self, entries: Sequence[Entry]) -> None:
        self._tmpfs(UPPER)
        os.mkdir(f"{UPPER}/upper", 0o755)
        os.mkdir(f"{UPPER}/work", 0o755)
        options = f"lowerdir={self.lowers},upperdir={UPPER}/upper,workdir={UPPER}/work,userxattr"
        kernel.mount("overlay", MERGED, "overlay", kernel.MS_NOSUID | kernel.MS_NODEV, options)
        try:
            self.cell = Cell(MERGED, self.system, entries, self.limits)
        except OSError:
            kernel.unmount(MERGED)
            kernel.unmount(UPPER)
            raise

    def _close(self) -> None:
        if self.cell is not None:
            self.cell.close()
            self.cell = None
            kernel.unmount(MERGED)
            kernel.unmount(UPPER)

    def _renew(self) -> Cell:
        """New processes on the same files."""
        if self.cell is not None:
            self.cell.close()
            self.cell = None
        self.cell = Cell(MERGED, self.system, (), self.limits)
        return self.cell

    def restore(self, message: Mapping[str, Any], data: bytes) -> None:
        """Throw the writable layer away and begin another one with the given entries."""
        self._close()
        self._open(list(unpack(message["entries"], data)))

    def snapshot(self, message: Mapping[str, Any], data: bytes) -> tuple[dict[str, Any], bytes]:
        """Return the writable layer."""
        if self.cell is not None:
            self.cell.rest()
        upper, base = (folder.removeprefix(PLACE) for folder in (f"{UPPER}/upper", BASE))
        with _confined(PLACE):
            entries, content = pack(changes(upper, base, self.limits["layer_bytes"]))
        return {"entries": entries}, content

    def run(self, message: Mapping[str, Any], data: bytes) -> tuple[dict[str, Any], bytes]:
        """Run one command, end what it leaves behind, return what it wrote."""
        assert self.cell is not None
        cell = self.cell if self.cell.alive() else self._renew()
        begun = time.monotonic()
        output, inside = os.pipe()
        with cell.entered():
            try:
                child, code = cell.start(message["argv"], message["cwd"], message["seconds"], inside)
                os.close(inside)
                watch = _Watch(self, cell, child, output, begun + message["seconds"], code=code)
                written = watch.until_the_end()
            finally:
                os.close(output)
            left = cell.others()
        if watch.stopped or left or not cell.alive():
            self._renew()
        else:
            cell.rest()
        return {"code": watch.code, "stopped": watch.stopped, "seconds": time.monotonic() - begun}, written


@dataclass
class _Watch:
    """The life of one command."""

    warden: Warden
    cell: Cell
    child: int
    output: int
    deadline: float
    stopped: str = ""
    code: int | None = None
    looked: float = field(default_factory=time.monotonic)

    def until_the_end(self) -> bytes:
        """Return what the command writes until it ends or has to be stopped."""
        os.set_blocking(self.output, False)
        written = bytearray()
        if self.child >= 0:
            ended = os.pidfd_open(self.child)
            try:
                self._follow(ended, written)
            finally:
                os.close(ended)
                self.code = _exit_code(end(self.child))
        most = self.warden.limits["output_bytes"]
        self._read(written, most)
        if len(written) > most:
            self.stopped = self.stopped or "flooded"
        return bytes(written[:most])

    def _follow(self, ended: int, written: bytearray) -> None:
        poll, channel = select.poll(), self.warden.channel.fileno()
        for fd in (self.output, ended, channel):
            poll.register(fd, select.POLLIN)
        most = self.warden.limits["output_bytes"]
        while not self.stopped:
            ready = dict(poll.poll(LOOK * 1000))
            if self.output in ready and not self._read(written, most):
                poll.unregister(self.output)
            if ended in ready:
                return
            if channel in ready:
                sys.exit("the connection closed")
            self._check(len(written) > most)

    def _read(self, written: bytearray, most: int) -> bool:
        """Take what is there, somewhat more than ``most`` bytes at the utmost; False at the end of the output."""
        while len(written) <= most:
            try:
                part = os.read(self.output, 1 << 16)
            except BlockingIOError:
                return True
            if not part:
                return False
            written += part
        return True

    def _check(self, flooded: bool) -> None:
        now = time.monotonic()
        if flooded:
            self.stopped = "flooded"
        elif now >= self.deadline:
            self.stopped = "timed out"
        elif now >= self.looked + LOOK:
            self.looked = now
            if _memory([*self.cell.others(), "1"]) > self.warden.limits["memory"]:
                self.stopped = "memory"


def _exit_code(status: int) -> int:
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _memory(processes: Sequence[str]) -> int:
    """Return the bytes that ``processes`` hold in memory, pages that they share counted again for each."""
    total = 0
    for process in processes:
        try:
            with open(f"/proc/{process}/statm") as file:
                total += int(file.read().split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
    return total * PAGE


def _below(folder: str, entries: Sequence[Entry]) -> None:
    """Apply ``entries`` in a child for whom ``folder`` is the root, so that no link leads elsewhere."""

    def make() -> None:
        os.chroot(folder)
        os.chdir("/")
        apply(entries)

    os.waitpid(fork(make, lambda: None), 0)


@contextmanager
def _confined(folder: str) -> Iterator[None]:
    """Have ``folder`` as the root meanwhile: what others turn into links under our hands leads nowhere else."""
    outside = os.open("/", os.O_PATH | os.O_DIRECTORY)
    os.chroot(folder)
    try:
        os.chdir("/")
        yield
    finally:
        os.fchdir(outside)
        os.chroot(".")
        os.close(outside)


def main() -> None:
    """Serve the sandbox behind the socket that is the standard input."""
    channel = socket.socket(fileno=os.dup(0))
    sys.setrecursionlimit(5000)
    kernel.mount("", "/", flags=kernel.MS_REC | kernel.MS_PRIVATE)
    for name, value in (("sys/user/max_user_namespaces", "0"), ("self/oom_score_adj", "1000")):
        with open(f"/proc/{name}", "w") as file:
            file.write(value)
    os.rmdir("/dev/shm")
    os.symlink("/run/shm", "/dev/shm")
    kernel.mount("", "/dev", flags=kernel.MS_REMOUNT | kernel.MS_BIND | kernel.MS_RDONLY | kernel.MS_NOSUID)
    kernel.give_up_privileges()
    kernel.refuse_calls()
    os.umask(0o022)
    warden = Warden(channel)
    while True:
        try:
            message, data = receive(channel)
        except EOFError:
            return
        try:
            reply: tuple[dict[str, Any], bytes] = getattr(warden, message["do"])(message, data) or ({}, b"")
        except (OSError, MemoryError, RecursionError) as error:
            reply = ({"error": f"{type(error).__name__}: {error}"}, b"")
        send(channel, *reply)
