"""What the wording of a question says about the answer, by a few general rules of English."""

import re
from dataclasses import dataclass
from functools import lru_cache

COUNTED = re.compile(r"\b(how many|count|counts|(total )?number of)\b")
AGGREGATE = re.compile(r"\b(average|mean|total|sum|maximum|minimum)\b")
GROUPED = re.compile(r"\b(each|every|per|different|distinct|all|group(ed)?)\b")
BEST = re.compile(r"\b(most|least|top|\w{3,}est)\b")
NO_BEST = re.compile(r"\bat (least|most)\b|\b(west|forest|guest|request|interest|test|contest|latest)\b")
SEVERAL = re.compile(r"\b(?:top|the) (\d+|two|three|four|five|ten)\b|\b\w+est (\d+|two|three|four|five|ten)\b")
NUMBERS = {"two": 2, "three": 3, "four": 4, "five": 5, "ten": 10}
LEAD = re.compile(
    r"^(?:please |can you )?(?:(?:what|who) (?:is|are|was|were)|what|which|find(?: out)?|show(?: me)?|list|"
    r"give(?: me)?|return|tell(?: me)?|report|compute|calculate|get|state)\b"
)
END = re.compile(
    r"\b(of|for|in|that|which|who|whose|with|where|from|ordered|sorted|when|by|on|at|having|to|do|does|did|has|have|"
    r"had|is|are|was|were|among|as|if|whether|than|there)\b|[.?;]"
)
JOINED = re.compile(r"\s*(?:,\s*and|,|\band\b|\balong with\b|\btogether with\b|\bas well as\b)\s*")
CHANGES = re.compile(
    r"\b(create|make|copy|copie|move|rename|remove|delete|erase|set|add|append|prepend|replace|compresse?|archive|"
    r"uncompresse?|decompresse?|extract|unzip|gzip|zip|split|touche?|write|save|link|insert|assign|update|clear|swap|"
    r"concatenate|convert|change|give|grant|revoke|store|install|mount|sync)s?\b"
)
PLACES = re.compile(r"\bchanges? (the )?(current |working )?(directory|folder)\b")


@dataclass(frozen=True)
class Wanted:
    """What a question asks for; ``None``: its wording does not say.

    Attributes:
        columns: how many.
        rows: how many.
        number: the answer is one number.
    """

    columns: int | None
    rows: int | None
    number: bool


@lru_cache(maxsize=4096)
def wanted_rows(question: str) -> Wanted:
    """Return what an SQL question asks for.

    How many, average, ... without for each: one number. A superlative: one row, or as many as it says. What stands
    between the verb and the first preposition, divided by commas and "and": the columns.
    """
    text = " ".join(question.lower().split())
    asked = _asked(text)
    things = [thing for thing in JOINED.split(asked) if thing]
    grouped = bool(GROUPED.search(text))
    number = bool(COUNTED.match(text) or COUNTED.search(asked) or AGGREGATE.search(asked)) and not grouped
    if number:
        return Wanted(max(len(things), 1), 1, len(things) <= 1)
    if BEST.search(NO_BEST.sub(" ", text)) and not grouped:
        several = SEVERAL.search(text)
        word = next(filter(None, several.groups()), "1") if several else "1"
        return Wanted(len(things) or None, NUMBERS.get(word) or int(word), False)
    return Wanted(None if grouped else len(things) or None, None, False)


def wants_changes(request: str) -> bool:
    """Say whether a Bash request wants files to change, by the verbs in it; going elsewhere changes none."""
    return bool(CHANGES.search(PLACES.sub(" ", request.lower())))


def wants_number(request: str) -> bool:
    """Say whether a Bash request wants something counted."""
    return bool(COUNTED.search(request.lower()))


def _asked(text: str) -> str:
    """Return what stands between the verb and the first preposition."""
    lead = LEAD.match(text)
    rest = text[lead.end() if lead else 0 :].strip()
    rest = re.sub(r"^(the|all|a|an|different|distinct)\s+", "", rest)
    counted = COUNTED.match(rest)
    start = counted.end() if counted else 0
    end = END.search(rest, start)
    return rest[: end.start() if end else len(rest)].strip()
