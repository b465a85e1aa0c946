import pickle
from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from slinvit import Node, Plan, SearchTree

ROOT = Node(-1, "", 0, "start", 0.0, 0.0, None, None, 0, False, False, True)


def tree_of(parents: list[int]) -> SearchTree:
    nodes = [ROOT]
    for number, parent in enumerate(parents, start=1):
        nodes.append(replace(ROOT, parent=parent, action=f"to {number}", depth=nodes[parent].depth + 1))
    return SearchTree(tuple(nodes))


trees = st.integers(0, 12).flatmap(lambda n: st.tuples(*(st.integers(0, i) for i in range(n)))).map(list).map(tree_of)


@given(trees)
def test_paths_lead_from_the_root_along_parents(tree: SearchTree) -> None:
    for index, node in enumerate(tree.nodes):
        path = tree.path(index)
        assert (path[0], path[-1], len(path)) == (0, index, node.depth + 1)
        assert all(tree.nodes[after].parent == before for before, after in pairwise(path))
        assert tree.actions(index) == tuple(f"to {step}" for step in path[1:])


@given(trees)
def test_every_node_but_the_root_is_the_child_of_its_parent_once(tree: SearchTree) -> None:
    children = [child for index in range(len(tree.nodes)) for child in tree.children(index)]
    assert sorted(children) == list(range(1, len(tree.nodes)))


def test_trees_and_plans_are_equal_by_content_and_survive_pickling() -> None:
    tree = tree_of([0, 0, 1])
    plan = Plan(("to 1",), ("to 1", "to 3"), 3, 0.5, tree, "done")
    assert tree == tree_of([0, 0, 1])
    assert tree != tree_of([0, 1, 1])
    assert pickle.loads(pickle.dumps(plan)) == plan
    assert plan.path == tree.actions(plan.target)
