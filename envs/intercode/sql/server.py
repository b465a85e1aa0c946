"""A MySQL-protocol server of one's own: started in a temporary folder, gone with the process that wanted it."""

import logging
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import weakref
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from slinvit.errors import EnvironmentFailure, InputError

logger = logging.getLogger(__name__)

HOST = "127.0.0.1"
START_SECONDS = 60.0
STOP_SECONDS = 15.0

MEMORY = Path("/dev/shm")
MEMORY_BYTES = 2**30
"""Free space that a folder in memory must have; the data of InterCode take 200 MB, Docker's usual size is 64 MB."""

FOLDERS = ("/usr/sbin", "/usr/local/sbin", "/usr/libexec", "/usr/local/bin", "/usr/local/mysql/bin", "/opt/mysql/bin")
"""Where servers are that are not in PATH."""

WATCH = """
"$@" & server=$!
read -r order
kill $server 2> /dev/null
wait $server
test "$order" = keep || rm -rf "$FOLDER"
"""
"""Standard input brings a line, or ends with the parent however that ends: then the server stops, its folder goes.

The folder stays with the line ``keep``: for the log, and for another start.
"""

SETTINGS = (
    f"--bind-address={HOST}",
    "--lower-case-table-names=1",
    "--character-set-server=utf8mb4",
    "--collation-server=utf8mb4_general_ci",
    "--skip-name-resolve",
    "--skip-log-bin",
    "--local-infile=0",
    # No DATA DIRECTORY: tables stay in the data folder.
    "--skip-symbolic-links",
    "--loose-mysqlx=OFF",
    "--performance-schema=OFF",
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-doublewrite=0",
    "--innodb-stats-auto-recalc=0",
    "--innodb-buffer-pool-size=64M",
    "--innodb-temp-data-file-path=ibtmp1:12M:autoextend:max:1G",
    "--max-connections=64",
    "--max-allowed-packet=16M",
    "--tmp-table-size=16M",
    "--max-heap-table-size=16M",
)
"""Nothing has to survive a crash; what one statement can take is bounded."""


class PrivateServer:
    """A server on a free loopback port, with an empty data folder in memory where the machine has room there.

    Works for any user; started by root, the server runs as ``mysql`` or ``nobody``. It stops on :meth:`close`, at the
    end of the ``with`` block, at interpreter exit, and when the process is killed.

    Args:
        binary: path of ``mariadbd`` or ``mysqld``; found by itself when ``None``.

    Attributes:
        host: always loopback.
        port: TCP port.
        user: an account with all rights.
        password: of that account; random.

    Raises:
        InputError: no server is installed.
        EnvironmentFailure: it does not start; with the end of its log.
    """

    def __init__(self, binary: Path | None = None) -> None:
        self.binary = binary or find_server()
        self.host = HOST
        self.user = "slinvit"
        self.password = secrets.token_hex(16)
        self._account = _account()
        self._folder = Path(tempfile.mkdtemp(prefix="slinvit-sql-", dir=_memory()))
        started = time.perf_counter()
        try:
            self._initialise()
            self.port, self._process = self._start()
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise
        self._stop = weakref.finalize(self, _stop, self._process, self._folder, os.getpid())
        logger.info("%s on %s:%d after %.1f s", self.binary.name, HOST, self.port, time.perf_counter() - started)

    def close(self) -> None:
        """Stop the server and remove its data; harmless when repeated."""
        self._stop()

    def __enter__(self) -> "PrivateServer":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def running(self) -> bool:
        """Whether the server is there."""
        return self._process.poll() is None

    def _initialise(self) -> None:
        """Make the system tables; the password is set before anybody can connect."""
        first = self._folder / "first.sql"
        first.touch(mode=0o600)
        first.write_text(
            f"CREATE USER IF NOT EXISTS '{self.user}'@'{HOST}' IDENTIFIED BY '{self.password}';\n"
            f"GRANT ALL PRIVILEGES ON *.* TO '{self.user}'@'{HOST}' WITH GRANT OPTION;\n"
            f"DROP USER IF EXISTS 'root'@'localhost', 'root'@'{HOST}', 'root'@'::1', 'root'@'{socket.gethostname()}';\n"
        )
        if self._account is not None:
            for path in (self._folder, first):
                os.chown(path, self._account.pw_uid, self._account.pw_gid)
        data = f"--datadir={self._folder / 'data'}"
        install = _install_script(self.binary)
        if install is None:
            command = [str(self.binary), "--no-defaults", "--initialize-insecure", "--lower-case-table-names=1", data]
        else:
            command = [install, "--no-defaults", data, "--auth-root-authentication-method=normal", "--skip-test-db"]
            command += ["--skip-name-resolve", "--innodb-log-file-size=8M", "--lower-case-table-names=1"]
        process = self._spawn(command)
        process.communicate()
        if process.returncode:
            raise EnvironmentFailure(f"{command[0]} ended with {process.returncode}: {self._log_end()}")

    def _start(self) -> tuple[int, "subprocess.Popen[bytes]"]:
        for _ in range(5):
            port = _free_port()
            process = self._launch(port)
            if self._wait(port, process):
                return port, process
            _end(process, b"keep\n")
            # Somebody else may have taken the port in between.
            if "Address already in use" not in self._log_end(4000):
                break
        raise EnvironmentFailure(f"{self.binary} does not start: {self._log_end()}")

    def _launch(self, port: int) -> "subprocess.Popen[bytes]":
        data, tmp = self._folder / "data", self._folder
        # What an attempt before has left says nothing about this one.
        self._number.unlink(missing_ok=True)
        self._log.write_text("")
        own = [f"--datadir={data}", f"--port={port}", f"--socket={tmp / 's'}", f"--pid-file={self._number}"]
        own += [f"--tmpdir={tmp}", f"--secure-file-priv={data / 'mysql'}", f"--init-file={tmp / 'first.sql'}"]
        return self._spawn(["/bin/sh", "-c", WATCH, "watch", str(self.binary), "--no-defaults", *own, *SETTINGS])

    def _spawn(self, command: list[str]) -> "subprocess.Popen[bytes]":
        account = self._account
        with self._log.open("ab") as log:
            return subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                cwd=self._folder,
                env={**os.environ, "FOLDER": str(self._folder)},
                # A session of its own: Ctrl-C reaches the parent, which stops the server in order.
                start_new_session=True,
                user=account and account.pw_uid,
                group=account and account.pw_gid,
                extra_groups=account and [],
            )

    @property
    def _number(self) -> Path:
        return self._folder / "pid"

    @property
    def _log(self) -> Path:
        return self._folder / "log"

    def _log_end(self, size: int = 400) -> str:
        return " | ".join(self._log.read_text(errors="replace")[-size:].strip().splitlines())

    def _wait(self, port: int, process: "subprocess.Popen[bytes]") -> bool:
        """Return whether the server answers in time; its watch ends when it cannot start."""
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end and process.poll() is None:
            if "Aborting" in self._log_end(4000):
                return False
            # Before it has written its number, whoever answers on that port may be somebody else.
            if not self._number.exists():
                time.sleep(0.02)
                continue
            with suppress(OSError), socket.create_connection((HOST, port), timeout=1.0) as there:
                if there.recv(1):
                    return True
            time.sleep(0.02)
        return False


def find_server() -> Path:
    """Return the server to start: MariaDB's or MySQL's, in PATH or where packages put it.

    Raises:
        InputError: there is none.
    """
    path = os.pathsep.join((os.environ.get("PATH", ""), *FOLDERS))
    for name in ("mariadbd", "mysqld"):
        if found := shutil.which(name, path=path):
            return Path(found)
    raise InputError(
        f"no mariadbd or mysqld in PATH or {', '.join(FOLDERS)}; install one (Debian: apt install mariadb-server), "
        "name a running server with --engine mysql:HOST,port=PORT, or use --engine sqlite"
    )


def _install_script(binary: Path) -> str | None:
    """Return MariaDB's program for a new data folder; ``None`` for MySQL, whose server makes its own."""
    version = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True).stdout
    if "MariaDB" not in version:
        return None
    path = os.pathsep.join((str(binary.parent), str(binary.parent.parent / "bin"), os.environ.get("PATH", "")))
    for name in ("mariadb-install-db", "mysql_install_db"):
        if found := shutil.which(name, path=path):
            return found
    raise InputError(f"{binary} is there but not mariadb-install-db; install the whole package of the server")


def _account() -> pwd.struct_passwd | None:
    """Return the account to run as: another one for root, one's own (``None``) for everybody else."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    return names.get("mysql") or names["nobody"]


def _memory() -> str | None:
    """Return a folder in memory with enough room; ``None`` (the usual temporary folder) where there is none."""
    usable = os.access(MEMORY, os.W_OK | os.X_OK) and shutil.disk_usage(MEMORY).free >= MEMORY_BYTES
    return str(MEMORY) if usable else None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _stop(process: "subprocess.Popen[bytes]", folder: Path, owner: int) -> None:
    """Stop the server and remove its folder; a forked copy of the owner leaves both alone."""
    if os.getpid() != owner:
        return
    _end(process, b"\n")
    shutil.rmtree(folder, ignore_errors=True)


def _end(process: "subprocess.Popen[bytes]", order: bytes) -> None:
    """Stop the server in order, or by force when it does not stop within :data:`STOP_SECONDS`."""
    try:
        with suppress(BrokenPipeError):
            process.communicate(order, timeout=STOP_SECONDS)
    except subprocess.TimeoutExpired:
        # The watch and the server are a session, and a group, of their own.
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


__all__ = ["PrivateServer", "find_server"]
