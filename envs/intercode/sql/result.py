"""What one SQL statement gives, and what every SQL engine promises."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from envs.intercode.sql.catalog import Catalog
from envs.intercode.sql.dump import Dump

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome of one statement.

    Attributes:
        rows: values as the MySQL connector gives them (int, float, Decimal, str, date, datetime, timedelta, bytes,
            None); ``None`` when the statement returns no rows.
        columns: their names.
        error: the message of the server; ``None`` when the statement was executed.
        changed: data, schema or the current database may differ from before.
        seconds: wall time.
    """

    rows: tuple[Row, ...] | None = None
    columns: tuple[str, ...] = ()
    error: str | None = None
    changed: bool = False
    seconds: float = field(default=0.0, compare=False)

    @property
    def observation(self) -> str:
        """What the agent reads: the list of rows, ``None`` for a statement without rows, or the error."""
        if self.error is not None:
            return f"Error executing query: {self.error}"
        return "None" if self.rows is None else str(list(self.rows))


@dataclass(frozen=True, slots=True)
class Limits:
    """What one statement may use; beyond it, it ends with an error.

    Attributes:
        seconds: of the processor where the engine can count them (SQLite: and four times as long by the clock), by
            the clock elsewhere.
        rows: rows of its result.
        size: of the observation, in characters.
        storage: what one database may grow to, in bytes.
    """

    seconds: float = 5.0
    rows: int = 100_000
    size: int = 8_000_000
    storage: int = 8_000_000


class Image(Protocol):
    """The frozen, picklable content of a session; equal keys for equal content and current database."""

    @property
    def key(self) -> Hashable:
        """Equal for equal situations."""
        ...


class SqlSession(Protocol):
    """One agent's world: all databases of a dump, one of them current."""

    @property
    def catalog(self) -> Catalog:
        """The schema as it is now, with the current database."""
        ...

    def open(self, database: str) -> None:
        """Start afresh with pristine data and ``database`` current.

        Raises:
            InputError: the dump has no such database.
        """
        ...

    def execute(self, statement: str) -> Result:
        """Execute one statement; what goes wrong in it is in the result."""
        ...

    def image(self) -> Image:
        """Freeze the content; cheap while nothing has changed."""
        ...

    def restore(self, image: Any) -> None:
        """Return to ``image``, taken from this session or another over the same dump."""
        ...

    def close(self) -> None:
        """Release what the session holds; harmless when repeated."""
        ...


class SqlEngine(Protocol):
    """Makes sessions."""

    def session(self, dump: Dump) -> SqlSession:
        """Return a new session over the databases of ``dump``."""
        ...

    def provenance(self) -> Mapping[str, Any]:
        """State the engine, its version and its limits, for records."""
        ...

    def close(self) -> None:
        """Release what the engine holds; harmless when repeated."""
        ...


__all__ = ["Image", "Limits", "Result", "Row", "SqlEngine", "SqlSession"]
