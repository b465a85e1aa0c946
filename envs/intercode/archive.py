"""The official repository as its authors publish it: what is needed is unpacked safely and counted."""

import json
import lzma
import os
import re
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from slinvit.errors import InputError

SQL_TASKS = "data/sql/spider/ic_spider_dev.json"
SQL_DUMP = "data/sql/spider/ic_spider_dbs.sql"
BASH_TASKS = "data/nl2bash/nl2bash_fs_{}.json"
SETUP = "docker/bash_scripts/setup_nl2b_fs_{}.sh"
GITIGNORE = "docker/docker.gitignore"
RESULTS = "data/results"

TASKS = 1034
DATABASES = 20
BASH: Mapping[int, int] = {1: 60, 2: 53, 3: 60, 4: 27}
"""Tasks by file system."""

_WANTED = re.compile(
    r"(?:[^/]+/)?("
    r"data/sql/spider/ic_spider_(?:dev\.json|dbs\.sql)|data/nl2bash/nl2bash_fs_\d\.json|"
    r"docker/bash_scripts/setup_nl2b_fs_\d\.sh|docker/docker\.gitignore|LICENSE(?:\.md)?|"
    r"data/results/(?:sql|bash)/\w[\w.-]*/ic_\w[\w.-]*\.json)"
)


DAMAGE = (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, OSError, EOFError, RuntimeError)
"""What reading a damaged archive raises; gzip and bzip2 say ``OSError``."""


def home() -> Path:
    """Return the folder in which the data are looked for where nothing else is said."""
    return Path(os.environ.get("XDG_DATA_HOME") or "~/.local/share").expanduser() / "slinvit" / "intercode"


def found_by(folder: Path) -> str:
    """Return how the data in ``folder`` are used."""
    recordings = f"recordings: --prior recorded:{folder / RESULTS / 'sql'}"
    if folder == home().resolve():
        use = "slinvit run intercode-sql --tasks official"
        return f"the tasks are in {folder}, where they are looked for: {use}; {recordings}"
    return f"the tasks are in {folder}: slinvit run intercode-sql --tasks {folder}; {recordings}"


def complete(folder: Path) -> bool:
    """Say whether tasks, databases and file systems are all in ``folder``."""
    return all((folder / name).is_file() for name in _needed())


def install(archive: Path, folder: Path, *, check: bool = True) -> list[str]:
    """Unpack tasks, databases, set-up scripts and recordings in ``archive`` into ``folder``; return what was found.

    The layout is that of the repository. Nothing else is written, and nothing outside ``folder``.

    Args:
        archive: zip or tar of the repository, with or without a folder around it.
        folder: it exists.
        check: every file must be there, with the official number of tasks and databases.

    Raises:
        InputError: not such an archive, a list of tasks that cannot be read, or, with ``check``, other content than the
            official one; then nothing is installed.
    """
    with TemporaryDirectory(dir=folder, prefix=".unpacking-") as scratch:
        fresh = Path(scratch)
        names = sorted({_written(fresh, name, content) for name, content in _members(archive)})
        if not any(name.startswith(("data/sql/", "data/nl2bash/")) for name in names):
            raise InputError(f"{archive.name} holds no InterCode tasks")
        if check and (missing := [name for name in _needed() if name not in names]):
            raise InputError(f"{archive.name} lacks {', '.join(missing)}; --no-check takes what is there")
        found = [*_sql(fresh, check), *_bash(fresh, check)]
        recordings = sum(name.startswith(RESULTS) for name in names)
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            os.replace(fresh / name, folder / name)
    return [*found, f"recordings: {recordings} files"]


def _needed() -> list[str]:
    bash = [name.format(number) for number in BASH for name in (BASH_TASKS, SETUP)]
    return [SQL_TASKS, SQL_DUMP, *bash, GITIGNORE]


def _sql(fresh: Path, check: bool) -> Iterator[str]:
    tasks, dump = fresh / SQL_TASKS, fresh / SQL_DUMP
    if tasks.is_file():
        found = _tasks(tasks, SQL_TASKS, ("db", "gold", "query"))
        names = {task["db"] for task in found}
        yield from _counted("SQL tasks", len(found), TASKS, check)
        yield from _counted("databases with tasks", len(names), DATABASES, check)
    if dump.is_file():
        databases = re.findall(rb"^CREATE DATABASE ", dump.read_bytes(), re.MULTILINE)
        yield from _counted("databases in the dump", len(databases), DATABASES, check)


def _bash(fresh: Path, check: bool) -> Iterator[str]:
    for number, official in BASH.items():
        name = BASH_TASKS.format(number)
        if (fresh / name).is_file():
            found = _tasks(fresh / name, name, ("gold", "query"))
            yield from _counted(f"Bash tasks of file system {number}", len(found), official, check)


def _counted(what: str, count: int, official: int, check: bool) -> Iterator[str]:
    if check and count != official:
        raise InputError(f"{what}: {count}, the official number is {official}; --no-check takes it anyway")
    yield f"{what}: {count}"


def _tasks(file: Path, name: str, keys: Sequence[str]) -> list[dict[str, Any]]:
    try:
        content = json.loads(file.read_bytes())
    except (ValueError, RecursionError) as error:
        raise InputError(f"{name} is no JSON: {error}") from error
    if not isinstance(content, list) or not all(_is_task(task, keys) for task in content):
        raise InputError(f"{name} is no list of tasks with {', '.join(keys)}, each a text")
    return content


def _is_task(task: Any, keys: Sequence[str]) -> bool:
    return isinstance(task, dict) and all(isinstance(task.get(key), str) for key in keys)


def _written(fresh: Path, name: str, content: bytes) -> str:
    file = fresh / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return name


def _members(archive: Path) -> Iterator[tuple[str, bytes]]:
    """Yield name in the repository and content of what is wanted."""
    try:
        yield from _zipped(archive) if zipfile.is_zipfile(archive) else _tarred(archive)
    except DAMAGE as error:
        raise InputError(f"{archive.name} cannot be read as an archive: {error}") from error


def _zipped(archive: Path) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(archive) as content:
        for name in content.namelist():
            if wanted := _WANTED.fullmatch(name):
                yield wanted[1], content.read(name)


def _tarred(archive: Path) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(archive) as content:
        for member in content:
            wanted = _WANTED.fullmatch(member.name)
            file = content.extractfile(member) if wanted and member.isreg() else None
            if wanted and file is not None:
                yield wanted[1], file.read()
        while content.fileobj is not None and content.fileobj.read(1 << 20):
            pass  # the checksum of what is compressed stands behind the last file


__all__ = ["complete", "found_by", "home", "install"]
