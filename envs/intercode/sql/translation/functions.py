"""The functions that MySQL has and this engine knows."""

import math
import uuid
from collections.abc import Callable, Sequence
from typing import Any

from envs.intercode.sql.translation import dates, patterns, texts
from envs.intercode.sql.translation.signatures import (
    Function,
    TypeRule,
    always,
    constant,
    current,
    extreme,
    first,
    integral,
    moved,
    of_date,
    of_number,
    of_text,
    rand,
    shifted,
)
from envs.intercode.sql.translation.values import (
    BYTES,
    DATE,
    DATETIME,
    DOUBLE,
    INT,
    TEXT,
    TIME,
    Type,
    merge,
    plain,
)

TEXTS = {
    "CONCAT": of_text(lambda *parts: texts.joined("", parts), 1, 100),
    "CONCAT_WS": Function(
        lambda mark, *parts: None if mark is None else texts.joined(mark, [p for p in parts if p is not None]),
        2,
        100,
        always(TEXT),
        texts=True,
        strict=False,
    ),
    "LENGTH": of_text(lambda text: len(text.encode()), 1, kind=INT),
    "OCTET_LENGTH": of_text(lambda text: len(text.encode()), 1, kind=INT),
    "BIT_LENGTH": of_text(lambda text: 8 * len(text.encode()), 1, kind=INT),
    "CHAR_LENGTH": of_text(len, 1, kind=INT),
    "CHARACTER_LENGTH": of_text(len, 1, kind=INT),
    "UPPER": of_text(str.upper, 1),
    "UCASE": of_text(str.upper, 1),
    "LOWER": of_text(str.lower, 1),
    "LCASE": of_text(str.lower, 1),
    "LEFT": of_text(lambda text, size: text[: max(0, texts.whole(size) or 0)], 2),
    "RIGHT": of_text(lambda text, size: text[len(text) - min(len(text), max(0, texts.whole(size) or 0)) :], 2),
    "SUBSTRING": of_text(texts.substring, 2, 3),
    "SUBSTR": of_text(texts.substring, 2, 3),
    "MID": of_text(texts.substring, 3),
    "SUBSTRING_INDEX": of_text(texts.substring_index, 3),
    "LOCATE": of_text(texts.locate, 2, 3, INT),
    "INSTR": of_text(lambda text, what: texts.locate(what, text), 2, kind=INT),
    "REPLACE": of_text(texts.replaced, 3),
    "REVERSE": of_text(lambda text: text[::-1], 1),
    "REPEAT": of_text(texts.repeat, 2),
    "SPACE": of_text(lambda size: texts.repeat(" ", size), 1),
    "LPAD": of_text(lambda text, size, filler: texts.pad(text, size, filler, True), 3),
    "RPAD": of_text(lambda text, size, filler: texts.pad(text, size, filler, False), 3),
    "TRIM": of_text(texts.trim, 1, 3),
    "LTRIM": of_text(lambda text: text.lstrip(" "), 1),
    "RTRIM": of_text(lambda text: text.rstrip(" "), 1),
    "FIELD": Function(
        lambda what, *rest: next((i for i, each in enumerate(rest, 1) if same(what, each)), 0),
        2,
        100,
        always(INT),
        strict=False,
    ),
    "FIND_IN_SET": of_text(
        lambda what, among: next((i for i, each in enumerate(among.split(","), 1) if same(what, each)), 0), 2, kind=INT
    ),
    "ELT": Function(lambda n, *rest: rest[int(n) - 1] if n and 0 < n <= len(rest) else None, 2, 100, always(TEXT)),
    "STRCMP": of_text(texts.collate, 2, kind=INT),
    "ASCII": of_text(lambda text: text.encode()[0] if text else 0, 1, kind=INT),
    "ORD": of_text(lambda text: int.from_bytes(text[0].encode(), "big") if text else 0, 1, kind=INT),
    "HEX": Function(texts.hexadecimal, 1, 1, always(TEXT)),
    "INSERT": of_text(texts.insert, 4),
    "QUOTE": of_text(lambda text: "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'", 1),
    "SOUNDEX": of_text(texts.soundex, 1),
    "MD5": of_text(texts.digest("md5"), 1),
    "SHA": of_text(texts.digest("sha1"), 1),
    "SHA1": of_text(texts.digest("sha1"), 1),
    "SHA2": of_text(texts.sha2, 2),
    "CRC32": of_text(texts.checksum, 1, kind=INT),
    "FORMAT": Function(texts.format_number, 2, 2, always(TEXT)),
}


def same(left: Any, right: Any) -> bool:
    """Whether two values are equal, texts by the collation."""
    if isinstance(left, str) and isinstance(right, str):
        return texts.fold(left) == texts.fold(right)
    return left is not None and left == right


NUMBERS = {
    "ABS": Function(lambda value: abs(texts.number(value) or 0), 1, 1, first),
    "CEIL": Function(lambda value: math.ceil(texts.number(value) or 0), 1, 1, integral),
    "CEILING": Function(lambda value: math.ceil(texts.number(value) or 0), 1, 1, integral),
    "FLOOR": Function(lambda value: math.floor(texts.number(value) or 0), 1, 1, integral),
    "TRUNCATE": Function(lambda value, digits: texts.truncated(texts.number(value) or 0, digits), 2, 2, first),
    "SIGN": Function(lambda value: (lambda x: (x > 0) - (x < 0))(texts.number(value) or 0), 1, 1, always(INT)),
    "MOD": Function(texts.remainder, 2, 2, merge),
    "POW": of_number(lambda base, power: float(base) ** float(power), 2),
    "POWER": of_number(lambda base, power: float(base) ** float(power), 2),
    "SQRT": of_number(math.sqrt),
    "EXP": of_number(math.exp),
    "LN": of_number(math.log),
    "LOG": of_number(texts.log, 1, 2),
    "LOG2": of_number(math.log2),
    "LOG10": of_number(math.log10),
    "SIN": of_number(math.sin),
    "COS": of_number(math.cos),
    "TAN": of_number(math.tan),
    "ASIN": of_number(math.asin),
    "ACOS": of_number(math.acos),
    "ATAN": of_number(lambda y, *x: math.atan2(y, *x) if x else math.atan(y), 1, 2),
    "ATAN2": of_number(math.atan2, 2),
    "COT": of_number(lambda x: 1 / math.tan(x)),
    "DEGREES": of_number(math.degrees),
    "RADIANS": of_number(math.radians),
    "PI": constant(math.pi, Type("double", 6)),
    "GREATEST": extreme(max),
    "LEAST": extreme(min),
    "CONV": of_text(texts.convert_base, 3),
    "BIN": of_text(lambda value: texts.convert_base(value, 10, 2), 1),
    "OCT": of_text(lambda value: texts.convert_base(value, 10, 8), 1),
    "RAND": Function(rand, 0, 1, always(DOUBLE), pure=False),
}

DATES = {
    **{name: of_date(call, 1) for name, call in dates.EXTRACTS.items() if name != "UNIX_TIMESTAMP"},
    "UNIX_TIMESTAMP": Function(
        lambda *value: dates.EXTRACTS["UNIX_TIMESTAMP"](value[0] if value else dates.write(dates.now())),
        0,
        1,
        always(INT),
        pure=False,
    ),
    "WEEK": of_date(dates.week, 1, 2),
    "DATE": of_date(dates.to_date, 1, kind=DATE),
    "TIMESTAMP": of_date(dates.to_datetime, 1, kind=DATETIME),
    "DATETIME": of_date(dates.to_datetime, 1, kind=DATETIME),
    "TIME": of_date(lambda value: dates.clock(dates.seconds(value)), 1, kind=TIME),
    "DATEDIFF": of_date(dates.days_between, 2),
    "TIMEDIFF": of_date(lambda a, b: dates.clock(span(a, b)), 2, kind=TIME),
    "TIME_TO_SEC": of_date(dates.seconds, 1),
    "SEC_TO_TIME": of_date(dates.clock, 1, kind=TIME),
    "TIMESTAMPDIFF": of_date(dates.difference, 3),
    "DATE_FORMAT": of_date(dates.date_format, 2, kind=TEXT),
    "TIME_FORMAT": of_date(lambda value, layout: dates.date_format(f"2000-01-01 {value}", layout), 2, kind=TEXT),
    "STR_TO_DATE": of_date(dates.str_to_date, 2, kind=TEXT),
    "MONTHNAME": of_date(lambda value: dates.date_format(value, "%M"), 1, kind=TEXT),
    "DAYNAME": of_date(lambda value: dates.date_format(value, "%W"), 1, kind=TEXT),
    "LAST_DAY": of_date(dates.last_day, 1, kind=DATE),
    "DATE_ADD": shifted(moved, 1),
    "DATE_SUB": shifted(moved, -1),
    "NOW": current(DATETIME, lambda: dates.write(dates.now())),
    "SYSDATE": current(DATETIME, lambda: dates.write(dates.now())),
    "LOCALTIME": current(DATETIME, lambda: dates.write(dates.now())),
    "LOCALTIMESTAMP": current(DATETIME, lambda: dates.write(dates.now())),
    "CURRENT_TIMESTAMP": current(DATETIME, lambda: dates.write(dates.now())),
    "UTC_TIMESTAMP": current(DATETIME, lambda: dates.write(dates.now())),
    "CURDATE": current(DATE, lambda: dates.write_date(dates.now())),
    "CURRENT_DATE": current(DATE, lambda: dates.write_date(dates.now())),
    "UTC_DATE": current(DATE, lambda: dates.write_date(dates.now())),
    "CURTIME": current(TIME, lambda: dates.date_format(dates.now(), "%T")),
    "CURRENT_TIME": current(TIME, lambda: dates.date_format(dates.now(), "%T")),
    "UTC_TIME": current(TIME, lambda: dates.date_format(dates.now(), "%T")),
}


def span(later: Any, earlier: Any) -> int | None:
    """Seconds between two times."""
    end, begin = dates.seconds(later), dates.seconds(earlier)
    return None if end is None or begin is None else end - begin


CONTROL = {
    "IFNULL": Function(None, 2, 2, merge, strict=False),
    "COALESCE": Function(None, 1, 100, merge, strict=False),
    "NULLIF": Function(None, 2, 2, lambda types: types[0], strict=False),
}

SERVER = {
    "VERSION": constant("8.0.32"),
    "USER": constant("admin@localhost"),
    "SESSION_USER": constant("admin@localhost"),
    "SYSTEM_USER": constant("admin@localhost"),
    "CURRENT_USER": constant("admin@%"),
    "CONNECTION_ID": constant(8, INT),
    "FOUND_ROWS": constant(0, INT),
    "UUID": Function(lambda: str(uuid.uuid4()), 0, 0, always(TEXT), pure=False),
    "LOAD_FILE": Function(lambda _: None, 1, 1, always(TEXT)),
    "CHARSET": Function(lambda _: "utf8mb4", 1, 1, always(TEXT)),
    "COLLATION": Function(lambda _: "utf8mb4_general_ci", 1, 1, always(TEXT)),
}

HELPERS = {
    "_NUMBER": Function(texts.number, 1, 1, always(DOUBLE)),
    "_WHOLE": Function(texts.whole, 1, 1, always(INT)),
    "_XOR": Function(texts.exclusive, 2, 100, always(INT)),
    "_LIKE": Function(patterns.like, 2, 4, always(INT)),
    "_ROUND": Function(texts.rounded, 3, 3, first),
    "_PLAIN": Function(plain, 1, 1, always(TEXT)),
    "_PACK": Function(texts.pack, 1, 100, always(TEXT), strict=False),
    "_PLACE": Function(texts.place, 1, 100, always(BYTES), strict=False),
}

TIMED: dict[str, Callable[..., Any]] = {
    "_REGEXP": patterns.regexp,
    "REGEXP_REPLACE": patterns.regexp_replace,
}
"""Functions whose last argument is the time that is left."""

SCALARS = TEXTS | NUMBERS | DATES | CONTROL | SERVER | HELPERS
"""Functions of one row, by name."""


def total(types: Sequence[Type]) -> Type:
    """Of SUM: exact sums are decimals."""
    kind = types[0]
    return Type("decimal", kind.digits) if kind.exact else Type("double", kind.scale if kind.numeric else None)


def mean(types: Sequence[Type]) -> Type:
    """Of AVG: four more digits."""
    kind = types[0]
    if kind.exact:
        return Type("decimal", kind.digits + 4)
    return Type("double", kind.scale + 4 if kind.numeric and kind.scale is not None else None)


def itself(types: Sequence[Type]) -> Type:
    """Of MIN and MAX."""
    return types[0]


AGGREGATES: dict[str, TypeRule] = {
    "COUNT": always(INT),
    "SUM": total,
    "AVG": mean,
    "MIN": itself,
    "MAX": itself,
    "ANY_VALUE": itself,
    "GROUP_CONCAT": always(TEXT),
    **dict.fromkeys(("STD", "STDDEV", "STDDEV_POP", "STDDEV_SAMP"), always(DOUBLE)),
    **dict.fromkeys(("VARIANCE", "VAR_POP", "VAR_SAMP"), always(DOUBLE)),
    **dict.fromkeys(("BIT_AND", "BIT_OR", "BIT_XOR"), always(INT)),
}
"""Functions of groups, by name, with the types of their results."""

WINDOWS: dict[str, TypeRule] = {
    **dict.fromkeys(("ROW_NUMBER", "RANK", "DENSE_RANK", "NTILE"), always(INT)),
    **dict.fromkeys(("PERCENT_RANK", "CUME_DIST"), always(DOUBLE)),
    **dict.fromkeys(("LAG", "LEAD", "FIRST_VALUE", "LAST_VALUE", "NTH_VALUE"), itself),
}
"""Functions that need OVER, by name."""

__all__ = ["AGGREGATES", "SCALARS", "WINDOWS", "Function"]
