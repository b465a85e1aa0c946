"""Where the games lie, and reading them: folders in the official layout, archives of these, single files."""

import lzma
import os
import tarfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePath
from typing import TypeAlias

from envs.alfworld.game import Game, parse_game
from slinvit.errors import InputError, did_you_mean

ROOTS = ("ALFWORLD_DATA", "SLINVIT_DATA")
"""Environment variables with the folders in which splits are looked up: the package's own, and ours."""

CACHE = Path("~/.cache/alfworld")
"""Where the package puts its data when nobody says otherwise."""

COUNTS = {"valid_seen": 140, "valid_unseen": 134, "valid_train": 200, "train": 3553}
"""Solvable games of each official split."""

LAYOUT = "json_2.1.1"

GAME_FILE = "game.tw-pddl"

ARCHIVES = (".tar.xz", ".tar.gz", ".tgz", ".tar")

GET = "slinvit data get alfworld"

UNSUPPORTED = ("movable", "Sliced")
"""Words in the ids of games that ALFWorld's own loader leaves out."""

Wanted: TypeAlias = Callable[[str], bool]
"""Of an id: whether that game is to be read."""


def is_archive(path: Path) -> bool:
    """Say whether ``path`` is named like an archive that :func:`read_games` reads."""
    return path.name.endswith(ARCHIVES)


def find_split(split: str) -> Path:
    """Return the folder or archive of a split such as ``valid_seen``.

    Raises:
        InputError: it is nowhere; the message says where it was looked for, and the command that gets it.
    """
    folders = _data_folders()
    names = (f"{LAYOUT}/{split}", f"{split}.tar.xz")
    for path in (folder / name for folder in folders for name in names):
        if path.exists():
            return path
    unset = [name for name in ROOTS if not os.environ.get(name)]
    hint = f" ({' and '.join(unset)} not set)" if unset else ""
    raise InputError(
        f"no ALFWorld games {split!r}: looked for {' and '.join(names)} in {', '.join(map(str, folders))}{hint}; "
        f"get them: {GET}{did_you_mean(split, COUNTS) if split not in COUNTS else ''}"
    )


def game_ids(source: Path) -> list[str]:
    """Return the ids of all games in a folder, archive or file, sorted; nothing is parsed."""
    return sorted(game_id(name) for name, _ in _files(source, lambda id: False))


def read_games(
    source: Path, *, wanted: Wanted = lambda id: True, bad: list[InputError] | None = None
) -> Iterator[Game]:
    """Yield the wanted games of a folder, archive or file.

    Games of a folder or archive that were found unsolvable when they were compiled are left out, as ALFWorld does.

    Args:
        source: in the official layout; an archive is not unpacked.
        wanted: of an id, whether to read that game.
        bad: collects what is wrong with games that cannot be read; without it the first one raises.

    Raises:
        InputError: ``source`` cannot be read or has no games at all, or one of them cannot be read.
    """
    alone, empty = source.is_file() and not is_archive(source), True
    for name, content in _files(source, wanted):
        empty = False
        try:
            game = None if content is None else _parsed(source, name, content)
            if game is not None and alone and not game.solvable:
                raise InputError(f"{source}: the game {game.id} has no solution")
        except InputError as error:
            if bad is None:
                raise
            bad.append(error)
            continue
        if game is not None and game.solvable:
            yield game
    if empty:
        raise InputError(f"{source} has no {GAME_FILE}; get the games: {GET}")


def read_game(path: Path) -> Game:
    """Return the game in one file; raises ``InputError``."""
    return next(read_games(path))


def game_id(name: str) -> str:
    """Return ``TYPE-.../trial_...`` of the path of a game file."""
    return "/".join(PurePath(name).parent.parts[-2:]) or PurePath(name).stem


def _split(name: str) -> str:
    folders = PurePath(name).parent.parts
    return folders[-3] if len(folders) > 2 else ""


def _parsed(source: Path, name: str, content: bytes) -> Game:
    try:
        return parse_game(content, id=game_id(name), split=_split(name))
    except InputError as error:
        raise InputError(f"{source / name}: {error}") from error


def _data_folders() -> list[Path]:
    named = [Path(os.environ[name]) for name in ROOTS if os.environ.get(name)]
    return [folder for root in [*named, CACHE.expanduser()] for folder in (root, root / "alfworld")]


def _files(source: Path, wanted: Wanted) -> Iterator[tuple[str, bytes | None]]:
    """Yield the path of each game file in ``source``, with its content where it is wanted."""
    if source.is_dir():
        for path in sorted(source.resolve().rglob(GAME_FILE)):
            if _supported(str(path)):
                yield str(path), _content(path) if wanted(game_id(str(path))) else None
    elif source.is_file() and is_archive(source):
        yield from _members(source, wanted)
    elif source.is_file():
        yield str(source.resolve()), _content(source)
    else:
        raise InputError(f"{source} does not exist")


def _members(archive: Path, wanted: Wanted) -> Iterator[tuple[str, bytes | None]]:
    try:
        with tarfile.open(archive) as tar:
            for member in tar:
                if member.isfile() and PurePath(member.name).name == GAME_FILE and _supported(member.name):
                    file = tar.extractfile(member) if wanted(game_id(member.name)) else None
                    yield member.name.removeprefix("./"), None if file is None else file.read()
    except (tarfile.TarError, lzma.LZMAError, zlib.error, EOFError, OSError) as error:
        raise InputError(f"{archive} cannot be read as an archive: {error}; get the games: {GET}") from error


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error


def _supported(name: str) -> bool:
    return not any(word in game_id(name) for word in UNSUPPORTED)
