"""Random BlocksWorld problems with known optimal length, each a pure function of its seed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import comb, factorial

import numpy as np

from envs.blocksworld.core import TABLE, Fact, Support, facts, satisfied
from envs.blocksworld.oracle import optimal_length
from envs.blocksworld.problem import Problem
from envs.blocksworld.text import COLOURS
from slinvit.errors import InputError, did_you_mean
from slinvit.rng import generator

MIN_BLOCKS, MAX_BLOCKS = 3, 12
MAX_REJECTED = 5_000
"""Most candidates in a row that are thrown away before a wish counts as impossible."""


@dataclass(frozen=True)
class Wish:
    """What random problems should be like; ranges include both ends.

    Attributes:
        count: how many.
        blocks: number of blocks, drawn uniformly.
        length: optimal number of steps.
        seed: the same seed, the same problems.
    """

    count: int
    blocks: tuple[int, int] = (4, 6)
    length: tuple[int, int] = (2, 99)
    seed: int = 0

    def __post_init__(self) -> None:
        if self.count < 1:
            raise InputError(f"the number of random tasks must be 1 or more, not {self.count}")
        if not MIN_BLOCKS <= self.blocks[0] <= self.blocks[1] <= MAX_BLOCKS:
            raise InputError(f"blocks must be a range within {MIN_BLOCKS}-{MAX_BLOCKS}, not {_text(self.blocks)}")
        if not 1 <= self.length[0] <= self.length[1]:
            raise InputError(f"length must be a range of 1 or more steps, not {_text(self.length)}")
        if self.seed < 0:
            raise InputError(f"the seed must be 0 or more, not {self.seed}")


def parse_wish(text: str, count: str, options: Mapping[str, str], seed: int, limit: int | None) -> Wish:
    """Return the wish that ``random:COUNT,blocks=A-B,length=A-B,seed=S`` states; raises ``InputError``."""
    known = ("blocks", "length", "seed")
    for name in options:
        if name not in known:
            raise InputError(f"{text!r}: unknown option {name!r}{did_you_mean(name, known)}; known: {', '.join(known)}")
    number = _integer(count, text)
    return Wish(
        count=number if limit is None else min(number, limit),
        blocks=_range(options["blocks"], text) if "blocks" in options else Wish.blocks,
        length=_range(options["length"], text) if "length" in options else Wish.length,
        seed=_integer(options["seed"], text) if "seed" in options else seed,
    )


def random_problems(wish: Wish) -> list[Problem]:
    """Return ``wish.count`` distinct problems; the first n are the same whatever the count.

    Start and goal tower are uniform over all states with an empty hand; the goal is all ``on`` facts of the latter,
    or, half of the time, a random subset of these. The horizon is the optimal length.

    Raises:
        InputError: ``MAX_REJECTED`` candidates in a row were of another length, solved, or known already.
    """
    rng = generator(wish.seed, "blocksworld", *wish.blocks, *wish.length)
    found: dict[tuple[Support, frozenset[Fact]], Problem] = {}
    seen: set[int] = set()
    rejected = 0
    while len(found) < wish.count:
        start, goal = _candidate(rng, wish)
        length = optimal_length(start, goal)
        seen.add(length)
        key = (start, frozenset(goal))
        if key in found or not wish.length[0] <= length <= wish.length[1]:
            rejected += 1
            if rejected >= MAX_REJECTED:
                raise InputError(_impossible(wish, len(found), seen))
            continue
        rejected = 0
        found[key] = Problem(
            id=f"random-{wish.seed}-{len(found)}",
            names=COLOURS[: len(start)],
            start=start,
            goal=goal,
            horizon=length,
            optimal=length,
            source=f"random, {_text(wish.blocks)} blocks, {_text(wish.length)} steps, seed {wish.seed}",
        )
    return list(found.values())


def random_state(rng: np.random.Generator, count: int) -> Support:
    """Return a state of ``count`` blocks with an empty hand, uniform over all of them."""
    weights = np.array([comb(count - 1, k - 1) / factorial(k) for k in range(1, count + 1)])
    towers = 1 + int(rng.choice(count, p=weights / weights.sum()))
    bottoms = {0, *(1 + int(i) for i in rng.choice(count - 1, size=towers - 1, replace=False))}
    order = [int(block) for block in rng.permutation(count)]
    below = {block: TABLE if i in bottoms else order[i - 1] for i, block in enumerate(order)}
    return tuple(below[block] for block in range(count))


def _candidate(rng: np.random.Generator, wish: Wish) -> tuple[Support, tuple[Fact, ...]]:
    count = int(rng.integers(wish.blocks[0], wish.blocks[1] + 1))
    start = random_state(rng, count)
    goal = next(goal for goal in _goals(rng, count) if goal and not satisfied(start, goal))
    return start, goal


def _goals(rng: np.random.Generator, count: int) -> Iterator[tuple[Fact, ...]]:
    while True:
        on = [fact for fact in facts(random_state(rng, count)) if fact.predicate == "on"]
        keep = len(on) if len(on) < 2 or rng.random() < 0.5 else int(rng.integers(1, len(on) + 1))
        yield tuple(on[i] for i in rng.permutation(len(on))[:keep])


def _impossible(wish: Wish, found: int, seen: set[int]) -> str:
    return (
        f"only {found} of {wish.count} random problems with {_text(wish.blocks)} blocks and an optimal length of "
        f"{_text(wish.length)} steps were found (lengths met: {min(seen)}-{max(seen)}, all even); "
        "ask for fewer, or for other blocks or lengths"
    )


def _range(text: str, spec: str) -> tuple[int, int]:
    low, dash, high = text.partition("-")
    return _integer(low, spec), _integer(high if dash else low, spec)


def _integer(text: str, spec: str) -> int:
    if not text.isdecimal():
        raise InputError(f"{spec!r}: {text!r} is not a number; the form is random:40,blocks=5-7,length=8-12,seed=3")
    return int(text)


def _text(bounds: tuple[int, int]) -> str:
    return f"{bounds[0]}-{bounds[1]}" if bounds[0] != bounds[1] else str(bounds[0])
