"""What this machine and a local model can do, found out by doing it."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import torch

from priors.local import LocalPrior
from priors.serving.served import served

T = TypeVar("T")

LEAD = "the hand is empty, the red block is on top of the blue block\n"
PROMPT = LEAD * 4
CANDIDATES = tuple(f"unstack the {colour} block from on top of the blue block" for colour in ("red", "green", "white"))

COLOURS = ("silver", "yellow", "black")


@dataclass(frozen=True)
class Accelerator:
    """A GPU that torch can use.

    Attributes:
        name: of the card.
        free: bytes.
        total: bytes.
    """

    name: str
    free: int
    total: int


@dataclass(frozen=True)
class LocalModel:
    """What a local model can do.

    Attributes:
        name: of the model.
        device: where it is.
        dtype: of its weights.
        longest: most tokens of a text, where the model says.
        chat: whether prompts are rendered by a chat template.
        method: how its candidates are scored.
        reason: why not faster; may be empty.
        cold: seconds to score a few candidates behind a prompt that was never seen.
        warm: seconds to score others behind the same prompt.
    """

    name: str
    device: str
    dtype: str
    longest: int | None
    chat: bool
    method: str
    reason: str
    cold: float
    warm: float


def accelerators() -> list[Accelerator]:
    """Return the GPUs that torch can use."""
    found = range(torch.cuda.device_count()) if torch.cuda.is_available() else range(0)
    return [Accelerator(torch.cuda.get_device_name(i), *torch.cuda.mem_get_info(i)) for i in found]


def threads() -> tuple[int, int]:
    """Return the threads that torch uses, and the processors that this process may use."""
    return torch.get_num_threads(), len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (
        os.cpu_count() or 1
    )


def inspect(prior: LocalPrior) -> LocalModel:
    """Score a few candidates with the model of ``prior``, and say how that went; raises what scoring raises."""
    offered = served(prior)
    scorer, model = offered.scorer, offered.scorer.model
    scorer.score([LEAD], [CANDIDATES])  # what only the first call pays
    cold, warm = [], []
    for colour in COLOURS:
        scorer.engine.clear()
        cold.append(_seconds(partial(scorer.score, [PROMPT], [CANDIDATES])))
        warm.append(_seconds(partial(scorer.score, [PROMPT], [[each.replace("blue", colour) for each in CANDIDATES]])))
    return LocalModel(
        name=offered.name,
        device=str(model.device),
        dtype=str(model.dtype).removeprefix("torch."),
        longest=offered.longest,
        chat=scorer.chat,
        method=scorer.recipe.method,
        reason=scorer.recipe.reason,
        cold=min(cold),
        warm=min(warm),
    )


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
