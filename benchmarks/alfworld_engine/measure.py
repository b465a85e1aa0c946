"""Differences, process CPU time and memory, of the twin and of the stock engine."""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks.alfworld_engine import memory, stock
from benchmarks.alfworld_engine.walks import Reply, Walk, twin_replies
from envs.alfworld.game import parse_game
from envs.alfworld.task import AlfworldTask
from envs.alfworld.world import AlfworldModel
from slinvit.errors import InputError
from slinvit.types import State

BRANCHES = 20

TOGETHER = 20
"""Walks per process of the stock engine, which gives no memory back."""


@dataclass(frozen=True)
class Times:
    """Of one engine.

    Attributes:
        load: median CPU seconds from a game file's content to the first state, per game.
        reset: mean CPU seconds, per episode.
        step: mean CPU seconds with admissible commands.
    """

    load: float
    reset: float
    step: float


@dataclass(frozen=True)
class Comparison:
    """What the stock engine said and took.

    Attributes:
        games, steps: how many were compared.
        differences: one line each.
        times: of the stock engine.
        bytes_per_game: growth of its memory.
    """

    games: int
    steps: int
    differences: tuple[str, ...]
    times: Times
    bytes_per_game: float


def compare(walks: Sequence[Walk], python: str, report: Callable[[str], None]) -> Comparison:
    """Play all walks in the stock engine, run by the interpreter ``python``, and compare with the twin."""
    answers: list[Any] = []
    growth: list[float] = []
    for begin in range(0, len(walks), TOGETHER):
        found = _stock(walks[begin : begin + TOGETHER], python)
        growth += [after["memory"] - before["memory"] for before, after in pairwise(found)]
        answers += found
        report(f"stock engine: {len(answers)} of {len(walks)} games")
    episodes = [episode for answer in answers for episode in answer["episodes"]]
    steps = [seconds for episode in episodes for seconds in episode["steps"]]
    return Comparison(
        games=len(walks),
        steps=len(steps),
        differences=tuple(
            line for walk, answer in zip(walks, answers, strict=True) for line in differences(walk, answer)
        ),
        times=Times(
            statistics.median(answer["load"] for answer in answers),
            statistics.fmean(episode["reset"] for episode in episodes),
            statistics.fmean(steps),
        ),
        bytes_per_game=statistics.fmean(growth) if growth else 0.0,
    )


def differences(walk: Walk, answer: Any) -> Iterator[str]:
    """Yield one line for each reply of the stock engine that the twin does not give."""
    for commands, ours, theirs in zip(walk.episodes, twin_replies(walk), answer["episodes"], strict=True):
        for number, (mine, other) in enumerate(zip(ours, theirs["replies"], strict=True)):
            engine = Reply(**{**other, "commands": tuple(other["commands"])})
            if mine != engine:
                said = commands[number - 1] if number else "(start)"
                yield f"{walk.game.id}, step {number}, {said!r}: twin {mine}, engine {engine}"


def twin_times(walks: Sequence[Walk]) -> Times:
    """Return the times of the twin on the same walks, states with histories and admissible commands included."""
    loads, resets, steps, count = [], 0.0, 0.0, 0
    for walk in walks:
        content = json.dumps(walk.as_json()["game"])
        begin = time.process_time()
        game = parse_game(content, id=walk.game.id, split=walk.game.split)
        model = AlfworldModel(AlfworldTask(game, horizon=10**6))
        first = model.first()
        loads.append(time.process_time() - begin)
        for commands in walk.episodes:
            begin = time.process_time()
            model.first()
            resets += time.process_time() - begin
            begin = time.process_time()
            played = _played(model, first, commands)
            steps += time.process_time() - begin
            count += played
    return Times(statistics.median(loads), resets / sum(len(walk.episodes) for walk in walks), steps / count)


def branching(walks: Sequence[Walk]) -> float:
    """Return the median CPU seconds of trying 20 commands in one state that a new model has never seen."""
    found = []
    for walk in walks:
        instance = AlfworldTask(walk.game)
        state = AlfworldModel(instance).first()
        for command in walk.game.walkthrough[:2]:
            state = AlfworldModel(instance).after(state, command).state
        model = AlfworldModel(instance)
        begin = time.process_time()
        for command in (state.actions or ())[:BRANCHES]:
            model.after(state, command)
        found.append(time.process_time() - begin)
    return statistics.median(found)


def twin_memory(source: Path) -> dict[str, float]:
    """Return what a fresh process holds with all games of ``source`` loaded, in bytes."""
    command = [sys.executable, "-m", memory.__name__, str(source)]
    return dict(json.loads(_ran(command, cwd=Path(__file__).parents[2])))


def _played(model: AlfworldModel, state: State, commands: Sequence[str]) -> int:
    """Play ``commands`` as far as the episode goes and return how many there were."""
    for number, command in enumerate(commands):
        if state.over:
            return number
        state = model.after(state, command).state
    return len(commands)


def _stock(walks: Sequence[Walk], python: str) -> list[Any]:
    with tempfile.TemporaryDirectory() as folder:
        asked, answers = Path(folder) / "walks.json", Path(folder) / "answers.json"
        asked.write_text(json.dumps([walk.as_json() for walk in walks]), encoding="utf-8")
        _ran([python, stock.__file__, str(asked), str(answers)], cwd=Path(folder))
        return list(json.loads(answers.read_text(encoding="utf-8")))


def _ran(command: Sequence[str], cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip() or "no message").splitlines()[-1]
        raise InputError(f"{' '.join(command[:2])} failed: {last}")
    return done.stdout
