"""Task trees: the files of a file system with their git repository at the root."""

import io
import stat
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

from envs.intercode.bash.inside.files import Entry
from envs.intercode.bash.layers import Layer, merged
from slinvit.errors import EnvironmentFailure, InputError

COMMIT_TIME = "2023-05-31T00:00:00Z"


@dataclass(frozen=True)
class Tree:
    """What a task brings to the root of its file system; picklable.

    Attributes:
        name: for messages.
        entries: files, folders and links with modes and times, parents before children; ``.git`` among them.
    """

    name: str
    entries: tuple[Entry, ...] = ()

    @cached_property
    def key(self) -> str:
        """Equal for trees with equal content."""
        return Layer(self.entries).key

    def aged(self, recorded: float, now: float) -> "Tree":
        """Return the tree as it looks at ``now`` if nobody touched it since ``recorded``; seconds since 1970.

        What is newer than ``recorded`` counts as made then; all else keeps its age.
        """
        start, end = int(recorded * 1e9), int(now * 1e9)
        rows = (entry._replace(time=end - max(0, start - entry.time)) for entry in self.entries)
        return Tree(self.name, tuple(rows))


def prepare(name: str, source: Path, *, gitignore: Path | None = None, root: Path | None = None) -> Tree:
    """Return the tree in ``source`` with all that its .gitignore allows committed to a repository at the root.

    Args:
        name: for messages.
        source: an archive (.tar, .tar.xz, .tar.gz), a folder, or a setup script (.sh) that makes the files when run.
        gitignore: file to use as /.gitignore; needed where the source has none.
        root: folder with the system in which setup script and git run, or ``None`` for the one of this machine.

    Raises:
        InputError: the source cannot be read, or this machine cannot sandbox.
        EnvironmentFailure: git failed.
    """
    try:
        stamp = source.stat().st_mtime_ns
    except OSError as error:
        raise InputError(f"file system {name}: cannot read {source}: {error.strerror}") from error
    return _prepare(name, source, stamp, gitignore, root)


@lru_cache(maxsize=64)
def _prepare(name: str, source: Path, stamp: int, gitignore: Path | None, root: Path | None) -> Tree:
    script = source.suffix == ".sh"
    files = [] if script else list(_folder(source) if source.is_dir() else _archive(source))
    if gitignore is not None:
        files = [entry for entry in files if entry.path != ".gitignore"]
        files.append(Entry(".gitignore", "f", 0o644, 0, gitignore.read_bytes()))
    elif not any(entry.path == ".gitignore" for entry in files):
        raise InputError(f"file system {name}: {source} has no .gitignore; name one")
    bare = Tree(name, merged((), files))
    return committed(bare, root=root, script=source.read_text() if script else None)


def committed(tree: Tree, *, root: Path | None = None, script: str | None = None) -> Tree:
    """Return ``tree``, after ``script`` where given, with everything that is not ignored committed.

    Raises:
        EnvironmentFailure: git failed.
    """
    from envs.intercode.bash.sandbox import Sandbox

    with Sandbox(tree, root=root) as sandbox:
        if script is not None:
            # errors in official setup scripts are part of the benchmark
            sandbox.run(["/bin/bash", "-c", script], seconds=60)
        done = sandbox.run(["/bin/sh", "-ec", COMMIT], seconds=60)
        if done.code:
            raise EnvironmentFailure(
                f"file system {tree.name}: git failed: {done.data.decode(errors='replace')[-500:]}"
            )
        return Tree(tree.name, merged(tree.entries, sandbox.snapshot().entries))


COMMIT = f"""
export GIT_AUTHOR_DATE={COMMIT_TIME} GIT_COMMITTER_DATE={COMMIT_TIME}
git config --global user.email intercode@localhost
git config --global user.name intercode
git config --global init.defaultBranch master
git init --quiet --template=
git add --all
git commit --quiet --message 'initial commit'
"""


def _archive(source: Path) -> Iterator[Entry]:
    try:
        with tarfile.open(source) as archive:
            for member in archive:
                path = _inside(member.name, source)
                if path:
                    yield _member(archive, member, path, source)
    except (tarfile.TarError, OSError, EOFError) as error:
        raise InputError(f"cannot read {source}: {error}") from error


def _member(archive: tarfile.TarFile, member: tarfile.TarInfo, path: str, source: Path) -> Entry:
    rest: dict[str, Any] = {"mode": member.mode & 0o7777, "time": int(member.mtime * 1e9)}
    if member.isdir():
        return Entry(path, "d", **rest)
    if member.issym():
        return Entry(path, "l", data=member.linkname.encode(errors="surrogateescape"), **rest)
    if member.islnk():
        target = _inside(member.linkname, source)
        return Entry(path, "h", data=target.encode(errors="surrogateescape"), **rest)
    if member.isfile():
        return Entry(path, "f", data=(archive.extractfile(member) or io.BytesIO()).read(), **rest)
    raise InputError(f"{source}: {member.name} is neither file, folder nor link")


def _inside(name: str, source: Path) -> str:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise InputError(f"{source}: the name {name!r} leads out of the archive")
    return "" if str(path) == "." else str(path)


def _folder(source: Path) -> Iterator[Entry]:
    for path in sorted(source.rglob("*")):
        name, what = str(path.relative_to(source)), path.lstat()
        if name == ".git" or name.startswith(".git/"):
            continue
        rest: dict[str, Any] = {"mode": stat.S_IMODE(what.st_mode), "time": what.st_mtime_ns}
        if path.is_symlink():
            yield Entry(name, "l", data=str(path.readlink()).encode(errors="surrogateescape"), **rest)
        elif path.is_dir():
            yield Entry(name, "d", **rest)
        elif path.is_file():
            yield Entry(name, "f", data=path.read_bytes(), **rest)


__all__ = ["Tree", "committed", "prepare"]
