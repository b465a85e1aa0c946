"""MySQL's functions of texts and numbers, on Python values; ``None`` is NULL."""

import hashlib
import math
import re
import struct
import zlib
from collections.abc import Callable, Sequence
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from functools import lru_cache, reduce
from itertools import takewhile
from operator import xor
from typing import Any
from unicodedata import combining, normalize

from envs.intercode.sql.translation.values import WIDE, plain

PACKET = 4_194_304
"""Longest text, in characters, that a function makes; longer ones are NULL, as beyond ``max_allowed_packet``."""

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
NUMBER = re.compile(r"\s*[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")


CACHED = 100
"""Characters of the longest text whose folding is remembered: what statements make up must not fill the memory."""


def fold(text: str) -> str:
    """Return what ``utf8mb4_general_ci`` compares: upper case, without accents and without spaces at the end."""
    return known_fold(text) if len(text) <= CACHED else folded(text)


def folded(text: str) -> str:
    """Fold a text of any length."""
    if text.isascii():
        return text.upper().rstrip(" ")
    bare = "".join(letter for letter in normalize("NFD", text) if not combining(letter))
    return bare.replace("ß", "s").upper().rstrip(" ")


known_fold = lru_cache(maxsize=65_536)(folded)


def collate(first: str, second: str) -> int:
    """Compare as ``utf8mb4_general_ci``."""
    left, right = fold(first), fold(second)
    return (left > right) - (left < right)


def number(value: Any) -> float | int | None:
    """Read the number at the beginning of a text; 0 when there is none."""
    if value is None or isinstance(value, int | float):
        return value
    match = NUMBER.match(value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value))
    return float(match.group()) if match else 0


def whole(value: Any) -> int | None:
    """Round to an integer, as CAST AS SIGNED: texts are cut, numbers rounded."""
    known = number(value)
    if known is None:
        return None
    size = int(known) if isinstance(value, str | bytes) else int(Decimal(repr(known)).quantize(1, ROUND_HALF_UP, WIDE))
    return max(-(2**63), min(size, 2**63 - 1))


def fold_kept(text: str) -> str:
    """Fold a text, but keep the spaces at its end, which LIKE counts."""
    return fold(text + "\0")[:-1]


def bounded(text: str) -> str | None:
    """Give NULL for what is too long."""
    return text if len(text) <= PACKET else None


def substring(text: str, start: Any, length: Any = None) -> str:
    """SUBSTRING: from 1; from the end when negative."""
    begin, size = whole(start) or 0, None if length is None else whole(length) or 0
    if begin == 0 or abs(begin) > len(text) or (size is not None and size < 1):
        return ""
    begin = begin - 1 if begin > 0 else len(text) + begin
    return text[begin:] if size is None else text[begin : begin + size]


def substring_index(text: str, mark: str, count: Any) -> str:
    """SUBSTRING_INDEX: what stands before the n-th mark, or after the n-th from the end."""
    n = whole(count) or 0
    if not mark or not n:
        return ""
    parts = text.split(mark)
    return mark.join(parts[:n] if n > 0 else parts[n:])


def pad(text: str, size: Any, filler: str, left: bool) -> str | None:
    """LPAD and RPAD."""
    length = whole(size) or 0
    if length < 0 or length > PACKET or (length > len(text) and not filler):
        return None
    missing = max(0, length - len(text))
    room = (filler * (missing // len(filler) + 1))[:missing] if missing else ""
    return room + text if left and room else (text + room)[:length]


def repeat(text: str, times: Any) -> str | None:
    """REPEAT."""
    count = max(0, whole(times) or 0)
    return text * count if count * len(text) <= PACKET else None


def trim(text: str, what: str = " ", where: str = "BOTH") -> str:
    """TRIM."""
    if not what:
        return text
    begin, end = 0, len(text)
    while where in ("BOTH", "LEADING") and text.startswith(what, begin, end):
        begin += len(what)
    while where in ("BOTH", "TRAILING") and text.endswith(what, begin, end):
        end -= len(what)
    return text[begin:end]


def joined(mark: str, parts: Sequence[str]) -> str | None:
    """CONCAT and CONCAT_WS; the length is known before the text is made."""
    size = sum(map(len, parts)) + len(mark) * max(0, len(parts) - 1)
    return mark.join(parts) if size <= PACKET else None


def replaced(text: str, old: str, new: str) -> str | None:
    """REPLACE; the length is known before the text is made."""
    if not old:
        return text
    size = len(text) + text.count(old) * (len(new) - len(old))
    return text.replace(old, new) if size <= PACKET else None


def locate(what: str, text: str, start: Any = 1) -> int:
    """LOCATE: the place, from 1; 0 when absent."""
    return fold_kept(text).find(fold_kept(what), max(0, (whole(start) or 1) - 1)) + 1


def insert(text: str, start: Any, length: Any, new: str) -> str:
    """INSERT: replace a part of a text."""
    begin, size = whole(start) or 0, whole(length) or 0
    if not 0 < begin <= len(text):
        return text
    return text[: begin - 1] + new + (text[begin - 1 + size :] if size >= 0 else "")


def format_number(value: Any, digits: Any) -> str | None:
    """FORMAT: with commas between thousands."""
    known, places = number(value), max(0, min(30, whole(digits) or 0))
    return None if known is None else f"{rounded(known, places):,.{places}f}"


def rounded(value: float | int, digits: int, exact: bool = True) -> float | int:
    """ROUND: half away from zero for exact numbers, half to even for doubles."""
    if isinstance(value, int) and digits >= 0:
        return value
    if not math.isfinite(value) or digits > 30:
        return value
    if not exact:
        return round(value, digits)
    result = Decimal(repr(value)).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP, WIDE)
    return int(result) if digits <= 0 else float(result)


def truncated(value: float | int, digits: Any) -> float | int:
    """TRUNCATE."""
    places = max(-30, min(30, whole(digits) or 0))
    result = Decimal(repr(value)).quantize(Decimal(1).scaleb(-places), ROUND_DOWN, WIDE)
    return int(result) if places <= 0 else float(result)


def safely(call: Callable[..., float]) -> Callable[..., float | None]:
    """Give NULL outside the domain of a function."""

    def guarded(*values: Any) -> float | None:
        try:
            return call(*(number(value) for value in values))
        except (ValueError, ZeroDivisionError, OverflowError):
            return None

    return guarded


def log(value: float, *argument: float) -> float:
    """LOG: natural, or of the second argument to the base of the first."""
    return math.log(argument[0]) / math.log(value) if argument else math.log(value)


def remainder(value: Any, by: Any) -> float | int | None:
    """MOD: with the sign of the dividend."""
    left, right = number(value), number(by)
    if left is None or right is None or right == 0:
        return None
    if isinstance(left, int) and isinstance(right, int):
        return int(math.fmod(left, right)) if abs(left) < 2**53 else abs(left) % abs(right) * (1 if left > 0 else -1)
    return float(Decimal(repr(left)) % Decimal(repr(right)))


def convert_base(value: Any, source: Any, target: Any) -> str | None:
    """CONV: of 64 bits, so that more digits than those are not read; signed where the target is negative."""
    origin, base = abs(whole(source) or 0), abs(whole(target) or 0)
    if not (2 <= origin <= 36 and 2 <= base <= 36):
        return None
    text = plain(value).strip().upper()
    known = set(DIGITS[:origin])
    body = "".join(takewhile(known.__contains__, text.lstrip("+-").lstrip("0")[:65]))
    size = min(int(body or "0", origin), 2**64 - 1)
    size = -size % 2**64 if text.startswith("-") else size
    if (whole(target) or 0) < 0 and size >= 2**63:
        return "-" + spelled_in(base, 2**64 - size)
    return spelled_in(base, size)


def spelled_in(base: int, size: int) -> str:
    """Write a whole number with the digits of a base."""
    text = ""
    while size:
        size, digit = divmod(size, base)
        text = DIGITS[digit] + text
    return text or "0"


def exclusive(*values: int) -> int:
    """``^``, of whole numbers."""
    return reduce(xor, values)


def soundex(text: str) -> str:
    """SOUNDEX, of any length as MySQL has it."""
    codes = dict.fromkeys("BFPV", "1") | dict.fromkeys("CGJKQSXZ", "2") | dict.fromkeys("DT", "3")
    codes |= {"L": "4", "M": "5", "N": "5", "R": "6"}
    letters = [letter for letter in fold(text) if letter.isalpha()]
    if not letters:
        return ""
    found, last = letters[0], codes.get(letters[0], "")
    for letter in letters[1:]:
        code = codes.get(letter, "")
        if code and code != last:
            found += code
        if letter not in "HW":
            last = code
    return found.ljust(4, "0")


def digest(name: str) -> Callable[[str], str]:
    """A hash as hexadecimal text."""
    return lambda text: hashlib.new(name, text.encode(), usedforsecurity=False).hexdigest()


def sha2(text: str, bits: Any) -> str | None:
    """SHA2."""
    size = whole(bits) or 256
    return digest(f"sha{size}")(text) if size in (224, 256, 384, 512) else None


def hexadecimal(value: Any) -> str | None:
    """HEX."""
    if isinstance(value, int):
        return f"{value % 2**64:X}"
    data = value if isinstance(value, bytes) else plain(value).encode()
    return data.hex().upper() if 2 * len(data) <= PACKET else None


def checksum(text: str) -> int:
    """CRC32."""
    return zlib.crc32(text.encode())


def pack(*values: Any) -> str | None:
    """Return what stands for a row in COUNT(DISTINCT a, b); ``None`` when a value is NULL."""
    if any(value is None for value in values):
        return None
    return repr([fold(value) if isinstance(value, str) else value for value in values])


def place(*values: Any) -> bytes:
    """Return bytes that sort as a row of an index does."""
    parts = []
    for value in values:
        if value is None:
            parts.append(b"\0")
        elif isinstance(value, int):
            parts.append(b"\1" + (value + 2**63).to_bytes(9, "big"))
        elif isinstance(value, float):
            bits = int.from_bytes(struct.pack(">d", value), "big")
            parts.append(b"\1" + (bits ^ (2**64 - 1 if bits >> 63 else 2**63)).to_bytes(9, "big"))
        else:
            parts.append(b"\1" + fold(plain(value)).encode("utf-16-be", "replace") + b"\0\0")
    return b"".join(parts)
