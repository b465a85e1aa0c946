"""The Docker engines against a real HTTP server that speaks the calls of the Docker Engine API which they use.

A container of this daemon is a folder, which commands see at one place; they are run with this machine's tools.
"""

import base64
import gc
import io
import json
import os
import pickle
import re
import shutil
import stat
import struct
import subprocess
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import docker
import pymysql
import pytest

from envs.intercode.bash.domain import BashDomain
from envs.intercode.bash.status import RESET
from envs.intercode.docker import LABEL, bash_sandbox, check_image, connect, sql_server
from envs.intercode.docker_sandbox import DockerSandbox
from envs.intercode.docker_server import DockerServer, is_here
from envs.intercode.sql.server import PrivateServer
from envs.intercode.task import BASH, InterCodeTask
from slinvit import Budget, EnvironmentFailure, InputError
from slinvit.protocols import Grader

IMAGE = "intercode-nl2bash"
FILES = {"a.txt": "one\n", "b/c.txt": "two\n"}


@dataclass
class Daemon:
    """A Docker daemon: images by name, containers by id, and everything it was asked."""

    folder: Path
    """Where commands see the folder of their container."""
    own: Path
    """Where the folders of containers are."""
    images: set[str] = field(default_factory=lambda: {IMAGE, "mysql:8.0"})
    url: str = ""
    asked: list[tuple[str, str, Any]] = field(default_factory=list)
    containers: dict[str, dict[str, Any]] = field(default_factory=dict)
    commands: dict[str, dict[str, Any]] = field(default_factory=dict)
    processes: list["subprocess.Popen[bytes]"] = field(default_factory=list)
    status: str = "running"
    restart: str = "works"
    sql_port: int = 1
    made: int = 0
    on_create: Callable[[Any, Path], None] = lambda body, folder: None

    def bodies(self, ending: str) -> list[Any]:
        """Return what was sent to calls whose path ends like this."""
        return [body for _, path, body in self.asked if path.endswith(ending)]

    def create(self, body: Any) -> tuple[int, Any]:
        self.made += 1
        name = f"{self.made:064x}"
        folder = self.own / name
        for file, text in FILES.items():
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).write_text(text)
        (folder / "b").chmod(0o755)
        self.on_create(body, folder)
        self.containers[name] = {"up": False, "folder": folder}
        return 201, {"Id": name, "Warnings": []}

    def changes(self, folder: Path) -> list[dict[str, Any]]:
        now = {str(p.relative_to(folder)): p for p in folder.rglob("*") if ".git" not in p.parts}
        added = [name for name in now if name not in FILES and name != "b"]
        changed = [name for name in FILES if name in now and now[name].read_text() != FILES[name]]
        changed += ["b"] if "b" in now and stat.S_IMODE(now["b"].stat().st_mode) != 0o755 else []
        gone = [name for name in FILES if name not in now]
        kinds = [(changed, 0), (added, 1), (gone, 2)]
        return [{"Path": str(self.folder / name), "Kind": kind} for names, kind in kinds for name in names]

    def stop(self) -> None:
        for process in self.processes:
            process.kill()

    def answer(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        if path == "/version":
            return 200, {"ApiVersion": "1.44", "MinAPIVersion": "1.24", "Version": "0"}
        path = re.sub(r"^/v1\.\d+", "", path)
        if image := re.fullmatch(r"/images/(.*)/json", path):
            if " " in image[1] or image[1] == "broken":
                return (500, {"message": "disk"}) if image[1] == "broken" else (400, {"message": "invalid reference"})
            known = image[1] in self.images
            return (200, {"Id": "sha256:0", "RepoTags": [image[1]]}) if known else (404, {"message": "No such image"})
        if path == "/containers/create":
            return self.create(body)
        if command := re.fullmatch(r"/exec/(\w+)/json", path):
            return 200, {"ExitCode": self.commands[command[1]]["code"], "Running": False}
        found = re.fullmatch(r"/containers/(\w+)(/\w+)?", path)
        if found is None or found[1] not in self.containers:
            return 404, {"message": f"No such container: {path}"}
        return self.container(method, found[1], found[2] or "", body)

    def container(self, method: str, name: str, verb: str, body: Any) -> tuple[int, Any]:
        if method == "DELETE":
            del self.containers[name]
            return 204, None
        if verb == "/restart" and self.restart != "works":
            return 500, {"message": self.restart}
        if verb in ("/start", "/restart"):
            self.stop()
            self.containers[name]["up"] = True
            return 204, None
        if verb == "/changes":
            return 200, self.changes(self.containers[name]["folder"]) or None
        if verb == "/logs":
            return 200, b"\x01\0\0\0\0\0\0\x0cout of space"
        if verb == "/exec" and not self.containers[name]["up"]:
            return 409, {"message": "container is not running"}
        if verb == "/exec":
            self.commands[f"{len(self.commands):064x}"] = {**body, **self.containers[name], "code": None}
            return 201, {"Id": list(self.commands)[-1]}
        ports = {"3306/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(self.sql_port)}]}
        about = {
            "Id": name,
            "State": {"Status": self.status},
            "NetworkSettings": {"Ports": ports},
            "Config": {"Tty": False},
        }
        return 200, {**about, "HostConfig": {"LogConfig": {"Type": "json-file"}}}


class Handler(BaseHTTPRequestHandler):
    """HTTP in front of a daemon."""

    protocol_version = "HTTP/1.1"
    daemon: Daemon

    def handle_any(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body, path = json.loads(raw) if raw else None, unquote(urlsplit(self.path).path)
        self.daemon.asked.append((self.command, path, body))
        if started := re.search(r"/exec/(\w+)/start$", path):
            self.execute(self.daemon.commands[started[1]])
            return
        if archived := re.search(r"/containers/(\w+)/archive$", path):
            self.archive(self.daemon.containers[archived[1]]["folder"])
            return
        if path.endswith("/restart") and self.daemon.restart == "drops the line":
            self.close_connection = True
            return
        status, answer = self.daemon.answer(self.command, path, body)
        data = answer if isinstance(answer, bytes) else json.dumps(answer).encode() if status != 204 else b""
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        if status != 204:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_DELETE = do_HEAD = handle_any

    def archive(self, folder: Path) -> None:
        """Send what is known of a path, and, where asked, an archive of it."""
        (path,) = parse_qs(urlsplit(self.path).query)["path"]
        file = folder / Path(path).relative_to(self.daemon.folder)
        found = file.lstat()
        mode = stat.S_IMODE(found.st_mode) | (stat.S_ISDIR(found.st_mode) << 31)
        about = json.dumps({"name": file.name, "size": found.st_size, "mode": mode, "linkTarget": ""})
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            archive.add(file, arcname=file.name)
        self.send_response(200)
        self.send_header("X-Docker-Container-Path-Stat", base64.b64encode(about.encode()).decode())
        self.send_header("Content-Length", str(len(packed.getvalue())))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(packed.getvalue())

    def execute(self, command: dict[str, Any]) -> None:
        """Run a command and send its output in frames: stream, three zeros, length, bytes."""
        self.close_connection = True
        self.send_response(101)
        self.send_header("Connection", "Upgrade")
        self.send_header("Upgrade", "tcp")
        self.end_headers()
        place = str(self.daemon.folder)
        inside = ["bwrap", "--die-with-parent", "--dev-bind", "/", "/", "--bind", str(command["folder"]), place]
        inside += ["--setenv", "GIT_CEILING_DIRECTORIES", str(self.daemon.folder.parent)]  # no repository around it
        inside += ["--chdir", place + command["WorkingDir"].rstrip("/"), *command["Cmd"]]
        with subprocess.Popen(
            inside, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ) as process:
            self.daemon.processes.append(process)
            assert process.stdout is not None
            try:
                while piece := os.read(process.stdout.fileno(), 4096):
                    self.wfile.write(struct.pack(">BxxxL", 1, len(piece)) + piece)
            except OSError:
                process.kill()
        command["code"] = process.returncode if process.returncode >= 0 else 128 - process.returncode

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    """A daemon on a free loopback port."""
    if shutil.which("bwrap") is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("bubblewrap is not installed: apt install bubblewrap")
    found = Daemon(tmp_path / "container", tmp_path / "containers")
    found.folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"daemon": found}))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    found.url = f"tcp://127.0.0.1:{server.server_port}"
    yield found
    found.stop()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def box(daemon: Daemon) -> Iterator[DockerSandbox]:
    sandbox = bash_sandbox(IMAGE, client=connect(daemon.url))
    yield sandbox
    sandbox.close()
    assert daemon.containers == {}


def shell(box: DockerSandbox, script: str, cwd: str = "/", seconds: float = 20.0) -> Any:
    return box.run(["sh", "-c", script], cwd=cwd, seconds=seconds)


def test_a_command_gives_output_errors_and_exit_code(daemon: Daemon, box: DockerSandbox) -> None:
    found = shell(box, "cat c.txt; echo wrong >&2; exit 3", cwd="/b")
    assert (found.data, found.code, found.timed_out, found.flooded) == (b"two\nwrong\n", 3, False, False)
    (sent,) = [body for body in daemon.bodies("/exec") if body["WorkingDir"] == "/b"]
    assert sent["Cmd"] == ["sh", "-c", "cat c.txt; echo wrong >&2; exit 3"]
    assert (sent["AttachStdout"], sent["AttachStderr"], sent["Tty"]) == (True, True, False)


def test_a_container_is_labelled_and_limited(daemon: Daemon, box: DockerSandbox) -> None:
    shell(box, "true")
    (sent,) = daemon.bodies("/containers/create")
    assert sent["Image"] == IMAGE
    assert sent["Tty"]
    assert sent["Labels"] == {LABEL: ""}
    limits = sent["HostConfig"]
    assert (limits["Memory"], limits["MemorySwap"]) == (1 << 30, 1 << 30)
    assert (limits["PidsLimit"], limits["NetworkMode"]) == (256, "none")
    assert limits["CapDrop"] == ["ALL"]
    assert not {"MKNOD", "NET_RAW", "SYS_CHROOT", "SETPCAP", "SYS_ADMIN"} & set(limits["CapAdd"])
    assert limits["SecurityOpt"] == ["no-new-privileges"]
    assert {"Name": "fsize", "Soft": 256 << 20, "Hard": 256 << 20} in limits["Ulimits"]


def test_a_container_begins_as_the_original_does_with_a_reset_that_is_no_part_of_what_led_to_a_state(
    daemon: Daemon, box: DockerSandbox
) -> None:
    start = box.snapshot()
    assert [body["Cmd"] for body in daemon.bodies("/exec")] == [list(RESET)]
    shell(box, "echo x > n")
    assert [run.argv[-1] for run in box.snapshot().runs] == ["echo x > n"]
    box.restore(start)
    assert [body["Cmd"] for body in daemon.bodies("/exec")].count(list(RESET)) == 2


def test_no_program_of_the_container_is_asked_what_its_files_are(daemon: Daemon, box: DockerSandbox) -> None:
    shell(box, "echo x > n; mkdir -p d/e; echo y > d/e/f; ln -s n link; rm a.txt; chmod 700 b")
    asked = len(daemon.bodies("/exec"))
    one = box.snapshot()
    assert len(daemon.bodies("/exec")) == asked
    for script in ("echo z > d/e/f", "ln -sfn b link", "chmod 600 d/e/f", "chmod 750 b", "mkdir d/e/g"):
        box.restore(one)
        shell(box, script)
        assert box.snapshot() != one, script


def test_a_container_with_too_many_new_bytes_is_given_up(daemon: Daemon) -> None:
    box = DockerSandbox(connect(daemon.url), IMAGE, most=50_000)
    start = box.snapshot()
    shell(box, "mkdir d; head -c 60000 /dev/zero > d/n")
    with pytest.raises(EnvironmentFailure, match=r"left more than 50000 bytes of new files in a container, at .*/d"):
        box.snapshot()
    assert daemon.containers == {}
    assert box.snapshot() == start
    box.close()


def test_going_back_starts_a_new_container_and_runs_again_what_changed_files(
    daemon: Daemon, box: DockerSandbox
) -> None:
    start = box.snapshot()
    shell(box, "echo three > d.txt")
    one = box.snapshot()
    shell(box, "cat d.txt")
    assert box.snapshot() == one
    shell(box, "rm a.txt; echo four >> d.txt")
    two = box.snapshot()
    assert len({start.key, one.key, two.key}) == 3
    assert [run.argv[2] for run in two.runs] == ["echo three > d.txt", "rm a.txt; echo four >> d.txt"]
    box.restore(pickle.loads(pickle.dumps(one)))
    assert shell(box, "cat a.txt d.txt").data == b"one\nthree\n"
    assert len(daemon.containers) == 1
    assert len(daemon.bodies("/containers/create")) == 2
    box.restore(two)
    assert len(daemon.bodies("/containers/create")) == 2  # goes on from where it is
    assert shell(box, "cat d.txt; test -e a.txt").data == b"three\nfour\n"
    box.restore(None)
    assert box.snapshot() == start


def test_equal_files_have_equal_keys_whatever_led_to_them(box: DockerSandbox) -> None:
    keys = []
    for script in ("echo x > n", "echo y > n; echo x > n", "echo z > n", "echo x > n; chmod 600 n"):
        box.restore(None)
        shell(box, f"umask 022; {script}")
        keys.append(box.snapshot().key)
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3


def test_commands_that_depend_on_chance_cannot_be_gone_back_over(box: DockerSandbox) -> None:
    shell(box, "od -An -N8 -tx8 /dev/urandom > n")
    layer = box.snapshot()
    box.restore(None)
    with pytest.raises(EnvironmentFailure, match="gave other files: they depend on time or chance"):
        box.restore(layer)
    assert shell(box, "cat a.txt").data == b"one\n"


def test_the_world_of_a_shell_runs_grades_and_goes_back_in_containers(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    def commit(body: Any, folder: Path) -> None:
        for words in ("init -q", "add -A", "-c user.name=a -c user.email=a@b commit -q -m first"):
            subprocess.run(["git", *words.split()], cwd=folder, check=True)

    daemon.on_create = commit
    monkeypatch.setenv("DOCKER_HOST", daemon.url)
    task = InterCodeTask("bash-1-0001", BASH, "Sort a.txt into b.txt", "sort a.txt > b.txt", "fs_1", source="image")
    domain = BashDomain("docker")
    env, simulator = domain.environment(task), domain.simulator(task)
    try:
        start = env.reset()
        wrong, right = simulator.step([start, start], ["cat a.txt", "sort a.txt > b.txt"], budget=Budget())
        assert (wrong.state.observation, right.state.observation) == ("one\n", "")
        assert wrong.state.key != right.state.key
        assert env.step("sort a.txt > b.txt").state.key == right.state.key
        last = env.step("submit")
        assert (last.reward, last.state.solved) == (1.0, True)
        assert isinstance(simulator, Grader)
        low, high = simulator.grade([wrong.state, right.state], budget=Budget())
        assert low < high == 1.0
    finally:
        env.close()
        domain.close()
        simulator.close()  # type: ignore[attr-defined]
    assert domain.provenance()["snapshots"] == "replay"
    assert daemon.containers == {}


def test_a_command_that_takes_too_long_is_ended_and_the_files_stay(daemon: Daemon, box: DockerSandbox) -> None:
    found = shell(box, "echo kept > n; exec sleep 60", seconds=0.3)
    assert (found.timed_out, found.code) == (True, None)
    assert found.seconds < 20
    assert len(daemon.bodies("/restart")) == 1
    assert shell(box, "cat n").data == b"kept\n"


@pytest.mark.parametrize("way", ["drops the line", "out of order"])
def test_a_command_that_the_daemon_does_not_end_is_not_waited_for(daemon: Daemon, box: DockerSandbox, way: str) -> None:
    shell(box, "true")
    daemon.restart = way
    started = time.monotonic()
    with pytest.raises(EnvironmentFailure, match=r"Docker failed while running 'sleep 60'"):
        box.run(["sleep", "60"], seconds=0.3)
    assert time.monotonic() - started < 20


def test_a_command_that_writes_without_end_is_ended(daemon: Daemon, box: DockerSandbox) -> None:
    found = box.run(["yes"], seconds=60)
    assert (found.flooded, found.timed_out, found.code, len(found.data)) == (True, False, None, 1 << 20)
    assert len(daemon.bodies("/restart")) == 1


def test_a_container_that_a_command_stopped_is_started_again(daemon: Daemon, box: DockerSandbox) -> None:
    shell(box, "true")
    next(iter(daemon.containers.values()))["up"] = False
    assert shell(box, "echo here").data == b"here\n"


def test_a_sandbox_that_is_forgotten_removes_its_container(daemon: Daemon) -> None:
    box = bash_sandbox(IMAGE, client=connect(daemon.url))
    shell(box, "true")
    client = box._client
    assert len(daemon.containers) == 1
    del box
    gc.collect()
    assert daemon.containers == {}
    client.close()


def test_a_daemon_that_goes_away_is_a_failure_of_the_environment(daemon: Daemon) -> None:
    box = bash_sandbox(IMAGE, client=connect(daemon.url))
    shell(box, "true")
    daemon.containers.clear()
    with pytest.raises(EnvironmentFailure, match=r"Docker failed while running .* in image 'intercode-nl2bash'"):
        shell(box, "true")
    box.close()
    box.close()


def test_without_a_daemon_the_message_says_what_to_do() -> None:
    with pytest.raises(InputError, match=r"no Docker daemon answers .*DOCKER_HOST"):
        connect("tcp://127.0.0.1:9")


def test_an_image_that_is_not_there_is_not_downloaded_but_explained(daemon: Daemon) -> None:
    daemon.images.clear()
    with pytest.raises(InputError, match=r"'intercode-nl2bash' is not there; .*docker build -t intercode-nl2bash -f"):
        bash_sandbox(IMAGE, client=connect(daemon.url))
    with pytest.raises(InputError, match=r"docker pull mysql:8\.0"):
        sql_server(client=connect(daemon.url))
    assert daemon.bodies("/containers/create") == []


@pytest.mark.parametrize(
    ("image", "kind", "said"),
    [
        ("Not a name", InputError, "takes 'Not a name' for no name of an image: .*invalid reference"),
        ("", InputError, "takes '' for no name of an image"),
        ("broken", EnvironmentFailure, "Docker failed while looking for it in image 'broken': .*disk"),
    ],
)
def test_what_the_daemon_says_of_an_image_is_told_in_one_line(
    daemon: Daemon, image: str, kind: type[Exception], said: str
) -> None:
    client = connect(daemon.url)
    with pytest.raises(kind, match=said) as error:
        check_image(client, image)
    assert "\n" not in str(error.value)
    client.close()


def test_a_server_that_cannot_be_started_is_a_failure_of_the_environment(daemon: Daemon) -> None:
    def refuse(body: Any, folder: Path) -> None:
        raise ConnectionError

    daemon.on_create = refuse
    with pytest.raises(EnvironmentFailure, match=r"Docker failed while starting a server in image 'mysql:8\.0'"):
        sql_server(client=connect(daemon.url))


def test_a_server_in_a_container_answers_on_loopback_and_ends_with_the_block(daemon: Daemon) -> None:
    try:
        mariadb = PrivateServer()
    except InputError as error:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(str(error))
    with mariadb:

        def admit(body: Any, folder: Path) -> None:
            given = dict(each.split("=", 1) for each in body["Env"])
            account: dict[str, Any] = {"port": mariadb.port, "user": mariadb.user, "password": mariadb.password}
            with pymysql.connect(host=mariadb.host, **account) as connection, connection.cursor() as cursor:
                cursor.execute("CREATE USER 'root'@'127.0.0.1' IDENTIFIED BY %s", (given["MYSQL_ROOT_PASSWORD"],))

        daemon.sql_port, daemon.on_create = mariadb.port, admit
        with sql_server(client=connect(daemon.url)) as server:
            with (
                pymysql.connect(host=server.host, port=server.port, user=server.user, password=server.password) as link,
                link.cursor() as cursor,
            ):
                cursor.execute("SELECT 6 * 7")
                assert cursor.fetchall() == ((42,),)
            (sent,) = daemon.bodies("/containers/create")
            assert sent["Cmd"] == ["--lower_case_table_names=1"]
            assert sent["HostConfig"]["PortBindings"] == {"3306/tcp": [{"HostIp": "127.0.0.1", "HostPort": "0"}]}
            assert len(daemon.containers) == 1
    assert daemon.containers == {}


def test_a_server_that_ends_at_once_is_reported_with_its_log_and_removed(daemon: Daemon) -> None:
    daemon.status = "exited"
    with pytest.raises(EnvironmentFailure, match=r"'mysql:8\.0' does not come up \(exited\): .*out of space"):
        sql_server(client=connect(daemon.url))
    assert daemon.containers == {}


def test_a_server_on_another_machine_is_refused() -> None:
    with pytest.raises(InputError, match="on another machine; start MySQL there: engine=mysql:HOST"):
        DockerServer(docker.DockerClient(base_url="tcp://192.0.2.1:2375", version="1.44"), "mysql:8.0")


def test_a_daemon_over_ssh_is_on_another_machine_and_one_behind_a_socket_here() -> None:
    client = docker.DockerClient(base_url="tcp://127.0.0.1:1", version="1.44")
    client.api.base_url = "http+docker://ssh"  # as docker.APIClient names it, once it is connected
    with pytest.raises(InputError, match=r"http\+docker://ssh is on another machine"):
        DockerServer(client, "mysql:8.0")
    client.close()
    for here in (docker.APIClient(base_url="unix:///nowhere/docker.sock", version="1.44").base_url, "http://[::1]:1"):
        assert is_here(here)
