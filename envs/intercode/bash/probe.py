"""Can this machine sandbox? There is no other way to run commands."""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from envs.intercode.bash import launch
from slinvit.errors import InputError

OLDEST_KERNEL = (6, 6)
"""The first Linux whose memory file system can be the writable layer of an overlay that a user mounts."""


def require(root: Path | None = None) -> None:
    """Return where sandboxes can run.

    Args:
        root: folder with a system for the commands, or ``None`` for the one of this machine.

    Raises:
        InputError: they cannot; the message names the reason and a remedy.
    """
    _machine()
    if root is None:
        if shutil.which("git", path="/usr/local/bin:/usr/bin:/bin") is None:
            raise InputError("intercode-bash needs git in /usr/bin or /usr/local/bin: run apt install git")
    else:
        _root_tree(root)


@cache
def _machine() -> None:
    version = re.match(r"(\d+)\.(\d+)", os.uname().release)
    if os.uname().sysname != "Linux" or version is None:
        raise InputError("intercode-bash runs commands in bubblewrap, which needs Linux; use engine=docker elsewhere")
    if (int(version[1]), int(version[2])) < OLDEST_KERNEL:
        raise InputError(
            f"intercode-bash needs Linux 6.6 or newer (overlay on tmpfs in a user namespace), this is {version[0]}; "
            "use engine=docker"
        )
    tools = ["bwrap"] if os.getuid() else ["bwrap", "unshare", "setpriv", "mount"]
    for tool in tools:
        if shutil.which(tool) is None:
            package = "bubblewrap" if tool == "bwrap" else "util-linux"
            raise InputError(
                f"intercode-bash runs commands in bubblewrap, and {tool} is missing: apt install {package}"
            )
    _try()


def _try() -> None:
    line = ["bwrap", "--unshare-all", "--unshare-user", "--uid", "0", "--gid", "0", "--cap-add", "ALL"]
    line += ["--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "--", "true"]
    if not os.getuid():
        line = ["setpriv", f"--reuid={launch.NOBODY}", f"--regid={launch.NOBODY}", "--clear-groups", *line]
    done = subprocess.run(line, capture_output=True, text=True, cwd="/", check=False)
    if done.returncode:
        reason = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
        raise InputError(f"bubblewrap cannot make a sandbox here ({reason}); {_remedy()}, or use engine=docker")


def _remedy(proc: Path = Path("/proc/sys")) -> str:
    """Return what an administrator can do, by the setting that forbids user namespaces."""
    for name, forbidding, allowing in (
        ("kernel.unprivileged_userns_clone", "0", "1"),
        ("kernel.apparmor_restrict_unprivileged_userns", "1", "0"),
        ("user.max_user_namespaces", "0", "10000"),
    ):
        path = proc / name.replace(".", "/")
        if path.exists() and path.read_text().strip() == forbidding:
            return f"this machine forbids user namespaces: as root run sysctl -w {name}={allowing}"
    return "in a container, start it so that user namespaces and mounts are allowed (seccomp, AppArmor)"


def _root_tree(root: Path) -> None:
    if not (root / "usr" / "bin").is_dir():
        raise InputError(f"{root} is no root tree: it has no usr/bin; slinvit intercode root FOLDER builds one")
    missing = [name for name in ("bash", "git") if not (root / "usr" / "bin" / name).exists()]
    if missing:
        raise InputError(f"the root tree {root} lacks {' and '.join(missing)} in usr/bin; install them there")
    owner = (root / "usr").stat().st_uid
    if owner != launch.user():
        raise InputError(
            f"the root tree {root} belongs to user {owner} but sandboxes run as user {launch.user()}, who has to own "
            f"it: run chown -R --no-dereference {launch.user()}:{launch.user()} {root}"
        )


def provenance(root: Path | None = None) -> Mapping[str, Any]:
    """Return what decides how commands behave: versions of bubblewrap, kernel, and the system that commands see."""
    version = subprocess.run(["bwrap", "--version"], capture_output=True, text=True, check=False).stdout.split()
    release = Path(root or "/", "etc/os-release")
    facts = dict(line.split("=", 1) for line in release.read_text().splitlines() if "=" in line)
    return {
        "bubblewrap": version[-1] if version else None,
        "kernel": os.uname().release,
        "system": facts.get("PRETTY_NAME", "unknown").strip('"'),
        "root": "host" if root is None else str(root),
    }


__all__ = ["provenance", "require"]
