"""How a state becomes the text in front of a candidate action."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from string import Formatter

from priors.alfworld import prompts
from priors.intercode.protocols import PROTOCOLS
from priors.reply import Reply
from slinvit.errors import InputError, UnknownName
from slinvit.types import Action, State

PLAN_END = "[PLAN END]\n"

BLOCKSWORLD = (
    "[STATEMENT]\n"
    "As initial conditions I have that, {observation}.\n"
    "My goal is to have that {goal}.\n"
    "\n"
    "My plan is as follows:\n"
    "\n"
    "[PLAN]\n"
)
"""The scoring prompt of PlanBench without domain introduction and examples; the current state is the initial one."""

PLAIN = "Task: {goal}\n\n{history}Observation: {observation}\n\n{possible}Next action:\n"
"""For any model: the task, what happened, what is seen, what can be done. Ends with a newline, a stable boundary."""


@dataclass(frozen=True)
class Template:
    """A way to write a state.

    Attributes:
        name: as registered.
        form: text with the fields ``goal``, ``observation``, ``history``, ``actions`` and ``possible`` (the actions
            under a heading, nothing where any text may be typed); with ``more`` also its own.
        check: raises where a prompt or a candidate is not what a model of this template was made for.
        more: further fields of a state.
        reply: what is read from a reply where any text may be typed; ``None``: its one line is the action.
    """

    name: str
    form: str
    check: Callable[[str, Sequence[str]], None] | None = None
    more: Callable[[State], Mapping[str, str]] | None = None
    reply: Reply | None = None

    @property
    def null(self) -> str:
        """What asks for the action and says nothing about the state: the last line, without its fields."""
        last = self.form.splitlines(keepends=True)[-1]
        return "".join(literal for literal, *_ in Formatter().parse(last))

    def prompt(self, state: State) -> str:
        """Return the text in front of the action."""
        history = "".join(f"Action: {action}\nObservation: {seen}\n\n" for action, seen in state.history[:-1])
        last = f"Action: {state.history[-1][0]}\n" if state.history else ""
        listed = "\n".join(f"- {action}" for action in state.actions or ())
        return self.form.format(
            goal=state.task.goal,
            observation=state.observation,
            history=history + last,
            actions=listed,
            possible=f"Possible actions:\n{listed}\n\n" if listed else "",
            **({} if self.more is None else self.more(state)),
        )


_COLOURS = "red|blue|orange|yellow|white|magenta|black|cyan|green|violet|silver|gold"
_BLOCK = rf"the (?:{_COLOURS}) block"
_FACT = rf"(?:{_BLOCK} is (?:clear|on the table|on top of {_BLOCK})|the hand is (?:empty|holding {_BLOCK}))"
_ON = rf"{_BLOCK} is on top of {_BLOCK}"
_PROMPT = re.compile(
    re.escape(BLOCKSWORLD)
    .replace(r"\{observation\}", rf"{_FACT}(?:, {_FACT})*")
    .replace(r"\{goal\}", rf"{_ON}(?:, {_ON})*")
)
_ACTION = re.compile(
    rf"(?:pick up|put down) {_BLOCK}|stack {_BLOCK} on top of {_BLOCK}|unstack {_BLOCK} from on top of {_BLOCK}"
)


def check_blocksworld(prompt: str, candidates: Sequence[Action]) -> None:
    """Raise ``InputError`` for text that the bundled BlocksWorld model was not trained on."""
    odd = None if _PROMPT.fullmatch(prompt) else prompt
    odd = odd or next((candidate for candidate in candidates if not _ACTION.fullmatch(candidate)), None)
    if odd is not None:
        shown = odd if len(odd) <= 120 else odd[:60] + " ... " + odd[-60:]
        raise InputError(
            "the bundled prior only reads BlocksWorld statements of up to 12 colour-named blocks with goals like "
            f"'the red block is on top of the blue block'; this text is something else: {shown!r}; use another --prior"
        )


TEMPLATES = {
    "blocksworld": Template("blocksworld", BLOCKSWORLD),
    "plain": Template("plain", PLAIN),
    "alfworld": Template("alfworld", prompts.FORM, more=prompts.fields),
    "alfworld-react": Template("alfworld-react", prompts.FORM, more=prompts.fields_with_thoughts),
    **{each.name: Template(each.name, each.form, more=each.fields, reply=each.reply) for each in PROTOCOLS},
}


def template(name: str) -> Template:
    """Return the template called ``name``; raises ``UnknownName``."""
    if name not in TEMPLATES:
        raise UnknownName("prompt template", name, TEMPLATES)
    return TEMPLATES[name]
