"""BlocksWorld in English, in the manner of PlanBench prompts, and back."""

import re
from collections.abc import Iterable, Sequence

from envs.blocksworld.core import (
    PICK_UP,
    PUT_DOWN,
    STACK,
    TABLE,
    UNSTACK,
    Fact,
    Move,
    Support,
    facts,
    from_facts,
)

COLOURS = ("red", "blue", "orange", "yellow", "white", "magenta", "black", "cyan", "green", "violet", "silver", "gold")
"""Block names, in the order in which PlanBench gives them to its objects a, b, c, ..."""

_FACTS = {
    "on": "the {} block is on top of the {} block",
    "ontable": "the {} block is on the table",
    "clear": "the {} block is clear",
    "holding": "the hand is holding the {} block",
    "handempty": "the hand is empty",
}
_MOVES = {
    PICK_UP: "pick up the {} block",
    PUT_DOWN: "put down the {} block",
    STACK: "stack the {} block on top of the {} block",
    UNSTACK: "unstack the {} block from on top of the {} block",
}
_NAME = r"([^\s,]+)"
_FACT_PATTERNS = {name: re.compile(form.replace("{}", _NAME)) for name, form in _FACTS.items()}
_MOVE_PATTERNS = {name: re.compile(form.replace("{}", _NAME)) for name, form in _MOVES.items()}


def render_move(move: Move, names: Sequence[str]) -> str:
    """Return the action text of ``move``, for example ``stack the red block on top of the blue block``."""
    blocks = [move.block] if move.other == TABLE else [move.block, move.other]
    return _MOVES[move.operator].format(*(names[block] for block in blocks))


def render_facts(atoms: Iterable[Fact], names: Sequence[str]) -> str:
    """Return atoms as one comma-separated clause, in the order given."""
    return ", ".join(_FACTS[predicate].format(*(names[block] for block in blocks)) for predicate, blocks in atoms)


def render_state(state: Support, names: Sequence[str]) -> str:
    """Return everything that is true in ``state`` as one clause."""
    return render_facts(facts(state), names)


def parse_move(text: str, names: Sequence[str]) -> Move:
    """Return the move that ``text`` names; the inverse of :func:`render_move`.

    Raises:
        ValueError: not one of the four sentences, or an unknown block.
    """
    for operator, pattern in _MOVE_PATTERNS.items():
        match = pattern.fullmatch(text.strip())
        if match:
            blocks = [_number(name, names) for name in match.groups()]
            return Move(operator, blocks[0], blocks[1] if len(blocks) > 1 else TABLE)
    raise ValueError(f"not a BlocksWorld action: {text!r}")


def parse_facts(text: str, names: Sequence[str]) -> list[Fact]:
    """Return the atoms of a clause written by :func:`render_facts`; raises ``ValueError`` naming the odd one."""
    atoms = []
    for part in re.split(r",\s*(?:and\s+)?|\s+and\s+", text.strip().rstrip(".")):
        for predicate, pattern in _FACT_PATTERNS.items():
            match = pattern.fullmatch(part.strip())
            if match:
                atoms.append(Fact(predicate, tuple(_number(name, names) for name in match.groups())))
                break
        else:
            raise ValueError(f"not a BlocksWorld fact: {part!r}")
    return atoms


def parse_state(text: str, names: Sequence[str]) -> Support:
    """Return the state that ``text`` describes; the inverse of :func:`render_state`; raises ``ValueError``."""
    return from_facts(parse_facts(text, names), len(names))


def _number(name: str, names: Sequence[str]) -> int:
    if name not in names:
        raise ValueError(f"unknown block {name!r}; the blocks are {', '.join(names)}")
    return names.index(name)
