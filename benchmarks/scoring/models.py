"""Models of published shapes with random weights, and a tokenizer trained on the benchmark's own text."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from tokenizers import pre_tokenizers
from transformers import (  # noqa: TID251 - the benchmark makes its own models
    AutoModelForCausalLM,
    AutoTokenizer,
    LlamaConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    Qwen2Config,
    Qwen2Tokenizer,
)
from transformers.initialization import no_init_weights  # noqa: TID251
from transformers.utils import logging  # noqa: TID251

from slinvit.errors import InputError, UnknownName

TOKENS = 8192


@dataclass(frozen=True)
class Shape:
    """Sizes of a model; ``gpu`` marks those too large for a test on a processor."""

    name: str
    family: Literal["qwen2", "llama"]
    layers: int
    width: int
    inner: int
    heads: int
    kv_heads: int
    vocabulary: int
    tied: bool = True
    gpu: bool = False

    def config(self) -> Any:
        """Return the configuration that transformers builds the model from."""
        make = {"qwen2": Qwen2Config, "llama": LlamaConfig}[self.family]
        return make(
            vocab_size=self.vocabulary,
            hidden_size=self.width,
            intermediate_size=self.inner,
            num_hidden_layers=self.layers,
            num_attention_heads=self.heads,
            num_key_value_heads=self.kv_heads,
            max_position_embeddings=8192,
            tie_word_embeddings=self.tied,
            pad_token_id=0,
            bos_token_id=None,
            eos_token_id=None,
        )


SHAPES = {
    shape.name: shape
    for shape in (
        Shape("0.4M", "qwen2", layers=2, width=64, inner=192, heads=4, kv_heads=2, vocabulary=TOKENS),
        Shape("10M", "qwen2", layers=6, width=320, inner=864, heads=10, kv_heads=2, vocabulary=TOKENS),
        Shape("135M", "llama", layers=30, width=576, inner=1536, heads=9, kv_heads=3, vocabulary=49152),
        Shape("0.5B", "qwen2", layers=24, width=896, inner=4864, heads=14, kv_heads=2, vocabulary=151936),
        Shape(
            "7B",
            "qwen2",
            layers=28,
            width=3584,
            inner=18944,
            heads=28,
            kv_heads=4,
            vocabulary=152064,
            tied=False,
            gpu=True,
        ),
    )
}


def shape(name: str) -> Shape:
    """Return the shape called ``name``; raises ``UnknownName``."""
    if name not in SHAPES:
        raise UnknownName("model", name, SHAPES)
    return SHAPES[name]


def build_model(
    shape: Shape, *, device: str = "cpu", dtype: torch.dtype = torch.float32, seed: int = 0
) -> PreTrainedModel:
    """Return a model of that shape with random weights, for evaluation.

    Matrices are normal with deviation 0.05, all vectors (scales of norms, biases) are 1.
    """
    with torch.device(device), no_init_weights():
        model: PreTrainedModel = AutoModelForCausalLM.from_config(shape.config(), dtype=dtype)  # type: ignore[no-untyped-call]
    model.tie_weights()
    generator = torch.Generator(device).manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.normal_(0, 0.05, generator=generator)
            else:
                parameter.fill_(1.0)
    model.train(False)
    return model


def train_tokenizer(lines: Iterable[str]) -> PreTrainedTokenizerBase:
    """Return a byte-level BPE of at most 8192 tokens, cut like Qwen2's, padding at 0."""
    return Qwen2Tokenizer().train_new_from_iterator(  # type: ignore[no-any-return, no-untyped-call]
        lines, TOKENS, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )


def save(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    """Write both so that another process can load them.

    Raises:
        InputError: the tokenizer would be read back as another one: transformers chooses its class by the model's.
    """
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    text = "Where is it?\n> go to shelf 10\nOn the shelf 10, you see a mug 1."
    if AutoTokenizer.from_pretrained(folder)(text)["input_ids"] != tokenizer(text)["input_ids"]:
        raise InputError(f"a model of type {model.config.model_type!r} reads the saved tokenizer back as another one")
