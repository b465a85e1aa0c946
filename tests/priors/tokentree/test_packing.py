"""Packs forward every queued node once, after its parents, and show it its ancestors only."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from priors.tokentree import packing
from priors.tokentree.agenda import Agenda, Part
from priors.tokentree.packing import CAUSAL_TOKENS, MOST_TOKENS, Pack, Row, pack
from priors.tokentree.tree import ROOT, TokenTree

TOKEN = st.integers(0, 2)
PARTS = st.lists(
    st.tuples(
        st.lists(TOKEN, min_size=1, max_size=8),
        st.lists(st.lists(TOKEN, min_size=1, max_size=3), min_size=1, max_size=4),
    ),
    min_size=1,
    max_size=5,
)


def packs(
    tree: TokenTree, parts: list[tuple[list[int], list[list[int]]]], waste: int, forward: int = 1 << 18
) -> list[Pack]:
    tree.begin()
    agenda = Agenda(tree)
    visits = [agenda.visit(Part(i, prompt, tails, range(len(tails)))) for i, (prompt, tails) in enumerate(parts)]
    made = list(pack(tree, (branch for visit in visits for branch in visit.branches), waste, forward))
    tree.commit()
    return made


def slots(made: Pack) -> list[int]:
    return [slot for row in made.rows for slot in row.nodes.tolist()]


def only_row(made: Pack) -> Row:
    (row,) = made.rows
    return row


def ancestors(tree: TokenTree, slot: int) -> set[int]:
    found = {slot}
    while (slot := tree._edges[slot][0]) != ROOT:
        found.add(slot)
    return found


@settings(deadline=None)
@given(before=PARTS, parts=PARTS, waste=st.sampled_from([0, 50, 1 << 16]), forward=st.sampled_from([0, 9000, 1 << 18]))
def test_every_node_is_forwarded_once_after_its_ancestors_and_sees_only_them(
    before: list[tuple[list[int], list[list[int]]]],
    parts: list[tuple[list[int], list[list[int]]]],
    waste: int,
    forward: int,
) -> None:
    tree = TokenTree(500)
    known = {slot for made in packs(tree, before, waste, forward) for slot in slots(made)}
    forwarded: list[int] = []
    for made in packs(tree, parts, waste, forward):
        together = set(slots(made))
        for row in made.rows:
            assert row.visible is not None
            for node, sees in zip(row.nodes.tolist(), row.visible, strict=True):
                assert set(row.columns[sees].tolist()) == ancestors(tree, node)
                assert ancestors(tree, node) <= known | set(forwarded) | together
        forwarded += slots(made)
    assert len(forwarded) == len(set(forwarded))
    assert known | set(forwarded) == set(tree._edges)


def test_a_frontier_with_a_common_prompt_shares_a_row_and_unrelated_prompts_do_not() -> None:
    rng = np.random.default_rng(0)
    header = rng.integers(0, 100, 200).tolist()
    tails = [[i, 1] for i in range(5)]
    siblings = [([*header, *rng.integers(0, 100, 20).tolist()], tails) for _ in range(6)]
    strangers = [(rng.integers(0, 100, 150).tolist(), tails) for _ in range(6)]
    assert [len(made.rows) for made in packs(TokenTree(5000), siblings, 1 << 16)] == [1]
    assert [len(made.rows) for made in packs(TokenTree(5000), strangers, 1 << 14)] == [6]
    assert len(packs(TokenTree(5000), strangers * 2, 1 << 22)) == 1
    many = [(rng.integers(0, 100, 150).tolist(), tails) for _ in range(12)]
    assert len(packs(TokenTree(5000), many, 0, 1 << 40)) == 2, "a forward has a limit"


def test_short_rows_are_joined_up_to_the_length_of_the_longest() -> None:
    rng = np.random.default_rng(0)
    prompts = [(rng.integers(0, 100, length).tolist(), [[1]]) for length in (60, 30, 29, 20, 12, 8)]
    (made,) = packs(TokenTree(5000), prompts, 0)
    assert sorted(len(row.nodes) for row in made.rows) == [49, 50, 60]


def test_rows_are_not_padded_to_one_that_is_much_longer() -> None:
    rng = np.random.default_rng(0)
    long = (rng.integers(0, 100, 4000).tolist(), [[1, 2], [3, 4]])
    short = [(rng.integers(0, 100, 100).tolist(), [[1, 2], [3, 4]]) for _ in range(8)]
    made = packs(TokenTree(10_000), [long, *short], 1 << 12, 1 << 16)
    areas = [
        len(each.rows) * max(len(r.nodes) for r in each.rows) * max(len(r.columns) for r in each.rows) for each in made
    ]
    assert [len(each.rows) for each in made] == [1, 8, 1]
    assert sum(areas[1:]) < 8 * 102 * 102 + 2 * 4002 + 1
    together = packs(TokenTree(10_000), [long, *short], 1 << 12, 1 << 30)
    assert [len(each.rows) for each in together] == [1, 9], "control: where another forward would cost more"


def test_a_forward_reads_so_many_columns_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "MOST_COLUMNS", 1000)
    rng = np.random.default_rng(0)
    made = packs(TokenTree(5000), [(rng.integers(0, 100, 90).tolist(), [[1]]) for _ in range(11)], 0)
    assert [len(each.rows) for each in made] == [11]  # 990 columns
    made = packs(TokenTree(5000), [(rng.integers(0, 100, 80).tolist(), [[1]]) for _ in range(14)], 0)
    assert [len(each.rows) for each in made] == [12, 2]  # at most 1024 tokens and 1000 columns


def test_a_long_new_prompt_is_a_causal_chain_and_a_long_continuation_comes_in_pieces() -> None:
    tree, long = TokenTree(10_000), [1] * CAUSAL_TOKENS
    first, second = packs(tree, [(long, [[1, 2], [3, 4]])], 1 << 16)
    assert only_row(first).visible is None
    assert (first.tokens, second.tokens) == (CAUSAL_TOKENS, 2)
    made = packs(tree, [([*long, *[2] * (2 * MOST_TOKENS)], [[1]])], 1 << 16)
    assert [each.tokens for each in made] == [MOST_TOKENS, MOST_TOKENS]


def test_what_is_needed_of_a_large_arena_is_gathered_and_what_lies_together_is_read_in_place() -> None:
    tree = TokenTree(10_000)
    packs(tree, [([1], [[2]]), ([3] * 100, [[4]])], 1 << 16)
    (near,) = packs(tree, [([3] * 100, [[5]])], 1 << 16)
    assert np.array_equal(only_row(near).columns, np.arange(1, 101))
    (far,) = packs(tree, [([1, 7, 7], [[8]])], 1 << 16)
    assert only_row(far).columns.tolist() == [0, 101, 102]


def test_halves_of_a_row_do_the_same_one_after_the_other() -> None:
    tree = TokenTree(1000)
    causal = packs(tree, [([1] * CAUSAL_TOKENS, [[2]])], 1 << 16)[0]
    first, second = causal.halves(tree.depth)
    assert only_row(first).visible is None
    assert np.array_equal(only_row(first).columns, only_row(first).nodes)
    later = only_row(second).visible
    assert later is not None
    assert np.array_equal(later, np.tri(CAUSAL_TOKENS, dtype=bool)[CAUSAL_TOKENS // 2 :])
    third, fourth = second.halves(tree.depth)
    assert slots(first) + slots(third) + slots(fourth) == slots(causal)


@settings(deadline=None)
@given(parts=PARTS)
def test_halves_of_several_rows_bring_ancestors_first(parts: list[tuple[list[int], list[list[int]]]]) -> None:
    tree = TokenTree(500)
    waiting, forwarded = packs(tree, parts, 0)[::-1], []
    expected = [slot for made in waiting for slot in slots(made)]
    while waiting:
        made = waiting.pop()
        if made.tokens > 1:
            first, second = made.halves(tree.depth)
            assert 0 < first.tokens < made.tokens
            assert first.tokens + second.tokens == made.tokens
            waiting += [second, first]
            continue
        forwarded += slots(made)
        assert ancestors(tree, forwarded[-1]) <= set(forwarded)
    assert sorted(forwarded) == sorted(expected)
