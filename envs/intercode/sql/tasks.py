"""Reads lists of SQL tasks in the official format."""

import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from envs.intercode.choosing import DEFAULT_HORIZON, Facet, gather, turns
from envs.intercode.layout import find
from envs.intercode.sql.dump import Database, read_dump
from envs.intercode.task import SQL, InterCodeTask
from slinvit.errors import InputError, UnknownName, did_you_mean

SCHEMA = ("hidden", "shown")
"""Whether the agent is told the tables and columns, or has to find out."""

FACETS: Mapping[str, Facet] = {"db": lambda task: task.place, "hardness": lambda task: str(task.facts.get("type", ""))}


def load(
    tasks: str, *, seed: int = 0, limit: int | None = None, horizon: str = DEFAULT_HORIZON, schema: str = "hidden"
) -> list[InterCodeTask]:
    """Return the tasks that ``tasks`` names, in the order of their list.

    Args:
        tasks: a source and options, see :func:`envs.intercode.choosing.gather`; options ``number=1-20``, ``id=``,
            ``db=world_1+car_1`` and ``hardness=easy+hard``.
        seed: of draws.
        limit: at most this many.
        horizon: most turns, 10 by default.
        schema: ``shown`` puts tables and columns into the first observation.

    Raises:
        InputError: the source cannot be read, or a record of it; nothing fits.
        UnknownName: another schema.
    """
    if schema not in SCHEMA:
        raise UnknownName("schema", schema, SCHEMA)
    return gather(tasks, partial(_read, horizon=turns(horizon), schema=schema), FACETS, seed=seed, limit=limit)


def start_of(database: Database, schema: str) -> str:
    """Return what the agent reads first; tables are those of the dump."""
    name = f"Database: {database.name}"
    if schema == "hidden":
        return name
    tables = [f"* {table.name}({', '.join(c.name for c in table.columns)})" for table in database.tables.values()]
    return "\n".join([name, "Tables:", *tables])


def _read(place: Path, *, horizon: int, schema: str) -> list[InterCodeTask]:
    file, dump = find(place).sql()
    dump = dump.resolve()
    databases = read_dump(dump).databases
    starts = {name: start_of(database, schema) for name, database in databases.items()}
    return [
        InterCodeTask(
            id=f"sql-{number:04d}",
            domain=SQL,
            query=record["query"],
            gold=record["gold"],
            place=_database(record["db"], starts, f"{file}, record {number}"),
            source=dump,
            horizon=horizon,
            facts={"type": record["hardness"]} if "hardness" in record else {},
            public={"start": starts[record["db"].lower()]},
        )
        for number, record in enumerate(_records(file), start=1)
    ]


def _database(name: str, known: Mapping[str, str], where: str) -> str:
    if name.lower() not in known:
        raise InputError(f"{where}: the dump has no database {name!r}{did_you_mean(name, known)}")
    return name.lower()


def _records(file: Path) -> Sequence[Mapping[str, Any]]:
    try:
        records = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{file} cannot be read: {error}") from error
    if not isinstance(records, list) or not records:
        raise InputError(f"{file}: expected a list of records with db, query and gold")
    for number, record in enumerate(records, start=1):
        _check(record, f"{file}, record {number}")
    return records


def _check(record: Any, where: str) -> None:
    if not isinstance(record, dict):
        raise InputError(f"{where}: expected an object with db, query and gold, not {type(record).__name__}")
    for name in ("db", "query", "gold"):
        if not isinstance(record.get(name), str) or not record[name].strip():
            raise InputError(f"{where}: {name!r} must be a text, not {record.get(name)!r}")
    if not isinstance(record.get("hardness", ""), str):
        raise InputError(f"{where}: 'hardness' must be a text, not {record['hardness']!r}")
