"""A file system written down as JSON: modes, times, links and contents that version control would not keep."""

import io
import json
import tarfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from slinvit.errors import InputError


def archive(manifest: Path) -> bytes:
    """Return the file system that ``manifest`` describes as an uncompressed tar; equal manifests give equal bytes.

    Each entry has a ``path`` seen from the root, folders with a final slash, a ``time`` in UTC, and an octal ``mode``
    with the ``text`` of a file, or the ``link`` that it is. Everything belongs to root.

    Raises:
        InputError: the manifest cannot be read, or an entry of it; the message names file and entry.
    """
    try:
        entries = json.loads(manifest.read_bytes())
    except (OSError, ValueError) as error:
        raise InputError(f"{manifest} cannot be read as a file system: {error}") from error
    if not isinstance(entries, list):
        raise InputError(f"{manifest}: expected a list of entries with path, time and mode or link")
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        tar.addfile(_named(".", 0, 0o755, tarfile.DIRTYPE))
        for number, entry in enumerate(entries, start=1):
            try:
                member, content = _member(entry)
            except (AttributeError, KeyError, TypeError, ValueError) as error:
                raise InputError(f"{manifest}, entry {number}: {type(error).__name__} {error} in {entry!r}") from error
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def _member(entry: Mapping[str, Any]) -> tuple[tarfile.TarInfo, bytes]:
    path, time = entry["path"], datetime.fromisoformat(entry["time"]).replace(tzinfo=UTC).timestamp()
    if path.startswith("/") or ".." in path.split("/"):
        raise ValueError(f"the path {path!r} leaves the root")
    name = f"./{path.rstrip('/')}"
    if "link" in entry:
        member = _named(name, time, 0o777, tarfile.SYMTYPE)
        member.linkname = entry["link"]
        return member, b""
    mode = int(entry["mode"], 8)
    if path.endswith("/"):
        return _named(name, time, mode, tarfile.DIRTYPE), b""
    content = entry["text"].encode()
    member = _named(name, time, mode, tarfile.REGTYPE)
    member.size = len(content)
    return member, content


def _named(name: str, time: float, mode: int, kind: bytes) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.mtime, member.mode, member.type = int(time), mode, kind
    member.uname = member.gname = "root"
    return member


__all__ = ["archive"]
