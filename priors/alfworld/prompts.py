"""Prompts for language models on ALFWorld: one worked example of our own per kind of task, thoughts optional."""

import re
from collections.abc import Mapping

from priors.alfworld.reading import Kind, Wish, believe, wish_of
from slinvit.types import State

FORM = (
    "Solve household tasks by typing commands. Each line that begins with > is a command; the text below it is what "
    "happens.\n\n{example}\n\nHere is a new household with {room}.\n"
    "Your task is to: {goal}\n{steps}> "
)
"""Ends where the command begins."""

_GO = "go to "

_THOUGHT = re.compile(r"> think: .*\nOK\.\n")

_PLACE = """\
Here is a household with a bed 1, a desk 1, a drawer 2, a drawer 1 and a shelf 1.
Your task is to: put a watch on shelf.
> think: First I need a watch. It may be on the desk or in a drawer.
OK.
> go to desk 1
You arrive at desk 1. On the desk 1, you see a mug 2, and a pencil 1.
> go to drawer 1
You arrive at drawer 1. The drawer 1 is closed.
> open drawer 1
You open the drawer 1. The drawer 1 is open. In it, you see a watch 3.
> think: Here is a watch. I take it and bring it to the shelf.
OK.
> take watch 3 from drawer 1
You pick up the watch 3 from the drawer 1.
> go to shelf 1
You arrive at shelf 1. On the shelf 1, you see nothing.
> move watch 3 to shelf 1
You move the watch 3 to the shelf 1."""

_TREAT: Mapping[str, str] = {
    "clean": """\
Here is a household with a cabinet 1, a countertop 1, a fridge 1, a sinkbasin 1 and a stoveburner 1.
Your task is to: put a clean plate in cabinet.
> think: I look for a plate, clean it in the sinkbasin, then put it in the cabinet.
OK.
> go to countertop 1
You arrive at countertop 1. On the countertop 1, you see a knife 1, and a plate 2.
> take plate 2 from countertop 1
You pick up the plate 2 from the countertop 1.
> think: Before it goes into the cabinet it must be clean.
OK.
> go to sinkbasin 1
You arrive at sinkbasin 1. On the sinkbasin 1, you see a fork 1.
> clean plate 2 with sinkbasin 1
You clean the plate 2 using the sinkbasin 1.
> go to cabinet 1
You arrive at cabinet 1. The cabinet 1 is closed.
> open cabinet 1
You open the cabinet 1. The cabinet 1 is open. In it, you see a bowl 1.
> move plate 2 to cabinet 1
You move the plate 2 to the cabinet 1.""",
    "heat": """\
Here is a household with a countertop 1, a diningtable 1, a fridge 1 and a microwave 1.
Your task is to: heat some egg and put it in diningtable.
> think: An egg is often in the fridge. I heat it in the microwave and bring it to the diningtable.
OK.
> go to fridge 1
You arrive at fridge 1. The fridge 1 is closed.
> open fridge 1
You open the fridge 1. The fridge 1 is open. In it, you see a egg 2, and a lettuce 1.
> take egg 2 from fridge 1
You pick up the egg 2 from the fridge 1.
> think: Before it goes to the diningtable it must be hot.
OK.
> go to microwave 1
You arrive at microwave 1. The microwave 1 is closed.
> heat egg 2 with microwave 1
You heat the egg 2 using the microwave 1.
> go to diningtable 1
You arrive at diningtable 1. On the diningtable 1, you see a bread 1.
> move egg 2 to diningtable 1
You move the egg 2 to the diningtable 1.""",
    "cool": """\
Here is a household with a cabinet 1, a countertop 1, a fridge 1, a sidetable 1 and a sinkbasin 1.
Your task is to: put a cool pan in countertop.
> think: I look for a pan, cool it with the fridge, then put it on the countertop.
OK.
> go to sidetable 1
You arrive at sidetable 1. On the sidetable 1, you see a pan 1, and a saltshaker 2.
> take pan 1 from sidetable 1
You pick up the pan 1 from the sidetable 1.
> think: Before it goes to the countertop it must be cool.
OK.
> go to fridge 1
You arrive at fridge 1. The fridge 1 is closed.
> cool pan 1 with fridge 1
You cool the pan 1 using the fridge 1.
> go to countertop 1
You arrive at countertop 1. On the countertop 1, you see a spoon 1.
> move pan 1 to countertop 1
You move the pan 1 to the countertop 1.""",
}

_TWO = """\
Here is a household with a armchair 1, a coffeetable 1, a shelf 2, a shelf 1 and a sofa 1.
Your task is to: find two remotecontrol and put them in armchair.
> think: I need two remotecontrols, one after the other, in the same armchair.
OK.
> go to coffeetable 1
You arrive at coffeetable 1. On the coffeetable 1, you see a newspaper 1, and a remotecontrol 1.
> take remotecontrol 1 from coffeetable 1
You pick up the remotecontrol 1 from the coffeetable 1.
> go to armchair 1
You arrive at armchair 1. On the armchair 1, you see nothing.
> move remotecontrol 1 to armchair 1
You move the remotecontrol 1 to the armchair 1.
> think: One is there. Now the other; the sofa is likely.
OK.
> go to sofa 1
You arrive at sofa 1. On the sofa 1, you see a pillow 1, and a remotecontrol 2.
> take remotecontrol 2 from sofa 1
You pick up the remotecontrol 2 from the sofa 1.
> go to armchair 1
You arrive at armchair 1. On the armchair 1, you see a remotecontrol 1.
> move remotecontrol 2 to armchair 1
You move the remotecontrol 2 to the armchair 1."""

_LIGHT = """\
Here is a household with a bed 1, a desk 1, a dresser 1 and a sidetable 1.
Your task is to: examine the keychain with the desklamp.
> think: I take a keychain, go to a desklamp with it and turn the desklamp on.
OK.
> go to dresser 1
You arrive at dresser 1. On the dresser 1, you see a box 1, and a keychain 1.
> take keychain 1 from dresser 1
You pick up the keychain 1 from the dresser 1.
> think: Now a desklamp: it may be on the desk or on the sidetable.
OK.
> go to sidetable 1
You arrive at sidetable 1. On the sidetable 1, you see a book 1, and a desklamp 1.
> use desklamp 1
You turn on the desklamp 1."""

_EXAMPLES: Mapping[Kind, str] = {"place": _PLACE, "two": _TWO, "light": _LIGHT}


def fields_with_thoughts(state: State) -> Mapping[str, str]:
    """Return the example that fits the task, the room, and the steps so far; raises ``InputError`` elsewhere."""
    steps = [f"> {action}\n{seen}\n" for action, seen in state.history]
    return {
        "example": example(wish_of(state, "the ALFWorld prompt")),
        "room": _room(state),
        "steps": "".join(steps),
    }


def fields(state: State) -> Mapping[str, str]:
    """Return the same with an example without thoughts."""
    found = fields_with_thoughts(state)
    return {**found, "example": _THOUGHT.sub("", found["example"])}


def example(wish: Wish) -> str:
    """Return the worked example, with thoughts, of a task like this."""
    return _TREAT[wish.treatment] if wish.kind == "treat" else _EXAMPLES[wish.kind]


def _room(state: State) -> str:
    """Return what stands in the room; later states do not show the first text, but every command there is."""
    going = {action.removeprefix(_GO) for action in state.actions or () if action.startswith(_GO)}
    return ", ".join(f"a {name}" for name in sorted(going | believe(state).here)) or "nothing in it"
