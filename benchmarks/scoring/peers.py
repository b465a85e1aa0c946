"""Published scorers, installed into an environment of their own and run there on the same model and tokenizer."""

import json
import os
import subprocess
import sys
import venv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.scoring.measure import Row
from benchmarks.scoring.scenarios import TERMINATOR, Request
from slinvit.errors import InputError
from slinvit.types import FloatArray

LM_EVAL = ("lm-eval, batch 1", "lm-eval, batch 8")
REASONERS = "llm-reasoners, one batch"
_PACKAGES = ("torch", "transformers", "accelerate", "lm_eval==0.4.13", "llm-reasoners==1.0.2")
_SCRIPT = Path(__file__).with_name("peer_script.py")
_CONSTRAINTS = Path(__file__).parents[2] / "constraints.txt"


@dataclass(frozen=True)
class Job:
    """A request for some peers, standing for ``nodes`` nodes of ``candidates`` candidates each."""

    scenario: str
    request: Request
    peers: tuple[str, ...]
    candidates: int
    nodes: int

    @property
    def scale(self) -> float:
        """What its time counts in the scenario."""
        return self.nodes * self.candidates / len(self.request.candidates)


@dataclass(frozen=True)
class Outcome:
    """The peers' rows, what they answered ``[K]`` nats to which request, and their versions."""

    rows: tuple[Row, ...]
    log_probs: tuple[tuple[Request, FloatArray], ...]
    versions: Mapping[str, str]


def default_folder() -> Path:
    """Return where the peers' environment lies: below the user's cache."""
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(cache) / "slinvit" / "scoring-peers"


def install(folder: Path) -> Path:
    """Return the Python of an environment that has the peers, making it (some minutes) where it is not there.

    Raises:
        InputError: pip failed.
    """
    python = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    done = folder / "installed"
    if done.exists() and done.read_text(encoding="utf-8") == "\n".join(_PACKAGES):
        return python
    venv.create(folder, with_pip=True)
    command = [str(python), "-m", "pip", "install", "--quiet", "--constraint", str(_CONSTRAINTS), *_PACKAGES]
    _run(command, f"cannot install lm-eval and llm-reasoners into {folder}; use --no-peers to leave them out")
    done.write_text("\n".join(_PACKAGES), encoding="utf-8")
    return python


def measure(python: Path, model: str, folder: Path, jobs: Sequence[Job]) -> Outcome:
    """Time the peers on ``jobs``; ``folder`` holds the saved model called ``model``, with its tokenizer.

    Raises:
        InputError: the peers did not run.
    """
    asked = [
        {
            "name": number,
            "prompt": job.request.prompt,
            "candidates": [candidate + TERMINATOR for candidate in job.request.candidates],
            "peers": job.peers,
        }
        for number, job in enumerate(jobs)
    ]
    job_file, result_file = folder / "peer_jobs.json", folder / "peer_result.json"
    job_file.write_text(json.dumps({"model": str(folder), "jobs": asked}), encoding="utf-8")
    _run([str(python), str(_SCRIPT), str(job_file), str(result_file)], "lm-eval or llm-reasoners did not run")
    answer = json.loads(result_file.read_text(encoding="utf-8"))
    found = [
        (jobs[each["job"]].request, np.array(each["log_probs"]))
        for measured in answer["peers"].values()
        for each in measured
    ]
    return Outcome(rows(model, jobs, answer["peers"]), tuple(found), answer["versions"])


def rows(model: str, jobs: Sequence[Job], measured: dict[str, list[dict[str, Any]]]) -> tuple[Row, ...]:
    """Return one row per peer and scenario, what was not timed scaled up."""
    made = []
    for peer, answers in measured.items():
        seconds: dict[str, float] = {}
        for answer in answers:
            job = jobs[answer["job"]]
            seconds[job.scenario] = seconds.get(job.scenario, 0.0) + job.scale * answer["seconds"]
        for scenario, total in seconds.items():
            parts = [job for job in jobs if job.scenario == scenario]
            asked = sum(job.nodes * job.candidates for job in parts)
            done = sum(len(job.request.candidates) for job in parts)
            part = "" if done == asked else f"{done} of {asked} candidates, scaled"
            made.append(Row(model, scenario, peer, total, part))
    return tuple(made)


def _run(command: Sequence[str], problem: str) -> None:
    quiet = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, env={**os.environ, **quiet}, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise InputError(f"{problem}: {reason[:300]}")
