"""Building a root tree: a system for commands that has the tools of the published InterCode image."""

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from envs.intercode.bash.launch import NOBODY
from envs.intercode.bash.probe import require
from slinvit.errors import InputError

SUITE: Final = "bullseye"
"""Debian 11: of the releases tried, the one under which the most recorded rewards come out as they were."""

MIRROR: Final = "http://deb.debian.org/debian"
PACKAGES: Final = (
    *("bash", "bsdmainutils", "coreutils", "cpio", "cron", "curl", "dnsutils", "git", "imagemagick", "iputils-ping"),
    *("jq", "net-tools", "procps", "psmisc", "python3", "tree"),
)
"""What the published image installs, and procps, which was part of its base."""

USED_UP: Final = ("var/cache/apt", "var/lib/apt/lists", "var/log/bootstrap.log", "debootstrap")
WRITTEN: Final = {"etc/hosts": "127.0.0.1\tlocalhost\n", "etc/resolv.conf": "", "etc/hostname": "intercode\n"}


def build(
    folder: Path,
    *,
    suite: str = SUITE,
    mirror: str = MIRROR,
    packages: Sequence[str] = PACKAGES,
    owner: int | None = None,
    log: Callable[[str], None] = lambda line: None,
) -> None:
    """Install a Debian system into ``folder``, which must not exist or be empty; takes minutes and 400 MB.

    Args:
        folder: becomes the root tree.
        suite: name of a Debian release.
        mirror: address of a Debian archive.
        packages: beside the smallest set that Debian needs.
        owner: number of the user who will run sandboxes; by default who called sudo, or nobody for root itself.
        log: gets a line now and then.

    Raises:
        InputError: not root, no debootstrap, the folder is in use, or the installation failed; the folder is untouched.
    """
    _check(folder)
    owner = int(os.environ.get("SUDO_UID", 0)) or NOBODY if owner is None else owner
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir(parents=True, mode=0o755)
    except OSError as error:
        raise InputError(f"cannot write to {folder}: {error.strerror}") from error
    try:
        chosen = ["--variant=minbase", f"--include={','.join(packages)}"]
        _install(["debootstrap", *chosen, suite, str(partial), mirror], log)
        _tidy(partial)
        _give(partial, owner)
        if folder.exists():
            folder.rmdir()
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    if owner == NOBODY:
        require(folder)


def _check(folder: Path) -> None:
    if os.getuid():
        raise InputError(
            "building a root tree needs root: run it with sudo; the tree will be yours. Any folder with a Linux system "
            "that you own, with bash and git in it, does as well, for example the content of a container image"
        )
    if shutil.which("debootstrap") is None:
        raise InputError("building a root tree needs debootstrap: apt install debootstrap")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} exists and is not an empty folder")


def _install(line: Sequence[str], log: Callable[[str], None]) -> None:
    environment = {"PATH": os.environ["PATH"] + ":/usr/sbin:/sbin", "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
    last = ""
    with subprocess.Popen(
        line, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        for text in process.stdout or ():
            last = text.strip() or last
            log(last)
    if process.returncode:
        raise InputError(f"debootstrap failed with exit code {process.returncode}: {last}")


def _tidy(tree: Path) -> None:
    for name in USED_UP:
        path = tree / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    (tree / "var/lib/apt/lists").mkdir(parents=True, exist_ok=True)
    for name, text in WRITTEN.items():
        path = tree / name
        path.unlink(missing_ok=True)
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    shutil.rmtree(tree / "dev", ignore_errors=True)
    (tree / "dev").mkdir()


def _give(tree: Path, owner: int) -> None:
    """Let ``owner`` have everything; set-user-id bits go with that, and sandboxes have no use for them."""
    os.lchown(tree, owner, owner)
    for folder, names, files in os.walk(tree):
        for name in (*names, *files):
            os.lchown(os.path.join(folder, name), owner, owner)


__all__ = ["MIRROR", "PACKAGES", "SUITE", "build"]
