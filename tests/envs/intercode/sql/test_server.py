"""A private server: started by anybody, gone with its process."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pymysql
import pytest

from envs.intercode.sql.server import PrivateServer, find_server
from slinvit.errors import EnvironmentFailure, InputError

START_AND_WAIT = """
import sys, time
from envs.intercode.sql.server import PrivateServer
server = PrivateServer()
print(server.port, server._folder, flush=True)
time.sleep(600)
"""


@pytest.fixture(scope="module", autouse=True)
def binary() -> Path:
    try:
        return find_server()
    except InputError as error:
        if os.environ.get("CI"):
            pytest.fail(str(error))
        pytest.skip(str(error))


def answers(port: int) -> bool:
    try:
        pymysql.connect(host="127.0.0.1", port=port, user="nobody", password="", connect_timeout=2)
    except pymysql.err.OperationalError as error:
        return bool(error.args[0] == 1045)
    return True


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_server_starts_within_ten_seconds_and_leaves_nothing_behind() -> None:
    started = time.perf_counter()
    with PrivateServer() as server:
        assert time.perf_counter() - started < 10
        folder = server._folder
        assert server.running
        assert folder.stat().st_mode & 0o077 == 0
        assert answers(server.port)
    assert not server.running
    assert not folder.exists()
    assert not answers(server.port)


def test_only_the_random_password_opens_it() -> None:
    with PrivateServer() as server:
        connection = pymysql.connect(host=server.host, port=server.port, user=server.user, password=server.password)
        with connection.cursor() as cursor:
            cursor.execute("SELECT user, host FROM mysql.user")
            accounts = {(user, host) for user, host in cursor.fetchall()}
        connection.close()
        assert (server.user, "127.0.0.1") in accounts
        assert not any(user in ("", "root") for user, _ in accounts)
        for name in ("root", "", server.user, "mysql"):
            with pytest.raises(pymysql.err.OperationalError):
                pymysql.connect(host=server.host, port=server.port, user=name, password="")


def test_closing_twice_is_harmless_and_two_servers_live_side_by_side() -> None:
    with PrivateServer() as one, PrivateServer() as other:
        assert one.port != other.port
        one.close()
        one.close()
        assert answers(other.port)


def test_the_server_goes_when_its_process_is_killed() -> None:
    process = subprocess.Popen([sys.executable, "-c", START_AND_WAIT], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    port, folder = process.stdout.readline().split()
    assert answers(int(port))
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    end = time.monotonic() + 20
    while (answers(int(port)) or Path(folder).exists()) and time.monotonic() < end:
        time.sleep(0.1)
    assert not answers(int(port))
    assert not Path(folder).exists()


def test_what_does_not_start_is_an_error_with_its_log(tmp_path: Path) -> None:
    broken = tmp_path / "mysqld"
    broken.write_text('#!/bin/sh\necho "no reason" >&2\ntest "$1" = --version\n')
    broken.chmod(0o755)
    for folder in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        folder.chmod(0o755)
    with pytest.raises(EnvironmentFailure, match="no reason"):
        PrivateServer(broken)


def test_a_server_that_ends_at_its_start_is_an_error_with_its_log(tmp_path: Path, binary: Path) -> None:
    broken = tmp_path / binary.name
    broken.write_text(
        f'#!/bin/sh\ntest "$1" = --version && exec {binary} "$@"\necho "no reason. Aborting" >&2\nexit 1\n'
    )
    broken.chmod(0o755)
    for folder in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        folder.chmod(0o755)
    before = {*Path("/dev/shm").glob("slinvit-sql-*"), *Path(tempfile.gettempdir()).glob("slinvit-sql-*")}
    with pytest.raises(EnvironmentFailure, match="does not start: no reason"):
        PrivateServer(broken)
    after = {*Path("/dev/shm").glob("slinvit-sql-*"), *Path(tempfile.gettempdir()).glob("slinvit-sql-*")}
    assert after <= before


def test_a_port_that_somebody_takes_in_between_costs_another_try(monkeypatch: pytest.MonkeyPatch) -> None:
    ports: list[int] = []

    def taken_first() -> int:
        ports.append(other.port if not ports else free_port())
        return ports[-1]

    with PrivateServer() as other:
        monkeypatch.setattr("envs.intercode.sql.server._free_port", taken_first)
        with PrivateServer() as server:
            assert [other.port, server.port] == ports
            assert answers(server.port)


def test_a_server_that_hangs_is_ended_by_force(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("envs.intercode.sql.server.STOP_SECONDS", 0.5)
    server = PrivateServer()
    number, folder = int((server._folder / "pid").read_text()), server._folder
    os.kill(number, signal.SIGSTOP)
    server.close()
    assert not server.running
    assert not folder.exists()
    assert not answers(server.port)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to make /dev/shm small")
def test_a_small_dev_shm_is_left_alone() -> None:
    code = "from envs.intercode.sql.server import PrivateServer\nwith PrivateServer() as server: print(server._folder)"
    command = f"mount -t tmpfs -o size=64m tmpfs /dev/shm && exec {sys.executable} -c '{code}'"
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", command], capture_output=True, text=True, check=False, timeout=60
    )
    if "unshare failed" in done.stderr or "permission denied" in done.stderr:
        pytest.skip(done.stderr)
    assert done.stdout.startswith(tempfile.gettempdir()), done.stderr


def test_without_a_server_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("envs.intercode.sql.server.FOLDERS", ())
    with pytest.raises(InputError, match="mariadb-server"):
        find_server()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another user")
def test_an_ordinary_user_can_start_one() -> None:
    code = (
        "import encodings.idna, os\nfrom envs.intercode.sql.server import PrivateServer\n"
        "os.setgroups([])\nos.setgid(65534)\n"
        "os.setuid(65534)\nwith PrivateServer() as server: print(server.running, server._account)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "True None", done.stderr
