"""What a sandbox wrote, as a value: it can be kept, compared, pickled and put into another sandbox of the same tree."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

from envs.intercode.bash.inside.files import INDEX, Entry
from envs.intercode.bash.inside.index import content

DIARY = (".git/logs", ".git/ORIG_HEAD")
"""Where git notes down when it did what; nothing that it says about files depends on it."""


@dataclass(frozen=True)
class Layer:
    """Changes to a tree, parents before children.

    Attributes:
        entries: see :class:`envs.intercode.bash.inside.files.Entry`.
    """

    entries: tuple[Entry, ...] = ()

    @cached_property
    def key(self) -> str:
        """Equal for layers with equal paths, kinds, modes and bytes.

        Times do not count, nor those in git's index and in its diary.
        """
        digest = sha256()
        for entry in self.entries:
            if entry.kind != "t" and not entry.path.startswith(DIARY):
                data = content(entry.data) if entry.path == INDEX else entry.data
                head = f"{entry.path}\0{entry.kind}\0{entry.mode:o}\0{len(data)}\0"
                digest.update(head.encode(errors="surrogateescape"))
                digest.update(data)
        return digest.hexdigest()

    @property
    def size(self) -> int:
        """Bytes of all files in it."""
        return sum(len(entry.data) for entry in self.entries)


def merged(lower: Iterable[Entry], upper: Iterable[Entry]) -> tuple[Entry, ...]:
    """Return the tree that ``upper`` makes of the tree ``lower``; a tree has no removals."""
    tree = {entry.path: entry for entry in lower}
    for entry in upper:
        if entry.kind == "x" or (entry.kind not in "dt" and entry.path in tree and tree[entry.path].kind == "d"):
            for path in [path for path in tree if path == entry.path or path.startswith(entry.path + "/")]:
                del tree[path]
        if entry.kind == "t" and entry.path in tree:
            tree[entry.path] = tree[entry.path]._replace(time=entry.time)
        elif entry.kind not in "xt":
            tree[entry.path] = entry
    return tuple(sorted(tree.values(), key=lambda entry: entry.path))


__all__ = ["Layer", "merged"]
