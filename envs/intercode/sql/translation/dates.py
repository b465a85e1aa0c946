"""MySQL's functions of dates and times, on their texts: ``2018-01-31``, ``2018-01-31 10:00:00``, ``10:00:00``."""

import calendar
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

PARTS = re.compile(
    r"\s*(\d{4}|\d{2})[^\d\s](\d{1,2})[^\d\s](\d{1,2})(?:[T\s]+(\d{1,2})(?::(\d{1,2})(?::(\d{1,2})(\.\d+)?)?)?)?\s*$"
)
SPAN = re.compile(r"\s*(-?)(\d+):(\d{1,2})(?::(\d{1,2})(?:\.\d+)?)?\s*$")
MONTHS = {"YEAR": 12, "QUARTER": 3, "MONTH": 1}
SECONDS = {"WEEK": 604_800, "DAY": 86_400, "HOUR": 3_600, "MINUTE": 60, "SECOND": 1, "MICROSECOND": 1e-6}
UNITS = frozenset({*MONTHS, *SECONDS})


def moment(value: Any) -> datetime | None:
    """Read a date or a date and time, as MySQL reads texts and numbers; ``None`` when it is none."""
    if value is None:
        return None
    text = str(value)
    if text.isdigit():
        text = digits(text)
    match = PARTS.match(text)
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
    if len(match.group(1)) == 2:
        year += 2000 if year < 70 else 1900
    try:
        return datetime(year, month, day, hour, minute, second, int(float(match.group(7) or 0) * 1_000_000))
    except ValueError:
        return None


def digits(text: str) -> str:
    """Spell dates that are written without separators."""
    if len(text) in (6, 12):
        text = ("20" if text[:2] < "70" else "19") + text
    if len(text) not in (8, 14):
        return ""
    day = f"{text[:4]}-{text[4:6]}-{text[6:8]}"
    return day if len(text) == 8 else f"{day} {text[8:10]}:{text[10:12]}:{text[12:]}"


def write_date(value: date | None) -> str | None:
    """Write a date."""
    return None if value is None else f"{value.year:04d}-{value.month:02d}-{value.day:02d}"


def write(value: datetime | None) -> str | None:
    """Write a date and time."""
    return None if value is None else value.isoformat(" ")


def to_date(value: Any) -> str | None:
    """The date of a text."""
    return write_date(moment(value))


def to_datetime(value: Any) -> str | None:
    """The date and time of a text."""
    return write(moment(value))


def seconds(value: Any) -> int | None:
    """The seconds since midnight of a time, or of a date and time."""
    match = SPAN.match(str(value)) if value is not None else None
    if match:
        size = int(match.group(2)) * 3600 + int(match.group(3)) * 60 + int(match.group(4) or 0)
        return -size if match.group(1) else size
    when = moment(value)
    return None if when is None else when.hour * 3600 + when.minute * 60 + when.second


def clock(value: float | None) -> str | None:
    """Write seconds as a time."""
    if value is None:
        return None
    size = abs(int(value))
    return f"{'-' if value < 0 else ''}{size // 3600:02d}:{size // 60 % 60:02d}:{size % 60:02d}"


def shift(value: Any, amount: Any, unit: str, sign: int = 1) -> str | None:
    """Add an interval; a date stays one when the unit is a day or longer."""
    when = moment(value)
    if when is None or amount is None:
        return None
    try:
        if unit in MONTHS:
            months = when.year * 12 + when.month - 1 + sign * int(amount) * MONTHS[unit]
            year, month = months // 12, months % 12 + 1
            when = when.replace(year=year, month=month, day=min(when.day, calendar.monthrange(year, month)[1]))
        else:
            when += timedelta(seconds=sign * float(amount) * SECONDS[unit])
    except (ValueError, OverflowError):
        return None
    short = len(str(value).strip()) <= 10 and SECONDS.get(unit, 86_400) >= 86_400
    return write_date(when) if short else write(when)


def difference(unit: str, first: Any, second: Any) -> int | None:
    """Whole units from ``first`` to ``second``."""
    begin, end = moment(first), moment(second)
    if begin is None or end is None:
        return None
    if unit in SECONDS:
        return int((end - begin).total_seconds() / SECONDS[unit])
    months = (end.year - begin.year) * 12 + end.month - begin.month
    rest = (end.day, end.time()), (begin.day, begin.time())
    if months > 0 and rest[0] < rest[1]:
        months -= 1
    elif months < 0 and rest[0] > rest[1]:
        months += 1
    return int(months / MONTHS[unit])


def days_between(first: Any, second: Any) -> int | None:
    """Days from ``second`` to ``first``."""
    end, begin = moment(first), moment(second)
    return None if begin is None or end is None else (end.date() - begin.date()).days


def week(value: Any, mode: Any = 0) -> int | None:
    """The number of the week; modes as MySQL has them."""
    when = moment(value)
    if when is None:
        return None
    monday, long, by_four = bool(int(mode) & 1), bool(int(mode) & 2), bool(int(mode) & 1) ^ bool(int(mode) & 4)
    return week_of(when.date(), monday, long, by_four)


def week_of(day: date, monday: bool, long: bool, by_four: bool) -> int:
    """Count weeks that begin on Monday or Sunday, the first having four days or its first day in the year."""
    first = date(day.year, 1, 1)
    offset = first.weekday() if monday else (first.weekday() + 1) % 7
    started = offset <= 3 if by_four else offset == 0
    number = ((day - first).days + offset) // 7 + (1 if started else 0)
    if number == 0 and long:
        return week_of(date(day.year - 1, 12, 31), monday, long, by_four)
    if number == 53 and long and by_four:
        after = date(day.year + 1, 1, 1)
        offset = after.weekday() if monday else (after.weekday() + 1) % 7
        if offset <= 3 and (after - day).days <= offset:
            return 1
    return number


def ordinal(day: int) -> str:
    """1st, 2nd, 3rd, ..."""
    return f"{day}{'th' if 10 < day % 100 < 14 else {1: 'st', 2: 'nd', 3: 'rd'}.get(day % 10, 'th')}"


FORMATS: dict[str, Callable[[datetime], str]] = {
    "Y": lambda d: f"{d.year:04d}",
    "y": lambda d: f"{d.year % 100:02d}",
    "m": lambda d: f"{d.month:02d}",
    "c": lambda d: str(d.month),
    "M": lambda d: calendar.month_name[d.month],
    "b": lambda d: calendar.month_abbr[d.month],
    "d": lambda d: f"{d.day:02d}",
    "e": lambda d: str(d.day),
    "D": lambda d: ordinal(d.day),
    "W": lambda d: calendar.day_name[d.weekday()],
    "a": lambda d: calendar.day_abbr[d.weekday()],
    "w": lambda d: str(d.isoweekday() % 7),
    "j": lambda d: f"{d.timetuple().tm_yday:03d}",
    "H": lambda d: f"{d.hour:02d}",
    "k": lambda d: str(d.hour),
    "h": lambda d: f"{(d.hour + 11) % 12 + 1:02d}",
    "I": lambda d: f"{(d.hour + 11) % 12 + 1:02d}",
    "l": lambda d: str((d.hour + 11) % 12 + 1),
    "i": lambda d: f"{d.minute:02d}",
    "s": lambda d: f"{d.second:02d}",
    "S": lambda d: f"{d.second:02d}",
    "f": lambda d: f"{d.microsecond:06d}",
    "p": lambda d: "AM" if d.hour < 12 else "PM",
    "r": lambda d: f"{(d.hour + 11) % 12 + 1:02d}:{d.minute:02d}:{d.second:02d} {'AM' if d.hour < 12 else 'PM'}",
    "T": lambda d: f"{d.hour:02d}:{d.minute:02d}:{d.second:02d}",
    "U": lambda d: f"{week_of(d.date(), False, False, False):02d}",
    "u": lambda d: f"{week_of(d.date(), True, False, True):02d}",
    "V": lambda d: f"{week_of(d.date(), False, True, False):02d}",
    "v": lambda d: f"{d.isocalendar()[1]:02d}",
    "x": lambda d: f"{d.isocalendar()[0]:04d}",
    "X": lambda d: f"{d.year:04d}",
}


def date_format(value: Any, pattern: Any) -> str | None:
    """Write a date by MySQL's letters."""
    when = moment(value)
    if when is None or pattern is None:
        return None
    known = when

    def part(match: re.Match[str]) -> str:
        return FORMATS[match.group(1)](known) if match.group(1) in FORMATS else match.group(1)

    return re.sub(r"%(.)", part, str(pattern), flags=re.DOTALL)


READ = {"i": "%M", "s": "%S", "S": "%S", "h": "%I", "M": "%B", "c": "%m", "e": "%d", "k": "%H", "l": "%I", "W": "%A"}
READ |= {"T": "%H:%M:%S", "r": "%I:%M:%S %p"}


LAYOUT = 100
"""Characters of a layout that is read: matching takes time that grows with it."""


def str_to_date(value: Any, pattern: Any) -> str | None:
    """Read a date by MySQL's letters; ``None`` when the text does not follow them, or they are beyond all use."""
    if value is None or pattern is None or len(str(pattern)) > LAYOUT:
        return None
    layout = re.sub(r"%(.)", lambda match: READ.get(match.group(1), match.group()), str(pattern))
    try:
        when = datetime.strptime(str(value).strip(), layout)
    except ValueError:
        return None
    return write(when) if timed(str(pattern)) else write_date(when)


def timed(pattern: str) -> bool:
    """Whether a format has letters of the time of day."""
    return re.search(r"%[HhIiklprSsTf]", pattern) is not None


def part(get: Callable[[datetime], int]) -> Callable[[Any], int | None]:
    """Make a function of a date that takes texts."""

    def extract(value: Any) -> int | None:
        when = moment(value)
        return None if when is None else get(when)

    return extract


def span_part(get: Callable[[int], int]) -> Callable[[Any], int | None]:
    """Make a function of a time that takes texts."""

    def extract(value: Any) -> int | None:
        size = seconds(value)
        return None if size is None else get(abs(size))

    return extract


def now() -> datetime:
    """The present, without fractions of a second, in UTC as the original's server."""
    return datetime.now(UTC).replace(microsecond=0, tzinfo=None)


def last_day(value: Any) -> str | None:
    """The last day of the month."""
    when = moment(value)
    return None if when is None else write_date(when.replace(day=calendar.monthrange(when.year, when.month)[1]))


EXTRACTS: dict[str, Callable[[Any], Any]] = {
    "YEAR": part(lambda d: d.year),
    "MONTH": part(lambda d: d.month),
    "DAY": part(lambda d: d.day),
    "DAYOFMONTH": part(lambda d: d.day),
    "DAYOFWEEK": part(lambda d: d.isoweekday() % 7 + 1),
    "WEEKDAY": part(lambda d: d.weekday()),
    "DAYOFYEAR": part(lambda d: d.timetuple().tm_yday),
    "QUARTER": part(lambda d: (d.month + 2) // 3),
    "WEEKOFYEAR": part(lambda d: d.isocalendar()[1]),
    "YEARWEEK": part(lambda d: d.year * 100 + week_of(d.date(), False, True, False)),
    "YEAR_MONTH": part(lambda d: d.year * 100 + d.month),
    "HOUR": span_part(lambda size: size // 3600),
    "MINUTE": span_part(lambda size: size // 60 % 60),
    "SECOND": span_part(lambda size: size % 60),
    "MICROSECOND": part(lambda d: d.microsecond),
    "TO_DAYS": part(lambda d: d.toordinal() + 365),
    "UNIX_TIMESTAMP": part(lambda d: int(d.replace(tzinfo=UTC).timestamp())),
    "DATE_NUMBER": part(lambda d: d.year * 10_000 + d.month * 100 + d.day),
    "DATETIME_NUMBER": part(lambda d: int(d.strftime("%Y%m%d%H%M%S"))),
}
