"""A pack as the tensors that a model is called with."""

from collections.abc import Container
from dataclasses import dataclass

import numpy as np
import torch

from priors.tokentree.packing import Pack, Row
from priors.tokentree.tree import IntArray, TokenTree


@dataclass(frozen=True, eq=False, slots=True)
class Sheet:
    """One forward of ``B`` rows of ``N`` tokens over ``M`` columns, padded.

    Attributes:
        ids: ``[B, N]`` tokens.
        positions: ``[B, N]`` their depths.
        hidden: ``[B, 1, N, M]`` what a token may not see; None: causal.
        write: slots of the new tokens.
        fresh: which of the ``B * N`` places hold new tokens; None: all.
        read: ``[B, M]`` slots to attend to, a slice where they are one; None: the new tokens alone.
        slots: those behind which something is wanted.
        kept: of the ``N`` places those whose logits are needed: their indices, or how many at the end.
        chosen: ``[R]`` where ``slots`` are among the logits of all rows, one after the other.
    """

    ids: torch.Tensor
    positions: torch.Tensor
    hidden: torch.Tensor | None
    write: torch.Tensor | slice
    fresh: torch.Tensor | None
    read: torch.Tensor | slice | None
    slots: list[int]
    kept: torch.Tensor | int
    chosen: torch.Tensor


def lay_out(pack: Pack, tree: TokenTree, wanted: Container[int]) -> Sheet:
    """Return the tensors for ``pack``; logits are needed behind the nodes in ``wanted``."""
    return _one(pack.rows[0], tree, wanted) if len(pack.rows) == 1 else _several(pack.rows, tree, wanted)


def _one(row: Row, tree: TokenTree, wanted: Container[int]) -> Sheet:
    nodes, columns = row.nodes, _index(row.columns)
    places = [place for place, node in enumerate(nodes.tolist()) if node in wanted]
    return Sheet(
        ids=torch.from_numpy(tree.token[nodes])[None],
        positions=torch.from_numpy(tree.depth[nodes])[None],
        hidden=None if row.visible is None else torch.from_numpy(~row.visible)[None, None],
        write=_index(nodes),
        fresh=None,
        read=None if row.visible is None else columns if isinstance(columns, slice) else columns[None],
        slots=nodes[places].tolist(),
        kept=torch.tensor(places or [0]),
        chosen=torch.arange(len(places)),
    )


def _several(rows: tuple[Row, ...], tree: TokenTree, wanted: Container[int]) -> Sheet:
    """Tokens stand at the right, those with something wanted behind them last: the logits to keep are one block."""
    count, width = len(rows), max(len(row.nodes) for row in rows)
    slots = np.zeros((count, width), np.int64)
    read = np.zeros((count, max(len(row.columns) for row in rows)), np.int64)
    hidden = np.ones((count, 1, *(width, read.shape[1])), np.bool_)
    last: list[list[int]] = []
    for number, row in enumerate(rows):
        needed = np.fromiter((node in wanted for node in row.nodes.tolist()), np.bool_, len(row.nodes))
        order = np.concatenate([np.flatnonzero(~needed), np.flatnonzero(needed)])
        start = width - len(order)
        slots[number, start:] = row.nodes[order]
        read[number, : len(row.columns)] = row.columns
        assert row.visible is not None  # a causal row is alone
        hidden[number, 0, start:, : len(row.columns)] = ~row.visible[order]
        last.append(row.nodes[needed].tolist())
    fresh = np.flatnonzero(np.arange(width) >= width - np.array([len(row.nodes) for row in rows])[:, None])
    kept = max(map(len, last)) or 1
    chosen = [(number + 1) * kept - len(ends) + i for number, ends in enumerate(last) for i in range(len(ends))]
    return Sheet(
        ids=torch.from_numpy(tree.token[slots]),
        positions=torch.from_numpy(tree.depth[slots]),
        hidden=torch.from_numpy(hidden),
        write=torch.from_numpy(slots.ravel()[fresh]),
        fresh=torch.from_numpy(fresh),
        read=torch.from_numpy(read),
        slots=[slot for ends in last for slot in ends],
        kept=kept,
        chosen=torch.tensor(chosen, dtype=torch.long),
    )


def _index(slots: IntArray) -> torch.Tensor | slice:
    """Return ``slots`` as a slice where they are one: it is read and written in place."""
    first, last = int(slots[0]), int(slots[-1])
    if last - first + 1 == len(slots) and bool((np.diff(slots) == 1).all()):
        return slice(first, last + 1)
    return torch.from_numpy(slots)
