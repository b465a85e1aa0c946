"""`slinvit data get`, against a server on this machine."""

import hashlib
import io
import json
import os
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from agent.download import DownloadError, fetch
from envs.alfworld.archive import KNOWN_PROBLEMS, install
from envs.alfworld.game import Game
from envs.alfworld.generate import generate
from envs.intercode import archive as intercode
from slinvit.errors import InputError

GAMES = [generate(seed, "look_at_obj_in_light", "livingroom") for seed in range(3)]
Slinvit = Callable[..., Any]


@dataclass
class Server:
    """What is served, how, and what was asked.

    Attributes:
        content: by path.
        cut: bytes after which a connection is cut; 0 for never.
        tag: version of everything.
        ranges: the Range header of each request.
    """

    content: dict[str, bytes] = field(default_factory=dict)
    cut: int = 0
    tag: str = '"one"'
    ranges: list[str] = field(default_factory=list)
    address: str = ""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body, wish = state.content.get(self.path), self.headers.get("Range", "")
            state.ranges.append(wish)
            if body is None:
                self.send_error(404)
                return
            continued = bool(wish) and self.headers.get("If-Range") == state.tag
            first = int(wish.removeprefix("bytes=").rstrip("-")) if continued else 0
            if continued and first >= len(body):
                self.send_error(416)
                return
            self.send_response(206 if continued else 200)
            if continued:
                self.send_header("Content-Range", f"bytes {first}-{len(body) - 1}/{len(body)}")
            self.send_header("Content-Length", str(len(body) - first))
            if state.tag:
                self.send_header("ETag", state.tag)
            self.end_headers()
            self.wfile.write(body[first : first + state.cut] if state.cut else body[first:])

        def log_message(self, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        state.address = f"http://127.0.0.1:{running.server_address[1]}"
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield state
        running.shutdown()
        thread.join()


def as_zip(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def as_tar(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:xz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def file_of(game: Game) -> bytes:
    content = {"pddl_domain": game.domain, "grammar": game.grammar, "pddl_problem": game.problem}
    return json.dumps({**content, "solvable": True, "walkthrough": game.walkthrough}).encode()


def archive_of(games: list[Game], split: str = "valid_seen") -> dict[str, bytes]:
    return {f"json_2.1.1/{split}/{game.id}/game.tw-pddl": file_of(game) for game in games}


CONTENT = bytes(range(256)) * 500


def test_a_file_is_fetched_whole_and_progress_is_told(server: Server, tmp_path: Path) -> None:
    server.content["/x.zip"] = CONTENT
    heard: list[tuple[int, int | None]] = []
    file = fetch(f"{server.address}/x.zip", tmp_path / "x.zip", progress=lambda *now: heard.append(now))
    assert file.read_bytes() == CONTENT
    assert heard[0] == (0, len(CONTENT))
    assert heard[-1] == (len(CONTENT), len(CONTENT))
    assert os.listdir(tmp_path) == ["x.zip"]


def test_a_cut_connection_keeps_what_came_and_the_next_call_continues(server: Server, tmp_path: Path) -> None:
    server.content["/x.zip"], server.cut = CONTENT, 50_000
    with pytest.raises(DownloadError, match="bytes are kept, the same command continues"):
        fetch(f"{server.address}/x.zip", tmp_path / "x.zip")
    assert not (tmp_path / "x.zip").exists()
    here = (tmp_path / "x.zip.part").stat().st_size
    server.cut = 0
    file = fetch(f"{server.address}/x.zip", tmp_path / "x.zip", sha256=hashlib.sha256(CONTENT).hexdigest())
    assert file.read_bytes() == CONTENT
    assert server.ranges == ["", f"bytes={here}-"]
    assert os.listdir(tmp_path) == ["x.zip"]


@pytest.mark.parametrize("change", ["another version", "no version", "another address", "no note", "damaged note"])
def test_a_part_that_may_be_of_another_file_is_not_continued(server: Server, tmp_path: Path, change: str) -> None:
    server.content |= {"/x.zip": CONTENT, "/y.zip": CONTENT[::-1]}
    server.tag = "" if change == "no version" else '"one"'
    server.cut = 50_000
    with pytest.raises(DownloadError):
        fetch(f"{server.address}/x.zip", tmp_path / "x.zip")
    server.cut = 0
    note = tmp_path / "x.zip.part.json"
    if change == "another version":
        server.content["/x.zip"], server.tag = CONTENT[::-1], '"two"'
    elif change == "no note":
        note.unlink()
    elif change == "damaged note":
        note.write_text("{")
    name = "y.zip" if change == "another address" else "x.zip"
    file = fetch(f"{server.address}/{name}", tmp_path / "x.zip")
    assert file.read_bytes() == server.content[f"/{name}"]


def test_another_checksum_removes_the_file(server: Server, tmp_path: Path) -> None:
    server.content["/x.zip"] = CONTENT
    found = hashlib.sha256(CONTENT).hexdigest()
    with pytest.raises(DownloadError, match=f"has the SHA-256 {found}, not {'0' * 64}; the file was removed"):
        fetch(f"{server.address}/x.zip", tmp_path / "x.zip", sha256="0" * 64)
    assert os.listdir(tmp_path) == []


def test_a_part_longer_than_the_file_is_removed(server: Server, tmp_path: Path) -> None:
    server.content["/x.zip"] = CONTENT
    (tmp_path / "x.zip.part").write_bytes(CONTENT)
    note = {"url": f"{server.address}/x.zip", "version": server.tag}
    (tmp_path / "x.zip.part.json").write_text(json.dumps(note))
    with pytest.raises(DownloadError, match="that was removed"):
        fetch(f"{server.address}/x.zip", tmp_path / "x.zip")
    assert fetch(f"{server.address}/x.zip", tmp_path / "x.zip").read_bytes() == CONTENT


def test_a_refusal_names_address_and_answer(server: Server, slinvit: Slinvit) -> None:
    outcome = slinvit("data", "get", "alfworld", "--url", f"{server.address}/gone.zip", "--to", "here")
    assert outcome.code == 1
    assert outcome.err == f"error: {server.address}/gone.zip answered 404 Not Found; --url takes another address\n"


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("http://127.0.0.1:9/x.zip", "could not be fetched (ConnectError"),
        ("ftp://127.0.0.1/x.zip", "could not be fetched (UnsupportedProtocol"),
        ("nonsense/x.zip", "could not be fetched (UnsupportedProtocol"),
        ("http://127.0.0.1:x/x.zip", "could not be fetched (InvalidURL"),
    ],
)
def test_an_address_that_does_not_answer_is_one_line(slinvit: Slinvit, address: str, expected: str) -> None:
    outcome = slinvit("data", "get", "alfworld", "--url", address, "--to", "here")
    assert outcome.code == 1
    assert expected in outcome.err
    assert outcome.err.count("\n") == 1


@pytest.mark.parametrize("pack", [as_zip, as_tar])
def test_games_are_unpacked_in_the_official_layout_and_can_be_run(
    server: Server, slinvit: Slinvit, tmp_path: Path, pack: Callable[[dict[str, bytes]], bytes]
) -> None:
    other = {"README.md": b"hello", "json_2.1.1/valid_seen/notes.txt": b"hello"}
    server.content["/games.zip"] = pack({**archive_of(GAMES), **other})
    address = f"{server.address}/games.zip?raw=1"
    server.content["/games.zip?raw=1"] = server.content["/games.zip"]
    outcome = slinvit("data", "get", "alfworld", "--url", address, "--to", "here", "--no-check")
    assert (outcome.code, outcome.err) == (0, "valid_seen: 3 games, not compared\n")
    assert f"export ALFWORLD_DATA={tmp_path / 'here'}" in outcome.out
    found = sorted(
        str(path.relative_to(tmp_path / "here")) for path in (tmp_path / "here").rglob("*") if path.is_file()
    )
    assert found == sorted(archive_of(GAMES))


def test_the_folder_where_games_are_looked_for_needs_no_variable(
    server: Server, slinvit: Slinvit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALFWORLD_DATA", str(tmp_path / "mine"))
    server.content["/games.zip"] = as_zip(archive_of(GAMES))
    outcome = slinvit("data", "get", "alfworld", "--url", f"{server.address}/games.zip", "--no-check")
    assert f"the games are in {tmp_path / 'mine'}, where they are looked for" in outcome.out


def test_an_incomplete_split_is_refused_and_nothing_is_installed(
    server: Server, slinvit: Slinvit, tmp_path: Path
) -> None:
    server.content["/games.zip"] = as_zip(archive_of(GAMES))
    outcome = slinvit("data", "get", "alfworld", "--url", f"{server.address}/games.zip", "--to", "here")
    assert outcome.code == 2
    assert "valid_seen has 3 games, the official one 140; --no-check takes it anyway" in outcome.err
    assert os.listdir(tmp_path / "here") == []


@pytest.mark.parametrize("content", [b"<html>sign in</html>", as_zip({"a": b""}), as_zip(archive_of(GAMES))[:-500]])
def test_an_archive_without_games_is_refused(server: Server, slinvit: Slinvit, tmp_path: Path, content: bytes) -> None:
    server.content["/games.zip"] = content
    outcome = slinvit("data", "get", "alfworld", "--url", f"{server.address}/games.zip", "--to", "here")
    assert outcome.code == 2
    assert outcome.err.count("\n") == 1
    assert os.listdir(tmp_path / "here") == []


@pytest.mark.parametrize("pack", [as_zip, as_tar])
@pytest.mark.parametrize("name", ["../valid_seen/a/b/game.tw-pddl", "/valid_seen/a/b/game.tw-pddl"])
def test_nothing_is_written_outside_the_folder(
    tmp_path: Path, name: str, pack: Callable[[dict[str, bytes]], bytes]
) -> None:
    folder = tmp_path / "deep" / "here"
    folder.mkdir(parents=True)
    archive = tmp_path / "games"
    hostile = {name: file_of(GAMES[0]), "valid_seen/../../game.tw-pddl": b"x", "valid_seen/../x/game.tw-pddl": b"x"}
    archive.write_bytes(pack(hostile))
    install(archive, folder, check=False)
    written = [path for path in tmp_path.rglob("*") if path.is_file() and path != archive]
    assert written == [folder / "json_2.1.1" / "valid_seen" / "a" / "b" / "game.tw-pddl"]


def test_a_damaged_game_is_named(tmp_path: Path) -> None:
    archive = tmp_path / "games.zip"
    archive.write_bytes(as_zip({"valid_seen/pick-a/trial_1/game.tw-pddl": b"{}"}))
    with pytest.raises(InputError, match="pick-a/trial_1"):
        install(archive, tmp_path, check=False)
    assert os.listdir(tmp_path) == ["games.zip"]


def test_the_official_games_pass_the_check_and_changed_ones_do_not(tmp_path: Path) -> None:
    games = Path(os.environ.get("SLINVIT_DATA", "")) / "alfworld" / "valid_seen.tar.xz"
    if not os.environ.get("SLINVIT_DATA") or not games.exists():
        assert not os.environ.get("CI"), "SLINVIT_DATA does not point at the data"
        pytest.skip("SLINVIT_DATA does not name a folder with alfworld/ in it")
    assert install(games, tmp_path) == ["valid_seen: 140 games, the official ones"]
    with tarfile.open(games) as content:
        files = {
            member.name: file.read()
            for member in content
            if member.name.endswith(".tw-pddl") and (file := content.extractfile(member))
        }
    first = next(iter(files))
    files[first] = files[first].replace(b"(atLocation agent1 ", b"(atLocation  agent1 ")
    changed = tmp_path / "changed.zip"
    changed.write_bytes(as_zip(files))
    with pytest.raises(InputError, match="valid_seen has other problems than the official one"):
        install(changed, tmp_path)
    assert set(KNOWN_PROBLEMS) == {"valid_seen", "valid_train", "train"}


def test_data_that_are_there_are_not_fetched_again(
    server: Server, slinvit: Slinvit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("envs.alfworld.archive.COUNTS", {"valid_seen": 3})
    server.content["/games.zip"] = as_zip(archive_of(GAMES))
    address = f"{server.address}/games.zip"
    assert slinvit("data", "get", "alfworld", "--url", address, "--to", "here", "--no-check").code == 0
    outcome = slinvit("data", "get", "alfworld", "--url", address, "--to", "here")
    assert outcome.code == 0
    assert "everything is there; --again fetches it anew" in outcome.err
    assert len(server.ranges) == 1
    assert slinvit("data", "get", "alfworld", "--url", address, "--to", "here", "--no-check", "--again").code == 0
    assert len(server.ranges) == 2


def test_an_unknown_data_set_is_named_with_those_there_are(slinvit: Slinvit) -> None:
    outcome = slinvit("data", "get", "alfworl")
    assert outcome.code == 2
    assert "unknown data set 'alfworl'; did you mean 'alfworld'?" in outcome.err


def test_a_folder_that_cannot_be_written_is_named(slinvit: Slinvit, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    outcome = slinvit("data", "get", "alfworld", "--url", "http://127.0.0.1:9/x.zip", "--to", "file/below")
    assert outcome.code == 2
    assert "cannot write to" in outcome.err


def test_an_address_without_a_file_name_is_refused(slinvit: Slinvit) -> None:
    outcome = slinvit("data", "get", "alfworld", "--url", "http://127.0.0.1:9/")
    assert outcome.code == 2
    assert "--url must end in the name of an archive" in outcome.err


def test_data_alone_shows_its_commands(slinvit: Slinvit) -> None:
    outcome = slinvit("data")
    assert outcome.code == 0
    assert "get" in outcome.out


def intercode_repository(tasks: int = 1034) -> dict[str, bytes]:
    """Return the files of the official layout, with made-up tasks in the official numbers."""
    sql = [{"db": f"db_{number % 20}", "query": f"q{number}", "gold": "SELECT 1"} for number in range(tasks)]
    dump = b"".join(b"CREATE DATABASE IF NOT EXISTS `db_%d`;\nUSE `db_%d`;\n" % (n, n) for n in range(20))
    content = {intercode.SQL_TASKS: json.dumps(sql).encode(), intercode.SQL_DUMP: dump, intercode.GITIGNORE: b"bin\n"}
    for number, count in intercode.BASH.items():
        bash = [{"query": f"q{at}", "gold": "ls"} for at in range(count)]
        content[intercode.BASH_TASKS.format(number)] = json.dumps(bash).encode()
        content[intercode.SETUP.format(number)] = b"mkdir /testbed\n"
    return {**content, "LICENSE.md": b"MIT", "data/results/sql/gpt-3.5/ic_sql_react_10_turns.json": b"{}"}


def below(folder: str, files: dict[str, bytes]) -> dict[str, bytes]:
    return {f"{folder}/{name}": content for name, content in files.items()}


@pytest.mark.parametrize("pack", [as_zip, as_tar])
def test_intercode_is_fetched_counted_and_unpacked_in_the_layout_of_its_repository(
    server: Server,
    slinvit: Slinvit,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    pack: Callable[[dict[str, bytes]], bytes],
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    files = intercode_repository()
    other = {"README.md": b"hello", "intercode/envs/sql_env.py": b"", "data/results/sql/gpt-3.5/notes.txt": b""}
    server.content["/c3e46d8.zip"] = pack(below("intercode-c3e46d8", {**files, **other}))
    outcome = slinvit("data", "get", "intercode", "--url", f"{server.address}/c3e46d8.zip")
    assert outcome.code == 0, outcome.err
    home = tmp_path / "share" / "slinvit" / "intercode"
    assert f"the tasks are in {home}, where they are looked for" in outcome.out
    assert "SQL tasks: 1034\n" in outcome.err
    assert "Bash tasks of file system 4: 27\n" in outcome.err
    assert sorted(str(path.relative_to(home)) for path in home.rglob("*") if path.is_file()) == sorted(files)
    again = slinvit("data", "get", "intercode", "--url", f"{server.address}/c3e46d8.zip")
    assert "everything is there" in again.err
    assert len(server.ranges) == 1


def test_intercode_with_another_number_of_tasks_is_refused(server: Server, slinvit: Slinvit, tmp_path: Path) -> None:
    server.content["/x.zip"] = as_zip(below("x", intercode_repository(tasks=1033)))
    arguments = ("data", "get", "intercode", "--url", f"{server.address}/x.zip", "--to", "here")
    outcome = slinvit(*arguments)
    assert outcome.code == 2
    assert outcome.err == "error: SQL tasks: 1033, the official number is 1034; --no-check takes it anyway\n"
    assert os.listdir(tmp_path / "here") == []
    assert slinvit(*arguments, "--no-check").code == 0
