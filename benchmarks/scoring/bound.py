"""The least time that scoring can take: each distinct token once, at the measured speed of matrix products."""

import time
from collections.abc import Sequence
from typing import Any

import torch
from transformers import PreTrainedModel  # noqa: TID251 - only the type

from benchmarks.scoring.scenarios import Encoded, distinct_positions, distinct_tokens, scored_positions


def flops(model: PreTrainedModel, encoded: Sequence[Encoded], cached: Sequence[Sequence[int]] = ()) -> float:
    """Return the floating-point operations that scoring needs beyond what ``cached`` already holds.

    ``2 N`` per distinct token, N being the weights without embedding and output matrix; ``2 V d`` per position whose
    next-token distribution is needed; ``4 c h`` per layer and token that attends to c tokens, h being the summed width
    of the heads.
    """
    rows = [row for each in encoded for row in (each.prompt, *each.rows)]
    tokens = distinct_tokens([*cached, *rows]) - distinct_tokens(cached)
    attended = distinct_positions([*cached, *rows]) - distinct_positions(cached)
    config: Any = model.config
    head = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    attention = 4.0 * config.num_hidden_layers * config.num_attention_heads * head * attended
    scored = sum(map(scored_positions, encoded))
    heads = 2.0 * config.vocab_size * config.hidden_size * scored
    return float(2.0 * inner_weights(model) * tokens + heads + attention)


def ends(model: Any) -> tuple[Any, Any]:
    """Return the embedding and the output layer of a model."""
    return model.get_input_embeddings(), model.get_output_embeddings()


def inner_weights(model: PreTrainedModel) -> int:
    """Return how many weights every token meets: all but embedding and output matrix."""
    outside = {id(module.weight) for module in ends(model)}
    return sum(each.numel() for each in model.parameters() if id(each) not in outside)


def matrix_peak(repetitions: int = 5, sizes: Sequence[int] = (1024, 1536, 2048)) -> float:
    """Return the best float32 operations per second of process time that square matrix products reach."""
    best = 0.0
    for size in sizes:
        one, other = torch.randn(size, size), torch.randn(size, size)
        out = torch.empty(size, size)
        torch.matmul(one, other, out=out)
        for _ in range(repetitions):
            start = time.process_time()
            torch.matmul(one, other, out=out)
            best = max(best, 2.0 * size**3 / (time.process_time() - start))
    return best
