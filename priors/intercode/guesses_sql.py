"""Simple queries over known tables, matched to the words of a question by rules."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product

from priors.intercode.guesses_schema import Column, Schema, quoted
from priors.intercode.guesses_words import content, coverage, stem, stems

MOST = 12
"""Queries per question."""

_QUOTED = re.compile(r"\"([^\"]+)\"|(?<!\w)'([^']+)'(?!\w)")
_NAME = re.compile(r"(?<=[a-z,] )[A-Z][\w.-]*(?: [A-Z][\w.-]*)*")
_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?!\w|\.\d)")
_CONDITION = re.compile(
    r"\b(?:where|whose|with|who|that|which|having|for each|for every|per|of each|in each|sorted|ordered|sort|order|"
    r"in (?:ascending|descending|alphabetical)|for|from|in|by)\b",
    re.IGNORECASE,
)
_GROUP = re.compile(r"\b(?:for each|for every|of each|in each|per|each|every|by)\s+(.*)", re.IGNORECASE)
_ORDER = re.compile(r"\b(?:sorted|sort|ordered|order|ascending|descending|alphabetical\w*)\b(.*)", re.IGNORECASE)
_COUNT = re.compile(r"\bhow many\b|\bnumbers? of\b|\bcount\b", re.IGNORECASE)
_DISTINCT = re.compile(r"\b(?:different|distinct|unique)\b", re.IGNORECASE)
_DOWN = re.compile(r"\b(?:descending|decreasing|from (?:most|highest|largest|oldest))\b", re.IGNORECASE)
_COMPARISONS = (
    (">=", r"at least|or more|no less than|minimum of"),
    ("<=", r"at most|or less|no more than|up to"),
    (">", r"(?:more|greater|larger|higher|bigger|older|longer|heavier|taller|later) than|over|above|after|exceed\w*"),
    ("<", r"(?:less|fewer|smaller|lower|younger|shorter|lighter|earlier) than|under|below|before"),
    ("!=", r"not|other than|except|different from"),
)
_AGGREGATES = (
    ("AVG", r"average|mean|avg"),
    ("MAX", r"maximum|max|highest|largest|biggest|greatest|oldest|longest|latest|most"),
    ("MIN", r"minimum|min|lowest|smallest|least|youngest|shortest|earliest|fewest"),
    ("SUM", r"total|sum|altogether|combined"),
)
_BEST = {"MAX": " DESC LIMIT 1", "MIN": " LIMIT 1"}
_ABOUT = {"old": "age", "young": "age", "heavy": "weight", "tall": "height", "large": "area", "recent": "date"}


@dataclass(frozen=True)
class Scored:
    """A piece of SQL and how well it fits; only differences of scores mean something.

    Attributes:
        sql: text of a query, or of a part of one.
        score: 0 for what always fits.
        single: it makes one row of all, or keeps one: an aggregate, or the best row.
        key: what it groups by.
    """

    sql: str
    score: float = 0.0
    single: bool = False
    key: str = ""


@dataclass(frozen=True)
class Mention:
    """A column that the question seems to name.

    Attributes:
        sql: how a query refers to it.
        column: what is known of it.
        score: how much of its name is in the question, 0 to 1.
        at: place of its first word among the words of the question.
    """

    sql: str
    column: Column
    score: float
    at: int


@dataclass(frozen=True)
class Source:
    """What a query reads from: a table, or two joined on a column that both have."""

    sql: str
    columns: tuple[tuple[str, Column], ...]
    score: float


def queries(question: str, schema: Schema) -> list[Scored]:
    """Return up to :data:`MOST` queries, best first; none where no table's columns are known."""
    found: dict[str, float] = {}
    for source in _sources(question, schema.described):
        mentions = _mentions(question, source)
        parts = (_selects(question, mentions, source), _wheres(question, mentions, source), _tails(question, mentions))
        for select, where, tail in product(*parts):
            if select.single and tail.single:
                continue
            if tail.key and select.sql == "COUNT(*)":
                select = Scored(f"{tail.key}, COUNT(*)", select.score)
            sql = f"SELECT {select.sql} FROM {source.sql}{where.sql}{tail.sql}"
            score = source.score + select.score + where.score + tail.score
            found[sql] = max(score, found.get(sql, score))
    return [Scored(sql, score) for sql, score in sorted(found.items(), key=lambda pair: -pair[1])[:MOST]]


def table_scores(question: str, names: Sequence[str]) -> list[float]:
    """Return ``[T]`` how well the name of each table fits the question, 0 to 1."""
    words = content(question)
    return [coverage(name, words) for name in names]


def _sources(question: str, tables: Mapping[str, tuple[Column, ...]]) -> list[Source]:
    words = content(question)
    single = []
    for name, columns in tables.items():
        named = sorted((coverage(column.name, words) for column in columns), reverse=True)
        alone = tuple((quoted(column.name), column) for column in columns)
        single.append(Source(quoted(name), alone, 2 * coverage(name, words) + 0.5 * sum(named[:2])))
    single.sort(key=lambda source: -source.score)
    return [*single[:2], *_joined(single[:3])]


def _joined(sources: Sequence[Source]) -> Iterator[Source]:
    for one, other in combinations(sources, 2):
        shared = [name for name, column in one.columns if name in dict(other.columns) and _is_link(column)]
        if shared and min(one.score, other.score) >= 2:
            on = f"{one.sql}.{shared[0]} = {other.sql}.{shared[0]}"
            columns = tuple((f"{each.sql}.{name}", column) for each in (one, other) for name, column in each.columns)
            yield Source(f"{one.sql} JOIN {other.sql} ON {on}", columns, (one.score + other.score) / 2 + 0.25)


def _is_link(column: Column) -> bool:
    return column.key or stems(column.name)[-1:] in (("id",), ("code",), ("no",), ("number",))


def _mentions(question: str, source: Source) -> list[Mention]:
    words = [_ABOUT.get(word.removesuffix("est").removesuffix("er"), word) for word in content(question)]
    found = []
    for sql, column in source.columns:
        parts = stems(column.name)
        score = coverage(column.name, words)
        if score < 0.5 or (_is_link(column) and not coverage(parts[-1], words)):
            continue
        at = min((i for i, word in enumerate(words) if coverage(word, parts)), default=len(words))
        found.append(Mention(sql, column, score, at))
    return sorted(found, key=lambda mention: (mention.at, -mention.score))


def _selects(question: str, mentions: Sequence[Mention], source: Source) -> list[Scored]:
    head = _head(question)
    inside = [mention for mention in mentions if coverage(mention.column.name, content(head)) >= 0.5]
    asked = [mention for mention in inside if mention.score == 1] or inside
    distinct = "DISTINCT " if _DISTINCT.search(question) else ""
    found = []
    if _COUNT.search(question):
        found.append(Scored("COUNT(*)", 1.5, single=True))
        found += [Scored(f"COUNT(DISTINCT {asked[0].sql})", 1.7, single=True)] if distinct and asked else []
    for function, cue in _AGGREGATES:
        if number := _number_at(head, cue, mentions):
            found.append(Scored(f"{function}({number.sql})", 1.0 + (function == "AVG"), single=True))
    if asked:
        found.append(Scored(distinct + ", ".join(dict.fromkeys(mention.sql for mention in asked[:3])), 1.0))
        found.append(Scored(distinct + asked[0].sql, 0.6))
    names = [sql for sql, column in source.columns if stems(column.name)[-1:] == ("name",)]
    return found[:4] or [*(Scored(sql, 0.3) for sql in names[:1]), Scored("*")]


def _number_at(text: str, cue: str, mentions: Sequence[Mention]) -> Mention | None:
    """Return the column with numbers that follows ``cue`` in ``text``, or else the last one; ``None`` without cue."""
    found = re.search(rf"\b(?:{cue})\b", text, re.IGNORECASE)
    numbers = [mention for mention in mentions if mention.column.numeric is not False]
    if found is None or not numbers:
        return None
    start = len(content(text[: found.start()]))
    return next((mention for mention in numbers if mention.at >= start), numbers[-1])


def _head(question: str) -> str:
    """Return the part of the question that says what is wanted, up to the first condition."""
    after = question.find(" ", question.find(" ") + 1)
    found = _CONDITION.search(question, max(after, 0))
    return question if found is None else question[: found.start()]


def _wheres(question: str, mentions: Sequence[Mention], source: Source) -> list[Scored]:
    found = []
    texts = [next(filter(None, groups)) for groups in _QUOTED.findall(question)]
    for value in texts or _NAME.findall(question.partition(" ")[2]):
        usable = [(m.sql, m.score) for m in mentions if not m.column.numeric]
        usable += [(sql, 0.0) for sql, column in source.columns if not column.numeric]
        quoted = value.replace("'", "''")
        found += [Scored(f" WHERE {sql} = '{quoted}'", 1 + score) for sql, score in dict(reversed(usable)).items()][:4]
    bare = _QUOTED.sub(" ", question)
    for match in _NUMBER.finditer(bare):
        before = bare[max(0, match.start() - 25) : match.start()]
        sign = next((sign for sign, cue in _COMPARISONS if re.search(rf"\b(?:{cue})\b", before, re.I)), "=")
        place = len(content(bare[: match.start()]))
        near = sorted((m for m in mentions if m.column.numeric is not False), key=lambda m: abs(place - m.at))
        found += [Scored(f" WHERE {m.sql} {sign} {match[0]}", 1 + m.score - 0.5 * i) for i, m in enumerate(near[:2])]
    found.sort(key=lambda where: -where.score)
    return [*found[:3], Scored("", 0.0)]


def _tails(question: str, mentions: Sequence[Mention]) -> list[Scored]:
    found = [Scored("", 0.5)]
    if (group := _GROUP.search(question)) and (keys := _named(group[1], mentions)):
        key = keys[0].sql
        found.append(Scored(f" GROUP BY {key}", 1.0 if _COUNT.search(question) else 0.2, key=key))
    if (order := _ORDER.search(question)) and (keys := _named(order[1], mentions) or list(mentions[:1])):
        found.append(Scored(f" ORDER BY {keys[0].sql}{' DESC' if _DOWN.search(question) else ''}", 1.5))
    for function, cue in _AGGREGATES:
        if function in _BEST and (number := _number_at(question, cue, mentions)):
            found.append(Scored(f" ORDER BY {number.sql}{_BEST[function]}", 0.9, single=True))
    return found


def _named(text: str, mentions: Sequence[Mention]) -> list[Mention]:
    words = [stem(word) for word in content(text)[:4]]
    return [mention for mention in mentions if coverage(mention.column.name, words) >= 0.5]


__all__ = ["MOST", "Scored", "queries", "table_scores"]
