"""What token sequences share from the front."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TypeVar

from slinvit.errors import InputError

T = TypeVar("T")


def shared(rows: Sequence[Sequence[T]], names: Sequence[str], *, same: Callable[[T], bool] = lambda _: True) -> int:
    """Return how many first tokens all of ``rows`` share; what they share cancels in a distribution over them.

    Args:
        rows: tokens of prompt, candidate and terminator, one row per candidate.
        names: the candidates, for messages.
        same: says whether a token that looks the same is the same.

    Raises:
        InputError: the tokens of a candidate begin with those of another one, so one gets the mass of both.
    """
    shortest = min(map(len, rows))
    start = next(
        (i for i in range(shortest) if not same(rows[0][i]) or any(row[i] != rows[0][i] for row in rows)), shortest
    )
    order = sorted(range(len(rows)), key=lambda number: tuple(map(str, rows[number])))
    for one, other in pairwise(order):
        if tuple(rows[other][: len(rows[one])]) == tuple(rows[one]):
            raise InputError(
                f"the tokenizer cannot tell {names[one]!r} from {names[other]!r}; "
                "choose a terminator= that it keeps apart"
            )
    return start


__all__ = ["shared"]
