"""Fetching one file: progress, continuing after a cut, a checksum."""

import json
import os
from collections.abc import Callable
from hashlib import file_digest
from pathlib import Path

import httpx

from slinvit.errors import SlinvitError

SECONDS = 30.0
"""How long a server may say nothing."""

Progress = Callable[[int, int | None], None]
"""Called with the bytes that are here and, where the server says so, those there will be."""


class DownloadError(SlinvitError):
    """Raised when a file could not be fetched, or is not the one that was wanted."""


def fetch(url: str, to: Path, *, sha256: str | None = None, progress: Progress = lambda here, total: None) -> Path:
    """Return ``to``, fetched from ``url``; what an interrupted call left is continued.

    The file appears under its name only when it is complete. Until then ``.part`` beside it holds what came, and
    ``.part.json`` which version of which file that is: a part of another one is not continued but fetched anew.

    Args:
        url: http or https.
        to: a file in a folder that exists.
        sha256: of the whole file, in hexadecimal digits; one that differs is removed.
        progress: hears how far it is.

    Raises:
        DownloadError: no answer, a refusal, a connection that was cut, or another checksum.
    """
    part, note = to.with_name(f"{to.name}.part"), to.with_name(f"{to.name}.part.json")
    try:
        with httpx.stream("GET", url, headers=_wish(url, part, note), timeout=SECONDS, follow_redirects=True) as answer:
            _receive(url, answer, part, note, progress)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        here = part.stat().st_size if part.exists() else 0
        kept = f"; {here:,} bytes are kept, the same command continues" if here else ""
        raise DownloadError(f"{url} could not be fetched ({type(error).__name__}: {error}){kept}") from error
    note.unlink()
    if sha256 is not None:
        _verify(url, part, sha256)
    os.replace(part, to)
    return to


def _wish(url: str, part: Path, note: Path) -> dict[str, str]:
    """Return headers that ask for what is missing of a part, if the server still has the same version."""
    # Packed on the way, a part would be one of something else.
    whole = {"Accept-Encoding": "identity"}
    try:
        known = json.loads(note.read_text(encoding="utf-8"))
        here = part.stat().st_size
    except (OSError, ValueError):
        return whole
    if known.get("url") != url or not known.get("version") or not here:
        return whole
    return {**whole, "Range": f"bytes={here}-", "If-Range": known["version"]}


def _receive(url: str, answer: httpx.Response, part: Path, note: Path, progress: Progress) -> None:
    here = part.stat().st_size if part.exists() else 0
    continued = answer.status_code == httpx.codes.PARTIAL_CONTENT
    if answer.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
        part.unlink(missing_ok=True)
        raise DownloadError(f"{url} is shorter than what is here of it; that was removed, run the same command again")
    if answer.status_code not in (httpx.codes.OK, httpx.codes.PARTIAL_CONTENT):
        raise DownloadError(f"{url} answered {answer.status_code} {answer.reason_phrase}; --url takes another address")
    if continued and not answer.headers.get("Content-Range", "").startswith(f"bytes {here}-"):
        raise DownloadError(f"{url} sent {answer.headers.get('Content-Range')!r} instead of what follows byte {here}")
    here = here if continued else 0
    length = answer.headers.get("Content-Length", "")
    total = here + int(length) if length.isdecimal() else None
    note.write_text(json.dumps({"url": url, "version": _version(answer)}), encoding="utf-8")
    with part.open("ab" if continued else "wb") as file:
        progress(here, total)
        for chunk in answer.iter_raw():
            here += file.write(chunk)
            progress(here, total)


def _version(answer: httpx.Response) -> str:
    """Return what names this version to the server; nothing where only its content does."""
    tag = str(answer.headers.get("ETag", ""))
    return tag if tag and not tag.startswith("W/") else str(answer.headers.get("Last-Modified", ""))


def _verify(url: str, part: Path, sha256: str) -> None:
    with part.open("rb") as file:
        found = file_digest(file, "sha256").hexdigest()
    if found != sha256.lower():
        part.unlink()
        raise DownloadError(f"{url} has the SHA-256 {found}, not {sha256}; the file was removed")
