"""What to forward: new tokens of many requests, in rows of as few forwards as fit.

A token sees its ancestors in the tree and nothing else. Requests that share most of their text lie side by side in one
row; what that adds is attention to columns that the mask then hides. Where this would cost more than reading the shared
columns twice, a request gets a row of its own. The rows of a forward have one length and one number of columns: short
ones are joined, and where padding would still cost more than another forward, there is another forward.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from priors.tokentree.tree import IntArray, TokenTree

BoolArray = npt.NDArray[np.bool_]

MOST_TOKENS = 1024
"""In one forward with a mask, which has a row per token. A guess, as the next five are."""

MOST_COLUMNS = 1 << 18
"""Of all rows of one forward together: their keys and values are copied in every layer."""

TOKEN = 1 << 11
"""Query-key pairs that cost about what the layers without attention cost for one token."""

READ = 1 << 5
"""Query-key pairs that cost about what reading the keys and values of one column once more does."""

CAUSAL_TOKENS = 256
"""A new prompt at least this long is forwarded alone first, by the causal kernel, which skips half of the pairs."""

DENSE = 0.5
"""Alone, a row reads a span of slots in place when it needs this share of it; else what it needs is gathered."""


@dataclass(frozen=True, slots=True)
class Branch:
    """Nodes to forward that lie on one path of the tree.

    Attributes:
        nodes: to forward, parents first.
        trunk: ``[P]`` the path from the root to a prompt's end, one array object per request.
        twig: the path behind it.
    """

    nodes: list[int]
    trunk: IntArray
    twig: list[int]


@dataclass(frozen=True, eq=False, slots=True)
class Row:
    """Tokens that attend to the same columns.

    Attributes:
        nodes: ``[N]`` slots of the tokens to forward.
        columns: ``[M]`` slots to attend to.
        visible: ``[N, M]`` whether a column is the token itself or an ancestor; None: a chain from the root, causal.
    """

    nodes: IntArray
    columns: IntArray
    visible: BoolArray | None

    def only(self, chosen: BoolArray) -> "Row":
        """Return the row, not a causal one, with the chosen nodes alone."""
        assert self.visible is not None
        return Row(self.nodes[chosen], self.columns, self.visible[chosen])

    def causal_halves(self) -> "tuple[Row, Row]":
        """Return the halves of a causal row; the first one is causal again."""
        count = len(self.nodes)
        middle = count // 2
        visible = np.tri(count - middle, count, middle, dtype=np.bool_)
        return Row(self.nodes[:middle], self.nodes[:middle], None), Row(self.nodes[middle:], self.columns, visible)


@dataclass(frozen=True, eq=False, slots=True)
class Pack:
    """One forward; a row may attend to tokens that another row brings. A causal row is alone."""

    rows: tuple[Row, ...]

    @property
    def tokens(self) -> int:
        """Tokens to forward."""
        return sum(len(row.nodes) for row in self.rows)

    def halves(self, depth: IntArray) -> "tuple[Pack, Pack]":
        """Return two packs that do the same one after the other, ancestors first; ``depth`` is that of the tree."""
        if self.rows[0].visible is None:
            first, second = self.rows[0].causal_halves()
            return Pack((first,)), Pack((second,))
        ends = np.cumsum([len(row.nodes) for row in self.rows])
        order = np.argsort(depth[np.concatenate([row.nodes for row in self.rows])], kind="stable")
        late = np.zeros(ends[-1], np.bool_)
        late[order[len(order) // 2 :]] = True
        deep = np.split(late, ends[:-1])
        return self._only([~each for each in deep]), self._only(deep)

    def _only(self, chosen: Sequence[BoolArray]) -> "Pack":
        pairs = zip(self.rows, chosen, strict=True)
        return Pack(tuple(row.only(which) for row, which in pairs if which.any()))


def pack(tree: TokenTree, branches: Iterable[Branch], waste: int, forward: int) -> Iterator[Pack]:
    """Yield the forwards for ``branches``, which come parents first.

    Args:
        tree: holds the nodes.
        branches: to forward.
        waste: query-key pairs nobody needs that cost as much as one row more.
        forward: the same for one forward more.
    """
    groups: list[_Group] = []
    for branch in branches:
        if not branch.twig and len(branch.nodes) == len(branch.trunk) >= CAUSAL_TOKENS:
            yield Pack((Row(branch.trunk, branch.trunk, None),))
            continue
        for piece in _pieces(branch):
            if groups and sum(group.tokens for group in groups) + len(piece.nodes) > MOST_TOKENS:
                yield from _packed(groups, forward)
                groups = []
            if not groups or not groups[-1].accepts(piece, waste):
                groups.append(_Group(tree))
            groups[-1].add(piece)
    if groups:
        yield from _packed(groups, forward)


def _packed(groups: Sequence["_Group"], forward: int) -> Iterator[Pack]:
    for together in _alike(groups, forward):
        joined = _joined(together)
        yield Pack(tuple(group.row(dense=len(joined) == 1) for group in joined))


def _alike(groups: Sequence["_Group"], forward: int) -> list[list["_Group"]]:
    """Return the groups of every forward; those that need nodes of others are not forwarded before them."""
    if len(groups) == 1:
        return [list(groups)]
    level = _levels(groups, forward)
    owner = np.full(groups[-1].slots, -1, np.int64)
    for number, group in enumerate(groups):  # parents first, so what a group needs has its final level
        owner[[node for branch in group.branches for node in branch.nodes]] = number
        needed = np.unique(owner[group.needed])
        level[number] = max(level[other] for other in [number, *needed[needed >= 0].tolist()])
    return [[groups[i] for i in np.flatnonzero(level == which).tolist()] for which in np.unique(level)]


def _levels(groups: Sequence["_Group"], forward: int) -> IntArray:
    """Return ``[G]`` a number per group: few columns first, one more where padding would cost another forward."""
    level, current, box = np.zeros(len(groups), np.int64), 0, _Box()
    for number in sorted(range(len(groups)), key=lambda i: (groups[i].columns, groups[i].tokens)):
        larger = box.with_(groups[number])
        if box.total and (larger.padding > forward or larger.rows * larger.columns > MOST_COLUMNS):
            current, larger = current + 1, _Box().with_(groups[number])
        level[number], box = current, larger
    return level


@dataclass(frozen=True, slots=True)
class _Box:
    """What the groups of one forward need, and what they get.

    Attributes:
        tokens: most of any group.
        columns: most of any group.
        total: tokens of all.
        read: columns of all.
        useful: what the groups would cost one by one, in query-key pairs.
    """

    tokens: int = 0
    columns: int = 0
    total: int = 0
    read: int = 0
    useful: int = 0

    def with_(self, group: "_Group") -> "_Box":
        tokens, columns = group.tokens, group.columns
        useful = self.useful + tokens * (columns + TOKEN)
        most = max(self.tokens, tokens), max(self.columns, columns)
        return _Box(*most, self.total + tokens, self.read + columns, useful)

    @property
    def rows(self) -> int:
        """After joining, at best."""
        return max(-(-self.total // self.tokens), -(-self.read // self.columns))

    @property
    def padding(self) -> int:
        """Query-key pairs that nobody needs."""
        return self.rows * self.tokens * (self.columns + TOKEN) - self.useful


def _joined(groups: Sequence["_Group"]) -> list["_Group"]:
    """Join short groups up to the tokens of the longest and the columns of the widest, so that little is padding."""
    waiting = deque(sorted(groups, key=lambda group: -group.tokens))
    longest, widest, joined = waiting[0].tokens, max(group.columns for group in groups), []
    while waiting:
        group = waiting.popleft()
        while waiting and group.tokens + waiting[-1].tokens <= longest and group.union(waiting[-1]) <= widest:
            for branch in waiting.pop().branches:
                group.add(branch)
        joined.append(group)
    return joined


def _pieces(branch: Branch) -> Iterator[Branch]:
    if len(branch.nodes) <= MOST_TOKENS:
        yield branch
        return
    for start in range(0, len(branch.nodes), MOST_TOKENS):
        nodes = branch.nodes[start : start + MOST_TOKENS]
        later = 0 if branch.twig else len(branch.nodes) - start - len(nodes)  # a new prompt's nodes end its trunk
        yield Branch(nodes, branch.trunk[: len(branch.trunk) - later], branch.twig)


class _Group:
    """Branches that share a row."""

    def __init__(self, tree: TokenTree) -> None:
        self._tree = tree
        self.branches: list[Branch] = []
        self.needed: BoolArray = np.zeros(tree.used, np.bool_)
        self.columns = 0
        self._useful = 0
        self.tokens = 0

    def accepts(self, branch: Branch, waste: int) -> bool:
        tokens, missing = self.tokens + len(branch.nodes), self._missing(branch)
        hidden = tokens * (self.columns + missing) - self._useful - _pairs(branch)
        shared = len(branch.trunk) + len(branch.twig) - missing
        return hidden <= waste + READ * shared

    def add(self, branch: Branch) -> None:
        self.columns += self._missing(branch)
        self.needed[branch.trunk] = True
        self.needed[branch.twig] = True
        self._useful += _pairs(branch)
        self.tokens += len(branch.nodes)
        self.branches.append(branch)

    def _missing(self, branch: Branch) -> int:
        known = bool(self.branches) and self.branches[-1].trunk is branch.trunk
        trunk = 0 if known else len(branch.trunk) - int(np.count_nonzero(self.needed[branch.trunk]))
        return trunk + len(branch.twig) - int(np.count_nonzero(self.needed[branch.twig]))

    @property
    def slots(self) -> int:
        return len(self.needed)

    def union(self, other: "_Group") -> int:
        return int(np.count_nonzero(self.needed | other.needed))

    def row(self, *, dense: bool) -> Row:
        columns = _span(self.needed) if dense else np.flatnonzero(self.needed)
        position = np.zeros(len(self.needed), np.int64)
        position[columns] = np.arange(len(columns))
        on_path = np.zeros((len(self.branches), len(columns)), np.bool_)
        for row, branch in enumerate(self.branches):
            before = self.branches[row - 1]
            if row and before.trunk is branch.trunk:  # copying a row is cheaper than marking a long trunk again
                on_path[row] = on_path[row - 1]
                on_path[row, position[before.twig]] = False
            else:
                on_path[row, position[branch.trunk]] = True
            on_path[row, position[branch.twig]] = True
        nodes = np.array([node for branch in self.branches for node in branch.nodes], np.int64)
        of = np.repeat(np.arange(len(self.branches)), [len(branch.nodes) for branch in self.branches])
        depth = self._tree.depth
        return Row(nodes, columns, on_path[of] & (depth[columns] <= depth[nodes][:, None]))


def _span(needed: BoolArray) -> IntArray:
    exact = np.flatnonzero(needed)
    span = int(exact[-1]) + 1 - int(exact[0])
    return np.arange(exact[0], exact[-1] + 1) if len(exact) >= DENSE * span else exact


def _pairs(branch: Branch) -> int:
    return len(branch.nodes) * (len(branch.trunk) + len(branch.twig))
