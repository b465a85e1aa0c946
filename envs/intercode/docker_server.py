"""MySQL in a container, on a free loopback port."""

import os
import secrets
import time
import weakref
from types import TracebackType
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from envs.intercode.docker import LABEL, speaking
from slinvit.errors import EnvironmentFailure, InputError

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

SECONDS = 180.0
"""Until a server that was just made must answer; it makes its system tables first."""

_PORT = "3306/tcp"


class DockerServer:
    """A server that ends with :meth:`close`, with the ``with`` block, and with the process.

    Args:
        client: of the daemon; closed with the server.
        image: of MySQL, or made from it.
        seconds: to wait until it answers.

    Attributes:
        host: always loopback.
        port: TCP port.
        user: an account with all rights.
        password: of that account; random.

    Raises:
        InputError: a daemon on another machine.
        EnvironmentFailure: it does not come up; with the end of its log.
    """

    def __init__(self, client: "DockerClient", image: str, *, seconds: float = SECONDS) -> None:
        url = str(client.api.base_url)
        if not is_here(url):
            raise InputError(f"the Docker daemon at {url} is on another machine; start MySQL there: engine=mysql:HOST")
        self.host, self.user, self.password = "127.0.0.1", "root", secrets.token_hex(16)
        self._client = client
        with speaking(image, "starting a server"):
            container = client.containers.run(
                image,
                ["--lower_case_table_names=1"],
                detach=True,
                environment={"MYSQL_ROOT_PASSWORD": self.password, "MYSQL_ROOT_HOST": "%"},
                labels=[LABEL],
                ports={_PORT: (self.host, 0)},
            )
        self._stop = weakref.finalize(self, _stop, container, client, os.getpid())
        try:
            with speaking(image, "waiting for the server"):
                self.port = self._ready(container, image, time.monotonic() + seconds)
        except BaseException:
            self._stop()
            raise

    def close(self) -> None:
        """Remove the container and its data; harmless when repeated."""
        self._stop()

    def __enter__(self) -> "DockerServer":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _ready(self, container: "Container", image: str, deadline: float) -> int:
        """Return the port once the server answers there."""
        while time.monotonic() < deadline:
            container.reload()
            if container.status in ("exited", "dead"):
                break
            bound = container.ports.get(_PORT)
            if bound and self._answers(port := int(bound[0]["HostPort"])):
                return port
            time.sleep(0.25)
        log = " ".join(container.logs(tail=5).decode("utf-8", "replace").split())[-300:]
        raise EnvironmentFailure(f"MySQL in the Docker image {image!r} does not come up ({container.status}): {log}")

    def _answers(self, port: int) -> bool:
        import pymysql

        try:
            pymysql.connect(host=self.host, port=port, user=self.user, password=self.password).close()
        except pymysql.err.OperationalError:
            return False
        except RuntimeError as error:  # of a way to log in that needs a package
            raise InputError(f"cannot log in to MySQL in a container: {error}; pip install cryptography") from error
        return True


def is_here(url: str) -> bool:
    """Say whether ports that the daemon at ``url`` opens on loopback are open on this machine."""
    if url.startswith("http+docker://ssh"):
        return False
    return url.startswith("http+docker") or urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1")


def _stop(container: "Container", client: "DockerClient", owner: int) -> None:
    from docker.errors import NotFound

    if os.getpid() != owner:
        return
    try:
        container.remove(force=True, v=True)
    except NotFound:
        pass
    finally:
        client.close()


__all__ = ["SECONDS", "DockerServer", "is_here"]
