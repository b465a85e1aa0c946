"""Optimal solutions by A*, for tasks of any size: their lengths tell how good a plan is.

Planners must not use this module; it is for reports, data and tests.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from heapq import heappop, heappush

from envs.blocksworld.core import HAND, TABLE, Fact, Move, Support, satisfied, successors, unsatisfiable
from slinvit.errors import InputError

MAX_EXPANSIONS = 200_000


@dataclass(frozen=True)
class Goal:
    """A satisfiable goal with what the search asks of it."""

    atoms: tuple[Fact, ...]

    @cached_property
    def below(self) -> dict[int, int]:
        """Where a block must come to lie: a block, ``TABLE`` or ``HAND``."""
        place = {"ontable": TABLE, "holding": HAND}
        return {
            blocks[0]: blocks[1] if predicate == "on" else place[predicate]
            for predicate, blocks in self.atoms
            if predicate == "on" or predicate in place
        }

    @cached_property
    def clear(self) -> frozenset[int]:
        """Blocks that must be clear."""
        return frozenset(blocks[0] for predicate, blocks in self.atoms if predicate == "clear")

    def may_end_holding(self, count: int) -> bool:
        """Say whether a shortest plan with ``count`` blocks, of one step or more, may end with a block in the hand.

        Lifting makes only ``clear`` and ``holding`` true, so without such atoms the last step puts a block down.
        """
        if HAND in self.below.values():
            return True
        return bool(self.clear) and len(self.below) < count and Fact("handempty") not in self.atoms


def optimal_length(start: Support, goal: Iterable[Fact], *, max_expansions: int = MAX_EXPANSIONS) -> int:
    """Return the least number of moves from ``start`` to a state that satisfies ``goal``, in steps.

    Args:
        start: a BlocksWorld state.
        goal: atoms that must hold at the end.
        max_expansions: most states to expand.

    Raises:
        InputError: ``max_expansions`` was reached, or no state satisfies the goal.
    """
    wanted = Goal(tuple(goal))
    if reason := unsatisfiable(wanted.atoms, len(start)):
        raise InputError(f"no state satisfies the goal: {reason}")
    steps = {start: 0}
    frontier = [(lower_bound(start, wanted), 0, start)]
    for _ in range(max_expansions):
        _, negated, state = heappop(frontier)
        if -negated > steps[state]:
            continue
        if satisfied(state, wanted.atoms):
            return -negated
        for after in _useful(state, wanted):
            taken = 1 - negated
            if taken < steps.get(after, taken + 1):
                steps[after] = taken
                heappush(frontier, (taken + lower_bound(after, wanted), -taken, after))
    raise InputError(
        f"no optimal plan of {len(start)} blocks was found within {max_expansions} expanded states; "
        "state the horizon as a number of steps"
    )


def optimal_actions(state: Support, goal: Iterable[Fact], *, max_expansions: int = MAX_EXPANSIONS) -> tuple[Move, ...]:
    """Return every move with which a shortest plan from ``state`` begins; none where the goal holds.

    Raises:
        InputError: as :func:`optimal_length`.
    """
    atoms = tuple(goal)
    best = optimal_length(state, atoms, max_expansions=max_expansions) - 1
    return tuple(
        move
        for move, after in successors(state)
        if best >= 0 and optimal_length(after, atoms, max_expansions=max_expansions) == best
    )


def lower_bound(state: Support, goal: Goal) -> int:
    """Return a number of steps that no plan from ``state`` to ``goal`` undercuts.

    Lifts and drops alternate, so a plan with L lifts takes 2 L + [a block is held now] - [a block is held at the end]
    steps, and a bound on L is enough. Every block of :func:`must_lift` is lifted at least once, and one more time if
    it is now above a block ``w`` while some block ``y`` of its goal tower (perhaps itself) still has to be put on
    ``w``: it leaves ``w`` before ``y`` arrives there, comes to its own place only after that, and the one hand cannot
    hold it in between. A held block is lifted once more if its place is not ready, for it must be put down elsewhere.
    """
    if satisfied(state, goal.atoms):
        return 0
    held = HAND in state
    lifted = must_lift(state, goal)
    lifts = len(lifted) + sum(_twice(block, state, goal, lifted) for block in lifted)
    if held:
        block = state.index(HAND)
        target = goal.below.get(block, TABLE)
        lifts += target in lifted or (target >= 0 and target in state) or (target == HAND and bool(lifted))
    return max(2 * lifts + held - goal.may_end_holding(len(state)), 1)


def must_lift(state: Support, goal: Goal) -> set[int]:
    """Return the blocks not in the hand that every plan lifts: misplaced or in the way, and all blocks above these."""
    above = {below: block for block, below in enumerate(state) if below >= 0}
    pending = [above[block] for block in goal.clear if block in above]
    for block, target in goal.below.items():
        if state[block] != target:
            pending += [block] if state[block] != HAND else []
            pending += [above[target]] if target in above else []
    lifted: set[int] = set()
    while pending:
        block = pending.pop()
        if block not in lifted:
            lifted.add(block)
            pending += [above[block]] if block in above else []
    return lifted


def _twice(block: int, state: Support, goal: Goal, lifted: set[int]) -> bool:
    beneath = set(_tower(state[block], state))
    part = block
    while part in lifted or state[part] == HAND:
        target = goal.below.get(part, TABLE)
        if target < 0:
            return False
        if target in beneath:
            return True
        part = target
    return False


def _tower(block: int, state: Support) -> Iterator[int]:
    while block >= 0:
        yield block
        block = state[block]


def _useful(state: Support, goal: Goal) -> list[Support]:
    """Return successors of ``state`` through which a shortest plan leads.

    A block that is not put at its final place may as well go to the table, where it is in nobody's way, and a block
    that need not be lifted may as well stay. If a block can be lifted straight to its final place, doing that first
    costs nothing: there it is in nobody's way either. All this needs an empty hand at the end.
    """
    reached = successors(state)
    if goal.may_end_holding(len(state)):
        return [after for _, after in reached]
    lifted = must_lift(state, goal)
    if HAND in state:
        block = state.index(HAND)
        target = goal.below.get(block, TABLE)
        return [after for _, after in reached if after[block] == (target if _ready(target, state, lifted) else TABLE)]
    lifts = [(move.block, after) for move, after in reached if move.block in lifted]
    for block, after in lifts:
        if _ready(goal.below.get(block, TABLE), state, lifted):
            return [after]
    return [after for _, after in lifts]


def _ready(target: int, state: Support, lifted: set[int]) -> bool:
    return target == TABLE or (target not in lifted and target not in state and state[target] != HAND)
