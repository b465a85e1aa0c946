"""What the learned value of an answer reads: the command, what it gave, and how both fit the question."""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

from envs.intercode.task import SQL
from value_estimators.intercode.executes import level
from value_estimators.intercode.shape import fit
from value_estimators.intercode.turn import Turn
from value_estimators.intercode.wording import wants_changes, wants_number

WORD = re.compile(r"[a-z0-9]+")
QUOTED = re.compile(r"'([^']*)'|\"([^\"]*)\"")
NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?![\w.])")
SAID: Mapping[str, tuple[str, str]] = {
    "count": (r"how many|number of|count", r"\bcount\s*\(|\bwc\b|-c\b"),
    "average": (r"average|mean", r"\bavg\s*\(|/\s*(nr|n|c|count)\b"),
    "largest": (r"maximum|most|\b\w{3,}est\b", r"\bmax\s*\(|\bmin\s*\(|\border by\b|\bsort\b"),
    "distinct": (r"different|distinct|unique", r"\bdistinct\b|\bgroup by\b|\buniq\b|sort -u"),
    "each": (r"\beach\b|\bper\b|\bevery\b", r"\bgroup by\b|\bawk\b|-exec\b|\bxargs\b"),
    "order": (r"order|sort|ascending|descending|alphabetical", r"\border by\b|\bsort\b"),
    "not": (r"\bnot\b|without|\bno\b|except|never|exclud", r"\bnot\b|\bexcept\b|!=|<>|!|-v\b|is null"),
    "both": (r"\bboth\b", r"\bintersect\b|\band\b|\bcomm\b"),
}
"""Words of a question, and what a command that heeds them has."""

Features: TypeAlias = dict[str, float]


def features(turn: Turn, mass: float, agreement: float) -> Features:
    """Return numbers by name, most of them in [0, 1]; the same names for all turns of a world.

    Args:
        turn: the last command.
        mass: of the prior for the command.
        agreement: of the prior for its answer.
    """
    command = turn.command or ""
    return {
        "mass": mass,
        "agreement": agreement,
        "level": level(turn),
        "shape": fit(turn),
        **(_of_rows(turn) if turn.sql else _of_output(turn)),
        **_of_words(turn.question, command),
    }


def names(domain: str) -> tuple[str, ...]:
    """Return the names of the features in a world."""
    return tuple(features(Turn(domain == SQL, "", None, None, ()), 0.0, 0.0))


def _of_rows(turn: Turn) -> Features:
    rows = (turn.answer.rows if turn.answer else None) or ()
    values = [value for row in rows for value in row]
    return {
        "rows": math.log1p(len(rows)) / 5,
        "one row": float(len(rows) == 1),
        "columns": math.log1p(len(rows[0]) if rows else 0),
        "nulls": sum(value is None for value in values) / max(len(values), 1),
        "repeated rows": 1 - len(set(map(str, rows))) / max(len(rows), 1),
        "joins": math.log1p((turn.command or "").lower().count(" join ")),
        "all columns": float(bool(re.search(r"select\s+(\w+\.)?\*", (turn.command or "").lower()))),
    }


def _of_output(turn: Turn) -> Features:
    text = turn.answer.text if turn.answer else ""
    changed = turn.answer.changed if turn.answer else ()
    return {
        "lines": math.log1p(text.count("\n")) / 5,
        "one line": float(len(text.splitlines()) == 1),
        "long": math.log1p(len(text)) / 10,
        "complaint": float(
            bool(re.search(r"no such file|permission denied|invalid|missing operand|usage:", text.lower()))
        ),
        "changed": math.log1p(len(changed)),
        "unwanted change": float(bool(changed) and not wants_changes(turn.question)),
        "missing change": float(not changed and wants_changes(turn.question)),
        "missing number": float(wants_number(turn.question) and not any(map(str.isdecimal, text))),
        "pipes": math.log1p((turn.command or "").count("|")),
    }


def _of_words(question: str, command: str) -> Features:
    asked, written = question.lower(), command.lower()
    words, used = set(WORD.findall(asked)), set(WORD.findall(written))
    return {
        "length": math.log1p(len(written)) / 6,
        "question words used": len(words & used) / max(len(words), 1),
        "command words asked": len(words & used) / max(len(used), 1),
        "texts asked": _share(
            (first or second for first, second in QUOTED.findall(command)), lambda t: t.lower() in asked
        ),
        "numbers used": _share(NUMBER.findall(asked), lambda number: number in written),
        **{f"heeds {name}": _heeds(pair, asked, written) for name, pair in SAID.items()},
    }


def _share(found: Iterable[str], holds: Callable[[str], bool]) -> float:
    """Return the share of texts for which it holds; 1 where there is none."""
    texts = [text.strip("%") for text in found if text.strip("%")]
    return sum(map(holds, texts)) / len(texts) if texts else 1.0


def _heeds(pair: tuple[str, str], asked: str, written: str) -> float:
    """Return 1 where question and command both have it, -1 where one alone has, 0 where neither."""
    wanted, given = (bool(re.search(pattern, text)) for pattern, text in zip(pair, (asked, written), strict=True))
    return 0.0 if not wanted and not given else 1.0 if wanted and given else -1.0
