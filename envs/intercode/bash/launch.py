"""The command line that starts a warden in bubblewrap, for an ordinary user and for root."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from shlex import quote
from typing import Final

from slinvit.errors import InputError

HOSTNAME: Final = "intercode"
NOBODY: Final = 65534
"""Who sandboxes are when root starts them: limits on processes do not bind root, whatever namespace it is in."""

PYTHON, CODE, ROOT = "/tmp/python", "/tmp/code/envs/intercode/bash/inside", "/tmp/root"
START = "import sys; sys.path.insert(0, '/tmp/code'); from envs.intercode.bash.inside.warden import main; main()"


def user() -> int:
    """Return the number of the user under which sandboxes run."""
    return os.getuid() or NOBODY


def command(root: Path | None) -> list[str]:
    """Return the command that starts a warden, which serves the socket that is its standard input.

    Args:
        root: folder with the system that commands see, or ``None`` for the one of this machine.
    """
    binds = {PYTHON: _python(), CODE: Path(__file__).parent / "inside"}
    if root is not None:
        binds[ROOT] = root
    if os.getuid():
        return [*_bubblewrap(binds), *_interpreter()]
    staged = {target: Path(f"/tmp/{number}") for number, target in enumerate(binds)}
    return [*given_away(binds, staged), *_bubblewrap(staged), *_interpreter()]


def _python() -> Path:
    return Path(os.path.realpath(sys.base_prefix))


def _interpreter() -> list[str]:
    prefix = _python()
    binary = Path(os.path.realpath(getattr(sys, "_base_executable", sys.executable)))
    if not binary.is_relative_to(prefix):
        raise InputError(f"the Python of this process, {binary}, is not below its prefix {prefix}; use another Python")
    return [f"{PYTHON}/{binary.relative_to(prefix)}", "-S", "-s", "-P", "-B", "-c", START]


def _bubblewrap(binds: Mapping[str, Path]) -> list[str]:
    flags = ["--unshare-all", "--unshare-user", "--uid", "0", "--gid", "0", "--cap-add", "ALL"]
    flags += ["--hostname", HOSTNAME, "--new-session", "--as-pid-1", "--clearenv"]
    flags += ["--setenv", "PYTHONHOME", PYTHON, "--setenv", "LD_LIBRARY_PATH", f"{PYTHON}/lib"]
    flags += ["--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]
    for target, source in binds.items():
        flags += ["--ro-bind", str(source), target]
    return ["bwrap", *flags, "--chdir", "/", "--"]


def given_away(binds: Mapping[str, Path], staged: Mapping[str, Path]) -> list[str]:
    """Return a prefix that gives root away but lets the sandbox see folders which only root may enter.

    The folders are opened before a private /tmp hides those that lie there.
    """
    lines = [f"exec {number}<{quote(str(source))}" for number, source in enumerate(binds.values(), 3)]
    lines.append("mount -t tmpfs -o mode=755 stage /tmp")
    for number, target in enumerate(binds, 3):
        place = staged[target]
        lines.append(f"mkdir {place} && mount --no-canonicalize --bind /proc/self/fd/{number} {place}")
        lines.append(f"exec {number}<&-")
    script = " && ".join([*lines, 'exec "$@"'])
    drop = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "stage", *drop]


__all__ = ["HOSTNAME", "NOBODY", "command", "given_away", "user"]
