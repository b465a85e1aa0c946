"""A container as a sandbox: snapshots are journals, and going back means a new container and running again."""

import os
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from threading import Timer
from typing import TYPE_CHECKING, Any

from docker.errors import APIError, DockerException
from docker.types import Ulimit
from requests.exceptions import RequestException

from envs.intercode.bash.sandbox import Output
from envs.intercode.bash.status import RESET
from envs.intercode.docker import LABEL, speaking
from envs.intercode.docker_content import MOST, digest
from slinvit.errors import EnvironmentFailure

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

SECONDS = 10.0
"""Wall time of a command where nothing is said, as in the original."""

BYTES = 1 << 20
"""Most output of a command; one that writes more is ended."""

CAPABILITIES = ("CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID")
"""What the superuser needs to do with files, users and its own processes; all others are dropped."""

LIMITS: dict[str, Any] = {
    "mem_limit": "1g",
    "memswap_limit": "1g",
    "pids_limit": 256,
    "network_mode": "none",
    "cap_drop": ["ALL"],
    "cap_add": list(CAPABILITIES),
    "security_opt": ["no-new-privileges"],
    "ulimits": [Ulimit(name="fsize", soft=MOST, hard=MOST), Ulimit(name="core", soft=0, hard=0)],
}
"""Of a container, as ``docker run`` knows them; not every daemon can limit the disk, so new files are counted too."""


@dataclass(frozen=True)
class Run:
    """One command that was run."""

    argv: tuple[str, ...]
    cwd: str
    seconds: float


@dataclass(frozen=True)
class Journal:
    """A file system as what led to it.

    Attributes:
        key: equal for equal contents: changed paths with their kinds, modes and bytes.
        runs: what to run in a new container; commands that changed nothing are left out.
    """

    key: str
    runs: tuple[Run, ...] = field(default=(), compare=False)


class DockerSandbox:
    """One side of an episode, the agent's or the reference's, in a container of its own.

    Memory, processes, sizes of files, rights and network are limited; a command that runs or writes for too long is
    ended by restarting the container, which keeps its files. A container in which commands left too many bytes is
    given up with an ``EnvironmentFailure``: what one command can write in its time is limited by the daemon's disk
    alone. Commands that depend on time or chance cannot be gone back over.

    Args:
        client: of the daemon; closed with the sandbox.
        image: to start from.
        most: bytes that commands may leave in new files.
    """

    snapshots = "replay"

    def __init__(self, client: "DockerClient", image: str, *, most: int = MOST) -> None:
        self._client = client
        self._image = image
        self._most = most
        self._container: Container | None = None
        self._remove: weakref.finalize[[Container, int], DockerSandbox] | None = None
        self._start: Journal | None = None
        self._saved = Journal("")
        self._since: list[Run] = []

    def run(self, argv: Sequence[str], *, cwd: str = "/", seconds: float | None = None) -> Output:
        """Run one process to its end; output and errors come together.

        Raises:
            EnvironmentFailure: the daemon failed.
        """
        run = Run(tuple(argv), cwd, SECONDS if seconds is None else seconds)
        container = self._opened()
        self._since.append(run)
        return self._executed(container, run)

    def snapshot(self) -> Journal:
        """Return what led to the file system as it is.

        Raises:
            EnvironmentFailure: the daemon failed, or there are too many bytes in new files.
        """
        container = self._opened()
        if self._since:
            key = self._key(container)
            if key != self._saved.key:
                self._saved = Journal(key, (*self._saved.runs, *self._since))
            self._since = []
        return self._saved

    def restore(self, layer: Journal | None) -> None:
        """Set the file system back, with ``None`` to the beginning.

        Raises:
            EnvironmentFailure: the same commands led elsewhere this time.
        """
        self._opened()
        assert self._start is not None
        wanted, here = layer or self._start, self.snapshot()
        if wanted.key == here.key:
            return
        done = len(here.runs)
        if wanted.runs[:done] != here.runs:
            self._renew()
            done = 0
        container = self._opened()
        for run in wanted.runs[done:]:
            self._executed(container, run)
        if self._key(container) != wanted.key:
            self._renew()
            raise EnvironmentFailure(
                f"running {len(wanted.runs)} commands again in a new container of {self._image!r} gave other files: "
                "they depend on time or chance, and this engine goes back by running again; --engine bwrap does not"
            )
        self._saved = wanted

    def close(self) -> None:
        """Remove the container; harmless when repeated."""
        self._drop()
        self._client.close()

    def _opened(self) -> "Container":
        if self._container is None:
            with self._speaking("starting a container"):
                self._container = self._client.containers.run(
                    self._image,
                    detach=True,
                    tty=True,
                    labels=[LABEL],
                    **LIMITS,
                )
            self._remove = weakref.finalize(self, _remove, self._container, os.getpid())
            self._saved, self._since = Journal(self._begun(self._container)), []
            self._start = self._start or self._saved
        return self._container

    def _begun(self, container: "Container") -> str:
        """Begin as the original does; return the digest of what is there then."""
        try:
            self._executed(container, Run(RESET, "/", SECONDS))
        except EnvironmentFailure:
            self._drop()
            raise
        return self._key(container)

    def _renew(self) -> None:
        self._drop()
        self._opened()

    def _drop(self) -> None:
        if self._remove is not None:
            with self._speaking("removing a container"):
                self._remove()
        self._container = self._remove = None

    def _executed(self, container: "Container", run: Run) -> Output:
        started = time.monotonic()
        with self._speaking(f"running {' '.join(run.argv)[:80]!r}"):
            command = self._created(container, run)
            data = bytearray()
            with self._output(command) as pieces, self._watch(container, run.seconds, pieces) as watch:
                for piece in pieces:
                    data += piece
                    if len(data) > BYTES:
                        break
            flooded = len(data) > BYTES
            if flooded and not watch.fired:
                container.restart(timeout=0)
            code = None if watch.fired or flooded else self._client.api.exec_inspect(command)["ExitCode"]
        return Output(bytes(data[:BYTES]), code, watch.fired, flooded, time.monotonic() - started)

    @contextmanager
    def _output(self, command: str) -> Iterator[Any]:
        pieces: Any = self._client.api.exec_start(command, stream=True)
        try:
            yield pieces
        finally:
            pieces._response.close()  # its own close() leaves the connection open

    def _watch(self, container: "Container", seconds: float, pieces: Any) -> "_Watch":
        def abandon() -> None:
            try:
                pieces.close()
            except DockerException:  # over ssh it cannot be closed alone
                self._client.close()

        return _Watch(container, seconds, abandon)

    def _created(self, container: "Container", run: Run) -> str:
        """Return the id of a new command; a container that a command has stopped is started again."""
        try:
            made = self._client.api.exec_create(container.id, list(run.argv), workdir=run.cwd)
        except APIError as error:
            if error.status_code != 409:
                raise
            container.start()
            made = self._client.api.exec_create(container.id, list(run.argv), workdir=run.cwd)
        return str(made["Id"])

    def _key(self, container: "Container") -> str:
        """Return a digest of what differs from the image; a container where that fails is given up."""
        try:
            with self._speaking("comparing files"):
                return digest(container, most=self._most)
        except EnvironmentFailure:
            self._drop()
            raise

    def _speaking(self, doing: str) -> AbstractContextManager[None]:
        return speaking(self._image, doing)


class _Watch:
    """Ends a command that takes too long, by restarting its container: there is no other way to end one.

    Args:
        container: in which it runs.
        seconds: it may take.
        abandon: called where the restart fails: nobody may wait for the rest of the output then.
    """

    def __init__(self, container: "Container", seconds: float, abandon: Callable[[], None]) -> None:
        self.fired = False
        self._container = container
        self._abandon = abandon
        self._failure: Exception | None = None
        self._timer = Timer(seconds, self._fire)
        self._timer.daemon = True

    def __enter__(self) -> "_Watch":
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        self._timer.join()
        if self._failure is not None:
            raise self._failure

    def _fire(self) -> None:
        self.fired = True
        try:
            self._container.restart(timeout=0)
        except (DockerException, RequestException, OSError) as error:
            self._failure = error
            self._abandon()


def _remove(container: "Container", owner: int) -> None:
    """Remove a container, in the process that made it; one that is gone already is fine."""
    from docker.errors import NotFound

    if os.getpid() == owner:
        try:
            container.remove(force=True, v=True)
        except NotFound:
            return


__all__ = ["BYTES", "SECONDS", "DockerSandbox", "Journal", "Run"]
