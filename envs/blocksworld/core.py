"""The 4-operator BlocksWorld as pure functions on immutable tuples.

A state is a tuple: entry ``i`` is what block ``i`` rests on, ``TABLE``, ``HAND`` or the number of another block.
Nothing here knows names, text or agents; every other module of this package is a view of these few functions.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeAlias

TABLE = -1
HAND = -2

Support: TypeAlias = tuple[int, ...]
"""What each block rests on, by block number."""

PICK_UP, PUT_DOWN, STACK, UNSTACK = "pick-up", "put-down", "stack", "unstack"


class Move(NamedTuple):
    """One ground operator: ``block`` moves; ``other`` is the block it leaves or lands on, else ``TABLE``."""

    operator: str
    block: int
    other: int


class Fact(NamedTuple):
    """One ground atom: ``on x y``, ``ontable x``, ``clear x``, ``holding x`` or ``handempty``."""

    predicate: str
    blocks: tuple[int, ...] = ()


def successors(state: Support) -> list[tuple[Move, Support]]:
    """Return every applicable move with the state it leads to, ordered by operator, then by block numbers."""
    covered = set(state)
    if HAND in covered:
        block = state.index(HAND)
        before, after = state[:block], state[block + 1 :]
        moves = [(Move(PUT_DOWN, block, TABLE), (*before, TABLE, *after))]
        moves += [
            (Move(STACK, block, below), (*before, below, *after))
            for below in range(len(state))
            if below not in covered and below != block
        ]
        return moves
    lifts = [
        (below, block, (*state[:block], HAND, *state[block + 1 :]))
        for block, below in enumerate(state)
        if block not in covered
    ]
    picked = [(Move(PICK_UP, block, TABLE), after) for below, block, after in lifts if below == TABLE]
    return picked + [(Move(UNSTACK, block, below), after) for below, block, after in lifts if below != TABLE]


def apply(state: Support, move: Move) -> Support | None:
    """Return the state after ``move``, or ``None`` where its precondition does not hold."""
    operator, block, other = move
    count = len(state)
    if not 0 <= block < count or block in state:
        return None
    on_block = 0 <= other < count and other != block
    if operator in (PICK_UP, UNSTACK):
        expected = TABLE if operator == PICK_UP else other
        applicable = HAND not in state and state[block] == expected == other and (operator == PICK_UP or on_block)
        target = HAND
    elif operator in (PUT_DOWN, STACK):
        free = other == TABLE if operator == PUT_DOWN else on_block and other not in state
        applicable = state[block] == HAND and free
        target = other
    else:
        return None
    return (*state[:block], target, *state[block + 1 :]) if applicable else None


def holds(state: Support, fact: Fact) -> bool:
    """Say whether one ground atom is true in ``state``."""
    predicate, blocks = fact
    if predicate == "on":
        return state[blocks[0]] == blocks[1]
    if predicate == "ontable":
        return state[blocks[0]] == TABLE
    if predicate == "holding":
        return state[blocks[0]] == HAND
    if predicate == "clear":
        return blocks[0] not in state and state[blocks[0]] != HAND
    return HAND not in state


def satisfied(state: Support, goal: Iterable[Fact]) -> bool:
    """Say whether every atom of ``goal`` is true in ``state``."""
    return all(holds(state, fact) for fact in goal)


def facts(state: Support) -> list[Fact]:
    """Return all true atoms, grouped: clear blocks, the hand, who is on whom, who is on the table."""
    blocks = range(len(state))
    clear = [Fact("clear", (b,)) for b in blocks if b not in state and state[b] != HAND]
    hand = [Fact("holding", (state.index(HAND),))] if HAND in state else [Fact("handempty")]
    on = [Fact("on", (b, state[b])) for b in blocks if state[b] >= 0]
    table = [Fact("ontable", (b,)) for b in blocks if state[b] == TABLE]
    return clear + hand + on + table


def from_facts(atoms: Iterable[Fact], count: int) -> Support:
    """Return the state in which exactly ``atoms`` are true; the inverse of :func:`facts`.

    Raises:
        ValueError: a block without one place, a cycle, or atoms that contradict the places.
    """
    given = set(atoms)
    places: dict[int, int] = {}
    for predicate, blocks in sorted(given):
        if predicate not in ("on", "ontable", "holding"):
            continue
        place = {"on": blocks[-1], "ontable": TABLE, "holding": HAND}[predicate]
        if places.setdefault(blocks[0], place) != place:
            raise ValueError(f"block {blocks[0]} is in two places")
    missing = [block for block in range(count) if block not in places]
    if missing:
        raise ValueError(f"block {missing[0]} is nowhere: neither on a block, on the table nor in the hand")
    state = tuple(places[block] for block in range(count))
    check(state)
    wrong = sorted(given.symmetric_difference(facts(state)))
    if wrong:
        state_of = "missing" if wrong[0] not in given else "contradicted by the places of the blocks"
        raise ValueError(f"the fact {describe(wrong[0])} is {state_of}")
    return state


def describe(fact: Fact) -> str:
    """Return ``fact`` with block numbers, for messages."""
    return " ".join(map(str, (fact.predicate, *fact.blocks)))


def unsatisfiable(goal: Sequence[Fact], count: int) -> str:
    """Return why no state of ``count`` blocks satisfies ``goal``, blocks by number; empty where one does.

    What the goal says nothing about can always lie on the table, so one candidate decides.
    """
    place: dict[int, int] = {}
    for predicate, blocks in goal:
        if predicate in ("on", "ontable", "holding"):
            wanted = {"on": blocks[-1], "ontable": TABLE, "holding": HAND}[predicate]
            if place.setdefault(blocks[0], wanted) != wanted:
                return f"block {blocks[0]} is in two places"
    candidate = tuple(place.get(block, TABLE) for block in range(count))
    try:
        check(candidate)
    except ValueError as error:
        return str(error)
    failing = [fact for fact in goal if not holds(candidate, fact)]
    return f"{describe(failing[0])} contradicts the rest" if failing else ""


def check(state: Support) -> None:
    """Raise ``ValueError`` where ``state`` is not a BlocksWorld state: shared supports, a cycle, two blocks in hand."""
    if strange := [below for below in state if not HAND <= below < len(state)]:
        raise ValueError(f"nothing can rest on {strange[0]}")
    carried = [below for below in state if below >= 0]
    if len(carried) != len(set(carried)):
        twice = next(below for below in carried if carried.count(below) > 1)
        raise ValueError(f"two blocks are on block {twice}")
    if state.count(HAND) > 1:
        raise ValueError("two blocks are in the hand")
    for block in range(len(state)):
        seen, place = {block}, state[block]
        while place >= 0:
            if place in seen:
                raise ValueError(f"block {block} rests on itself")
            seen.add(place)
            place = state[place]
        if place == HAND and state[block] != HAND:
            raise ValueError(f"block {block} rests on a block that is in the hand")
