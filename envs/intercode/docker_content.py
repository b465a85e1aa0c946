"""What differs in the files of a container, as its daemon tells; nothing inside is run for it.

Commands may have replaced any program in the container, or all of them.
"""

import re
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import PurePosixPath
from tempfile import SpooledTemporaryFile
from typing import TYPE_CHECKING, Any

from slinvit.errors import EnvironmentFailure

if TYPE_CHECKING:
    from docker.models.containers import Container

MOST = 256 << 20
"""Bytes that commands may add."""

CHANGED, ADDED, GONE = range(3)

_BOOKKEEPING = re.compile(r"/\.git(/index|/ORIG_HEAD|/logs(/.*)?)?", re.DOTALL)
"""What reading the state of version control, or a reset of it, writes; with times."""

_DIRECTORY = 1 << 31
"""In file modes as the daemon writes them."""

_IN_MEMORY = 1 << 20


def digest(container: "Container", *, most: int) -> str:
    """Return a digest of all paths that differ from the image, with kinds, modes, targets of links and bytes.

    Args:
        container: running or not.
        most: bytes that may be new.

    Raises:
        EnvironmentFailure: there are more of them, or the daemon sends what is no archive.
        docker.errors.DockerException: it fails; ``requests.RequestException`` where it does not answer.
    """
    kinds = {str(change["Path"]): int(change["Kind"]) for change in container.diff() or ()}
    found: list[tuple[Any, ...]] = []
    left = most
    for path, kind in sorted(kinds.items()):
        if _BOOKKEEPING.fullmatch(path) or any(
            kinds.get(str(parent)) == ADDED for parent in PurePosixPath(path).parents
        ):
            continue
        if kind == GONE:
            found.append((path, "gone"))
        elif kind == CHANGED and (mode := _mode(container, path)) & _DIRECTORY:
            found.append((path, "directory", mode))
        else:
            with _archive(container, path, left) as content:
                left -= content.seek(0, 2)
                found += _members(content, str(PurePosixPath(path).parent))
    return sha256(repr(sorted(found)).encode("utf-8", "surrogateescape")).hexdigest()


def _mode(container: "Container", path: str) -> int:
    from docker.utils.utils import decode_json_header

    api = container.client.api  # type: ignore[union-attr]
    url = f"{api.base_url}/v{api.api_version}/containers/{container.id}/archive"
    answer = api.head(url, params={"path": path}, timeout=api.timeout)
    answer.raise_for_status()
    return int(decode_json_header(answer.headers["x-docker-container-path-stat"])["mode"])


@contextmanager
def _archive(container: "Container", path: str, most: int) -> Iterator["SpooledTemporaryFile[bytes]"]:
    """Give the archive of a path and all below it."""
    with SpooledTemporaryFile(max_size=_IN_MEMORY) as content:
        pieces, _ = container.get_archive(path)
        for piece in pieces:
            content.write(piece)
            if content.tell() > most:
                raise EnvironmentFailure(f"commands left more than {most} bytes of new files in a container, at {path}")
        yield content


def _members(content: "SpooledTemporaryFile[bytes]", parent: str) -> Iterator[tuple[Any, ...]]:
    content.seek(0)
    try:
        with tarfile.open(fileobj=content) as archive:
            for member in archive:
                path = str(PurePosixPath(parent, member.name))
                file = archive.extractfile(member) if member.isreg() else None
                data = "" if file is None else sha256(file.read()).hexdigest()
                if not _BOOKKEEPING.fullmatch(path):
                    yield path, member.type, member.mode, member.uid, member.gid, member.linkname, data
    except tarfile.TarError as error:
        raise EnvironmentFailure(f"the Docker daemon sent no archive of files in {parent}: {error}") from error


__all__ = ["MOST", "digest"]
