"""A tree of token ids: which tokens already have keys and values, and in which slot of the arena they lie.

A node is its slot. Ids decide what is shared, never text: two prompts share the nodes of their longest common
beginning, whoever asked first, and a candidate's tokens become prompt tokens when an episode continues behind them.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from priors.tokentree.requests import MOST_REMEMBERED

IntArray = npt.NDArray[np.int64]
ROOT = -1


class NoRoom(Exception):
    """Raised when nodes do not fit beside the nodes that are needed at the same time."""


class TokenTree:
    """Nodes, least recently used first to go.

    Everything added between :meth:`begin` and :meth:`commit` stays until then, and :meth:`rollback` takes it back.

    Args:
        capacity: nodes that may exist at the same time.

    Attributes:
        token: ``[capacity]`` token id by slot.
        depth: ``[capacity]`` tokens in front of it, by slot.
        log_probs: by slot, the next-token log-probabilities in nats that have been read there.
        distinct: different nodes that were ever added; one that was evicted and added again counts once, unless too
            many were evicted to remember them all.
        used: slots ever in use are below this number.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.token: IntArray = np.zeros(capacity, np.int64)
        self.depth: IntArray = np.zeros(capacity, np.int64)
        self.log_probs: dict[int, dict[int, float]] = {}
        self.distinct = 0
        self.used = 0
        self._last_use: IntArray = np.zeros(capacity, np.int64)  # 0: free
        self._clock = 0
        self._slots: dict[tuple[int, int], int] = {}
        self._edges: dict[int, tuple[int, int]] = {}
        self._free: list[int] = []
        self._pending: list[int] = []
        self._prefix_hash: dict[int, int] = {ROOT: 0}
        self._evicted: set[int] = set()

    @property
    def room(self) -> int:
        """Nodes that can be added without evicting any."""
        return len(self._free) + self.capacity - self.used

    def begin(self) -> None:
        """Start a group of additions; nodes touched from now on are not evicted before the next ``begin``."""
        self._clock += 1
        self._pending = []

    def commit(self) -> None:
        """Keep what was added."""
        again = {self._prefix_hash[slot] for slot in self._pending} & self._evicted if self._evicted else set()
        self._evicted -= again
        self.distinct += len(self._pending) - len(again)
        self._pending = []

    def rollback(self) -> None:
        """Take back everything added since ``begin``."""
        for slot in reversed(self._pending):
            self._remove(slot)
        self._free.sort(reverse=True)
        self._pending = []

    def shrink(self, capacity: int) -> None:
        """Allow fewer nodes from now on; none may exist in the slots that go."""
        self.capacity, self.used = capacity, min(self.used, capacity)
        self._free = [slot for slot in self._free if slot < capacity]

    def follow(self, node: int, ids: Sequence[int]) -> list[int]:
        """Return the slots of the longest beginning of ``ids`` that exists below ``node``."""
        slots, found = self._slots, []
        for token in ids:
            child = slots.get((node, token))
            if child is None:
                break
            found.append(child)
            node = child
        return found

    def touch(self, path: Sequence[int]) -> None:
        """Mark nodes as used now; whoever touches a node touches its parents too."""
        self._last_use[path] = self._clock

    def grow(self, node: int, depth: int, ids: Sequence[int]) -> list[int]:
        """Add the chain ``ids`` below ``node``, its first token at ``depth``; return its slots.

        Raises:
            NoRoom: nothing was added.
        """
        added = self._take(len(ids))
        prefix = self._prefix_hash[node]
        for slot, token in zip(added, ids, strict=True):
            edge = (node, token)
            self._slots[edge] = slot
            self._edges[slot] = edge
            prefix = hash((prefix, token))
            self._prefix_hash[slot] = prefix
            node = slot
        self.token[added] = ids
        self.depth[added] = range(depth, depth + len(ids))
        self._last_use[added] = self._clock
        self._pending += added
        return added

    def _take(self, count: int) -> list[int]:
        short = count - self.room
        if short > 0:
            self._evict(max(short, self.capacity // 8))  # many at once: finding the oldest reads the whole tree
        if count > self.room:
            raise NoRoom
        recycled = [self._free.pop() for _ in range(min(count, len(self._free)))]
        unused = range(self.used, self.used + count - len(recycled))
        self.used = unused.stop
        return [*recycled, *unused]

    def _evict(self, count: int) -> None:
        last_use = self._last_use[: self.used]
        old = np.flatnonzero((last_use > 0) & (last_use < self._clock))
        # A use of a node is a use of its parents: by age, then deepest first, children go before their parents.
        order = old[np.lexsort((-self.depth[old], last_use[old]))]
        if len(self._evicted) > MOST_REMEMBERED:
            self._evicted.clear()
        for slot in order[:count].tolist():
            self._evicted.add(self._prefix_hash[slot])
            self._remove(slot)
        self._free.sort(reverse=True)

    def _remove(self, slot: int) -> None:
        del self._slots[self._edges.pop(slot)]
        del self._prefix_hash[slot]
        self.log_probs.pop(slot, None)
        self._last_use[slot] = 0
        self._free.append(slot)
