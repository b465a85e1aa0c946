"""The engine for models whose layers all attend to the whole text: a token tree, forwarded in packs."""

from collections.abc import Callable, Container, Sequence
from collections.abc import Set as AbstractSet

import numpy as np
import torch
from transformers import PreTrainedModel

from priors.tokentree.agenda import Agenda, Part, Visit
from priors.tokentree.arena import Arena
from priors.tokentree.memory import is_out_of_memory, shown
from priors.tokentree.packing import Pack, pack
from priors.tokentree.requests import Answer, Counters, Request
from priors.tokentree.sheet import lay_out
from priors.tokentree.tree import NoRoom, TokenTree
from slinvit.errors import TooLong
from slinvit.types import FloatArray

WASTE = {"cpu": 1 << 12, "cuda": 1 << 16}
"""Query-key pairs that cost about as much as one row more, by device; guesses of the order of magnitude."""

FORWARD = {"cpu": 1 << 16, "cuda": 1 << 20}
"""The same for one forward more."""

Read = Callable[[Sequence[int], torch.Tensor, Sequence[AbstractSet[int]]], None]
"""Takes slots, the float32 logits ``[R, V]`` behind them, and the tokens wanted behind each."""


class PackedEngine:
    """Forwards every distinct token once; see :class:`priors.tokentree.requests.Engine`.

    Args:
        model: a decoder whose every layer caches plain keys and values.
        layers: caches of that model.
        bytes_per_token: of keys and values over all layers.
        memory: most bytes of keys and values to hold.
        waste: query-key pairs nobody needs that cost as much as one row more; None: by device.
    """

    def __init__(
        self, model: PreTrainedModel, *, layers: int, bytes_per_token: int, memory: int, waste: int | None = None
    ) -> None:
        self._model = model
        self._layers = layers
        self._bytes_per_token = bytes_per_token
        self._memory = memory
        self._waste = WASTE.get(model.device.type, WASTE["cuda"]) if waste is None else waste
        self._more = FORWARD.get(model.device.type, FORWARD["cuda"])
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        capacity = self._memory // self._bytes_per_token
        self._tree = TokenTree(capacity)
        self._arena = Arena(self._layers, capacity)
        self._forwarded = 0

    def counters(self) -> Counters:
        """Return the tokens since the last :meth:`clear`."""
        return Counters(self._forwarded, self._tree.distinct)

    def score(self, requests: Sequence[Request]) -> list[Answer]:
        """Return one answer per request.

        Raises:
            TooLong: a text that does not fit into the memory even alone. Where that is said by ``memory``, nothing was
                forwarded.
        """
        totals = [np.zeros(len(request.tails)) for request in requests]
        spent = [0] * len(requests)

        def finish(visit: Visit) -> None:
            totals[visit.part.number][visit.part.places] = self._sums(visit)
            spent[visit.part.number] += visit.tokens

        parts = [Part(i, r.prompt, r.tails, range(len(r.tails))) for i, r in enumerate(requests)]
        self._check_fits(parts)
        self._answer(parts, self._remember, finish)
        return [Answer(log_probs, tokens) for log_probs, tokens in zip(totals, spent, strict=True)]

    def next_token(self, texts: Sequence[Sequence[int]]) -> FloatArray:
        """Return ``[B, V]`` log p(next token | text) in nats."""
        rows: dict[int, FloatArray] = {}
        result: dict[int, FloatArray] = {}

        def read(slots: Sequence[int], logits: torch.Tensor, wanted: Sequence[AbstractSet[int]]) -> None:
            rows.update(zip(slots, logits.log_softmax(-1).double().cpu().numpy(), strict=True))

        def finish(visit: Visit) -> None:
            result[visit.part.number] = rows[visit.end]

        parts = [Part(i, text, (), ()) for i, text in enumerate(texts)]
        self._check_fits(parts)
        self._answer(parts, read, finish)
        return np.stack([result[i] for i in range(len(texts))])

    def _answer(self, parts: Sequence[Part], read: Read, finish: Callable[[Visit], None]) -> None:
        """Forward what ``parts`` lack; where not all of them fit at once, one half after the other."""
        tree, agenda = self._tree, Agenda(self._tree)
        tree.begin()
        try:
            agenda.hold(parts)
            visits = [agenda.visit(part) for part in parts]
            branches = (branch for visit in visits for branch in visit.branches)
            for packed in pack(tree, branches, self._waste, self._more):
                self._forward(packed, agenda, read)
        except NoRoom:
            tree.rollback()
            tree.shrink(min(tree.capacity, self._arena.capacity))
        except MemoryError as error:
            tree.rollback()
            raise TooLong("the machine has no memory left to lay out a forward; use shorter prompts") from error
        except BaseException:
            tree.rollback()
            raise
        else:
            tree.commit()
            for visit in visits:
                finish(visit)
            return
        for half in self._halves(parts):
            self._answer(half, read, finish)

    def _halves(self, parts: Sequence[Part]) -> list[Sequence[Part]]:
        if len(parts) > 1:
            return [parts[: len(parts) // 2], parts[len(parts) // 2 :]]
        if len(parts[0].tails) > 1:
            return [[half] for half in parts[0].halves()]
        self._check_fits(parts)
        return [parts]  # there is less room than before, but enough for this text alone

    def _check_fits(self, parts: Sequence[Part]) -> None:
        tokens = max((part.longest for part in parts), default=0)
        if tokens > self._tree.capacity:
            limit = min(self._memory, self._tree.capacity * self._bytes_per_token)
            raise TooLong(
                f"a text of {tokens} tokens needs {shown(tokens * self._bytes_per_token)} of cached keys and values; "
                f"the memory limit is {shown(limit)}; raise it with the option memory=, or use a shorter prompt"
            )

    def _forward(self, packed: Pack, agenda: Agenda, read: Read) -> None:
        """Forward ``packed`` and read what is wanted behind it, in halves where the device is short of memory.

        Raises:
            NoRoom: the store for keys and values cannot grow; its capacity is now what it has.
        """
        try:
            slots, logits = self._logits(packed, agenda.wanted)
            if slots:
                read(slots, logits, [agenda.wanted[slot] for slot in slots])
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
        else:
            self._forwarded += packed.tokens
            return
        if self._arena.short and self._arena.relent(self._tree.used):
            self._forward(packed, agenda, read)
            return
        if 0 < self._arena.capacity < self._tree.used:
            raise NoRoom
        if packed.tokens == 1 or self._arena.capacity == 0:
            raise TooLong(
                f"the device has no memory left for one token; use less than memory={shown(self._memory)} for the cache"
            )
        for half in packed.halves(self._tree.depth):
            self._forward(half, agenda, read)

    @torch.inference_mode()
    def _logits(self, packed: Pack, wanted: Container[int]) -> tuple[list[int], torch.Tensor]:
        """Return the slots behind which something is wanted, and ``[R, V]`` logits there."""
        model, sheet = self._model, lay_out(packed, self._tree, wanted)
        self._arena.prepare(sheet.write, sheet.read, self._tree.used, sheet.fresh)
        output = model(
            input_ids=sheet.ids.to(model.device),
            position_ids=sheet.positions.to(model.device),
            attention_mask=None if sheet.hidden is None else _additive(sheet.hidden, model),
            past_key_values=self._arena.cache,
            use_cache=True,
            logits_to_keep=sheet.kept if isinstance(sheet.kept, int) else sheet.kept.to(model.device),
        )
        logits: torch.Tensor = output.logits.flatten(0, 1)
        return sheet.slots, logits[sheet.chosen.to(model.device)].float()

    def _remember(self, slots: Sequence[int], logits: torch.Tensor, wanted: Sequence[AbstractSet[int]]) -> None:
        """Keep log p of the wanted tokens behind each slot."""
        edges = [(row, token) for row, tokens in enumerate(wanted) for token in tokens]
        row, token = torch.tensor(edges, device=logits.device).T
        values = (logits[row, token] - logits.logsumexp(-1)[row]).tolist()
        for (number, next_token), value in zip(edges, values, strict=True):
            self._tree.log_probs.setdefault(slots[number], {})[next_token] = value

    def _sums(self, visit: Visit) -> list[float]:
        log_probs, end = self._tree.log_probs, visit.end
        return [
            sum(log_probs[node][token] for node, token in zip([end, *twig], tail, strict=True))
            for twig, tail in zip(visit.twigs, visit.part.tails, strict=True)
        ]


def _additive(hidden: torch.Tensor, model: PreTrainedModel) -> torch.Tensor:
    """Return the mask in floating point: the eager implementation adds it, also where it is boolean."""
    hidden = hidden.to(model.device)
    mask = torch.zeros(hidden.shape, dtype=model.dtype, device=model.device)
    return mask.masked_fill_(hidden, torch.finfo(model.dtype).min)
