"""Loading a causal language model of transformers, with every mistake named in one line."""

import os
from collections.abc import Mapping, Sequence
from hashlib import sha256
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slinvit.errors import InputError, MissingExtra, did_you_mean

if TYPE_CHECKING:
    from priors.scoring import CandidateScorer

DTYPES = ("float32", "bfloat16", "float16", "int8")


def load_scorer(
    path: str,
    *,
    name: str,
    device: str = "cpu",
    dtype: str = "float32",
    chat: str = "auto",
    terminator: str | None = None,
    revision: str | None = None,
    memory: str | None = None,
) -> "CandidateScorer":
    """Load a model and its tokenizer.

    Args:
        path: a model folder or a hub id.
        name: for messages.
        device: as torch names it, for example ``cuda``; ``auto`` spreads a model over all cards.
        dtype: ``float32``, ``bfloat16``, ``float16``, or ``int8`` on the CPU: linear layers rounded to 8 bits.
        chat: ``yes``: render prompts with the chat template; ``no``; ``auto``: where the tokenizer has one.
        terminator: text that ends a candidate, a newline by default; a chat template brings its own.
        revision: of a hub model.
        memory: most bytes of cached keys and values, for example ``2GiB``; default half of a GPU's free memory;
            elsewhere an eighth of the machine's, and 2 GiB at most.

    Raises:
        InputError: not a model; an unknown device, dtype, chat or memory choice; a terminator beside a chat template;
            a revision of a folder.
        MissingExtra: ``device="auto"`` without accelerate.
    """
    _check_choice("dtype", dtype, DTYPES)
    _check_choice("chat", chat, ("auto", "yes", "no"))
    if dtype == "int8" and device != "cpu":
        raise InputError(f"dtype=int8 is for the CPU; with device={device} use bfloat16 or float16")
    if device == "auto" and find_spec("accelerate") is None:
        raise MissingExtra("accelerate, which device=auto needs,", "gpu")
    _check_folder(path)
    if revision is not None and Path(path).is_dir():
        raise InputError(f"revision={revision} is for hub models; {path!r} is a folder: leave it out")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    from priors.scoring import CandidateScorer
    from priors.tokentree.memory import parse_bytes

    limit = None if memory is None else parse_bytes(memory)
    model, tokenizer = _load(path, device, "float32" if dtype == "int8" else dtype, revision)
    if chat == "yes" and not tokenizer.chat_template:
        raise InputError(f"model {path!r} has no chat template; use chat=no")
    if chat == "yes" or (chat == "auto" and tokenizer.chat_template):
        if terminator is not None:
            raise InputError(
                "terminator= has no effect: the chat template ends a candidate; leave it out or use chat=no"
            )
        scorer = CandidateScorer(model, tokenizer, name, _end_of_turn(tokenizer, path), chat=True, memory=limit)
    else:
        scorer = CandidateScorer(model, tokenizer, name, "\n" if terminator is None else terminator, memory=limit)
    return scorer.rounded() if dtype == "int8" else scorer


def _load(path: str, device: str, dtype: str, revision: str | None) -> tuple[Any, Any]:
    """Return model, in evaluation mode, and tokenizer."""
    import torch
    from huggingface_hub.utils import logging as hub_logging
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    hub_logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    try:
        tokenizer = AutoTokenizer.from_pretrained(path, revision=revision)
        placed = {"device_map": "auto"} if device == "auto" else {}
        model = AutoModelForCausalLM.from_pretrained(path, revision=revision, dtype=getattr(torch, dtype), **placed)
        model = model.train(False) if placed else model.train(False).to(torch.device(device))
    except (OSError, ValueError, KeyError, RuntimeError, AssertionError, ImportError, SafetensorError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"cannot load a causal language model from {path!r}: {reason[:300]}") from error
    return model, tokenizer


def origin(name: str, folder: Path | None) -> Mapping[str, Any]:
    """Return name, hash of the weights in ``folder`` and versions, for records."""
    versions = {"torch": version("torch"), "transformers": version("transformers")}
    if folder is None:
        return {"model": name, **versions}
    weights = sorted(folder.glob("*.safetensors")) or sorted(folder.glob("*.bin"))
    digest = sha256()
    for file in weights:
        digest.update(file.read_bytes())
    return {"model": name, "sha256": digest.hexdigest(), **versions}


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
