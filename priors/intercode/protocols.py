"""How a language model is asked for one turn of InterCode: directly, after a thought (ReAct), or after a plan."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import get_args

from priors.intercode import prompts
from priors.intercode.actions import Language, command, same
from priors.intercode.prompts import FORMS, Style
from priors.reply import Reply
from slinvit.types import Action, State

TERMINATOR = "\nObservation:"
"""What a model that continues the prompt writes when its turn is over."""

_BOLD = re.compile(r"^[ \t]*\*\*(Thought|Plan|Action)[ \t]*:?\*\*[ \t]*:?", re.IGNORECASE | re.MULTILINE)
_NEXT_TURN = re.compile(r"\n[ \t]*(?:Observation|Output)(?:[ \t]*\d+)?[ \t]*:", re.IGNORECASE)
_MARKED = re.compile(r"^[ \t]*Action(?:[ \t]*\d+)?[ \t]*:|execute\[|```", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True)
class Protocol:
    """A way to ask, under the name of its template."""

    name: str
    form: str
    fields: Callable[[State], Mapping[str, str]]
    reply: Reply


def direct(text: str, language: Language) -> Action | None:
    """Return the command that a reply is, whatever is written around it; ``None`` where there is none."""
    return command(_own_turn(text), language)


def after_thought(text: str, language: Language) -> Action | None:
    """Return the command that a reply marks as its action; what a thought merely mentions is none."""
    own = _own_turn(text)
    return command(own, language) if _MARKED.search(own) else None


def _own_turn(text: str) -> str:
    """Return a reply up to where the model imagines what it will see, with plain marks."""
    return _BOLD.sub(r"\1:", _NEXT_TURN.split(text, maxsplit=1)[0])


_LONGEST: Mapping[Style, int] = {"direct": 128, "react": 256, "plan": 384}


def _protocol(language: Language, style: Style) -> Protocol:
    domain = f"intercode-{language}"
    read = direct if style == "direct" else after_thought
    reply = Reply(
        partial(read, language=language),
        partial(same, language=language),
        terminator=TERMINATOR,
        longest=_LONGEST[style],
        thoughts=style != "direct",
    )
    name = domain if style == "direct" else f"{domain}-{style}"
    return Protocol(name, FORMS[style], partial(prompts.fields, domain=domain, style=style), reply)


PROTOCOLS = tuple(_protocol(language, style) for language in get_args(Language) for style in get_args(Style))

__all__ = ["PROTOCOLS", "TERMINATOR", "Protocol", "after_thought", "direct"]
