"""Replays recorded SQL episodes, turn by turn, and compares rewards with those that the original MySQL gave.

python -m benchmarks.intercode.replay_sql --engine sqlite --files gated --jobs 2 --out replay.json
"""

import argparse
import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from benchmarks.intercode.recordings import GATED, executed, graded_turns, matched, recordings, score_of
from benchmarks.intercode.replay import TOLERANCE, Turn, classes, summary, table, write
from envs.intercode.sql.domain import SqlDomain
from envs.intercode.task import InterCodeTask
from priors.intercode.trajectories import Trajectory
from slinvit.errors import SlinvitError

CHUNK = 100
"""Episodes per job."""

Episode = tuple[InterCodeTask, Trajectory, str]


def replay(domain: SqlDomain, task: InterCodeTask, trajectory: Trajectory, score: str) -> list[Turn]:
    """Return the turns of one episode, each graded as the original protocol graded it.

    Args:
        domain: executes and grades.
        task: the question.
        trajectory: what was recorded for it.
        score: the reward to compare with, ``iou`` or ``iou_tau``.
    """
    source, grade = trajectory.source, domain.grader(task)
    rewarded = graded_turns(source, trajectory.raw)
    turns: list[Turn] = []
    with closing(domain.world(replace(task, horizon=len(trajectory.raw) + 1))) as world:
        state, last = world.reset(), NOTHING
        for number, text in enumerate(trajectory.raw):
            statement = executed(source, text)
            flag = None
            if statement is not None and statement != "submit":
                done = world.step(statement)
                state, flag = done.state, trajectory.valid[number]
                last = Ran(flag, done.valid, "" if done.valid else state.observation)
            details = grade(state).details if rewarded[number] and statement is not None else {}
            turn = Turn(
                file=source.file.split(".json")[0],
                task=task.id,
                number=number + 1,
                action=text,
                gold=task.gold,
                recorded=trajectory.rewards[number],
                ours=float(details.get(score, 0.0)),
                recorded_valid=flag,
                valid=statement is not None and last.here,
                note=(last.message or str(details.get("gold_error", "")))[:300],
            )
            turns.append(turn if turn.equal else replace(turn, group=group_of(turn, last, details)))
    return turns


@dataclass(frozen=True, slots=True)
class Ran:
    """What became of the last statement that was executed: there, here, and the message of its refusal here."""

    there: bool | None
    here: bool
    message: str = ""


NOTHING = Ran(None, False)


def group_of(turn: Turn, last: Ran, details: Mapping[str, Any]) -> str:
    """Return the class of a difference, as far as both sides show it; ``last`` gave the answer that was graded."""
    if last.there and not last.here:
        return f"refused here only: {_kind(last.message)}"
    if last.there is False and last.here:
        return "accepted here only"
    if details.get("gold_error"):
        return f"gold refused here: {_kind(str(details['gold_error']))}"
    if any(abs(turn.recorded - float(details.get(name, 2.0))) <= TOLERANCE for name in ("iou", "iou_tau")):
        return "order of rows"
    if re.search(r"\blimit\b", f"{turn.action} {turn.gold}", re.IGNORECASE):
        return "ties at LIMIT"
    return "other rows"


def run(engine: str, episodes: Mapping[str, Sequence[Episode]], jobs: int = 1) -> Mapping[str, list[Turn]]:
    """Return the turns of all episodes by file; ``jobs`` processes share the work, each with an engine of its own."""
    chunks = [(name, part) for name, each in episodes.items() for part in _chunks(each)]
    work = [(engine, part) for _, part in chunks]
    if jobs > 1:
        with get_context("spawn").Pool(jobs) as pool:
            found: Iterable[list[Turn]] = pool.starmap(_replayed, work, chunksize=1)
    else:
        found = [_replayed(*each) for each in work]
    turns: dict[str, list[Turn]] = {name: [] for name in episodes}
    for (name, _), part in zip(chunks, found, strict=True):
        turns[name] += part
    return turns


def episodes_of(
    tasks: Sequence[InterCodeTask], folder: Path, patterns: Sequence[str], score: str | None = None
) -> dict[str, list[Episode]]:
    """Return by file the episodes whose task is ours, with the score of that file, or ``score``."""
    found = recordings(folder, patterns)
    named = {
        name: [(*each, score or score_of(each[1].source)) for each in matched(tasks, found[name])] for name in found
    }
    return {name: each for name, each in named.items() if each}


def main(arguments: Sequence[str] | None = None) -> int:
    """Replay, print a table and the classes of differences."""
    options = _parser().parse_args(arguments)
    try:
        patterns = GATED if options.files == "gated" else tuple(options.files.split("+"))
        tasks = SqlDomain().load(str(options.data))
        episodes = episodes_of(tasks, options.data / "recorded" / "sql", patterns, options.score)
        turns = run(options.engine, episodes, options.jobs)
    except SlinvitError as error:
        print(error, file=sys.stderr)
        return 2
    scores = {name: each[0][2] for name, each in episodes.items()}
    summaries = {f"{name} ({scores[name]})": summary(each) for name, each in turns.items()}
    print(table(summaries))
    every = [turn for each in turns.values() for turn in each]
    for group, count in classes(every).items():
        print(f"{count:5d}  {group}")
    if options.out:
        content = {"engine": options.engine, "tasks": len(tasks), "files": summaries, "classes": classes(every)}
        write(options.out, content, [turn for turn in every if not turn.equal])
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.intercode.replay_sql", description=__doc__)
    data = Path(os.environ.get("SLINVIT_DATA", ".")) / "intercode"
    parser.add_argument("--data", type=Path, default=data, help="folder with sql/ and recorded/sql/")
    parser.add_argument("--engine", default="sqlite", help="sqlite, mariadb, mysql:HOST,port=,user=,password=")
    parser.add_argument("--files", default="gated", help="gated, or parts of file names joined by +")
    parser.add_argument("--score", choices=("iou", "iou_tau"), help="for all files; by default as each was recorded")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--out", type=Path, help="JSON with every difference")
    return parser


@cache
def _domain(engine: str) -> SqlDomain:
    """Return the domain of this process."""
    return SqlDomain(engine)


def _replayed(engine: str, episodes: Sequence[Episode]) -> list[Turn]:
    domain = _domain(engine)
    return [turn for task, trajectory, score in episodes for turn in replay(domain, task, trajectory, score)]


def _chunks(episodes: Sequence[Episode]) -> list[Sequence[Episode]]:
    return [episodes[i : i + CHUNK] for i in range(0, len(episodes), CHUNK)]


def _kind(message: str) -> str:
    """Return an error message without the names in it."""
    return re.sub(r"'[^']*'|`[^`]*`|\d+", "_", message.removeprefix("Error executing query: "))[:80]


if __name__ == "__main__":
    sys.exit(main())
