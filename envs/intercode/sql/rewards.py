"""How InterCode scores a result set, part by part, and a variant without its oddities."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

Rows: TypeAlias = Sequence[tuple[Any, ...]]

SCORES = ("iou", "iou_tau", "iou_corrected")
"""What can be the reward: as most published runs, as the released code, and corrected."""


@dataclass(frozen=True, slots=True)
class Table:
    """What a statement gave.

    Attributes:
        rows: ``None`` where there is no list to compare: before the first statement, after an error, and after a
            statement that returns no rows. Of a gold statement such a result counts as empty.
        columns: how many there are; 0 without rows to compare.
        error: it was not executed.
    """

    rows: Rows | None = None
    columns: int = 0
    error: bool = False


def iou(found: Table, gold: Table) -> float:
    """Return the intersection over union of both results as multisets of printed rows, 0 to 1.

    Two empty results agree. What has no rows to compare scores 0.
    """
    if found.rows is None:
        return 0.0
    mine, theirs = Counter(map(str, found.rows)), Counter(map(str, gold.rows or ()))
    union = (mine | theirs).total()
    return (mine & theirs).total() / union if union else 1.0


def tau(found: Table, gold: Table) -> float | None:
    """Return Kendall's tau-b of the order of the printed rows that both results have, -1 to 1.

    Rows are compared position by position by the alphabetical rank of their text. It is undefined, ``None``, for less
    than two common rows, and where all of them are equal.
    """
    mine, theirs = list(map(str, found.rows or ())), list(map(str, gold.rows or ()))
    common = Counter(mine) & Counter(theirs)
    ranks = {row: rank for rank, row in enumerate(sorted(common))}
    if len(ranks) < 2:
        return None
    from scipy.stats import kendalltau

    statistic = float(kendalltau(_common(mine, common, ranks), _common(theirs, common, ranks)).statistic)
    return None if math.isnan(statistic) else statistic


def iou_tau(overlap: float, order: float | None) -> float:
    """Return :func:`iou` times :func:`tau`, rounded to two decimals, or :func:`iou` alone where tau is undefined.

    It is negative for rows in the opposite order.
    """
    return overlap if order is None else round(order * overlap, 2)


def iou_corrected(found: Table, gold: Table, overlap: float, order: float | None, *, ordered: bool) -> float:
    """Return a reward without the oddities of the published ones, 0 to 1.

    * An empty gold result is matched only by an empty result with as many columns, so not by every question that finds
      nothing; and a gold statement that cannot be executed is matched by nothing.
    * The order of rows counts only where the gold statement asks for one, and never makes the reward negative.

    Args:
        found: the last result of the agent.
        gold: the result that is wanted.
        overlap: their :func:`iou`.
        order: their :func:`tau`.
        ordered: the gold statement has an ORDER BY of its own.
    """
    if gold.error or (not gold.rows and found.columns != gold.columns):
        return 0.0
    return overlap * max(0.0, order) if ordered and order is not None else overlap


def scored(found: Table, gold: Table, *, ordered: bool, score: str) -> tuple[float, Mapping[str, Any]]:
    """Return the reward that ``score`` names, and all parts and variants of it."""
    overlap, order = iou(found, gold), tau(found, gold)
    variants = {
        "iou": overlap,
        "iou_tau": iou_tau(overlap, order),
        "iou_corrected": iou_corrected(found, gold, overlap, order, ordered=ordered),
    }
    details = {
        "score": variants[score],
        "iou": overlap,
        "tau": order,
        "iou_tau": variants["iou_tau"],
        "corrected": variants["iou_corrected"],
        "empty_gold": not gold.rows,
        "error": found.error,
    }
    return variants[score], details


def is_ordered(statement: str) -> bool:
    """Say whether ``statement`` orders its result: an ORDER BY outside of all parentheses."""
    from sqlglot import tokenize
    from sqlglot.errors import TokenError

    depth = 0
    try:
        tokens = tokenize(statement, read="mysql")
    except TokenError:  # no engine executes it either
        return False
    for token in tokens:
        depth += (token.token_type.name == "L_PAREN") - (token.token_type.name == "R_PAREN")
        if depth == 0 and token.token_type.name == "ORDER_BY":
            return True
    return False


def _common(rows: Sequence[str], common: Counter[str], ranks: Mapping[str, int]) -> list[int]:
    """Return the ranks of the common rows in the order of ``rows``, each as often as both have it."""
    left, kept = common.copy(), list[int]()
    for row in rows:
        if left[row] > 0:
            left[row] -= 1
            kept.append(ranks[row])
    return kept
