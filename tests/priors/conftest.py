"""Small random models and states for the tests of priors."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")

from slinvit import Snapshot, State, Task

TEXTS = [
    "go to shelf 1\n",
    "go to shelf 10\n",
    "open drawer 2\n",
    "take the mug from the desk\n",
    "Observation: you see a desk.\n",
    "SELECT name FROM singer\n",
]


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return a function that makes a small random model of an architecture and returns its folder."""
    made: dict[str, Path] = {}

    def make(kind: str) -> Path:
        if kind not in made:
            made[kind] = tmp_path_factory.mktemp(kind)
            _save(kind, made[kind])
        return made[kind]

    return make


def _save(kind: str, folder: Path) -> None:
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import (
        GPT2Config,
        GPT2LMHeadModel,
        LlamaConfig,
        LlamaForCausalLM,
        PreTrainedTokenizerFast,
        Qwen2Config,
        Qwen2ForCausalLM,
    )

    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    special = ["<pad>", "<|im_end|>", "<|im_start|>"]
    raw.train_from_iterator(
        TEXTS * 20,
        trainers.BpeTrainer(
            vocab_size=400,
            special_tokens=special,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    tokenizer = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=raw, pad_token="<pad>", eos_token="<|im_end|>"
    )
    if kind == "chat":
        tokenizer.chat_template = (
            "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
            "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
        )
    size: dict[str, Any] = {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
    }
    torch.manual_seed(0)
    vocabulary = len(tokenizer)
    model = {
        "llama": lambda: LlamaForCausalLM(LlamaConfig(vocab_size=vocabulary, **size)),
        "chat": lambda: LlamaForCausalLM(LlamaConfig(vocab_size=vocabulary, **size)),
        "qwen2": lambda: Qwen2ForCausalLM(Qwen2Config(vocab_size=vocabulary, num_key_value_heads=2, **size)),
        "gpt2": lambda: GPT2LMHeadModel(GPT2Config(vocab_size=vocabulary, n_embd=32, n_layer=2, n_head=2)),
    }[kind]()  # type: ignore[no-untyped-call]
    for parameter in model.parameters():  # larger weights, so that candidates differ clearly
        parameter.data.mul_(4.0)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


@pytest.fixture
def kitchen() -> State:
    """A state with three admissible actions, one the beginning of another."""
    task = Task("t1", "kitchen", "find the mug", horizon=5)
    return State(
        task, "you see a desk", actions=("go to shelf 1", "go to shelf 10", "open drawer 2"), snapshot=Snapshot("start")
    )
