"""Weights in fewer bits, and what that does to a prior.

torch's own dynamic quantisation has one scale for all inputs of a layer, so the result of a token depends on the tokens
that are forwarded beside it, and packing would not be exact. Here every token has a scale of its own.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from transformers.pytorch_utils import Conv1D

from slinvit.errors import InputError
from slinvit.kl import kl_divergence
from slinvit.types import ActionDistribution

logger = logging.getLogger(__name__)

LARGEST = 127
TINY = 1e-30
ROWS = 256
"""Tokens multiplied at once: what is written between two steps stays in the processor's cache."""

MOST_LEFT = 0.05
"""Share of the numbers in matrices that may keep their format without a word."""


@dataclass(frozen=True, slots=True)
class Deviation:
    """How far a prior is from a reference, over some states.

    Attributes:
        states: how many.
        kl: mean KL(reference || prior) in nats.
        kl_max: the largest one.
        agreement: share of states with the same most probable action.
    """

    states: int
    kl: float
    kl_max: float
    agreement: float


def deviation(reference: Sequence[ActionDistribution], prior: Sequence[ActionDistribution]) -> Deviation:
    """Return how far ``prior`` is from ``reference``: one distribution per state each, over the same actions.

    Raises:
        InputError: no states, or different actions.
    """
    pairs = list(zip(reference, prior, strict=True))
    if not pairs or any(one.actions != other.actions for one, other in pairs):
        raise InputError("two priors are compared by their distributions over the same actions, in one state or more")
    nats = [float(kl_divergence(one.log_probs, other.log_probs)) for one, other in pairs]
    same = [one.log_probs.argmax() == other.log_probs.argmax() for one, other in pairs]
    return Deviation(len(pairs), sum(nats) / len(nats), max(nats), sum(map(bool, same)) / len(same))


class Int8Linear(nn.Module):
    """x W^T + b, with W rounded to 8 bits and one scale per output, x rounded to 8 bits and one scale per token.

    Args:
        weight: ``[out, in]`` float.
        bias: ``[out]`` float, or None.
    """

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor | None) -> None:
        super().__init__()
        integers, scale = _rounded(weight)
        self.register_buffer("integers", integers)
        self.register_buffer("scale", scale.T.contiguous())
        self.register_buffer("bias", None if bias is None else bias.detach().clone())
        self.integers: torch.Tensor
        self.scale: torch.Tensor
        self.bias: torch.Tensor | None

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return ``[..., out]`` for ``inputs`` ``[..., in]``."""
        rows = inputs.reshape(-1, inputs.shape[-1])
        product = torch.cat([self._product(piece) for piece in torch.split(rows, ROWS)])
        return product.view(*inputs.shape[:-1], product.shape[1])

    def _product(self, rows: torch.Tensor) -> torch.Tensor:
        integers, scale = _rounded(rows)
        product = torch._int_mm(integers, self.integers.T).to(rows.dtype).mul_(scale).mul_(self.scale)
        return product if self.bias is None else product.add_(self.bias)


def quantise(model: nn.Module, name: str) -> None:
    """Replace every linear layer of ``model`` by one with 8 bits, on the CPU.

    One line in the log says so where matrices elsewhere, of experts for example, keep their format.

    Raises:
        InputError: ``model``, called ``name`` in the message, has no linear layers.
    """
    found: list[tuple[nn.Module, str, Any]] = [
        (parent, key, child)
        for parent in model.modules()
        for key, child in parent.named_children()
        if type(child) in (nn.Linear, Conv1D)
    ]
    if not found:
        raise InputError(f"model {name!r} has no linear layers that could be rounded to int8; use another dtype")
    for parent, key, layer in found:
        weight = layer.weight.detach()
        setattr(parent, key, Int8Linear(weight.T if isinstance(layer, Conv1D) else weight, layer.bias))
    left, rounded = _left(model), sum(layer.weight.numel() for _, _, layer in found)
    if left > MOST_LEFT * (left + rounded):
        share = f"{100 * left / (left + rounded):.0f} %"
        logger.warning("dtype=int8 rounds linear layers only: %s of the matrices of %r keep their format", share, name)


def _left(model: nn.Module) -> int:
    """Return how many numbers are in matrices that are neither rounded nor embeddings, from which rows are read."""
    parts = [part for part in model.modules() if not isinstance(part, nn.Embedding)]
    matrices = {id(each): each for part in parts for each in part.parameters(recurse=False) if each.dim() > 1}
    return sum(each.numel() for each in matrices.values())


def _rounded(rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return ``[N, D]`` 8-bit integers and ``[N, 1]`` scales whose product is nearest to ``rows``."""
    scale = rows.abs().amax(1, keepdim=True).clamp_min_(TINY).div_(LARGEST)
    return (rows / scale).round_().to(torch.int8), scale
