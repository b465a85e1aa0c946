"""Bash tasks: questions about a file system, each with a gold command."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from envs.intercode.choosing import DEFAULT_HORIZON, gather, turns
from envs.intercode.layout import BashSource, find
from envs.intercode.task import BASH, InterCodeTask
from slinvit.errors import InputError


def load(tasks: str, *, seed: int = 0, limit: int | None = None, horizon: str = DEFAULT_HORIZON) -> list[InterCodeTask]:
    """Return the tasks that ``tasks`` names, in the order of their files.

    Args:
        tasks: a source and options as :func:`envs.intercode.choosing.gather` takes them; ``fs=1+2`` chooses file
            systems.
        seed: of draws.
        limit: at most this many.
        horizon: turns per episode; by default 10.

    Raises:
        InputError: the source cannot be used; the message names file and record.
    """
    most = turns(horizon)

    def read(place: Path) -> list[InterCodeTask]:
        return [task for source in find(place).trees() for task in read_tasks(source, most)]

    return gather(tasks, read, {"fs": lambda task: str(task.facts["fs"])}, seed=seed, limit=limit)


def read_tasks(source: BashSource, horizon: int) -> list[InterCodeTask]:
    """Return the tasks of one file system; raises ``InputError``."""
    try:
        records = json.loads(source.tasks.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read {source.tasks}: {error}") from error
    if not isinstance(records, list) or not records:
        raise InputError(f"{source.tasks}: expected a list of tasks, each with query and gold")
    return [_task(source, position, record, horizon) for position, record in enumerate(records, start=1)]


def _task(source: BashSource, position: int, record: Any, horizon: int) -> InterCodeTask:
    where = f"{source.tasks}, task {position}"
    if not isinstance(record, dict):
        raise InputError(f"{where}: expected query and gold, not {str(record)[:60]!r}")
    query, gold = record.get("query"), record.get("gold")
    if isinstance(gold, Sequence) and not isinstance(gold, str):
        gold = ";".join(map(str, gold))
    for name, value in (("query", query), ("gold", gold)):
        if not isinstance(value, str) or not value.strip():
            raise InputError(f"{where}: {name} must be a text, not {value!r}")
    name = f"fs_{source.number}"
    return InterCodeTask(
        id=f"bash-{source.number}-{position:04d}",
        domain=BASH,
        query=str(query),
        gold=str(gold),
        place=name,
        source=source,
        horizon=horizon,
        facts={"fs": source.number, "type": name},
        public={"start": first_text(name)},
    )


def first_text(place: str) -> str:
    """Return the observation with which an episode starts."""
    return f"File system: {place}; working directory: /"
