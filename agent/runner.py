"""Many episodes: what is still to run, where it runs, and what is recorded."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from agent.bench import left_out, load_instances
from agent.episode import Episode, Failure, Record
from agent.records import RunWriter
from agent.settings import Settings
from agent.workers import Workers
from envs import ENVS
from envs.domain import Instance

ANSWERS = "answers.sqlite"
"""In a run folder: what remote models answered."""

Report = Callable[[int, int], None]
"""Called with the number of finished episodes and of all."""


@dataclass(frozen=True)
class Run:
    """A finished run: one record per task, in the order of the tasks."""

    settings: Settings
    folder: Path
    header: dict[str, Any]
    records: tuple[Record, ...]

    @property
    def episodes(self) -> tuple[Episode, ...]:
        """The episodes that ran."""
        return tuple(record for record in self.records if isinstance(record, Episode))

    @property
    def failures(self) -> tuple[Failure, ...]:
        """The episodes that failed to run."""
        return tuple(record for record in self.records if isinstance(record, Failure))


def run(settings: Settings, *, out: Path | None = None, workers: Workers, report: Report) -> Run:
    """Run all tasks of ``settings`` that ``out`` does not hold yet, recording each episode as it finishes.

    Args:
        settings: what to run.
        out: the run folder, default :func:`default_folder`. Finished episodes in it are kept, failed ones tried again.
        workers: where episodes run; results do not depend on it.
        report: told about progress.

    Raises:
        InputError: the settings cannot be run, or ``out`` holds another run.
        LimitReached: a hard limit of the run; what has finished is kept.
    """
    folder = default_folder(settings) if out is None else out
    settings = replace(settings, remote=remote_options(settings.remote, folder))
    instances = load_instances(settings)
    header = workers.describe(settings, instances)
    header["tasks"]["left_out"] = left_out(settings)
    with RunWriter(folder, header) as writer:
        groups = list(_unfinished(instances, header["together"], writer.records))
        done = len(instances) - sum(map(len, groups))
        report(done, len(instances))
        for number, record in enumerate(workers.attempt(settings, groups), start=done + 1):
            writer.append(record)
            report(number, len(instances))
        records = tuple(writer.records[each.task.id] for each in instances)
    return Run(settings, folder, header, records)


def remote_options(given: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Return ``given``, completed: remote answers are kept in ``folder`` if nowhere else, and billed to it."""
    kept = {} if {"record", "replay"} & given.keys() else {"record": str(folder / ANSWERS)}
    return {**kept, "run": folder.name, **given}


def default_folder(settings: Settings) -> Path:
    """Return ``runs/ENV-DIGEST``: the same settings, the same folder; options of the environment are in the digest."""
    _, spec = ENVS.split(settings.env)
    return Path("runs") / f"{re.sub(r'[^A-Za-z0-9_.-]+', '.', spec.name)}-{settings.digest()}"


def _unfinished(
    instances: Sequence[Instance], together: int, records: Mapping[str, Record]
) -> Iterator[Sequence[Instance]]:
    """Yield what is left of each group; a task's group depends on the order of the tasks, not on what has finished."""
    for start in range(0, len(instances), together):
        group = instances[start : start + together]
        left = [each for each in group if not isinstance(records.get(each.task.id), Episode)]
        if left:
            yield left


__all__ = ["Report", "Run", "Workers", "default_folder", "remote_options", "run"]
