"""Values of what a MySQL-protocol server sends, as MySQL's own connector gives them.

One difference: a SET column is the server's text ``'p,q'``, not a Python set, whose order changes from run to run.
"""

from collections.abc import Callable
from typing import Any

from envs.intercode.sql.result import Row


def size_of(row: Row) -> int:
    """Return about how many characters a row takes in an observation."""
    return sum(len(value) + 4 if isinstance(value, str | bytes) else 10 for value in row)


def converters() -> dict[Any, Any]:
    """Return what makes values of what the server sends, where PyMySQL differs from MySQL's own connector."""
    from pymysql.constants import FIELD_TYPE
    from pymysql.converters import conversions, decoders

    def bits(data: bytes) -> int:
        return int.from_bytes(data, "big")

    def or_none(convert: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def converted(data: Any) -> Any:
            value = convert(data)
            # A zero date is no date: the connector gives None, PyMySQL the text.
            return None if isinstance(value, str) else value

        return converted

    changed: dict[int, Callable[[Any], Any]] = {FIELD_TYPE.BIT: bits}
    for kind in (FIELD_TYPE.DATE, FIELD_TYPE.DATETIME, FIELD_TYPE.TIMESTAMP):
        changed[kind] = or_none(decoders[kind])
    return {**conversions, **changed}


__all__ = ["converters", "size_of"]
