import pytest

from priors.tokentree import tree as tree_module
from priors.tokentree.tree import ROOT, NoRoom, TokenTree


def add(tree: TokenTree, ids: list[int]) -> list[int]:
    """Use ``ids`` as an engine does, in a group of its own."""
    tree.begin()
    old = tree.follow(ROOT, ids)
    tree.touch(old)
    path = old + tree.grow(old[-1] if old else ROOT, len(old), ids[len(old) :])
    tree.commit()
    return path


def test_texts_share_the_nodes_of_their_common_beginning() -> None:
    tree = TokenTree(10)
    first, second = add(tree, [1, 2, 3]), add(tree, [1, 2, 4])
    assert first[:2] == second[:2]
    assert tree.distinct == 4
    assert tree.token[second].tolist() == [1, 2, 4]
    assert tree.depth[second].tolist() == [0, 1, 2]


def test_the_least_recently_used_text_goes_first_and_children_before_parents() -> None:
    tree = TokenTree(5)
    add(tree, [1, 2, 3])
    add(tree, [4, 5])
    add(tree, [1, 2])
    add(tree, [6, 7])
    left = [len(tree.follow(ROOT, ids)) for ids in ([1, 2, 3], [4, 5], [6, 7])]
    assert left == [2, 1, 2]


def test_a_token_that_comes_back_is_not_a_new_one() -> None:
    tree = TokenTree(2)
    add(tree, [1, 2])
    add(tree, [3, 4])
    add(tree, [1, 2])
    assert tree.distinct == 4


def test_what_is_needed_now_is_never_evicted() -> None:
    tree = TokenTree(4)
    add(tree, [9])
    tree.begin()
    tree.grow(ROOT, 0, [1, 2, 3])
    with pytest.raises(NoRoom):
        tree.grow(ROOT, 0, [5, 6])
    assert len(tree.follow(ROOT, [1, 2, 3])) == 3
    tree.rollback()
    assert tree.follow(ROOT, [1]) == []
    assert tree.distinct == 1
    assert len(add(tree, [5, 6, 7, 8])) == 4


def test_a_smaller_tree_uses_no_slot_that_is_gone() -> None:
    tree = TokenTree(8)
    add(tree, [1, 2, 3])
    tree.begin()
    tree.grow(ROOT, 0, [4, 5, 6, 7])
    tree.rollback()
    tree.shrink(4)
    assert (tree.room, tree.used) == (1, 4)
    assert max(add(tree, [4, 5, 6])) < 4


def test_beyond_what_is_remembered_distinct_is_an_upper_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree_module, "MOST_REMEMBERED", 1)
    tree = TokenTree(2)
    for ids in ([1, 2], [3, 4], [5, 6], [1, 2]):
        add(tree, ids)
    assert tree.distinct == 8  # six different ones


def test_evicted_nodes_forget_what_was_read_behind_them() -> None:
    tree = TokenTree(1)
    (slot,) = add(tree, [1])
    tree.log_probs[slot] = {2: -1.0}
    assert add(tree, [3]) == [slot]
    assert tree.log_probs == {}
