"""Train a small causal language model from scratch: tokenizer, loop, checkpoints, resume.

The recipe knows no environment. It is handed texts as a pure function of the step number, so a run that was stopped
continues with exactly the batches it would have seen.
"""

import json
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from slinvit.errors import InputError

PAD, END = "<pad>", "<end>"


class Text(Protocol):
    """A training text: loss weight is full on ``plan`` and small on ``prompt``."""

    @property
    def prompt(self) -> str:
        """What the model is given."""
        ...

    @property
    def plan(self) -> str:
        """What it learns to write."""
        ...


@dataclass(frozen=True)
class ModelConfig:
    """Shape of the Llama-style model; the defaults give 0.91 M parameters."""

    width: int = 128
    layers: int = 4
    heads: int = 4
    feed_forward: int = 384
    vocabulary: int = 512
    context: int = 512
    initializer_range: float = 0.08
    """About 1 / sqrt(width); the 0.02 usual for wide models starts a narrow one with almost uniform attention."""


@dataclass(frozen=True)
class TrainingConfig:
    """Optimisation: AdamW; each cycle warms up and decays along a cosine over ``steps`` steps.

    Attributes:
        cycle_decay: peak rate of a cycle as a share of the one before.
    """

    steps: int = 16_000
    cycles: int = 2
    cycle_decay: float = 0.6
    batch_size: int = 32
    learning_rate: float = 2e-3
    final_fraction: float = 0.05
    warmup_steps: int = 100
    weight_decay: float = 0.05
    clip_norm: float = 1.0
    prompt_weight: float = 0.05
    bfloat16: bool = True
    checkpoint_every: int = 500


class Progress(NamedTuple):
    """What is reported at each checkpoint; losses in nats per plan token."""

    step: int
    train_loss: float
    validation_loss: float


def train_tokenizer(texts: Iterable[str], vocabulary: int) -> PreTrainedTokenizerFast:
    """Return a byte-level BPE over whole phrases that never merges across a newline or into a block name.

    A newline ends a token, so the tokens of ``prompt + action`` are those of ``prompt`` followed by those of ``action``
    whenever the prompt ends with a newline.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split("\n", "merged_with_previous"),
            pre_tokenizers.Split(Regex(r" (?=the [a-z]+ block)"), "merged_with_next"),
            pre_tokenizers.Split(Regex(r" (?=block\b)"), "merged_with_next"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[PAD, END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return as_pretrained(tokenizer)


def as_pretrained(tokenizer: Tokenizer) -> PreTrainedTokenizerFast:
    """Return ``tokenizer`` in the form that transformers saves and loads."""
    made: PreTrainedTokenizerFast = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer, pad_token=PAD, eos_token=END
    )
    return made


def new_model(shape: ModelConfig, tokenizer: PreTrainedTokenizerFast, seed: int) -> LlamaForCausalLM:
    """Return a randomly initialised model; equal seeds give equal weights."""
    torch.manual_seed(seed)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            initializer_range=shape.initializer_range,
            hidden_size=shape.width,
            intermediate_size=shape.feed_forward,
            num_hidden_layers=shape.layers,
            num_attention_heads=shape.heads,
            num_key_value_heads=shape.heads,
            max_position_embeddings=shape.context,
            tie_word_embeddings=True,
            pad_token_id=tokenizer.pad_token_id,
            eos_token_id=tokenizer.eos_token_id,
            bos_token_id=None,
        )
    )


class Trainer:
    """One training run in one folder; :meth:`run` continues from the newest checkpoint there."""

    def __init__(
        self,
        folder: Path,
        model: LlamaForCausalLM,
        tokenizer: PreTrainedTokenizerFast,
        config: TrainingConfig,
        batch: Callable[[int], Sequence[Text]],
        validation: Sequence[Text],
    ) -> None:
        self.folder = folder
        self.model = model
        self.tokenizer = tokenizer
        self.config = config
        self._batch = batch
        self._validation = validation
        self._optimizer = torch.optim.AdamW(
            model.parameters(), lr=config.learning_rate, betas=(0.9, 0.98), weight_decay=config.weight_decay
        )
        self.step = 0
        self.history: list[Progress] = []
        self._resume()

    def run(self, report: Callable[[Progress], None], until: int | None = None) -> None:
        """Train to ``until`` (default: all steps); every ``checkpoint_every`` steps report, add to history, save."""
        total_steps = self.config.steps * self.config.cycles
        last = total_steps if until is None else min(until, total_steps)
        total, count = 0.0, 0
        while self.step < last:
            total, count = total + self._update(self._batch(self.step)), count + 1
            self.step += 1
            if self.step % self.config.checkpoint_every == 0 or self.step == last:
                self.history.append(Progress(self.step, total / count, self.validation_loss()))
                report(self.history[-1])
                self._save()
                total, count = 0.0, 0

    def validation_loss(self) -> float:
        """Return the mean loss per plan token on the validation texts, in nats."""
        return self.mean_loss(self._validation)

    def mean_loss(self, texts: Sequence[Text]) -> float:
        """Return the mean loss per plan token on ``texts``, in nats."""
        self.model.train(False)
        weighted, tokens = 0.0, 0.0
        with torch.inference_mode():
            for start in range(0, len(texts), 64):
                loss, weight = self._loss(texts[start : start + 64], prompt_weight=0.0)
                weighted, tokens = weighted + float(loss), tokens + float(weight)
        return weighted / tokens

    def _update(self, texts: Sequence[Text]) -> float:
        self.model.train()
        for group in self._optimizer.param_groups:
            group["lr"] = self._learning_rate()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.config.bfloat16):
            loss, weight = self._loss(texts, self.config.prompt_weight)
        mean = loss / weight
        self._optimizer.zero_grad(set_to_none=True)
        mean.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.clip_norm)
        self._optimizer.step()
        return float(mean.detach())

    def _loss(self, texts: Sequence[Text], prompt_weight: float) -> tuple[torch.Tensor, torch.Tensor]:
        prompts = self.tokenizer([text.prompt for text in texts], add_special_tokens=False)["input_ids"]
        plans = self.tokenizer([text.plan for text in texts], add_special_tokens=False)["input_ids"]
        length = max(len(p) + len(q) for p, q in zip(prompts, plans, strict=True))
        ids = torch.full((len(texts), length), self.tokenizer.pad_token_id)
        weights = torch.zeros(len(texts), length)
        for row, (prompt, plan) in enumerate(zip(prompts, plans, strict=True)):
            end = len(prompt) + len(plan)
            ids[row, :end] = torch.tensor(prompt + plan)
            weights[row, : len(prompt)] = prompt_weight
            weights[row, len(prompt) : end] = 1.0
        logits = self.model(input_ids=ids).logits[:, :-1].float()
        losses = torch.nn.functional.cross_entropy(logits.transpose(1, 2), ids[:, 1:], reduction="none")
        return (losses * weights[:, 1:]).sum(), weights[:, 1:].sum()

    def _learning_rate(self) -> float:
        config = self.config
        cycle, step = divmod(self.step, config.steps)
        peak = config.learning_rate * config.cycle_decay**cycle
        warm = min(1.0, (step + 1) / config.warmup_steps)
        cosine = 0.5 * (1.0 + math.cos(math.pi * step / config.steps))
        return peak * warm * (config.final_fraction + (1.0 - config.final_fraction) * cosine)

    @property
    def _checkpoint(self) -> Path:
        return self.folder / "checkpoint.pt"

    def _save(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        content = {
            "step": self.step,
            "history": [tuple(progress) for progress in self.history],
            "config": asdict(self.config),
            "model": self.model.state_dict(),
            "optimizer": self._optimizer.state_dict(),
        }
        partial = self._checkpoint.with_suffix(".partial")
        torch.save(content, partial)
        partial.replace(self._checkpoint)

    def _resume(self) -> None:
        if not self._checkpoint.exists():
            return
        content: dict[str, Any] = torch.load(self._checkpoint, weights_only=True)
        if content["config"] != asdict(self.config):
            raise InputError(f"{self._checkpoint} was made with other settings: {json.dumps(content['config'])}")
        self.model.load_state_dict(content["model"])
        self._optimizer.load_state_dict(content["optimizer"])
        self.step = content["step"]
        self.history = [Progress(*progress) for progress in content["history"]]


def export(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Write bfloat16 weights, config and tokenizer as an ordinary model directory."""
    folder.mkdir(parents=True, exist_ok=True)
    copy = LlamaForCausalLM(model.config)
    copy.load_state_dict(model.state_dict())
    copy.bfloat16().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
