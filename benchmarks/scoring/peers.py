"""Published scorers, installed into an environment of their own and run there on the same model and tokenizer."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import peers
from benchmarks.scoring.measure import Row
from benchmarks.scoring.scenarios import TERMINATOR, Request
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
    """Return where the peers' environment lies."""
    return peers.default_folder("scoring-peers")


def install(folder: Path) -> Path:
    """Return the Python of the peers' environment, made where it is not there; raises ``InputError``."""
    return peers.install(folder, _PACKAGES, "--constraint", str(_CONSTRAINTS))


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
    command = [str(python), str(_SCRIPT), str(job_file), str(result_file)]
    quiet = {"TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1"}
    peers.call(command, "lm-eval or llm-reasoners did not run", **quiet)
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
