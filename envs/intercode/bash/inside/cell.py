"""A cell: the processes and mounts that commands see. Process 1 in it is an idle shell, as in a container."""

import os
import resource
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from envs.intercode.bash.inside import kernel
from envs.intercode.bash.inside.files import Entry, apply

ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOSTNAME": os.uname().nodename,
    "HOME": "/root",
}
SHELL = "/bin/bash"
IDLE = 10
"""Seconds of the processor that process 1 may use in its life."""
PAGE = os.sysconf("SC_PAGE_SIZE")


def set_limits(limits: dict[str, Any]) -> None:
    """Bind this process and all it starts to ``limits`` of files and processes; those of memory and time are set later.

    None of them can be raised again.
    """
    for what, most in (
        (resource.RLIMIT_FSIZE, limits["layer_bytes"]),
        (resource.RLIMIT_NPROC, limits["processes"]),
        (resource.RLIMIT_NOFILE, 1024),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_MEMLOCK, 1 << 16),
        (resource.RLIMIT_MSGQUEUE, 1 << 16),
    ):
        _, hard = resource.getrlimit(what)
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (most, most))


class Cell:
    """New process and mount namespaces over a merged tree.

    Opening it makes the caller's later children members of its process namespace, so there is one cell at a time.
    """

    def __init__(self, merged: str, system: Sequence[str], entries: Sequence[Entry], limits: dict[str, Any]) -> None:
        self._limits = limits
        idle, kept = os.pipe()
        own = os.open("/proc/self/ns/pid", os.O_RDONLY)
        outside = os.open("/proc/self/ns/mnt", os.O_RDONLY)
        self._sysctls = os.open("/proc/sys", os.O_PATH)
        self._fds = [kept, own, outside, self._sysctls]
        self._own, self._outside = own, outside
        self._still = False
        kernel.unshare(kernel.CLONE_NEWPID)
        try:
            self.init = fork(lambda: _furnish(merged, system, entries), lambda: _wait(idle))
        except OSError:
            self._forget()
            raise
        finally:
            os.close(idle)
        self._mounts = os.open(f"/proc/{self.init}/ns/mnt", os.O_RDONLY)
        self._fds.append(self._mounts)
        for what, most in ((resource.RLIMIT_AS, limits["memory"]), (resource.RLIMIT_CPU, IDLE)):
            resource.prlimit(self.init, what, (most, most))
        self._settle()
        self.rest()

    def _settle(self) -> None:
        """Wait until process 1 has become what it will be, for a moment at most: the layer may lack a shell."""
        until = time.monotonic() + 0.05
        with suppress(OSError):
            while time.monotonic() < until and os.path.samefile(f"/proc/{self.init}/exe", "/proc/self/exe"):
                time.sleep(0.0002)

    @contextmanager
    def entered(self) -> Iterator[None]:
        """See what commands see, meanwhile."""
        kernel.setns(self._mounts)
        try:
            yield
        finally:
            kernel.setns(self._outside)

    def start(self, argv: Sequence[str], cwd: str, seconds: float, output: int) -> tuple[int, int | None]:
        """Start a command with standard output and error in ``output``; the caller has entered the cell.

        Returns:
            Its process number outside, and ``None``; or -1 and an exit code where it could not be started: ``output``
            then has one line of text in a container's words.
        """
        failed = "OCI runtime exec failed: exec failed: unable to start container process:"
        try:
            os.chdir(cwd)
        except OSError as error:
            reason = (error.strerror or "").lower()
            text = f'{failed} chdir to cwd ("{cwd}") set in config.json failed: {reason}: unknown\r\n'
            os.write(output, os.fsencode(text))
            return -1, 126
        kernel.unshare(kernel.CLONE_NEWIPC)
        with suppress(PermissionError), open(self._shmall(), "w") as most:
            most.write(str(self._limits["memory"] // PAGE))  # allowed from Linux 6.9 on
        self.wake()
        child, reason = _spawn(argv, output, self._limits["address_space"], int(seconds) + 1)
        if child < 0:
            os.write(output, os.fsencode(f'{failed} exec: "{argv[0]}": {reason}: unknown\r\n'))
            return -1, 127
        return child, None

    def _shmall(self) -> int:
        """Open what is read-only in the cell itself."""
        return os.open("kernel/shmall", os.O_WRONLY, dir_fd=self._sysctls)

    def wake(self) -> None:
        """Let process 1 run."""
        if self._still:
            os.kill(self.init, signal.SIGCONT)
            self._still = False

    def rest(self) -> None:
        """Stop process 1, which runs a program of the layer: nothing of an agent's runs between commands."""
        if not self._still and self.alive():
            os.kill(self.init, signal.SIGSTOP)
            os.waitpid(self.init, os.WUNTRACED)
            self._still = True

    def others(self) -> list[str]:
        """Return the processes beside process 1, as numbered in the cell, which the caller has entered."""
        return [name for name in os.listdir("/proc") if name.isdigit() and name != "1"]

    def alive(self) -> bool:
        """Whether process 1 runs."""
        try:
            return os.waitpid(self.init, os.WNOHANG) == (0, 0)
        except ChildProcessError:
            return False

    def close(self) -> None:
        """End every process in the cell and return when the last is gone.

        Process 1 cannot end before all others are buried, and who started them has to do that.
        """
        with suppress(ProcessLookupError):
            os.kill(self.init, signal.SIGKILL)
        with suppress(ChildProcessError):
            while True:
                os.waitpid(-1, 0)
        self._forget()

    def _forget(self) -> None:
        kernel.setns(self._own)
        for fd in self._fds:
            os.close(fd)


def end(process: int) -> int:
    """Kill a child and return its status."""
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)
    return os.waitpid(process, 0)[1]


def _spawn(argv: Sequence[str], output: int, memory: int, cpu: int) -> tuple[int, str]:
    """Return the number of a new process, or -1 and why there is none."""
    null = os.open("/dev/null", os.O_RDONLY)
    actions = [(os.POSIX_SPAWN_DUP2, fd, target) for target, fd in enumerate((null, output, output))]
    names = [argv[0]] if "/" in argv[0] else [f"{folder}/{argv[0]}" for folder in ENVIRONMENT["PATH"].split(":")]
    reason = "executable file not found in $PATH"
    endless = resource.RLIM_INFINITY
    resource.setrlimit(resource.RLIMIT_AS, (memory, endless))  # for the child; it cannot be set in between
    try:
        for name in names:
            try:
                child = os.posix_spawn(
                    name,
                    list(argv),
                    ENVIRONMENT,
                    file_actions=actions,
                    setsid=True,
                    setsigdef=(signal.SIGPIPE, signal.SIGXFSZ),
                )
            except (FileNotFoundError, NotADirectoryError) as error:
                reason = reason if len(names) > 1 else f"stat {name}: {(error.strerror or '').lower()}"
            except OSError as error:
                return -1, (error.strerror or "").lower()
            else:
                resource.prlimit(child, resource.RLIMIT_AS, (memory, memory))
                resource.prlimit(child, resource.RLIMIT_CPU, (cpu, cpu))
                return child, ""
        return -1, reason
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (endless, endless))
        os.close(null)


def _wait(idle: int) -> None:
    """Become an idle shell: it waits for input that never comes."""
    os.dup2(idle, 0)
    null = os.open("/dev/null", os.O_RDWR)
    os.dup2(null, 1)
    os.dup2(null, 2)
    with suppress(OSError):  # the layer may lack a shell
        os.execve(SHELL, [SHELL], ENVIRONMENT)
    while True:
        signal.pause()


def _furnish(merged: str, system: Sequence[str], entries: Sequence[Entry]) -> None:
    kernel.unshare(kernel.CLONE_NEWNS)
    os.setsid()
    locked = kernel.MS_NOSUID | kernel.MS_NODEV
    for target in system:
        kernel.mount(f"/{target}", f"{merged}/{target}", flags=kernel.MS_BIND)
        again = kernel.MS_BIND | kernel.MS_REMOUNT | kernel.MS_RDONLY | locked
        kernel.mount("", f"{merged}/{target}", flags=again)
    kernel.mount("proc", f"{merged}/proc", "proc", locked | kernel.MS_NOEXEC)
    kernel.mount(f"{merged}/proc/sys", f"{merged}/proc/sys", flags=kernel.MS_BIND)
    fixed = kernel.MS_BIND | kernel.MS_REMOUNT | kernel.MS_RDONLY | locked | kernel.MS_NOEXEC
    kernel.mount("", f"{merged}/proc/sys", flags=fixed)
    kernel.mount("/dev", f"{merged}/dev", flags=kernel.MS_BIND | kernel.MS_REC)
    os.chdir(merged)
    kernel.pivot_root()
    apply(entries)


def fork(prepare: Callable[[], None], then: Callable[[], None]) -> int:
    """Start a child that runs ``prepare`` and then ``then``; return its number once ``prepare`` is done.

    Raises:
        OSError: what went wrong in ``prepare``.
    """
    result, report = os.pipe()
    child = os.fork()
    if not child:
        _report(prepare, report)
        with suppress(BaseException):
            then()
        os._exit(0)
    os.close(report)
    with os.fdopen(result, "rb") as pipe:
        error = pipe.read()
    if error:
        os.waitpid(child, 0)
        raise OSError(error.decode(errors="replace"))
    return child


def _report(prepare: Callable[[], None], report: int) -> None:
    try:
        prepare()
    except BaseException as error:
        os.write(report, f"{type(error).__name__}: {error}".encode(errors="replace")[:4000])
        os._exit(1)
    os.close(report)
