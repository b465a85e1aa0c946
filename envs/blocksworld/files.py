"""Folders and archives of PDDL files, read into memory; nothing is unpacked to disk."""

import lzma
import re
import tarfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from envs.pddl import StripsDomain, kind_of, parse_domain
from slinvit.errors import InputError, did_you_mean

ARCHIVES = (".tar.xz", ".tar.gz", ".tgz", ".tar")


@dataclass(frozen=True)
class PddlFiles:
    """Texts of PDDL files by their path inside ``root``, a folder or archive, in natural order."""

    root: Path
    texts: Mapping[str, str]

    def text(self, name: str) -> str:
        """Return the text of the file called ``name``; raises ``InputError``."""
        if name not in self.texts:
            raise InputError(f"{self.root} has no file {name!r}{did_you_mean(name, self.texts)}")
        return self.texts[name]

    def full(self, name: str) -> str:
        """Return ``name`` as it is called in messages."""
        return str(self.root / name)

    def split(self) -> tuple[list[str], list[StripsDomain]]:
        """Return the names of the problem files, and the domains; told apart by what they define."""
        kinds = {name: kind_of(text, self.full(name)) for name, text in self.texts.items()}
        domains = [parse_domain(self.texts[n], self.full(n)) for n, kind in kinds.items() if kind == "domain"]
        return [name for name, kind in kinds.items() if kind == "problem"], domains


def is_archive(path: Path) -> bool:
    """Say whether ``path`` is named like an archive that :func:`read_files` reads."""
    return path.name.endswith(ARCHIVES)


def read_files(root: Path) -> PddlFiles:
    """Return all ``*.pddl`` files of a folder, with its folders, or of an archive.

    Raises:
        InputError: no such folder, a broken archive, or a file that is not text.
    """
    if root.is_dir():
        texts = {str(path.relative_to(root)): read_file(path) for path in root.rglob("*.pddl") if path.is_file()}
    elif root.is_file() and is_archive(root):
        texts = {name: _decoded(raw, str(root / name)) for name, raw in _members(root).items()}
    else:
        raise InputError(f"{root} is neither a folder nor an archive ({', '.join(ARCHIVES)})")
    return PddlFiles(root, {name: texts[name] for name in sorted(texts, key=_natural)})


def read_file(path: Path) -> str:
    """Return the text in ``path``; raises ``InputError`` where it cannot be read."""
    try:
        return _decoded(path.read_bytes(), str(path))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error


def _decoded(raw: bytes, file: str) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{file} is not a text file (UTF-8): {error.reason} at byte {error.start}") from error


def _members(archive: Path) -> dict[str, bytes]:
    try:
        with tarfile.open(archive) as tar:
            files = [member for member in tar if member.isfile() and member.name.endswith(".pddl")]
            return {member.name.removeprefix("./"): _content(tar, member) for member in files}
    except (tarfile.TarError, lzma.LZMAError, zlib.error, EOFError, OSError) as error:
        raise InputError(f"{archive} cannot be read as an archive: {error}") from error


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    content = tar.extractfile(member)
    if content is None:
        raise tarfile.ReadError(f"{member.name} is not a file")
    return content.read()


def _natural(name: str) -> list[tuple[int, str]]:
    """Sort key with ``instance-2`` before ``instance-10``."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)]
