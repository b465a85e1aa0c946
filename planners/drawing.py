"""Search trees as graphs, for analysis and pictures."""

from dataclasses import asdict
from typing import TYPE_CHECKING

from slinvit.tree import SearchTree

if TYPE_CHECKING:
    import networkx


def to_networkx(tree: SearchTree) -> "networkx.DiGraph[int]":
    """Return the tree as a ``networkx.DiGraph``: nodes by index with the fields of :class:`slinvit.tree.Node`.

    Edges carry ``action``, ``log_prob`` (nats) and ``reward``.
    """
    from networkx import DiGraph

    graph: networkx.DiGraph[int] = DiGraph()
    for index, node in enumerate(tree.nodes):
        graph.add_node(index, **asdict(node))
        if node.parent >= 0:
            graph.add_edge(node.parent, index, action=node.action, log_prob=node.log_prob, reward=node.reward)
    return graph
