"""The BlocksWorld demo's first row, with the scorer this library began with and with today's."""

import json
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from agent.bench import load_instances
from agent.episode import Episode, Record, encode
from agent.grid import expand, read_config
from agent.runner import Workers
from agent.settings import Settings
from benchmarks.scoring.methods import PerPromptScorer
from priors import local
from priors.local import LocalPrior
from slinvit.errors import SlinvitError
from slinvit.registry import Spec

CONFIG = Path(__file__).parents[2] / "examples" / "demo.yaml"
PER_PROMPT = "benchmarks.scoring.demo:per_prompt"
TOLERANCE = 1e-4
_COSTS = {"tokens_forwarded", "tokens_distinct", "seconds"}


@dataclass(frozen=True)
class Comparison:
    """Two runs on the same tasks.

    Attributes:
        episodes: how many.
        together: episodes in lockstep with today's scorer.
        before: seconds of process CPU time per episode with one cache per prompt.
        after: the same with today's scorer.
        solved: episodes.
        differences: where the records differ in more than costs, numbers by more than 1e-4; the first few.
    """

    episodes: int
    together: int
    before: float
    after: float
    solved: int
    differences: tuple[str, ...]

    @property
    def ratio(self) -> float:
        """How many times less CPU time an episode takes."""
        return self.before / self.after


@dataclass(frozen=True)
class _Run:
    seconds: float
    together: int
    episodes: list[Episode]


def per_prompt(spec: Spec) -> LocalPrior:
    """The bundled prior, every prompt forwarded on its own: a prior for ``--prior``."""
    prior = local.bundled(spec)
    scorer = PerPromptScorer(prior.scorer.model, prior.scorer.tokenizer)
    return replace(prior, scorer=scorer)  # type: ignore[arg-type]


def compare(episodes: int, repetitions: int, together: int | None = None) -> Comparison:
    """Run the pair row of the demo on its first ``episodes`` tasks both ways, interleaved.

    With one cache per prompt, episodes run one by one; today ``together`` in lockstep, or as the runner chooses.

    Raises:
        SlinvitError: an episode failed to run.
    """
    settings = replace(expand(read_config(CONFIG))[0].settings, limit=episodes, together=together)
    old = replace(settings, prior=PER_PROMPT, together=1)
    for each in (old, settings):
        _run(replace(each, limit=min(2, episodes)))
    rounds = [(_run(old), _run(settings)) for _ in range(repetitions)]
    before, after = (min((each[side] for each in rounds), key=lambda run: run.seconds) for side in (0, 1))
    return Comparison(
        episodes,
        after.together,
        before.seconds / episodes,
        after.seconds / episodes,
        sum(episode.solved for episode in after.episodes),
        tuple(first_differences(before.episodes, after.episodes)),
    )


def first_differences(one: Sequence[Episode], other: Sequence[Episode], most: int = 10) -> list[str]:
    """Return the first places where the records of two runs differ; see :func:`differences`."""
    pairs = zip(one, other, strict=True)
    found = (text for before, after in pairs for text in differences(_values(before), _values(after), before.task))
    return list(islice(found, most))


def differences(one: Any, other: Any, place: str = "") -> Iterator[str]:
    """Yield the places where two JSON values differ; numbers with a fraction may by 1e-4, costs are not compared."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted({*one, *other} - _COSTS):
            yield from differences(one.get(key), other.get(key), f"{place}.{key}")
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for number, pair in enumerate(zip(one, other, strict=True)):
            yield from differences(*pair, f"{place}[{number}]")
    elif isinstance(one, float) and isinstance(other, float):
        if not math.isclose(one, other, rel_tol=0.0, abs_tol=TOLERANCE):
            yield f"{place}: {one} and {other}"
    elif one != other:
        yield f"{place}: {str(one)[:60]} and {str(other)[:60]}"


def _values(episode: Episode) -> Any:
    return json.loads(encode(episode))


def _run(settings: Settings) -> _Run:
    """Run all tasks in this process; the prior is loaded before the clock starts."""
    instances = load_instances(settings)
    with Workers(1) as workers:
        together = workers.describe(settings, instances)["together"]
        groups = [instances[first : first + together] for first in range(0, len(instances), together)]
        start = time.process_time()
        records = list(workers.attempt(settings, groups))
        seconds = time.process_time() - start
    return _Run(seconds, together, sorted(map(_episode, records), key=lambda episode: episode.task))


def _episode(record: Record) -> Episode:
    if isinstance(record, Episode):
        return record
    raise SlinvitError(f"task {record.task!r} of the demo failed to run: {record.error}")
