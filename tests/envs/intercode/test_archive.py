"""Unpacking the official repository: names from outside never decide where something is written."""

import bz2
import gzip
import io
import json
import lzma
import os
import random
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from envs.intercode.archive import BASH_TASKS, SQL_TASKS, complete, home, install
from slinvit.errors import InputError

Pack = Callable[[dict[str, bytes]], bytes]
TASKS = json.dumps([{"query": "q", "gold": "ls"}]).encode()


def as_zip(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def as_tar(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def written(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("pack", [as_zip, as_tar])
def test_nothing_is_written_outside_the_folder(tmp_path: Path, pack: Pack) -> None:
    folder = tmp_path / "deep" / "here"
    folder.mkdir(parents=True)
    bash = BASH_TASKS.format(1)
    hostile = {
        f"../{bash}": TASKS,
        f"/{SQL_TASKS}": b"[]",
        f"../../{bash}": b"x",
        f"x/../{bash}": b"x",
        "x/data/results/sql/../ic_a.json": b"x",
        "x/data/results/sql/.hidden/ic_a.json": b"x",
        "x/docker/bash_scripts/setup_nl2b_fs_1.sh/../../../a": b"x",
    }
    (tmp_path / "archive").write_bytes(pack(hostile))
    install(tmp_path / "archive", folder, check=False)
    outside = [path for path in tmp_path.rglob("*") if path.is_file() and folder not in path.parents]
    assert outside == [tmp_path / "archive"]
    assert set(written(folder)) <= {bash, SQL_TASKS}


def test_links_in_an_archive_are_passed_over(tmp_path: Path) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    with tarfile.open(tmp_path / "archive", "w") as archive:
        link = tarfile.TarInfo(SQL_TASKS)
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    with pytest.raises(InputError, match="holds no InterCode tasks"):
        install(tmp_path / "archive", folder, check=False)
    assert os.listdir(folder) == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"<html>sign in</html>", "cannot be read as an archive"),
        (as_zip({"README.md": b""}), "holds no InterCode tasks"),
        (as_zip({f"x/{BASH_TASKS.format(1)}": b"{"}), "nl2bash_fs_1.json is no JSON"),
        (as_zip({f"x/{BASH_TASKS.format(1)}": b"[{}]"}), "nl2bash_fs_1.json is no list of tasks with gold, query"),
        (as_zip({f"x/{BASH_TASKS.format(1)}": b"[" * 10**6}), "nl2bash_fs_1.json is no JSON"),
        (as_zip({f"x/{BASH_TASKS.format(1)}": b'[{"gold": 1, "query": "q"}]'}), "no list of tasks .*, each a text"),
        (as_zip({f"x/{SQL_TASKS}": b'[{"db": ["a"], "gold": "g", "query": "q"}]'}), "no list of tasks with db, gold,"),
        (as_zip({f"x/{BASH_TASKS.format(1)}": TASKS})[:-30], "cannot be read as an archive"),
    ],
)
def test_what_is_no_such_archive_is_named_and_nothing_is_installed(tmp_path: Path, content: bytes, said: str) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    (tmp_path / "archive.zip").write_bytes(content)
    with pytest.raises(InputError, match=said):
        install(tmp_path / "archive.zip", folder, check=False)
    assert os.listdir(folder) == []


@pytest.mark.parametrize("compress", [lzma.compress, gzip.compress, bz2.compress])
@pytest.mark.parametrize("cut", [False, True])
def test_a_compressed_archive_that_was_damaged_is_named(
    tmp_path: Path, compress: Callable[[bytes], bytes], cut: bool
) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    plain = gzip.decompress(as_tar({f"x/{SQL_TASKS}": random.Random(0).randbytes(200_000)}))
    packed = bytearray(compress(plain))
    middle = len(packed) // 2
    if cut:
        del packed[middle:]
    else:
        packed[middle : middle + 50] = bytes(255 - byte for byte in packed[middle : middle + 50])
    (tmp_path / "archive").write_bytes(packed)
    with pytest.raises(InputError, match="archive cannot be read as an archive"):
        install(tmp_path / "archive", folder, check=False)
    assert os.listdir(folder) == []


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "archive.zip").write_bytes(as_zip({f"x/{BASH_TASKS.format(1)}": TASKS}))
    with pytest.raises(InputError, match=r"lacks data/sql/spider/ic_spider_dev.json, .*docker.gitignore; --no-check"):
        install(tmp_path / "archive.zip", tmp_path)
    assert not complete(tmp_path)


def test_the_data_folder_of_the_user_is_the_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert home() == tmp_path / "slinvit" / "intercode"
    monkeypatch.delenv("XDG_DATA_HOME")
    assert home() == Path.home() / ".local" / "share" / "slinvit" / "intercode"
