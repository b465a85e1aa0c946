"""One SQLite file with every answer, every request sent, and the bill; shared by all processes of a run.

An answer is written before anybody sees it, and a request before it is sent, with the most it may cost. So whatever is
killed when, the same run again pays for no answer twice, and its bill is never too low.
"""

import math
import os
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from priors.remote.manners import Manners
from slinvit.errors import LimitReached, RecordError

SCHEMA = """
CREATE TABLE IF NOT EXISTS answers (
    backend TEXT, key TEXT, endpoint TEXT, body TEXT, draw INTEGER, status INTEGER, answer TEXT,
    prompt_tokens INTEGER, completion_tokens INTEGER, usd REAL, PRIMARY KEY (backend, key));
CREATE TABLE IF NOT EXISTS attempts (
    id INTEGER PRIMARY KEY, backend TEXT, key TEXT, run TEXT, owner INTEGER, at REAL, tokens REAL, usd REAL,
    outcome TEXT);
CREATE INDEX IF NOT EXISTS attempts_by_time ON attempts (backend, at);
CREATE INDEX IF NOT EXISTS attempts_under_way ON attempts (backend, key) WHERE outcome IS NULL;
CREATE TABLE IF NOT EXISTS bills (run TEXT PRIMARY KEY, requests INTEGER, tokens REAL, usd REAL);
"""
VERSION = 1
MINUTE = 60.0
OPEN = "at, owner FROM attempts WHERE backend = ? AND key = ? AND outcome IS NULL"


@dataclass(frozen=True)
class Stored:
    """An answer, or a refusal, as it is kept; ``status`` is that of HTTP."""

    endpoint: str
    body: str
    draw: int
    answer: str
    status: int = 200
    prompt_tokens: int = 0
    completion_tokens: int = 0
    usd: float = 0.0


@dataclass(frozen=True)
class Bill:
    """What a run has sent; tokens and usd of requests under way, or whose fate is unknown, count at their worst."""

    requests: int = 0
    tokens: float = 0.0
    usd: float = 0.0


@dataclass(frozen=True)
class Wait:
    """Nothing may be sent for so many seconds."""

    seconds: float


@dataclass(frozen=True)
class Permit:
    """A request may be sent, and is already on the bill at its worst."""

    attempt: int
    tokens: float
    usd: float


class Store:
    """Answers of remote models; see the module.

    Args:
        path: made where it does not exist; ``None``: in memory.
        read_only: nothing is ever written; the file must exist.

    Raises:
        RecordError: not such a file, or it cannot be opened.
    """

    def __init__(self, path: Path | None, *, read_only: bool = False) -> None:
        try:
            self._connection = _open(path, read_only)
        except (sqlite3.Error, OSError) as error:
            raise RecordError(f"{path}: cannot be opened as a store of answers: {error}") from error
        try:
            if not read_only:
                self._prepare()
            (version,) = self._connection.execute("PRAGMA user_version").fetchone()
            self._connection.execute("SELECT count(*) FROM answers").fetchone()
        except sqlite3.Error as error:
            self._connection.close()
            raise RecordError(f"{path} is not a store of answers: {error}") from error
        if version != VERSION:
            self._connection.close()
            raise RecordError(f"{path} is a store of version {version}; this program reads version {VERSION}")

    def find(self, backend: str, key: str) -> Stored | None:
        """Return what ``backend`` answered, refusals included."""
        row = self._connection.execute(
            "SELECT endpoint, body, draw, answer, status, prompt_tokens, completion_tokens, usd FROM answers "
            "WHERE backend = ? AND key = ?",
            (backend, key),
        ).fetchone()
        return None if row is None else Stored(*row)

    def backends(self) -> list[str]:
        """Return the base URLs of which there are answers."""
        return [row[0] for row in self._connection.execute("SELECT DISTINCT backend FROM answers ORDER BY backend")]

    def entries(self, endpoint: str | None = None) -> Iterator[Stored]:
        """Yield everything that is kept, in no order that means anything."""
        for row in self._connection.execute(
            "SELECT endpoint, body, draw, answer, status, prompt_tokens, completion_tokens, usd FROM answers "
            "WHERE ? IS NULL OR endpoint = ?",
            (endpoint, endpoint),
        ):
            yield Stored(*row)

    def bill(self, run: str) -> Bill:
        """Return what ``run`` has sent so far."""
        row = self._connection.execute("SELECT requests, tokens, usd FROM bills WHERE run = ?", (run,)).fetchone()
        return Bill() if row is None else Bill(*row)

    def outcomes(self) -> dict[str, int]:
        """Return how many requests ended how: ``ok``, a status, a reason, ``lost``, or ``unknown`` while under way."""
        rows = self._connection.execute("SELECT coalesce(outcome, 'unknown'), count(*) FROM attempts GROUP BY 1")
        return dict(rows.fetchall())

    def begin(self, backend: str, key: str, manners: Manners, *, tokens: float, usd: float) -> Stored | Wait | Permit:
        """Return the answer where there is one; else book the request and permit it, or say how long to wait.

        Waiting is for whoever already asks the same, and for the rates of ``manners``.

        Args:
            backend: base URL.
            key: of the request.
            manners: limits and rates.
            tokens: most that the request can use.
            usd: most that it can cost.

        Raises:
            LimitReached: the request might pass a hard limit; nothing was booked.
        """
        with self._transaction():
            found = self.find(backend, key)
            if found is not None and found.status == 200:
                return found
            now = time.time()
            pause = max(self._asked_already(backend, key, now, manners), self._too_fast(backend, now, manners, tokens))
            if pause > 0:
                return Wait(pause)
            _check_limits(self.bill(manners.run), manners, tokens, usd)
            self._book(manners.run, 1, tokens, usd)
            attempt = self._connection.execute(
                "INSERT INTO attempts (backend, key, run, owner, at, tokens, usd) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (backend, key, manners.run, os.getpid(), now, tokens, usd),
            ).lastrowid
        return Permit(attempt or 0, tokens, usd)

    def end(self, permit: Permit, outcome: str, *, free: bool) -> None:
        """Note that a request brought no answer; ``free``: it was refused, so it cost nothing."""
        with self._transaction():
            self._close(permit, outcome, 0.0 if free else permit.tokens, 0.0 if free else permit.usd)

    def save(self, backend: str, key: str, permit: Permit, stored: Stored) -> None:
        """Keep what a request brought, and correct its bill; it survives this process when this returns."""
        values = (stored.endpoint, stored.body, stored.draw, stored.status, stored.answer)
        with self._transaction():
            self._connection.execute(
                "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (backend, key, *values, stored.prompt_tokens, stored.completion_tokens, stored.usd),
            )
            outcome = "ok" if stored.status == 200 else str(stored.status)
            self._close(permit, outcome, stored.prompt_tokens + stored.completion_tokens, stored.usd)

    def close(self) -> None:
        """Let the file go."""
        self._connection.close()

    def _prepare(self) -> None:
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        (tables,) = self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if not tables:
            with self._transaction():
                for statement in filter(str.strip, SCHEMA.split(";")):
                    self._connection.execute(statement)
                self._connection.execute(f"PRAGMA user_version = {VERSION}")

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def _asked_already(self, backend: str, key: str, now: float, manners: Manners) -> float:
        """Return a pause where somebody alive asks the same; whoever takes longer than the timeout is given up."""
        for at, owner in self._connection.execute(f"SELECT {OPEN}", (backend, key)):
            if now - at < manners.timeout and _alive(owner):
                return 0.02
        return 0.0

    def _too_fast(self, backend: str, now: float, manners: Manners, tokens: float) -> float:
        if manners.rpm == manners.tpm == math.inf:
            return 0.0
        last_minute = self._connection.execute(
            "SELECT at, tokens FROM attempts WHERE backend = ? AND at > ? ORDER BY at", (backend, now - MINUTE)
        ).fetchall()
        requests, used, pause = len(last_minute), sum(spent for _, spent in last_minute), 0.0
        for at, spent in last_minute:
            if requests < manners.rpm and used + tokens <= manners.tpm:
                break
            requests, used, pause = requests - 1, used - spent, at + MINUTE - now
        return pause

    def _book(self, run: str, requests: int, tokens: float, usd: float) -> None:
        self._connection.execute(
            "INSERT INTO bills VALUES (?, ?, ?, ?) ON CONFLICT (run) DO UPDATE SET "
            "requests = requests + excluded.requests, tokens = tokens + excluded.tokens, usd = usd + excluded.usd",
            (run, requests, tokens, usd),
        )

    def _close(self, permit: Permit, outcome: str, tokens: float, usd: float) -> None:
        (run,) = self._connection.execute("SELECT run FROM attempts WHERE id = ?", (permit.attempt,)).fetchone()
        self._connection.execute(
            "UPDATE attempts SET outcome = ?, tokens = ?, usd = ? WHERE id = ?", (outcome, tokens, usd, permit.attempt)
        )
        self._book(run, 0, tokens - permit.tokens, usd - permit.usd)


def read_bill(options: Mapping[str, str]) -> Bill | None:
    """Return what the run with these options (:attr:`slinvit.registry.Spec.run`) has sent; ``None`` where nothing was.

    Raises:
        RecordError: its store cannot be read.
    """
    path = Path(options.get("record", ""))
    if not path.is_file():
        return None
    store = Store(path, read_only=True)
    try:
        return store.bill(options.get("run", ""))
    finally:
        store.close()


def _open(path: Path | None, read_only: bool) -> sqlite3.Connection:
    if path is None:
        return sqlite3.connect(":memory:", isolation_level=None)
    if not read_only:
        path.parent.mkdir(parents=True, exist_ok=True)
        return sqlite3.connect(path, timeout=60, isolation_level=None)
    if not path.is_file():
        raise FileNotFoundError("no such file")
    # A folder that cannot be written has no room for SQLite's bookkeeping; then the file must be complete in itself.
    complete = not os.access(path.parent, os.W_OK) and not path.with_name(f"{path.name}-wal").exists()
    return sqlite3.connect(f"{path.absolute().as_uri()}?{'immutable=1' if complete else 'mode=ro'}", uri=True)


def _check_limits(bill: Bill, manners: Manners, tokens: float, usd: float) -> None:
    for name, limit, spent, most in (
        ("--max-requests", manners.max_requests, bill.requests, 1),
        ("--max-tokens", manners.max_tokens, bill.tokens, tokens),
        ("--max-usd", manners.max_usd, bill.usd, usd),
    ):
        if spent + most > limit:
            raise LimitReached(
                f"{name} {limit:g} is reached: {spent:.6g} spent so far, and the next request may take {most:.4g}; "
                "finished episodes are kept, the same command with a higher limit continues"
            )


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
