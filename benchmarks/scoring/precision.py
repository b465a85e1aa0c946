"""``python -m benchmarks.scoring.precision``: what fewer bits save on a processor, process CPU time, one thread.

What they cost is measured where weights mean something: ``slinvit calibrate --env blocksworld --prior
bundled:dtype=int8 --against bundled``.
"""

import json
import os
import time
from typing import Annotated

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
import typer

from benchmarks.scoring.methods import ours
from benchmarks.scoring.models import build_model, shape
from benchmarks.scoring.run import make_writer
from benchmarks.scoring.scenarios import Request
from priors.loading import DTYPES
from priors.scoring import CandidateScorer
from slinvit.errors import InputError, UnknownName
from slinvit.rng import generator


def main(
    model: Annotated[str, typer.Option(help="Shape of a model with random weights.")] = "135M",
    dtypes: Annotated[str, typer.Option(help="With commas.")] = "float32,bfloat16,int8",
    tokens: Annotated[int, typer.Option(min=1, help="In the prompt.")] = 1500,
    candidates: Annotated[int, typer.Option(min=1, help="Behind it.")] = 20,
    repetitions: Annotated[int, typer.Option(min=1, help="The fastest counts.")] = 2,
) -> None:
    """Print one JSON object: seconds of a cold and of a warm node by dtype."""
    torch.set_num_threads(1)
    try:
        names = dtypes.split(",")
        for name in names:
            if name not in DTYPES:
                raise UnknownName("dtype", name, DTYPES)
        found = {name: measure(model, name, tokens, candidates, repetitions) for name in names}
    except InputError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from error
    typer.echo(json.dumps({"model": model, "tokens": tokens, "candidates": candidates, "seconds": found}, indent=2))


def measure(name: str, dtype: str, tokens: int, candidates: int, repetitions: int) -> dict[str, float]:
    """Return the CPU seconds of a node with nothing cached, and of another one behind the same prompt."""
    model = build_model(shape(name), dtype=torch.float32 if dtype == "int8" else getattr(torch, dtype))
    writer = make_writer()[1]
    scorer = ours(model, writer.tokenizer)
    if dtype == "int8":
        scorer = scorer.rounded()
    node, other = (writer.node(tokens, candidates, generator(0, "precision", which)) for which in ("this", "other"))
    rounds = []
    for _ in range(repetitions):
        new = scorer.fresh()
        rounds.append((_seconds(new, other), _seconds(new, node)))  # both have the same prompt
    return {"cold": min(cold for cold, _ in rounds), "warm": min(warm for _, warm in rounds)}


def _seconds(scorer: CandidateScorer, node: Request) -> float:
    start = time.process_time()
    scorer.score([node.prompt], [node.candidates])
    return time.process_time() - start


if __name__ == "__main__":
    typer.run(main)
