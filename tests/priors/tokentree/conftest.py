"""Tiny random models by architecture, and plain forwards to compare with."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel

from priors.tokentree.requests import Request
from slinvit.types import FloatArray

VOCABULARY = 100
SIZE: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "head_dim": 16,
    "pad_token_id": 0,
}
MIXED = {"layer_types": ["linear_attention", "full_attention"]}
HEADS = {
    "linear_num_value_heads": 2,
    "linear_num_key_heads": 2,
    "linear_key_head_dim": 16,
    "linear_value_head_dim": 16,
}
EXPERTS = {
    "num_experts": 4,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 32,
    "shared_expert_intermediate_size": 32,
}
OTHER: dict[str, dict[str, Any]] = {
    "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 2},
    "gemma2": {"sliding_window": 12},
    "gemma3_text": {"sliding_window": 12, "layer_types": ["sliding_attention", "full_attention"]},
    "mistral": {"sliding_window": 12},
    "bloom": {"n_layer": 2, "n_head": 2},
    "mamba": {"state_size": 8},
    "mamba2": {"num_heads": 4, "state_size": 8, "n_groups": 1, "expand": 2},
    "qwen3_next": {**MIXED, **HEADS, **EXPERTS},
    "qwen3_5_text": {**MIXED, **HEADS},
    "lfm2": {"layer_types": ["conv", "full_attention"]},
    "rwkv": {"attention_hidden_size": 32},
}


@pytest.fixture(scope="session")
def model() -> Callable[..., PreTrainedModel]:
    """Return a function from a model type and an attention implementation to a random model, each made once."""
    made: dict[tuple[str, str | None], PreTrainedModel] = {}

    def make(kind: str, attention: str | None = None) -> PreTrainedModel:
        if (kind, attention) not in made:
            torch.manual_seed(0)
            config = AutoConfig.for_model(kind, **{**SIZE, **OTHER.get(kind, {})})
            given = {} if attention is None else {"attn_implementation": attention}
            built: PreTrainedModel = AutoModelForCausalLM.from_config(config, **given)  # type: ignore[no-untyped-call]
            built = built.train(False)
            for parameter in built.parameters():
                if parameter.ndim > 1:
                    parameter.data.mul_(4.0)  # so that what is in front of a token matters
            made[kind, attention] = built
        return made[kind, attention]

    return make


@pytest.fixture(scope="session")
def plain() -> Callable[[PreTrainedModel, Request], FloatArray]:
    """Return a function that scores a request by one plain forward per tail."""

    def score(model: PreTrainedModel, request: Request) -> FloatArray:
        return np.array([_total(model, list(request.prompt), list(tail)) for tail in request.tails])

    return score


@torch.inference_mode()
def _total(model: PreTrainedModel, prompt: Sequence[int], tail: Sequence[int]) -> float:
    ids = [*prompt, *tail]
    log_probs = model(input_ids=torch.tensor([ids], device=model.device)).logits[0].log_softmax(-1)
    return sum(float(log_probs[i - 1, ids[i]]) for i in range(len(prompt), len(ids)))
