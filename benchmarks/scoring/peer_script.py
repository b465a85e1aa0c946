"""Runs in the peers' own environment: times lm-eval and llm-reasoners on jobs read from a file.

Usage: python peer_script.py JOBS.json RESULT.json

Nothing of this project is imported here. Both packages are used through their public classes, unmodified, on the
processor, with one thread and in float32.
"""

import json
import platform
import sys
import time
import warnings
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

torch.set_num_threads(1)
warnings.filterwarnings("ignore")

Score = Callable[[str, list[str]], list[float]]


def lm_eval(folder: str, batch: int) -> Score:
    """Return ``HFLM.loglikelihood`` as a function of a prompt and candidates."""
    from lm_eval.api.instance import Instance  # type: ignore[import-not-found]
    from lm_eval.models.huggingface import HFLM  # type: ignore[import-not-found]

    peer = HFLM(pretrained=folder, device="cpu", dtype="float32", batch_size=batch)

    def score(prompt: str, candidates: list[str]) -> list[float]:
        asked = [
            Instance("loglikelihood", doc={}, arguments=(prompt, candidate), idx=number)
            for number, candidate in enumerate(candidates)
        ]
        return [float(log_prob) for log_prob, _ in peer.loglikelihood(asked, disable_tqdm=True)]

    return score


def llm_reasoners(folder: str, batch: int) -> Score:
    """Return ``HFModel.get_loglikelihood`` as a function of a prompt and candidates, all in one batch."""
    from reasoners.lm.hf_model import HFModel  # type: ignore[import-not-found]

    peer = HFModel(folder, folder, device="cpu", max_batch_size=batch)
    if peer.model.dtype != torch.float32 or peer.model.device.type != "cpu":
        raise SystemExit(f"llm-reasoners loaded the model as {peer.model.dtype} on {peer.model.device}")

    def score(prompt: str, candidates: list[str]) -> list[float]:
        texts = [prompt + candidate for candidate in candidates]
        return [float(log_prob) for log_prob in peer.get_loglikelihood(prompt, texts)]

    return score


PEERS: dict[str, Callable[[str], Score]] = {
    "lm-eval, batch 1": lambda folder: lm_eval(folder, 1),
    "lm-eval, batch 8": lambda folder: lm_eval(folder, 8),
    "llm-reasoners, one batch": lambda folder: llm_reasoners(folder, 64),
}


def main(jobs: Path, result: Path) -> None:
    """Score every job with every peer that it names and write seconds and log-probabilities."""
    asked: dict[str, Any] = json.loads(jobs.read_text(encoding="utf-8"))
    measured: dict[str, list[dict[str, Any]]] = {}
    for name, make in PEERS.items():
        score = make(asked["model"])
        score("a b>", [" c\n", " d\n"])
        measured[name] = [_timed(score, job) for job in asked["jobs"] if name in job["peers"]]
    packages = ("torch", "transformers", "lm_eval", "llm-reasoners")
    versions = {"python": platform.python_version(), **{package: version(package) for package in packages}}
    result.write_text(json.dumps({"peers": measured, "versions": versions}), encoding="utf-8")


def _timed(score: Score, job: dict[str, Any]) -> dict[str, Any]:
    start = time.process_time()
    log_probs = score(job["prompt"], job["candidates"])
    return {"job": job["name"], "seconds": time.process_time() - start, "log_probs": log_probs}


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
