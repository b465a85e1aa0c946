"""What a group of requests needs: which nodes to forward, and what to read behind them."""

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

import numpy as np

from priors.tokentree.packing import Branch
from priors.tokentree.tree import ROOT, TokenTree


@dataclass(frozen=True, slots=True)
class Part:
    """A request, or a piece of one where the whole does not fit.

    Attributes:
        number: of the request.
        prompt: token ids.
        tails: token ids behind the prompt; none: the whole distribution behind the prompt is wanted.
        places: of ``tails`` among those of the request.
    """

    number: int
    prompt: Sequence[int]
    tails: Sequence[Sequence[int]]
    places: Sequence[int]

    @property
    def longest(self) -> int:
        """Tokens of the longest text that must be forwarded at once."""
        return len(self.prompt) + max((len(tail) - 1 for tail in self.tails), default=0)

    def halves(self) -> "list[Part]":
        """Return two parts with half of the tails each."""
        middle = len(self.tails) // 2
        cuts = slice(middle), slice(middle, None)
        return [replace(self, tails=self.tails[cut], places=self.places[cut]) for cut in cuts]


@dataclass(frozen=True, slots=True)
class Visit:
    """Where a part lies in the tree.

    Attributes:
        part: that was visited.
        end: slot of the prompt's last token.
        twigs: slots of every tail but its last token, behind which nothing is read.
        branches: what must be forwarded for it and for no earlier part.
    """

    part: Part
    end: int
    twigs: list[list[int]]
    branches: list[Branch]

    @property
    def tokens(self) -> int:
        """Tokens that are forwarded for it."""
        return sum(len(branch.nodes) for branch in self.branches)


class Agenda:
    """Collects what parts ask for together.

    Args:
        tree: gets the nodes that are missing.

    Attributes:
        wanted: tokens to read, by the slot of the node in front of them.
    """

    def __init__(self, tree: TokenTree) -> None:
        self.wanted: dict[int, set[int]] = {}
        self._tree = tree
        self._queued: set[int] = set()  # new nodes, and old ones behind which something else is read now

    def hold(self, parts: Sequence[Part]) -> None:
        """Keep what ``parts`` need and the tree has, so that room for an early one is not taken from a late one."""
        lengths = (len(part.prompt) + sum(map(len, part.tails)) for part in parts)
        if sum(lengths) <= self._tree.room:
            return
        for part in parts:
            trunk = self._tree.follow(ROOT, part.prompt)
            self._tree.touch(trunk)
            if len(trunk) == len(part.prompt):
                for tail in part.tails:
                    self._tree.touch(self._tree.follow(trunk[-1], tail[:-1]))

    def visit(self, part: Part) -> Visit:
        """Find or make the nodes of ``part``, and note what must be read behind them.

        Raises:
            NoRoom: the parts visited so far and this one do not fit into the tree together.
        """
        trunk, new = self._path(ROOT, 0, part.prompt)
        end, path = trunk[-1], np.array(trunk, np.int64)
        again = self._again((end, tail[0]) for tail in part.tails) if part.tails else self._ask(end, set())
        branches, twigs = [Branch(again + new, path, [])], []
        for tail in part.tails:
            twig, new = self._path(end, len(trunk), tail[:-1])
            again = self._again(zip(twig, tail[1:], strict=True))
            branches.append(Branch(again + new, path, twig))
            twigs.append(twig)
        return Visit(part, end, twigs, [branch for branch in branches if branch.nodes])

    def _path(self, node: int, depth: int, ids: Sequence[int]) -> tuple[list[int], list[int]]:
        """Return the slots of ``ids`` below ``node``, and those of them that are new."""
        old = self._tree.follow(node, ids)
        self._tree.touch(old)
        if len(old) == len(ids):
            return old, []
        new = self._tree.grow(old[-1] if old else node, depth + len(old), ids[len(old) :])
        self._queued.update(new)
        return old + new, new

    def _again(self, edges: Iterable[tuple[int, int]]) -> list[int]:
        """Ask for the edges that were never read; return the old nodes that must be forwarded once more for them."""
        known = self._tree.log_probs
        return [slot for node, token in edges if token not in known.get(node, ()) for slot in self._ask(node, {token})]

    def _ask(self, node: int, tokens: AbstractSet[int]) -> list[int]:
        """Want ``tokens`` behind ``node``; return the node if this is the first reason to forward it."""
        self.wanted.setdefault(node, set()).update(tokens)
        if node in self._queued:
            return []
        self._queued.add(node)
        return [node]
