"""Local causal language models, through transformers, as exact priors over admissible actions."""

import os
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib import resources
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from priors.simple import admissible, check_options
from priors.templates import Template, check_blocksworld, template
from slinvit.budget import Budget
from slinvit.errors import InputError, did_you_mean
from slinvit.registry import Spec
from slinvit.types import ActionDistribution, State

if TYPE_CHECKING:
    from priors.scoring import CandidateScorer

BUNDLED = "assets/blocksworld"
_OPTIONS = ("device", "dtype", "template", "chat", "terminator", "revision")


@dataclass(frozen=True)
class LocalPrior:
    """log p(action | prompt) of every admissible action, normalised over them.

    Attributes:
        scorer: the model.
        template: how a state becomes a prompt.
        origin: what identifies the model, for records.
    """

    scorer: "CandidateScorer"
    template: Template
    origin: Mapping[str, Any]
    deterministic: ClassVar[bool] = True

    def propose(
        self, states: Sequence[State], *, k: int | None = None, budget: Budget, rng: np.random.Generator
    ) -> list[ActionDistribution]:
        """Return the model's distribution over the admissible actions of each state; one call per state."""
        return self.distributions(
            [self.template.prompt(state) for state in states], [admissible(state) for state in states], budget=budget
        )

    def distributions(
        self, prompts: Sequence[str], candidates: Sequence[Sequence[str]], *, budget: Budget
    ) -> list[ActionDistribution]:
        """Return one distribution over ``candidates[i]`` behind ``prompts[i]``, without any environment.

        Raises:
            InputError: text that this model was not made for, or that its tokenizer cannot keep apart.
            PriorError: the model gave no finite log-probability.
            BudgetExceeded: nothing was asked.
        """
        for prompt, listed in zip(prompts, candidates, strict=True):
            if not listed or len(set(listed)) < len(listed):
                raise InputError(f"candidates must be at least one, each listed once; found {list(listed)[:5]}")
            if self.template.check is not None:
                self.template.check(prompt, listed)
        budget.spend(llm_calls=len(prompts))
        scored = self.scorer.score(prompts, candidates)
        budget.charge(
            prompt_tokens=sum(scores.usage.prompt_tokens for scores in scored),
            tokens_forwarded=sum(scores.usage.tokens_forwarded for scores in scored),
        )
        return [
            ActionDistribution.normalised(listed, scores.log_probs, method="exact", usage=scores.usage)
            for listed, scores in zip(candidates, scored, strict=True)
        ]

    def situation(self, state: State) -> Hashable:
        """Return what the answer depends on: the prompt and the candidates."""
        return self.template.prompt(state), state.actions

    def provenance(self) -> Mapping[str, Any]:
        """Return name, hash and versions of the model."""
        return self.origin


def bundled(spec: Spec) -> LocalPrior:
    """The small BlocksWorld model that ships with the package (0.9 M parameters); no download."""
    check_options(spec, ())
    with resources.as_file(resources.files("priors") / BUNDLED) as folder:
        scorer = load_scorer(str(folder), name="bundled")
        origin = _origin("bundled", folder)
    base = template("blocksworld")
    return LocalPrior(scorer, Template(base.name, base.form, check_blocksworld), origin)


def from_spec(spec: Spec) -> LocalPrior:
    """Any causal language model: a folder or a hub id; options device, dtype, template, chat, terminator."""
    check_options(spec, _OPTIONS)
    if not spec.argument:
        raise InputError("--prior hf:PATH_OR_ID needs a model folder or a hub id")
    options = dict(spec.options)
    scorer = load_scorer(
        spec.argument,
        name=spec.argument,
        device=options.get("device", "cpu"),
        dtype=options.get("dtype", "float32"),
        chat=options.get("chat", "auto"),
        terminator=options.get("terminator", "\n").replace("\\n", "\n"),
        revision=options.get("revision"),
    )
    folder = Path(spec.argument)
    origin = _origin(spec.argument, folder if folder.is_dir() else None)
    commit = getattr(scorer.model.config, "_commit_hash", None)
    pinned = {} if commit is None else {"commit": commit}
    return LocalPrior(scorer, template(options.get("template", "plain")), {**origin, **pinned, **options})


def load_scorer(
    path: str,
    *,
    name: str,
    device: str = "cpu",
    dtype: str = "float32",
    chat: str = "auto",
    terminator: str = "\n",
    revision: str | None = None,
) -> "CandidateScorer":
    """Load a model and its tokenizer.

    Args:
        path: a model folder or a hub id.
        name: for messages.
        device: as torch names it, for example ``cuda``.
        dtype: ``float32``, ``bfloat16`` or ``float16``.
        chat: ``yes``: render prompts with the chat template; ``no``; ``auto``: where the tokenizer has one.
        terminator: text that ends a candidate where no chat template is used.
        revision: of a hub model.

    Raises:
        InputError: not a model, or an unknown device, dtype or chat choice.
    """
    _check_choice("dtype", dtype, ("float32", "bfloat16", "float16"))
    _check_choice("chat", chat, ("auto", "yes", "no"))
    _check_folder(path)
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    import torch
    from huggingface_hub.utils import logging as hub_logging
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    from priors.scoring import CandidateScorer

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    hub_logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    try:
        tokenizer = AutoTokenizer.from_pretrained(path, revision=revision)
        model = AutoModelForCausalLM.from_pretrained(path, revision=revision, dtype=getattr(torch, dtype))
        model = model.train(False).to(torch.device(device))
    except (OSError, ValueError, KeyError, RuntimeError, AssertionError, ImportError, SafetensorError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"cannot load a causal language model from {path!r}: {reason[:300]}") from error
    if chat == "yes" and not tokenizer.chat_template:
        raise InputError(f"model {path!r} has no chat template; use chat=no")
    if chat == "yes" or (chat == "auto" and tokenizer.chat_template):
        return CandidateScorer(model, tokenizer, name, terminator=_end_of_turn(tokenizer, path), chat=True)
    return CandidateScorer(model, tokenizer, name, terminator=terminator)


def _end_of_turn(tokenizer: Any, path: str) -> str:
    """Return the first thing that the chat template writes behind an answer."""
    mark = "ANSWER"
    turns = [{"role": "user", "content": "question"}, {"role": "assistant", "content": mark}]
    tail = str(tokenizer.apply_chat_template(turns, tokenize=False)).rpartition(mark)[2]
    ids = tokenizer(tail, add_special_tokens=False)["input_ids"] if tail else []
    if not ids:
        raise InputError(f"the chat template of {path!r} writes nothing behind an answer; use chat=no")
    return str(tokenizer.decode(ids[:1]))


def _check_folder(path: str) -> None:
    folder = Path(path)
    looks_local = path.startswith((".", "/", "~")) or path.count("/") > 1 or folder.exists()
    if looks_local and not (folder / "config.json").is_file():
        found = "has no config.json" if folder.is_dir() else "is not a folder" if folder.exists() else "does not exist"
        raise InputError(f"{path!r} is not a model folder: it {found}; give a folder written by save_pretrained")


def _check_choice(key: str, value: str, allowed: Sequence[str]) -> None:
    if value not in allowed:
        raise InputError(f"{key}={value}: must be one of {', '.join(allowed)}{did_you_mean(value, allowed)}")


def _origin(name: str, folder: Path | None) -> Mapping[str, Any]:
    versions = {"torch": version("torch"), "transformers": version("transformers")}
    if folder is None:
        return {"model": name, **versions}
    weights = sorted(folder.glob("*.safetensors")) or sorted(folder.glob("*.bin"))
    digest = sha256()
    for file in weights:
        digest.update(file.read_bytes())
    return {"model": name, "sha256": digest.hexdigest(), **versions}
