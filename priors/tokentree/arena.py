"""Keys and values of every token of the tree: one row of a growing store each, as transformers cache layers."""

from typing import Any

import torch
from transformers.cache_utils import Cache, DynamicLayer

FIRST_ROWS = 256


class Window:
    """What the layers of one arena do during one forward.

    Attributes:
        write: rows that receive the new keys and values.
        fresh: ``[W]`` which of the new tokens those are, of all rows of the forward one after the other; None: all.
        read: rows that are attended to, ``[B, M]`` for a forward of several rows; None for the new tokens alone.
        rows: that the store must have.
        growing: a layer is making room for them, or had no memory for that.
    """

    def __init__(self) -> None:
        self.write: torch.Tensor | slice = slice(0, 0)
        self.fresh: torch.Tensor | None = None
        self.read: torch.Tensor | slice | None = None
        self.rows = 0
        self.growing = False


class ArenaLayer(DynamicLayer):  # type: ignore[no-untyped-call]
    """Store ``[1, H, rows, D]`` of one layer; grows by doubling.

    It reports an empty past: what may be attended to is said by an explicit mask, or is the new tokens alone.
    """

    def __init__(self, window: Window) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._window = window

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Write the new rows in place and return the rows to attend to."""
        window = self._window
        self.keys = _stored(self.keys, key_states, window)
        self.values = _stored(self.values, value_states, window)
        if window.read is None:
            return key_states, value_states
        return _rows(self.keys, window.read), _rows(self.values, window.read)

    @property
    def rows(self) -> int:
        """Rows of the store."""
        return 0 if self.keys is None or self.values is None else min(self.keys.shape[2], self.values.shape[2])

    def trim(self, rows: int) -> None:
        """Give back all behind the first ``rows``."""
        if rows == 0:
            self.keys = self.values = None
            return
        if self.keys is not None and self.keys.shape[2] > rows:
            self.keys = self.keys[:, :, :rows].clone()
        if self.values is not None and self.values.shape[2] > rows:
            self.values = self.values[:, :, :rows].clone()

    def get_seq_length(self) -> int:
        """Return 0."""
        return 0

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """Return what a causal mask over the new tokens alone needs."""
        return query_length, 0


class Arena:
    """The cache of one model; see :class:`Window` for how a forward uses it.

    Args:
        layers: of the model.
        capacity: most rows.

    Attributes:
        capacity: the same; less where the device had no memory for that.
    """

    def __init__(self, layers: int, capacity: int) -> None:
        self.window = Window()
        self._layers = [ArenaLayer(self.window) for _ in range(layers)]
        self.cache = Cache(layers=[*self._layers])
        self.capacity = capacity

    @property
    def stored(self) -> int:
        """Rows that every layer has."""
        return min(layer.rows for layer in self._layers)

    @property
    def short(self) -> bool:
        """Whether the layers have fewer rows than the last forward asked for, because they could not grow."""
        return self.window.growing

    def relent(self, rows: int) -> bool:
        """Ask for no more than ``rows``; where that was asked already, make what there is, or half, the capacity.

        Returns:
            Whether to try again. Layers give back what they have beyond the new number of rows.
        """
        self.window.growing = False
        again = rows < self.window.rows
        self.window.rows = rows if again else self.stored
        if not again:
            self.capacity = self.stored or rows // 2
        for layer in self._layers:
            layer.trim(self.window.rows)
        return again

    def prepare(
        self,
        write: torch.Tensor | slice,
        read: torch.Tensor | slice | None,
        rows: int,
        fresh: torch.Tensor | None = None,
    ) -> None:
        """Set what the next forward writes and reads, as in :class:`Window`; ``rows`` are in use."""
        self.window.write, self.window.read, self.window.fresh = write, read, fresh
        while self.window.rows < rows:
            self.window.rows = min(max(2 * self.window.rows, FIRST_ROWS), self.capacity)


def _stored(store: torch.Tensor | None, new: torch.Tensor, window: Window) -> torch.Tensor:
    if store is None or store.shape[2] < window.rows:
        window.growing = True
        grown = new.new_zeros(1, new.shape[1], window.rows, new.shape[3])  # masked rows must be finite
        if store is not None:
            grown[:, :, : store.shape[2]] = store
        store, window.growing = grown, False
    if window.fresh is not None:
        new = new.transpose(0, 1).flatten(1, 2).index_select(1, window.fresh.to(new.device))[None]
    if isinstance(window.write, slice):
        store[:, :, window.write] = new
    else:
        store.index_copy_(2, window.write.to(new.device), new)
    return store


def _rows(store: torch.Tensor, read: torch.Tensor | slice) -> torch.Tensor:
    """Return ``[B, H, M, D]``; in place where the rows lie together."""
    if isinstance(read, slice):
        return store[:, :, read]
    gathered = store[0].index_select(1, read.flatten().to(store.device))
    return gathered.view(len(gathered), *read.shape, -1).transpose(0, 1)
