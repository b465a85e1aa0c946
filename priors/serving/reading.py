"""Plain forwards over whole texts, for the log-probability of every token in them."""

import inspect
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from transformers import PreTrainedModel

from priors.serving.asks import Echo, Echoed
from slinvit.errors import PriorError

LIKE = 0.8
"""Texts share a forward when the shortest has at least this share of the longest one's tokens."""

BYTES = 4


class Reader:
    """Reads texts.

    Args:
        model: in evaluation mode.
        logits_bytes: most bytes of logits to hold at once; a longer text is read in several passes.
    """

    def __init__(self, model: PreTrainedModel, logits_bytes: int) -> None:
        self._model = model
        self._places = max(logits_bytes // (model.config.get_text_config().vocab_size * BYTES), 1)
        self._chooses = "logits_to_keep" in inspect.signature(model.forward).parameters
        self.forwarded = 0

    def read(self, asks: Sequence[Echo]) -> list[list[Echoed]]:
        """Return what each of ``asks`` wants; texts of about equal length share a forward.

        Raises:
            PriorError: a log-probability that is not finite.
        """
        places = [(number, place) for number, ask in enumerate(asks) for place in range(len(ask.texts))]
        places.sort(key=lambda at: -len(asks[at[0]].texts[at[1]]))
        found: dict[tuple[int, int], Echoed] = {}
        for group in self._groups(asks, places):
            rows = [asks[number].texts[place] for number, place in group]
            for at, parts in zip(group, self._read(rows, [asks[number] for number, _ in group]), strict=True):
                found[at] = _joined(parts)
        return [[found[number, place] for place in range(len(ask.texts))] for number, ask in enumerate(asks)]

    def _groups(self, asks: Sequence[Echo], places: Sequence[tuple[int, int]]) -> Iterator[list[tuple[int, int]]]:
        """Yield texts that are read together; ``places`` come longest first."""
        group: list[tuple[int, int]] = []
        longest = 0
        for at in places:
            length = len(asks[at[0]].texts[at[1]])
            if group and ((len(group) + 1) * longest > self._places or length < LIKE * longest):
                yield group
                group = []
            longest = longest if group else length
            group.append(at)
        if group:
            yield group

    @torch.inference_mode()
    def _read(self, texts: Sequence[Sequence[int]], asks: Sequence[Echo]) -> list[list[Echoed]]:
        width = max(map(len, texts)) - 1  # behind the last token nothing is read
        device = self._model.device
        ids = torch.zeros((len(texts), max(width, 1)), dtype=torch.long)
        mask = torch.zeros_like(ids)
        for row, text in enumerate(texts):
            ids[row, : len(text) - 1] = torch.tensor(text[:-1], dtype=torch.long)
            mask[row, : len(text) - 1] = 1
        padded = {} if bool(mask.all()) else {"attention_mask": mask.to(device)}
        parts: list[list[Echoed]] = [[] for _ in texts]
        step = max(self._places // len(texts), 1) if self._chooses else max(width, 1)
        for start in range(0, width, step):
            end = min(start + step, width)
            chosen = {} if (start, end) == (0, width) else {"logits_to_keep": torch.arange(start, end, device=device)}
            logits = self._model(input_ids=ids.to(device), use_cache=False, **padded, **chosen).logits
            self.forwarded += int(mask.sum())
            for row, text in enumerate(texts):
                stop = min(end, len(text) - 1)
                if start < stop:
                    parts[row].append(
                        _read_row(logits[row, : stop - start].float(), text[start + 1 : stop + 1], asks[row])
                    )
        return parts


def _read_row(logits: torch.Tensor, tokens: Sequence[int], ask: Echo) -> Echoed:
    """Return what is wanted of ``[L, V]`` logits, behind which ``tokens`` came."""
    own = torch.tensor(tokens, device=logits.device)[:, None]
    total = logits.logsumexp(-1, keepdim=True)
    values, ids = logits.topk(min(ask.top, logits.shape[1]), dim=1)
    also = torch.tensor(ask.also, dtype=torch.long, device=logits.device).expand(len(tokens), -1)
    log_probs = (logits.gather(1, own) - total)[:, 0].double().cpu().numpy()
    if not np.isfinite(log_probs).all():
        raise PriorError("the model gave a log-probability that is not finite")
    return Echoed(
        log_probs,
        torch.cat([ids, also], 1).cpu().numpy(),
        (torch.cat([values, logits.gather(1, also)], 1) - total).double().cpu().numpy(),
    )


def _joined(parts: Sequence[Echoed]) -> Echoed:
    if not parts:
        return Echoed(np.zeros(0), np.zeros((0, 0), np.int64), np.zeros((0, 0)))
    return Echoed(
        np.concatenate([part.log_probs for part in parts]),
        np.concatenate([part.ids for part in parts]),
        np.concatenate([part.values for part in parts]),
    )
