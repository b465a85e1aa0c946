"""The two wordings of putting things down: ``move X to Y`` today, ``put X in/on Y`` in older releases and prompts."""

import re
from collections.abc import Iterable, Mapping
from typing import Literal, TypeAlias

from slinvit.errors import UnknownName

Grammar: TypeAlias = Literal["move", "put"]

GRAMMARS: tuple[Grammar, ...] = ("move", "put")

Rewriting: TypeAlias = tuple[re.Pattern[str], str]

_COMMAND: Mapping[Grammar, Rewriting] = {
    "move": (re.compile(r"put (.+) in/on (.+)"), r"move \1 to \2"),
    "put": (re.compile(r"move (.+) to (.+)"), r"put \1 in/on \2"),
}
_FEEDBACK: Mapping[Grammar, Rewriting] = {
    "move": (re.compile(r"You put the (.+) in/on the (.+)\."), r"You move the \1 to the \2."),
    "put": (re.compile(r"You move the (.+) to the (.+)\."), r"You put the \1 in/on the \2."),
}
_HELP: Mapping[Grammar, str] = {
    "move": "move (object) to (receptacle):  place",
    "put": "put (object) in/on (receptacle): place",
}


def as_grammar(name: str) -> Grammar:
    """Return the wording called ``name``; raises ``UnknownName``."""
    for grammar in GRAMMARS:
        if grammar == name:
            return grammar
    raise UnknownName("grammar", name, GRAMMARS)


def command_in(grammar: Grammar, command: str) -> str:
    """Return ``command`` in this wording, whichever it was in."""
    return _rewritten(command, _COMMAND[grammar])


def commands_in(grammar: Grammar, commands: Iterable[str]) -> tuple[str, ...]:
    """Return ``commands`` in this wording, sorted."""
    return tuple(sorted(command_in(grammar, command) for command in commands))


def feedback_in(grammar: Grammar, feedback: str) -> str:
    """Return what the engine said in this wording, whichever it was in."""
    other: Grammar = "put" if grammar == "move" else "move"
    return _rewritten(feedback, _FEEDBACK[grammar]).replace(_HELP[other], _HELP[grammar])


def _rewritten(text: str, rewriting: Rewriting) -> str:
    pattern, wanted = rewriting
    found = pattern.fullmatch(text)
    return text if found is None else found.expand(wanted)
