"""The Docker images of the original as engines, for those who have them and a daemon."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from slinvit.errors import EnvironmentFailure, InputError, MissingExtra

if TYPE_CHECKING:
    from docker import DockerClient

    from envs.intercode.docker_sandbox import DockerSandbox
    from envs.intercode.docker_server import DockerServer

LABEL = "slinvit"
"""On every container: ``docker ps -aq --filter label=slinvit`` lists what a killed process left."""

MYSQL = "mysql:8.0"

HOW = {
    "nl2bash": "build it in the InterCode repository: docker build -t {image} -f docker/nl2bash.Dockerfile .",
    "mysql": "get it: docker pull {image}",
}


def connect(url: str | None = None) -> "DockerClient":
    """Return a client of the daemon that the environment names (``DOCKER_HOST``), or of the one at ``url``.

    Raises:
        MissingExtra: the package docker is not installed.
        InputError: no daemon answers.
    """
    try:
        import docker
        from docker.errors import DockerException
    except ImportError as error:
        raise MissingExtra("docker", "intercode") from error
    try:
        return docker.from_env() if url is None else docker.DockerClient(base_url=url)
    except DockerException as error:
        raise InputError(
            f"no Docker daemon answers ({_reason(error)}); start one, set DOCKER_HOST, or use an engine without Docker"
        ) from error


def check_image(client: "DockerClient", image: str) -> None:
    """Make sure that an image is there; nothing is downloaded by itself.

    Raises:
        InputError: it is not, and how to get it; or its name is none.
        EnvironmentFailure: the daemon fails.
    """
    from docker.errors import APIError, ImageNotFound, NullResource

    try:
        with speaking(image, "looking for it", but=(ImageNotFound, NullResource, APIError)):
            client.images.get(image)
    except ImageNotFound as error:
        how = HOW["mysql" if "mysql" in image else "nl2bash"].format(image=image)
        raise InputError(f"the Docker image {image!r} is not there; {how}") from error
    except (APIError, NullResource) as error:
        if isinstance(error, APIError) and error.is_server_error():
            raise _failure(image, "looking for it", error) from error
        raise InputError(f"the Docker daemon takes {image!r} for no name of an image: {_reason(error)}") from error


@contextmanager
def speaking(image: str, doing: str, but: tuple[type[Exception], ...] = ()) -> Iterator[None]:
    """Turn failures of the daemon, and of the way to it, into ``EnvironmentFailure``; those in ``but`` pass."""
    from docker.errors import DockerException
    from requests.exceptions import RequestException

    try:
        yield
    except but:
        raise
    except (DockerException, RequestException, OSError) as error:
        raise _failure(image, doing, error) from error


def _failure(image: str, doing: str, error: Exception) -> EnvironmentFailure:
    return EnvironmentFailure(f"Docker failed while {doing} in image {image!r}: {_reason(error)}")


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


def bash_sandbox(image: str, *, client: "DockerClient | None" = None) -> "DockerSandbox":
    """Return a closed place in a container of ``image``, in the way of :class:`envs.intercode.bash.sandbox.Sandbox`.

    Raises:
        MissingExtra: the package docker is not installed.
        InputError: no daemon, or no such image.
        EnvironmentFailure: the daemon fails.
    """
    client = client or connect()
    try:
        check_image(client, image)
    except BaseException:
        client.close()
        raise
    from envs.intercode.docker_sandbox import DockerSandbox

    return DockerSandbox(client, image)


def sql_server(image: str = "", *, client: "DockerClient | None" = None) -> "DockerServer":
    """Return a running MySQL server in a container of ``image``, by default :data:`MYSQL`.

    Raises:
        MissingExtra: the package docker is not installed.
        InputError: no daemon, no such image, or a daemon on another machine.
        EnvironmentFailure: the server does not come up.
    """
    client = client or connect()
    try:
        check_image(client, image or MYSQL)
        from envs.intercode.docker_server import DockerServer

        return DockerServer(client, image or MYSQL)
    except BaseException:
        client.close()
        raise


__all__ = ["HOW", "LABEL", "MYSQL", "bash_sandbox", "check_image", "connect", "speaking", "sql_server"]
