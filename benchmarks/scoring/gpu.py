"""Batching on an accelerator: nodes per second by schedule, peak memory, and what half precision does to a prior."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from scipy.special import log_softmax

from benchmarks.scoring.methods import ours
from benchmarks.scoring.models import Shape, build_model, shape
from benchmarks.scoring.scenarios import Request, Tree, Writer, merged, requests
from benchmarks.scoring.suite import Report
from priors.scoring import CandidateScorer
from priors.tokentree.memory import sane_share
from slinvit.rng import generator

EPISODES, REPETITIONS = 8, 3


@dataclass(frozen=True)
class Schedules:
    """Nodes per second of wall time by schedule, and memory.

    ``peak_bytes`` is the most the device held (0 on a processor), the model included; ``limit_bytes`` is what keys and
    values alone may take: caches fill up to it, so the peak says what was allowed rather than what was needed.
    """

    model: str
    per_node: float
    per_depth: float
    across_episodes: float
    peak_bytes: int
    limit_bytes: int


@dataclass(frozen=True)
class Precision:
    """What a number format does to priors: mean and largest KL(fp32 || format) in nats, and equal first choices."""

    model: str
    format: str
    mean_kl: float
    max_kl: float
    top1_agreement: float


def run(writer: Writer, report: Report) -> dict[str, Any]:
    """Return all measurements, or why there are none."""
    if not torch.cuda.is_available():
        return {"skipped": "no CUDA device"}
    report("7B, bfloat16: schedules")
    schedules = measure_schedules(shape("7B"), writer, device="cuda", dtype=torch.bfloat16)
    report("0.5B: bfloat16 and float16 against float32")
    formats = [measure_precision(shape("0.5B"), writer, "cuda", dtype) for dtype in (torch.bfloat16, torch.float16)]
    device = torch.cuda.get_device_name()
    return {"device": device, "schedules": asdict(schedules), "precision": [asdict(each) for each in formats]}


def measure_schedules(
    made: Shape, writer: Writer, *, device: str, dtype: torch.dtype, tokens: int = 1500, episodes: int = EPISODES
) -> Schedules:
    """Time trees of 7 nodes of K=20 with nothing cached: node by node, depth by depth, all episodes together."""
    model = build_model(made, device=device, dtype=dtype)
    rng = generator(0, "gpu")
    trees = [writer.tree(tokens, 20, branching=2, depth=2, rng=rng, task=task) for task in range(episodes)]
    nodes = [[node] for tree in trees for node in requests(tree)]
    levels = [level for tree in trees for level in tree]
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    limit = sane_share(model.device)
    scorer = ours(model, writer.tokenizer, memory=limit)
    per_node, per_depth, across = (_speed(scorer, batches) for batches in (nodes, levels, merged(trees)))
    peak = torch.cuda.max_memory_allocated() if device == "cuda" else 0
    return Schedules(made.name, per_node, per_depth, across, peak, limit)


def measure_precision(made: Shape, writer: Writer, device: str, dtype: torch.dtype, *, tokens: int = 1500) -> Precision:
    """Compare priors over K=20 candidates of a tree of 7 nodes; both models have the same weights."""
    tree = writer.tree(tokens, 20, branching=2, depth=2, rng=generator(0, "precision"))
    model = build_model(made, device=device)
    exact = _priors(ours(model, writer.tokenizer), tree)
    for parameter in model.parameters():
        parameter.data = parameter.data.to(dtype)
    other = _priors(ours(model, writer.tokenizer), tree)
    kl = (np.exp(exact) * (exact - other)).sum(1)
    agreement = float((exact.argmax(1) == other.argmax(1)).mean())
    name = str(dtype).removeprefix("torch.")
    return Precision(made.name, name, float(kl.mean()), float(kl.max()), agreement)


def _priors(scorer: CandidateScorer, tree: Tree) -> Any:
    nodes = requests(tree)
    scored = scorer.score([node.prompt for node in nodes], [node.candidates for node in nodes])
    return log_softmax(np.stack([scores.log_probs for scores in scored]), axis=1)


def _speed(scorer: CandidateScorer, batches: Sequence[Sequence[Request]]) -> float:
    """Return nodes per second, the best of some repetitions, each with an empty cache."""
    best = 0.0
    for _ in range(REPETITIONS):
        fresh = scorer.fresh()
        _ = fresh.engine  # made before the clock starts
        start = time.perf_counter()
        for batch in batches:
            fresh.score([node.prompt for node in batch], [node.candidates for node in batch])
        best = max(best, sum(map(len, batches)) / (time.perf_counter() - start))
    return best
