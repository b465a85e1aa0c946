from collections import Counter
from itertools import combinations
from math import isnan, sqrt
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.intercode.sql.rewards import SCORES, Table, iou, iou_corrected, iou_tau, is_ordered, scored, tau

Row = tuple[Any, ...]

CELLS = st.one_of(st.integers(0, 3), st.sampled_from(["a", "B", "", "é"]), st.none())
ROWS = st.lists(st.tuples(CELLS, CELLS), max_size=7)


def full(rows: list[Row]) -> Table:
    return Table(tuple(rows), 2)


def overlap_by_definition(mine: list[Row], theirs: list[Row]) -> float:
    texts = {str(row) for row in (*mine, *theirs)}
    counts = [([str(row) for row in mine].count(text), [str(row) for row in theirs].count(text)) for text in texts]
    union = sum(max(pair) for pair in counts)
    return sum(min(pair) for pair in counts) / union if union else 1.0


def tau_b_by_definition(x: list[str], y: list[str]) -> float:
    """Concordant minus discordant pairs, over the geometric mean of the pairs that are not tied on either side."""

    def sign(a: str, b: str) -> int:
        return (a > b) - (a < b)

    pairs = list(combinations(range(len(x)), 2))
    signs = [(sign(x[i], x[j]), sign(y[i], y[j])) for i, j in pairs]
    untied = sum(a != 0 for a, _ in signs) * sum(b != 0 for _, b in signs)
    return sum(a * b for a, b in signs) / sqrt(untied) if untied else float("nan")


def common_by_definition(mine: list[Row], theirs: list[Row]) -> tuple[list[str], list[str]]:
    """From the front of each side, as many of each row as both sides have."""

    def taken(rows: list[str], shares: Counter[str]) -> list[str]:
        return [row for i, row in enumerate(rows) if rows[: i + 1].count(row) <= shares[row]]

    x, y = [str(row) for row in mine], [str(row) for row in theirs]
    shares = Counter({text: min(x.count(text), y.count(text)) for text in x})
    return taken(x, shares), taken(y, shares)


@given(ROWS, ROWS)
def test_the_overlap_is_that_of_the_definition_and_symmetric(mine: list[Row], theirs: list[Row]) -> None:
    found = iou(full(mine), full(theirs))
    assert found == pytest.approx(overlap_by_definition(mine, theirs))
    assert found == iou(full(theirs), full(mine))
    assert 0 <= found <= 1


@given(ROWS, st.randoms())
def test_the_overlap_is_one_exactly_for_equal_multisets(rows: list[Row], random: Any) -> None:
    shuffled = random.sample(rows, len(rows))
    assert iou(full(rows), full(shuffled)) == 1
    assert iou(full([*rows, ("more", 0)]), full(shuffled)) < 1


@settings(deadline=None)  # the first example imports scipy
@given(ROWS, ROWS)
def test_the_rank_correlation_is_kendalls_tau_b_over_the_common_rows(mine: list[Row], theirs: list[Row]) -> None:
    expected = tau_b_by_definition(*common_by_definition(mine, theirs))
    found = tau(full(mine), full(theirs))
    assert (found is None) == isnan(expected)
    if found is not None:
        assert found == pytest.approx(expected, abs=1e-12)
        assert found == pytest.approx(tau(full(theirs), full(mine)), abs=1e-12)


@settings(deadline=None)
@given(ROWS, ROWS)
def test_the_released_reward_is_rounded_only_where_the_correlation_applies(mine: list[Row], theirs: list[Row]) -> None:
    overlap, order = iou(full(mine), full(theirs)), tau(full(mine), full(theirs))
    found = iou_tau(overlap, order)
    assert found == (overlap if order is None else round(order * overlap, 2))
    assert -1 <= found <= 1


def test_rows_in_the_opposite_order_earn_a_negative_reward_that_the_corrected_one_does_not_know() -> None:
    rows = [(1,), (2,), (3,)]
    reward, details = scored(full(rows), full(rows[::-1]), ordered=True, score="iou_tau")
    assert (reward, details["tau"], details["iou"], details["corrected"]) == (-1.0, -1.0, 1.0, 0.0)
    _, details = scored(full(rows), full(rows[::-1]), ordered=False, score="iou_tau")
    assert details["corrected"] == 1.0


def test_one_common_row_of_three_is_not_rounded() -> None:
    _, details = scored(full([(1,), (2,)]), full([(1,), (3,)]), ordered=False, score="iou_tau")
    assert details["iou_tau"] == details["iou"] == 1 / 3
    assert details["tau"] is None


@pytest.mark.parametrize("found", [Table(), Table(error=True)])
@given(gold=ROWS)
def test_what_has_no_rows_to_compare_scores_nothing(found: Table, gold: list[Row]) -> None:
    for score in SCORES:
        reward, details = scored(found, full(gold), ordered=False, score=score)
        assert reward == 0
        assert details["error"] == found.error


def test_an_empty_gold_result_is_matched_by_any_empty_result_but_corrected_only_by_the_same_shape() -> None:
    gold = Table((), 2)
    for columns, corrected in ((2, 1.0), (1, 0.0)):
        reward, details = scored(Table((), columns), gold, ordered=False, score="iou")
        assert (reward, details["corrected"], details["empty_gold"]) == (1.0, corrected, True)
    assert scored(full([(1, 2)]), gold, ordered=False, score="iou_corrected")[0] == 0


def test_a_gold_statement_that_was_refused_counts_as_empty_but_corrected_as_unmatchable() -> None:
    refused = Table(error=True)
    reward, details = scored(Table((), 1), refused, ordered=False, score="iou")
    assert (reward, details["empty_gold"], details["corrected"]) == (1.0, True, 0.0)


@settings(deadline=None)
@given(ROWS, ROWS, st.booleans())
def test_the_corrected_reward_never_exceeds_the_overlap_and_is_one_for_the_gold_itself(
    mine: list[Row], theirs: list[Row], ordered: bool
) -> None:
    found, gold = full(mine), full(theirs)
    corrected = iou_corrected(found, gold, iou(found, gold), tau(found, gold), ordered=ordered)
    assert 0 <= corrected <= iou(found, gold)
    assert iou_corrected(gold, gold, iou(gold, gold), tau(gold, gold), ordered=ordered) == pytest.approx(1)


@pytest.mark.parametrize(
    ("statement", "ordered"),
    [
        ("SELECT a FROM t ORDER BY b", True),
        ("select a from t order  by b limit 1", True),
        ("SELECT a FROM (SELECT * FROM t ORDER BY b) AS u", False),
        ("SELECT rank() OVER (ORDER BY a) FROM t", False),
        ("SELECT a FROM t UNION SELECT b FROM u ORDER BY 1", True),
        ("SELECT 'order by' FROM t", False),
        ("SELECT a FROM t WHERE b = 'unfinished ORDER BY", False),
    ],
)
def test_only_an_order_of_the_whole_statement_orders_it(statement: str, ordered: bool) -> None:
    assert is_ordered(statement) == ordered


def test_many_rows_are_scored_in_time() -> None:
    rows = [(i, str(i)) for i in range(20_000)]
    assert scored(full(rows), full(rows), ordered=True, score="iou_tau")[0] == 1
