"""The official games as their authors publish them: unpacked safely, compared with what is known of them."""

import lzma
import os
import re
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from envs.alfworld.files import CACHE, COUNTS, LAYOUT, ROOTS, game_ids, read_games
from envs.alfworld.game import Game
from envs.alfworld.scene import KNOWN_RULES, rules_checksum
from slinvit.errors import InputError

KNOWN_PROBLEMS: Mapping[str, str] = {
    "valid_seen": "7194ae8cc4f6821b215a49378c70358b3a702d7c9026a482630c1b9a77a5bb43",
    "valid_train": "4956b4ef7ba0cfc3c6fa99a47565c879afa699b981031d243b4fb294693bc12f",
    "train": "073fde6cb44567dcb744c1fe8be28b8a4cee6ef4720de1a322fdb1ae70588a1b",
}
"""Checksums of official splits by :func:`problems_checksum`; of valid_unseen only the number of games is known."""

_WANTED = re.compile(r"(?:.*/)?(\w+)/([\w-]+)/([\w-]+)/(game\.tw-pddl|traj_data\.json)")


def home() -> Path:
    """Return the folder in which the games are looked for where nothing else is said."""
    return Path(os.environ.get(ROOTS[0]) or CACHE)


def found_by(folder: Path) -> str:
    """Return how the games in ``folder`` are used."""
    use = "slinvit run alfworld --tasks valid_seen"
    if folder == home().expanduser().resolve():
        return f"the games are in {folder}, where they are looked for: {use}"
    return f"the games are in {folder}; say so and use them: export {ROOTS[0]}={folder}; {use}"


def complete(folder: Path) -> bool:
    """Say whether all games of all official splits are in ``folder``."""
    splits = {split: folder / LAYOUT / split for split in COUNTS}
    return all(path.is_dir() and len(game_ids(path)) >= COUNTS[split] for split, path in splits.items())


def install(archive: Path, folder: Path, *, check: bool = True) -> list[str]:
    """Unpack the games in ``archive`` into ``folder``, in the official layout; return what was found.

    Only game files and their trajectory data are written, under names made here; everything else is passed over.

    Args:
        archive: zip or tar.
        folder: it exists.
        check: each split must be complete, and its problems the official ones.

    Raises:
        InputError: not such an archive, a game that cannot be read, or, with ``check``, other games than the official
            ones; then nothing is installed.
    """
    with TemporaryDirectory(dir=folder, prefix=".unpacking-") as scratch:
        fresh = Path(scratch)
        files = [_written(fresh, parts, content) for parts, content in _members(archive)]
        splits = sorted({file.relative_to(fresh).parts[0] for file in files if file.suffix == ".tw-pddl"})
        if not splits:
            raise InputError(f"{archive.name} holds no ALFWorld games")
        found = [_described(fresh / split, check) for split in splits]
        for file in files:
            target = folder / LAYOUT / file.relative_to(fresh)
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(file, target)
    return found


def problems_checksum(games: list[Game]) -> str:
    """Return the checksum of the households of ``games`` and of their ids, in whatever words they are told."""
    digest = sha256()
    for game in sorted(games, key=lambda game: game.id):
        digest.update(f"{game.id}\0{game.problem}\0".encode())
    return digest.hexdigest()


def _described(path: Path, check: bool) -> str:
    split, games = path.name, list(read_games(path))
    if check and len(games) != COUNTS[split]:
        raise InputError(
            f"{split} has {len(games)} games, the official one {COUNTS[split]}; --no-check takes it anyway"
        )
    known = KNOWN_PROBLEMS.get(split)
    if check and known not in (None, problems_checksum(games)):
        raise InputError(f"{split} has other problems than the official one; --no-check takes it anyway")
    foreign = sum(rules_checksum(game) != KNOWN_RULES for game in games)
    hint = f"; {foreign} with rules that only the real engine knows" if foreign else ""
    state = "not compared" if not check else "counted" if known is None else "the official ones"
    return f"{split}: {len(games)} games, {state}{hint}"


def _written(fresh: Path, parts: tuple[str, ...], content: bytes) -> Path:
    file = fresh.joinpath(*parts)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return file


def _members(archive: Path) -> Iterator[tuple[tuple[str, ...], bytes]]:
    """Yield split, game, trial and file name of what is wanted, with its content."""
    try:
        yield from _zipped(archive) if zipfile.is_zipfile(archive) else _tarred(archive)
    except (zipfile.BadZipFile, tarfile.TarError, lzma.LZMAError, zlib.error, EOFError, RuntimeError) as error:
        raise InputError(f"{archive.name} cannot be read as an archive: {error}") from error


def _zipped(archive: Path) -> Iterator[tuple[tuple[str, ...], bytes]]:
    with zipfile.ZipFile(archive) as content:
        for name in content.namelist():
            if parts := _parts(name):
                yield parts, content.read(name)


def _tarred(archive: Path) -> Iterator[tuple[tuple[str, ...], bytes]]:
    with tarfile.open(archive) as content:
        for member in content:
            file = content.extractfile(member) if member.isreg() and _parts(member.name) else None
            if file is not None:
                yield _parts(member.name), file.read()


def _parts(name: str) -> tuple[str, ...]:
    wanted = _WANTED.fullmatch(name)
    return wanted.groups() if wanted and wanted[1] in COUNTS else ()
