"""What the learned value sees of a BlocksWorld state: counts that anyone can read off the state and its goal.

``on`` and ``ontable`` goals say where a block belongs, ``clear`` goals which block must be free. A block *must move*
where it is not where it belongs, stands on a block that must move, or occupies a block that another one belongs on or
that must be clear; a block that need not move is *settled*. A block moves *twice* where it stands on one that must be
in place before it can be.

The knowledge of the domain is in these counts: 2 steps for each move, less 1 for a block in the hand, are a lower bound
of the distance that few states of small worlds exceed. What is left for the network to learn is small.
"""

from collections.abc import Mapping, Sequence

from envs.blocksworld.core import HAND, TABLE, Fact, Support, holds
from value_estimators.blocksworld import above, goal_obstacles

FEATURES = (
    "blocks",
    "goals",
    "goals met",
    "obstacle value without the bonus",
    "obstacles of unmet goals",
    "holding a block",
    "holding a block that belongs somewhere",
    "holding a block whose place is ready",
    "blocks on the table",
    "must move",
    "must move and belong on a block",
    "must move twice",
    "must move to a place that is ready",
    "free to move",
)
"""Names of the entries of :func:`features`, all of them counts."""


def features(support: Support, goal: Sequence[Fact]) -> tuple[float, ...]:
    """Return one number per name of :data:`FEATURES`."""
    place = _places(goal)
    moving = _must_move(support, goal, place)
    summands = [goal_obstacles(support, *fact.blocks) for fact in goal if fact.predicate == "on"]
    held = [block for block in moving if support[block] == HAND]
    ready = [block for block in moving if _is_ready(block, support, place, moving)]
    return (
        len(support),
        len(goal),
        sum(holds(support, fact) for fact in goal),
        sum(summands),
        -sum(summand for summand in summands if summand < 0),
        HAND in support,
        sum(block in place for block in held),
        sum(block in ready for block in held),
        support.count(TABLE),
        len(moving),
        sum(place.get(block, TABLE) != TABLE for block in moving),
        sum(_moves_twice(block, support, place) for block in moving),
        len(ready),
        sum(above(support, block) == 0 for block in moving),
    )


def _places(goal: Sequence[Fact]) -> dict[int, int]:
    """Return where each block belongs: the number of a block, or ``TABLE``."""
    wanted = {fact.blocks[0]: fact.blocks[1] for fact in goal if fact.predicate == "on"}
    return wanted | {fact.blocks[0]: TABLE for fact in goal if fact.predicate == "ontable"}


def _must_move(support: Support, goal: Sequence[Fact], place: Mapping[int, int]) -> set[int]:
    """Return the blocks that must move; the one in the hand is among them."""
    tenant = {below: block for block, below in place.items() if below != TABLE}
    free = {fact.blocks[0] for fact in goal if fact.predicate == "clear"}
    moving = {
        block
        for block, below in enumerate(support)
        if below == HAND or place.get(block, below) != below or tenant.get(below, block) != block or below in free
    }
    while grown := {block for block, below in enumerate(support) if below in moving} - moving:
        moving |= grown
    return moving


def _is_ready(block: int, support: Support, place: Mapping[int, int], moving: set[int]) -> bool:
    """Say whether ``block`` can be put where it belongs for good: on the table, or on a clear, settled block."""
    target = place.get(block)
    if target is None or above(support, block):
        return False
    return target == TABLE or (target not in support and target not in moving)


def _moves_twice(block: int, support: Support, place: Mapping[int, int]) -> bool:
    """Say whether ``block``, which must move, rests on a block that must be in place before it can be."""
    return not _chain(block, dict(enumerate(support))).isdisjoint(_chain(block, place))


def _chain(block: int, below: Mapping[int, int]) -> set[int]:
    """Return the blocks under ``block``, by where each block rests or belongs."""
    found: set[int] = set()
    while (block := below.get(block, TABLE)) >= 0 and block not in found:
        found.add(block)
    return found
