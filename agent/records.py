"""A run folder: ``run.json`` says what was run, ``episodes.jsonl`` holds one episode per line, append-only."""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from agent.episode import SCHEMA, Record, check_schema, decode, encode
from slinvit.errors import RecordError

HEADER, EPISODES = "run.json", "episodes.jsonl"

NOT_COMPARED = ("versions", "together")
"""Parts of the header that may differ when a run is resumed."""


def read_header(folder: Path) -> dict[str, Any]:
    """Return what ``run.json`` says, without the schema.

    Raises:
        RecordError: no run folder, unreadable, or of another schema.
    """
    path = folder / HEADER
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise RecordError(f"{folder} is not a run folder: it has no {HEADER}") from error
    except (OSError, ValueError) as error:
        raise RecordError(f"{path}: cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise RecordError(f"{path}: expected a JSON object")
    try:
        check_schema(content)
    except RecordError as error:
        raise RecordError(f"{path}: {error}") from error
    return content


def read_records(folder: Path) -> dict[str, Record]:
    """Return the last record of each task, in the order in which tasks first finished; a torn last line is skipped.

    Raises:
        RecordError: a complete line that is not a record; the message names file and line.
    """
    path = folder / EPISODES
    if not path.exists():
        return {}
    lines = path.read_bytes().split(b"\n")[:-1]
    records: dict[str, Record] = {}
    for number, line in enumerate(lines, start=1):
        try:
            record = decode(line.decode("utf-8"))
        except (RecordError, UnicodeDecodeError) as error:
            raise RecordError(f"{path}:{number}: {error}") from error
        records[record.task] = record
    return records


class RunWriter:
    """Opens a run folder for writing, new or to be resumed; one process at a time.

    Args:
        folder: made where it does not exist.
        header: JSON values; what :data:`NOT_COMPARED` does not name must equal what the folder already says.

    Raises:
        RecordError: unwritable, in use, of another schema, or of a run with other settings. Nothing is changed then.
    """

    def __init__(self, folder: Path, header: Mapping[str, Any]) -> None:
        self.folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if (folder / HEADER).exists():
                _check_same(folder, read_header(folder), header)
            elif (folder / EPISODES).exists() and (folder / EPISODES).stat().st_size:
                raise RecordError(f"{folder} has episodes but no {HEADER} to say of which run; choose another --out")
            else:
                _write_header(folder, header)
            self._file = (folder / EPISODES).open("ab")
        except OSError as error:
            raise RecordError(f"cannot write to {folder}: {error.strerror or error}; choose another --out") from error
        try:
            self._lock()
            self.records = read_records(folder)
            self._drop_torn_line()
        except RecordError:
            self._file.close()
            raise

    def append(self, record: Record) -> None:
        """Write one record; it is on the disk when this returns."""
        self._file.write(encode(record).encode("utf-8") + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())
        self.records[record.task] = record

    def close(self) -> None:
        """Let others write."""
        self._file.close()

    def __enter__(self) -> "RunWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _lock(self) -> None:
        if sys.platform == "win32":
            return
        import fcntl

        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise RecordError(
                f"{self.folder} is being written by another process; wait, or choose another --out"
            ) from error

    def _drop_torn_line(self) -> None:
        content = (self.folder / EPISODES).read_bytes()
        self._file.truncate(content.rfind(b"\n") + 1)


def _write_header(folder: Path, header: Mapping[str, Any]) -> None:
    partial = folder / f"{HEADER}.partial"
    with partial.open("w", encoding="utf-8") as file:
        json.dump({"schema": SCHEMA, **header}, file, indent=2, ensure_ascii=False)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    partial.replace(folder / HEADER)


def _check_same(folder: Path, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    before, now = _flat(old), _flat(json.loads(json.dumps(new)))
    for key in sorted({*before, *now}):
        if key.split(".")[0] not in NOT_COMPARED and before.get(key) != now.get(key):
            raise RecordError(
                f"{folder} holds a run with another {key}: {before.get(key)!r} there, {now.get(key)!r} now; "
                "choose another --out"
            )


def _flat(content: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in content.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat
