"""Times the MySQL-protocol engine of InterCode-SQL on a private server.

python -m benchmarks.intercode.speed_mysql --out speed_mysql.json
"""

import argparse
import json
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from envs.intercode.layout import find
from envs.intercode.sql.dump import read_dump
from envs.intercode.sql.mysql import MysqlEngine
from envs.intercode.sql.mysql_session import MysqlSession
from envs.intercode.sql.rules import check
from envs.intercode.sql.server import PrivateServer


def timed(action: Callable[[], object], repeats: int) -> dict[str, float]:
    """Return median and 95th percentile of an action's wall time, in ms; it ran once before."""
    action()
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        action()
        times.append(1000 * (time.perf_counter() - started))
    return {"median_ms": round(median(times), 3), "p95_ms": round(quantiles(times, n=20)[-1], 3)}


def steps(session: MysqlSession, repeats: int) -> dict[str, Any]:
    """Time what sessions do, on pristine data and after a write."""
    session.open("world_1")
    query = "SELECT Name FROM country WHERE Population > 100000000"
    found = {
        "open": timed(lambda: session.open("world_1"), repeats),
        "query": timed(lambda: session.execute(query), repeats),
        "image and restore": timed(lambda: session.restore(session.image()), repeats),
    }
    pristine = session.image()

    def write(statement: str) -> None:
        session.restore(pristine)
        session.execute(statement)

    few = max(5, repeats // 10)
    found["first UPDATE"] = timed(lambda: write("UPDATE country SET Population = 1"), few)
    found["query after an UPDATE"] = timed(lambda: session.execute(query), few)
    found["first DROP TABLE"] = timed(lambda: write("DROP TABLE city"), few)
    found["query after a DROP TABLE"] = timed(lambda: session.execute(query), few)
    session.restore(pristine)
    return found


def measure(data: Path, repeats: int) -> dict[str, Any]:
    """Return all timings, with the machine and the versions."""
    tasks, dump_file = find(data).sql()
    dump = read_dump(dump_file)
    started = time.perf_counter()
    with PrivateServer() as server:
        start = time.perf_counter() - started
        engine = MysqlEngine(server.host, server.port, server.user, server.password)
        started = time.perf_counter()
        session = engine.session(dump)
        load = time.perf_counter() - started
        found = steps(session, repeats)
        golds = [(str(task["db"]), str(task["gold"])) for task in json.loads(tasks.read_text())]
        started = time.perf_counter()
        for database, _ in golds:
            session.open(database)
            check(golds[0][1], session.catalog)
        opening = time.perf_counter() - started
        started = time.perf_counter()
        for database, gold in golds:
            session.open(database)
            session.execute(gold)
        every = time.perf_counter() - started
        facts = {"server_start_s": round(start, 2), "dump_load_s": round(load, 2), "gold_queries": len(golds)}
        facts |= {"gold_queries_s": round(every, 2), "opening_s": round(opening, 2)}
        machine = {"cpu_count": os.cpu_count(), "python": platform.python_version(), "system": platform.platform()}
        result = {**facts, "steps": found, "engine": engine.provenance(), "machine": machine}
        engine.close()
    return result


def main() -> None:
    """Print the timings."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("SLINVIT_DATA", ".")) / "intercode")
    parser.add_argument("--repeats", type=int, default=200)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    result = measure(options.data, options.repeats)
    print(json.dumps(result, indent=1, default=str))
    if options.out:
        options.out.write_text(json.dumps(result, indent=1, default=str))


if __name__ == "__main__":
    main()
