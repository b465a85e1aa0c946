"""Times the SQLite engine of InterCode-SQL on the largest database of a dump.

python -m benchmarks.intercode.speed_sql --out speed_sql.json
"""

import argparse
import json
import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from benchmarks.intercode.replay import machine
from envs.intercode.layout import find
from envs.intercode.sql.dump import Dump, read_dump
from envs.intercode.sql.sqlite import SqliteEngine, SqliteSession

Timed = dict[str, float]


def timed(action: Callable[[], object], repeats: int, prepare: Callable[[], object] = lambda: None) -> Timed:
    """Return median and 95th percentile of the wall time, and the median of the processor's, in ms."""
    wall, processor = [], []
    for _ in range(repeats):
        prepare()
        started, spent = time.perf_counter(), time.thread_time()
        action()
        wall.append(1000 * (time.perf_counter() - started))
        processor.append(1000 * (time.thread_time() - spent))
    return {
        "median_ms": round(median(wall), 3),
        "p95_ms": round(quantiles(wall, n=20)[-1], 3),
        "processor_ms": round(median(processor), 3),
    }


def largest(dump: Dump) -> tuple[str, str]:
    """Return the database with the most rows, and its largest table."""
    database = max(dump.databases.values(), key=lambda each: sum(map(len, each.rows.values())))
    return database.name, max(database.rows, key=lambda table: len(database.rows[table]))


def steps(session: SqliteSession, database: str, table: str, repeats: int) -> dict[str, Timed]:
    """Time what sessions do, on pristine data and after a write."""
    query = f"SELECT * FROM {table} LIMIT 1"
    session.open(database)
    pristine = session.image()
    session.execute(f"DELETE FROM {table} LIMIT 1")
    changed = session.image()

    def write() -> None:
        session.restore(pristine)
        session.execute(f"DELETE FROM {table} LIMIT 1")

    def there_and_back() -> None:
        session.restore(changed)
        session.execute(query)
        session.restore(pristine)
        session.execute(query)

    def branches() -> None:
        for number in range(8):
            session.restore(changed)
            session.execute(f"SELECT count(*) FROM {table} WHERE {number} = 0")
            session.image()

    session.restore(pristine)
    session.execute(query)
    return {
        "query, known": timed(lambda: session.execute(query), repeats),
        "query, new": timed(new_queries(session, table), repeats),
        "image and restore, nothing changed": timed(lambda: session.restore(session.image()), repeats),
        "image after a write": timed(session.image, repeats, write),
        "two restores with a query each": timed(there_and_back, repeats),
        "eight branches from a changed state": timed(branches, repeats),
    }


def new_queries(session: SqliteSession, table: str) -> Callable[[], object]:
    """Return an action that executes a query that was never seen."""
    numbers = iter(range(10**9))
    return lambda: session.execute(f"SELECT count(*) FROM {table} AS a WHERE {next(numbers)} = 0 GROUP BY 1 + 1")


def measure(data: Path, repeats: int) -> dict[str, Any]:
    """Return all timings, with the machine and the versions."""
    started = time.perf_counter()
    dump = read_dump(find(data).sql()[1])
    read = time.perf_counter() - started
    engine = SqliteEngine()
    session = engine.session(dump)
    started = time.perf_counter()
    for name in dump.databases:
        session.open(name)
        session.execute(f"SELECT 1 FROM {next(iter(dump.databases[name].tables))}")
    built = time.perf_counter() - started
    database, table = largest(dump)
    found = {
        "machine": machine(),
        "sqlite": sqlite3.sqlite_version,
        "database": database,
        "table": table,
        "read the dump_s": round(read, 3),
        "build all databases_s": round(built, 3),
        "steps": steps(session, database, table, repeats),
    }
    session.close()
    return found


def main(argv: list[str] | None = None) -> int:
    """Print a table of timings."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = Path(os.environ.get("SLINVIT_DATA", "")) / "intercode"
    parser.add_argument("--data", type=Path, default=default, help="folder with sql/")
    parser.add_argument("--repeats", type=int, default=100)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args(argv)
    found = measure(options.data, options.repeats)
    print("| step | median ms | p95 ms | processor ms |\n| --- | --- | --- | --- |")
    for step, each in found["steps"].items():
        print(f"| {step} | {each['median_ms']} | {each['p95_ms']} | {each['processor_ms']} |")
    if options.out is not None:
        options.out.write_text(json.dumps(found, indent=1))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
