"""What models wrap commands in: ``execute[...]``, code fences, labels, thoughts, and talk before and after."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_EXECUTE = re.compile(r"execute\[", re.IGNORECASE)
_LABEL = re.compile(r"^[ \t]*(?:Action|Command|Bash|SQL)(?:[ \t]*\d+)?[ \t]*:", re.IGNORECASE | re.MULTILINE)
_THOUGHT = re.compile(r"^[ \t]*Thought(?:[ \t]*\d+)?[ \t]*:[^\n]*(?:\n|\Z)", re.IGNORECASE | re.MULTILINE)
_AFTERWARDS = re.compile(
    r"^[ \t]*(?:###|<\||\+--|(?:This|The|It|Note|Here|Here's|We|You|Please)\b|(?i:(?:Thought|Action|Observation|Reward|"
    r"Output|Result|Expl\w+|Human|Assistant|User|\w[\w ]* Output)(?:[ \t]*\d+)?[ \t]*:|Observation\Z))"
    r"|(?<![ \t])[ \t]{2,}(?:This|The)(?: above)? (?:command|script|query)\b",
    re.MULTILINE,
)
_BLOCK = re.compile(r"```(?P<tag>[ \t]*[\w+-]*[ \t]*\n|(?i:bash|shell|mysql|sql)\b)?(?P<body>.*?)(?:```|\Z)", re.DOTALL)
_SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")


@dataclass(frozen=True, slots=True)
class Candidate:
    """Text that may be a command; ``marked`` where the model itself set it apart as one."""

    text: str
    marked: bool


def candidates(text: str, tags: Sequence[str]) -> Iterator[Candidate]:
    """Yield what in ``text`` may be a command, best first; nothing for an ``execute[`` that was cut off.

    Args:
        text: as the model wrote it.
        tags: of code fences that hold the language, lower case.
    """
    text = text.strip()
    if (start := _EXECUTE.search(text)) is not None:
        inside = _EXECUTE.split(until_afterwards(text[start.end() :]), maxsplit=1)[0]
        if (end := inside.rfind("]")) >= 0:
            yield from _blocks(Candidate(inside[:end].strip(), True), tags)
        return
    if (label := _LABEL.search(text)) is not None:
        text = until_afterwards(text[label.end() :].strip())
    yield from _blocks(Candidate(_THOUGHT.sub("", text).strip(), False), tags)


def spans(text: str) -> list[str]:
    """Return what stands between single back-ticks within a line."""
    return [span.strip() for span in _SPAN.findall(text)]


def until_afterwards(text: str) -> str:
    """Return ``text`` up to the first later line that is talk, an observation or a reward."""
    return text[: command_length(text)].strip()


def command_length(text: str) -> int:
    """Return how many characters come before the first later line that is talk, an observation or a reward."""
    return next((match.start() for match in _AFTERWARDS.finditer(text) if match.start() > 0), len(text))


def _blocks(whole: Candidate, tags: Sequence[str]) -> Iterator[Candidate]:
    """Yield the blocks tagged with the language, then what comes before all blocks, then those without a tag."""
    text = whole.text
    tagged: list[Candidate] = []
    plain: list[Candidate] = []
    for block in _BLOCK.finditer(text):
        tag, body = (block["tag"] or "").strip().lower(), _without_odd_tick(block["body"].strip())
        if body.strip("`. \n") and (tag in tags or not tag):
            (tagged if tag else plain).append(Candidate(body, True))
    yield from tagged
    before = text.partition("```")[0].strip()
    inline = re.fullmatch(r"`([^`]+)`[.;]?", before)
    if inline is not None:
        yield Candidate(inline[1].strip(), True)
    elif before:
        yield Candidate(before, whole.marked)
    yield from plain


def _without_odd_tick(body: str) -> str:
    return body[:-1].rstrip() if body.endswith("`") and body.count("`") % 2 else body


__all__ = ["Candidate", "candidates", "command_length", "spans", "until_afterwards"]
