"""A writable layer as a list of changes: what differs from the layers below, and how to make it so again."""

import errno
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from envs.intercode.bash.inside.index import content

INDEX = ".git/index"
OPAQUE = "user.overlay.opaque"


class Entry(NamedTuple):
    """One changed path.

    Attributes:
        path: relative to the root, without a leading slash.
        kind: ``f`` file, ``d`` directory, ``l`` symbolic link, ``h`` hard link to an earlier file, ``p`` named pipe,
            ``x`` removed, ``t`` nothing but its time is new.
        mode: permission bits.
        time: of the last modification, in nanoseconds since 1970.
        data: bytes of a file, target of a link.
    """

    path: str
    kind: str
    mode: int = 0
    time: int = 0
    data: bytes = b""


def pack(entries: Iterable[Entry]) -> tuple[list[Any], bytes]:
    """Return the JSON form of ``entries`` and their data in one piece."""
    rows = list(entries)
    return [[e.path, e.kind, e.mode, e.time, len(e.data)] for e in rows], b"".join(e.data for e in rows)


def unpack(rows: Sequence[Any], data: bytes) -> Iterator[Entry]:
    """Undo :func:`pack`."""
    at = 0
    for path, kind, mode, time, size in rows:
        yield Entry(path, kind, mode, time, data[at : at + size])
        at += size


def changes(upper: str, base: str, most: int) -> list[Entry]:
    """Return what the overlay layer in folder ``upper`` changes in the tree ``base``; parents before children.

    Where others may put links into the layer meanwhile, the caller must have a root that holds nothing else.

    Raises:
        OSError: the files of the layer have more than ``most`` bytes, holes counted.
    """
    found: list[Entry] = []
    _Comparison(upper, base, found, {}, [most]).folder("", merged=True, alone=False)
    return found


class _Comparison(NamedTuple):
    upper: str
    base: str
    found: list[Entry]
    linked: dict[int, str]
    room: list[int]

    def folder(self, path: str, *, merged: bool, alone: bool) -> None:
        """Compare a folder of the layer; ``merged``: the base has it too, ``alone``: but nothing of that shows."""
        here, below = os.path.join(self.upper, path), os.path.join(self.base, path)
        alone = alone or _opaque(here)
        names = set(os.listdir(here))
        hidden = set(os.listdir(below)) - names if merged and alone else set()
        for name in sorted(names | hidden):
            child = os.path.join(path, name)
            if name in hidden:
                self.found.append(Entry(child, "x"))
            else:
                self.one(child, merged=merged, alone=alone)

    def one(self, path: str, *, merged: bool, alone: bool) -> None:
        """Compare what the layer has at ``path``."""
        full, below = os.path.join(self.upper, path), os.path.join(self.base, path)
        now, before = os.lstat(full), _lstat(below) if merged else None
        if stat.S_ISCHR(now.st_mode):
            if before is not None:
                self.found.append(Entry(path, "x"))
            return
        if stat.S_ISREG(now.st_mode):
            self.room[0] -= now.st_size
            if self.room[0] < 0:
                raise OSError(errno.EFBIG, "the changed files are larger than a snapshot may be")
        entry = _entry(full, path, now, self.linked)
        if entry is None:
            return
        if before is None or not _same(entry, now, below, before):
            self.found.append(entry)
        elif path != INDEX:
            self.found.append(Entry(path, "t", time=now.st_mtime_ns))
        if entry.kind == "d":
            self.folder(path, merged=before is not None and stat.S_ISDIR(before.st_mode), alone=alone)


def _entry(full: str, path: str, now: os.stat_result, linked: dict[int, str]) -> Entry | None:
    mode, time = stat.S_IMODE(now.st_mode), now.st_mtime_ns
    if stat.S_ISDIR(now.st_mode):
        return Entry(path, "d", mode, time)
    if stat.S_ISLNK(now.st_mode):
        return Entry(path, "l", 0o777, time, os.fsencode(os.readlink(full)))
    if stat.S_ISFIFO(now.st_mode):
        return Entry(path, "p", mode, time)
    if not stat.S_ISREG(now.st_mode):
        return None
    if now.st_nlink > 1 and (first := linked.setdefault(now.st_ino, path)) != path:
        return Entry(path, "h", mode, time, os.fsencode(first))
    with open(full, "rb") as file:
        return Entry(path, "f", mode, time, file.read())


def _same(entry: Entry, now: os.stat_result, below: str, before: os.stat_result) -> bool:
    if stat.S_IFMT(now.st_mode) != stat.S_IFMT(before.st_mode) or entry.kind == "h":
        return False
    if entry.kind == "l":
        return os.fsencode(os.readlink(below)) == entry.data
    if stat.S_IMODE(before.st_mode) != entry.mode or (entry.kind == "f" and now.st_nlink > 1):
        return False
    if entry.kind != "f":
        return True
    index = entry.path == INDEX
    if not index and before.st_size != len(entry.data):
        return False
    with open(below, "rb") as file:
        old = file.read()
    return content(old) == content(entry.data) if index else old == entry.data


def apply(entries: Sequence[Entry]) -> None:
    """Make ``entries`` true below the working directory; the caller has made it the root of its own file system."""
    for entry in entries:
        _make(entry)
    for entry in reversed(entries):
        if entry.kind in "dlfpt":
            os.utime(entry.path, ns=(entry.time, entry.time), follow_symlinks=False)


def _make(entry: Entry) -> None:
    if entry.kind == "t":
        return
    before = _lstat(entry.path)
    if before is not None and not (entry.kind == "d" and stat.S_ISDIR(before.st_mode)):
        _remove(entry.path, before)
        before = None
    if entry.kind == "d" and before is None:
        os.mkdir(entry.path)
    elif entry.kind == "l":
        os.symlink(os.fsdecode(entry.data), entry.path)
    elif entry.kind == "h":
        os.link(os.fsdecode(entry.data), entry.path)
    elif entry.kind == "p":
        os.mkfifo(entry.path)
    elif entry.kind == "f":
        with open(entry.path, "xb") as file:
            file.write(entry.data)
    if entry.kind in "dfp":
        os.chmod(entry.path, entry.mode)


def _remove(path: str, what: os.stat_result) -> None:
    if not stat.S_ISDIR(what.st_mode):
        os.unlink(path)
        return
    remove_below(path)
    os.rmdir(path)


def remove_below(folder: str) -> None:
    """Empty ``folder``; links are removed, not followed."""
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        _remove(path, os.lstat(path))


def _lstat(path: str) -> os.stat_result | None:
    try:
        return os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None


def _opaque(folder: str) -> bool:
    try:
        return os.getxattr(folder, OPAQUE) == b"y"
    except OSError:
        return False
