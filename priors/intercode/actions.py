"""From what a model wrote to the command it means.

Models wrap commands in ``execute[...]``, in code fences, behind ``Thought:`` and ``Action:`` lines, and talk on after
them; sometimes they only talk. Case is kept, and so are the lines of a script.
"""

import re
from collections.abc import Callable
from typing import Literal, TypeAlias

from priors.intercode.statements import QUOTED, first_statement, is_look
from priors.intercode.wrapping import candidates, spans, until_afterwards

Language: TypeAlias = Literal["sql", "bash"]

SUBMIT = "submit"
SKIP = "skip"

LONGEST = 10_000
"""Characters of what is read for a command: no turn of a model is longer, and a part of a command is another one."""

_SUBMIT = re.compile(r"submit\b", re.IGNORECASE)
_SKIP = re.compile(r"skip\W*", re.IGNORECASE)
_BASH_QUOTED = re.compile(r"""'[^']*'|"(?:[^"\\]|\\.)*"|\\.""", re.DOTALL)
_BASH_LOOK = re.compile(r"\s*(?:ls|pwd|cd(?:\s+[^\s;&|]+)?)\s*;?\s*")
_PROMPT = re.compile(r"^\$[ \t]+", re.MULTILINE)
_TALK = re.compile(
    r"(?:a|an|the|this|that|these|those|there|here|its?|i|we|you|he|she|they|is|are|in|to|of|on|and|but|so|sorry|please|"
    r"great|sure|thanks?|yes|no|okay|ok|note|however|unfortunately|apologies|i'\w+|(?:let|it|that|here)'s)[,.:;!?]*",
    re.IGNORECASE,
)
_SIGNS_OF_TALK = frozenset({"the", "is", "are", "you", "your", "please", "we", "i", "it", "this"})


def command(text: str, language: Language) -> str | None:
    """Return the command in ``text``, ``submit`` or ``skip``; ``None`` where there is none, as in plain prose.

    The first of several commands counts. An ``execute[`` without its end was cut off and is none; a text of more than
    :data:`LONGEST` characters holds none.
    """
    return sql_command(text) if language == "sql" else bash_command(text)


def sql_command(text: str) -> str | None:
    """Return the first SQL statement in ``text``, without its semicolon; see :func:`command`."""
    return _first(text, ("sql", "mysql"), lambda part, marked: first_statement(part))


def bash_command(text: str) -> str | None:
    """Return the shell command in ``text``, several lines where there are several; see :func:`command`."""
    return _first(text, ("bash", "sh", "shell", "zsh", "console"), _script)


def same(text: str, language: Language) -> str:
    """Return a key that is equal for commands that differ only in blanks outside quotes, or in a last semicolon."""
    quoted, blanks = (QUOTED, r"\s+") if language == "sql" else (_BASH_QUOTED, r"[ \t]+")
    parts, end = [], 0
    for match in quoted.finditer(text):
        parts += [re.sub(blanks, " ", text[end : match.start()]), match[0]]
        end = match.end()
    key = "".join([*parts, re.sub(blanks, " ", text[end:])]).strip()
    while key.endswith(";") and not key.endswith("\\;"):
        key = key[:-1].rstrip()
    return key


def looks(text: str, language: Language) -> bool:
    """Say whether a command only looks around: SHOW, DESCRIBE, EXPLAIN, USE; ``ls`` and ``pwd`` alone, ``cd``."""
    return is_look(text) if language == "sql" else _BASH_LOOK.fullmatch(text) is not None


def _first(text: str, tags: tuple[str, ...], read: Callable[[str, bool], str | None]) -> str | None:
    if len(text) > LONGEST:
        return None
    found = list(candidates(text, tags))
    talk = [candidate.text for candidate in found if not candidate.marked]
    inline = [span for text in talk for span in spans(text) if " " in span and not span.startswith("-")]
    for part, marked in [*((one.text, one.marked) for one in found), *((span, False) for span in inline)]:
        if _SUBMIT.match(part):
            return SUBMIT
        if _SKIP.fullmatch(part):
            return SKIP
        if (command := read(part, marked)) is not None:
            return command
    return None


def _script(text: str, marked: bool) -> str | None:
    """Return ``text`` as a script; ``None`` for prose that is not marked as a command, and for comments alone."""
    if not marked and "<<" not in text:
        text = until_afterwards(text)
    if not marked and _is_prose(text):
        return None
    text = _PROMPT.sub("", text).strip()
    return None if all(line.lstrip().startswith("#") or not line.strip() for line in text.splitlines()) else text


def _is_prose(text: str) -> bool:
    """Say whether ``text`` starts like a sentence, or ends and reads like one."""
    words = text.split()
    if not words:
        return True
    first = words[0].rstrip(",.:;!?").replace("'", "")
    capitalised = first.isalpha() and first[0].isupper() and not first[1:].isupper()
    if capitalised or not words[0][0].isascii() or _TALK.fullmatch(words[0]):
        return True
    outside = _BASH_QUOTED.sub("", text).lower().split()
    return len(words) > 3 and text.rstrip()[-1] in ".?!:" and not _SIGNS_OF_TALK.isdisjoint(outside)


__all__ = ["SKIP", "SUBMIT", "Language", "bash_command", "command", "looks", "same", "sql_command"]
