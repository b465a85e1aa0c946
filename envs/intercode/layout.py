"""Where InterCode's files lie: the official repository, our own folders, the embedded set."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from slinvit.errors import InputError

GET = "slinvit data get intercode"

EMBEDDED = Path(__file__).parent / "embedded"
"""The small set of our own that comes with the package."""

ROOTS = ("", "intercode", "data")
"""Folders below the one that is named: a folder of data sets, and the official repository."""

SQL_FOLDERS = ("", "sql", "sql/spider", "spider")

BASH_FOLDERS = ("", "bash", "nl2bash")

SQL_FILES = (("ic_spider_dev.json", "ic_spider_dbs.sql"), ("tasks.json", "databases.sql"))
"""Names of tasks and dump: the official ones, and ours."""

TREES = ("fs_{}.tar.xz", "fs_{}.tar", "fs_{}")
"""What a file system beside its tasks is called: an archive or a folder."""

OWN = ("tasks.json", "tree.json")
"""Our own Bash tasks and the manifest of their file system."""

SCRIPT = "docker/bash_scripts/setup_nl2b_fs_{}.sh"
"""What sets up a file system in the official repository, seen from its root."""


@dataclass(frozen=True)
class BashSource:
    """The tasks of one file system.

    Attributes:
        number: of the file system.
        tasks: JSON list of query and gold.
        tree: archive, manifest or folder with the files, or the script that makes them.
        gitignore: what the version control of the file system leaves out; ``None`` where the tree brings its own.
    """

    number: int
    tasks: Path
    tree: Path
    gitignore: Path | None = None


@dataclass(frozen=True)
class Layout:
    """What was found in a folder.

    Attributes:
        folder: in which was looked.
        sql_tasks: JSON list of db, query, gold and hardness.
        sql_dump: the databases as mysqldump writes them, plain or ``.xz``.
        bash: by number.
        incomplete: lists of Bash tasks whose file system was not found.
    """

    folder: Path
    sql_tasks: Path | None = None
    sql_dump: Path | None = None
    bash: tuple[BashSource, ...] = ()
    incomplete: tuple[Path, ...] = ()

    def sql(self) -> tuple[Path, Path]:
        """Return the SQL tasks and the dump; raises ``InputError`` where one is missing."""
        if self.sql_tasks is None:
            raise InputError(f"no SQL tasks (ic_spider_dev.json) in {self.folder}; get them: {GET}")
        if self.sql_dump is None:
            raise InputError(f"no dump of the databases (ic_spider_dbs.sql or .sql.xz) beside {self.sql_tasks}")
        return self.sql_tasks, self.sql_dump

    def trees(self) -> tuple[BashSource, ...]:
        """Return the Bash tasks with their file systems; raises ``InputError`` where there are none."""
        if self.bash:
            return self.bash
        if self.incomplete:
            wanted = "fs_N.tar.xz, a folder fs_N or docker/bash_scripts/setup_nl2b_fs_N.sh"
            raise InputError(f"no file system for {self.incomplete[0]}: expected {wanted}")
        raise InputError(f"no Bash tasks (nl2bash_fs_N.json) in {self.folder}; get them: {GET}")


def find(place: Path) -> Layout:
    """Return what lies in ``place``.

    Args:
        place: the official repository or its ``data`` folder, a folder with ``sql/`` and ``bash/``, one of these two,
            a folder that holds such a folder as ``intercode``, or a single list of tasks with the rest beside it.

    Raises:
        InputError: ``place`` does not exist, or holds no InterCode tasks.
    """
    if place.is_file():
        return _beside(place)
    if not place.is_dir():
        raise InputError(f"{place} does not exist")
    found = [_looked(root) for name in ROOTS if (root := place / name).is_dir()]
    sql = next((layout for layout in found if layout.sql_tasks), Layout(place))
    bash = next((layout for layout in found if layout.bash or layout.incomplete), Layout(place))
    if sql.sql_tasks is None and not bash.bash and not bash.incomplete:
        raise InputError(f"{place} holds no InterCode tasks (ic_spider_dev.json, nl2bash_fs_N.json); get them: {GET}")
    return Layout(place, sql.sql_tasks, sql.sql_dump, bash.bash, bash.incomplete)


def official() -> Path:
    """Return the folder with the official tasks: where ``data get`` puts them, or ``$SLINVIT_DATA/intercode``.

    Raises:
        InputError: neither is there.
    """
    from envs.intercode.archive import home  # which itself looks at layouts

    data = os.environ.get("SLINVIT_DATA", "")
    places = [home(), *([Path(data) / "intercode"] if data else [])]
    for place in places:
        if place.is_dir():
            return place
    unset = "" if data else " (SLINVIT_DATA not set)"
    raise InputError(f"no InterCode tasks in {' or '.join(map(str, places))}{unset}; get them: {GET}")


def _looked(root: Path) -> Layout:
    """Return what lies in one root, both kinds."""
    tasks, dump = next(
        ((path, _dump(path.parent)) for name in SQL_FOLDERS for path in _named(root / name)), (None, None)
    )
    lists = next((files for name in BASH_FOLDERS if (files := _lists(root / name))), [])
    sources = [_source(number, path) for number, path in lists]
    missing = tuple(path for (_, path), source in zip(lists, sources, strict=True) if source is None)
    return Layout(root, tasks, dump, tuple(source for source in sources if source is not None), missing)


def _named(folder: Path) -> list[Path]:
    """Return the lists of SQL tasks in ``folder``; a list that is not called as the official one needs its dump."""
    official, own = SQL_FILES
    named = [folder / official[0], *([folder / own[0]] if _dump(folder) else [])]
    return [path for path in named if path.is_file()]


def _dump(folder: Path) -> Path | None:
    """Return the dump in ``folder``: by its usual names, or the only one there is."""
    usual = [folder / f"{name}{end}" for _, name in SQL_FILES for end in ("", ".xz")]
    there = [path for path in usual if path.is_file()]
    if there:
        return there[0]
    others = [path for path in sorted(folder.glob("*")) if path.name.endswith((".sql", ".sql.xz"))]
    return others[0] if len(others) == 1 else None


def _lists(folder: Path) -> list[tuple[int, Path]]:
    found = [(re.fullmatch(r"nl2bash_fs_(\d+)\.json", path.name), path) for path in folder.glob("nl2bash_fs_*.json")]
    own = [(1, folder / OWN[0])] if all((folder / name).is_file() for name in OWN) else []
    return sorted((int(match[1]), path) for match, path in found if match) or own


def _source(number: int, tasks: Path) -> BashSource | None:
    beside = [tasks.parent / name.format(number) for name in TREES]
    scripts = [folder / SCRIPT.format(number) for folder in (tasks.parent, *tasks.parent.resolve().parents[:2])]
    own = [tasks.parent / OWN[1]] if tasks.name == OWN[0] else []
    tree = next((path for path in (*beside, *own, *scripts) if path.exists()), None)
    if tree is None:
        return None
    ignored = (tree.parent.parent if tree.suffix == ".sh" else tree.parent) / "docker.gitignore"
    return BashSource(number, tasks, tree, ignored if ignored.is_file() else None)


def _beside(file: Path) -> Layout:
    """Return the layout of a single list of tasks."""
    if file.suffix != ".json":
        raise InputError(f"{file}: expected a folder, or a .json list of tasks")
    listed = {path: number for number, path in _lists(file.parent)}
    if file not in listed:
        return Layout(file, file, _dump(file.parent))
    source = _source(listed[file], file)
    return Layout(file, bash=(source,)) if source is not None else Layout(file, incomplete=(file,))
