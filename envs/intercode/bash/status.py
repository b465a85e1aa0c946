"""What ``git status`` says about a file system: as the original reads it, and as it is meant."""

from collections.abc import Callable
from typing import TypeAlias

from envs.intercode.bash.box import Box, ended

Change: TypeAlias = tuple[str, str]
"""A path, and its code in ``git status``."""

RESET = ("/bin/bash", "-c", "git reset --hard; git clean -fd;")
"""Undoes whatever version control knows of; empty folders vanish too."""

GIT = ("git", "--no-optional-locks", "-c", "core.fsmonitor=", "-c", "core.hooksPath=/dev/null")
"""Asking changes nothing: a refreshed index is not written, and no program runs that a command has set up as a hook."""

STATUS = (*GIT, "status", "--short")

EXACT = (*GIT, "status", "--porcelain", "-z")
"""The same where paths hold what the short form has to quote."""

UNREADABLE: Change = ("/", "unreadable")
"""Stands for all changes where version control is broken."""


def words_of(status: str | None) -> tuple[Change, ...] | None:
    """Return the changes as the original reads them: words in pairs; ``None`` where one is left over, or no status."""
    words = None if status is None else status.split()
    return None if words is None or len(words) % 2 else tuple(zip(words[1::2], words[::2], strict=True))


def status_of(box: Box) -> tuple[str | None, tuple[Change, ...]]:
    """Return what version control says about the file system of ``box``: as it is printed, and as it is meant.

    Nothing is printed (``None``) where it did not end by itself: a limit met, a signal, the program missing.
    """
    output = box.run(STATUS)
    if not ended(output):
        return None, (UNREADABLE,)
    status = output.data.decode("utf-8", "replace")
    return status, changes_of(status, lambda: exact_of(box), readable=output.code == 0)


def exact_of(box: Box) -> bytes | None:
    """Return the exact form of the status, ``None`` where version control does not give one."""
    output = box.run(EXACT)
    return output.data if ended(output) and output.code == 0 else None


def changes_of(status: str, exact: Callable[[], bytes | None], *, readable: bool = True) -> tuple[Change, ...]:
    """Return the changes that ``status`` means, whatever the paths hold.

    Args:
        status: the short form.
        exact: returns the exact form; only asked where ``status`` quotes paths or shows renamed ones.
        readable: whether version control ended without an error.
    """
    if not readable:
        return (UNREADABLE,)
    if '"' in status or " -> " in status:
        return exact_changes(exact())
    return tuple((line[3:], line[:2].strip()) for line in status.split("\n") if line)


def exact_changes(status: bytes | None) -> tuple[Change, ...]:
    """Return the changes in the output of :data:`EXACT`; bytes that are no text become surrogates."""
    if status is None:
        return (UNREADABLE,)
    changes, entries = [], iter(status.split(b"\0"))
    for entry in entries:
        if len(entry) < 4:
            continue
        code = entry[:2].decode("ascii", "replace")
        changes.append((entry[3:].decode("utf-8", "surrogateescape"), code.strip()))
        if code[0] in "RC":
            next(entries, None)
    return tuple(changes)


def printable(path: str) -> str:
    """Return ``path`` with bytes that are no text escaped."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
