"""The real engine in a process of its own: time limits, restart after a crash, reuse."""

import json
import os
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import IO, Any, TypeAlias

from envs.alfworld.game import Game
from slinvit.errors import EnvironmentFailure, InputError

WORKER = Path(__file__).with_name("engine_worker.py")

Told: TypeAlias = tuple[str, tuple[str, ...], bool]
"""Feedback, admissible commands, won."""


@dataclass(frozen=True)
class EngineLimits:
    """When an engine process is given up.

    Attributes:
        load: most seconds for translating and starting a game.
        step: most seconds for a command.
        games: games after which the process is replaced; each leaves about 8 MB behind.
    """

    load: float = 60.0
    step: float = 30.0
    games: int = 25

    def __post_init__(self) -> None:
        if not (self.load > 0 and self.step > 0 and self.games >= 1):
            raise InputError(f"the limits of an engine must be above 0: {self}")


class EngineProcess:
    """The real engine, one game at a time; not to be shared between threads.

    A process that died is replaced, and what was done in the game so far is repeated in the new one, where each answer
    must be the one that the old process gave. It ends with :meth:`close`, or when nobody holds this object any more.

    Args:
        limits: seconds and games.
    """

    def __init__(self, limits: EngineLimits | None = None) -> None:
        self.limits = EngineLimits() if limits is None else limits
        self._worker: _Worker | None = None
        self._game: Game | None = None
        self._past: list[tuple[str, Told]] = []

    @property
    def pid(self) -> int | None:
        """Number of the running process, if there is one."""
        return self._worker.pid if self._worker is not None else None

    def load(self, game: Game) -> tuple[str, tuple[str, ...]]:
        """Start ``game`` from its beginning; return the first text, with the task, and the admissible commands.

        Raises:
            InputError: the engine cannot load the game.
            EnvironmentFailure: it died twice, or ran over the time limit.
        """
        self._game, self._past = None, []
        try:
            told = self._begin(game)
        except EngineDied:
            told = self._begin(game)
        self._game, self._past = game, [("", told)]
        return told[:2]

    def step(self, command: str) -> Told:
        """Return what the engine says to ``command``, the admissible commands, and whether the game is won.

        Raises:
            EnvironmentFailure: no game is loaded; the engine died twice, failed, ran over the time limit, or told
                another story after a restart.
        """
        if self._game is None:
            raise EnvironmentFailure("the engine has no game; load one before stepping")
        try:
            told = self._do(self._game, command)
        except EngineDied:
            self._repeat(self._game)
            told = self._do(self._game, command)
        self._past.append((command, told))
        return told

    def close(self) -> None:
        """End the process; may be called twice."""
        self._game, self._past = None, []
        self._end()

    def _begin(self, game: Game) -> Told:
        worker = self._worker
        if worker is not None and worker.game == game and worker.alive:
            return self._ask(game, ["reset"], self.limits.load)
        if worker is None or not worker.alive or worker.games >= self.limits.games:
            self._end()
            worker = self._worker = _Worker()
        worker.game, worker.games = None, worker.games + 1
        content = {
            "pddl_domain": game.domain,
            "grammar": game.grammar,
            "pddl_problem": game.problem,
            "walkthrough": game.walkthrough,
        }
        told = self._ask(game, ["load", content], self.limits.load)
        worker.game = game
        return told

    def _do(self, game: Game, command: str) -> Told:
        return self._ask(game, ["step", command], self.limits.step)

    def _repeat(self, game: Game) -> None:
        """Bring a new process to where the old one was."""
        for number, (command, before) in enumerate(self._past):
            told = self._do(game, command) if number else self._begin(game)
            if told != before:
                raise EnvironmentFailure(
                    f"game {game.id}: after a crash the engine told another story at step {number}, {command!r}: "
                    f"{told[0]!r} instead of {before[0]!r}"
                )

    def _ask(self, game: Game, call: Sequence[Any], seconds: float) -> Told:
        worker = self._worker
        if worker is None:
            raise EngineDied(game, call, "it is closed")
        try:
            answer = worker.ask(call, seconds)
        except (EOFError, OSError) as error:
            self._worker = None
            raise EngineDied(game, call, worker.bury()) from error
        if answer is None:
            self._end()
            raise EnvironmentFailure(f"game {game.id}: the engine did not {_named(call)} within {seconds:g} s")
        if answer[0] == "failed":
            # What it holds now, nobody knows.
            self._end()
            kind = EnvironmentFailure if call[0] == "step" else InputError
            raise kind(f"game {game.id}: the engine cannot {_named(call)}: {answer[1]}")
        _, feedback, commands, won = answer
        return feedback, tuple(commands), won

    def _end(self) -> None:
        if self._worker is not None:
            self._worker.end()
            self._worker = None


class EnginePool:
    """Engine processes that wait for the next game instead of ending.

    Starting one costs about a second. A pool may be shared by everything in one process.

    Args:
        limits: of each engine.
    """

    def __init__(self, limits: EngineLimits | None = None) -> None:
        self.limits = limits
        self._idle: list[EngineProcess] = []

    def engine(self) -> "PooledEngine":
        """Return an engine that nobody else uses, idle or new."""
        return PooledEngine(self, self._idle.pop() if self._idle else EngineProcess(self.limits))

    def take_back(self, engine: EngineProcess) -> None:
        """Keep ``engine`` for the next game."""
        self._idle.append(engine)

    def close(self) -> None:
        """End all idle processes."""
        while self._idle:
            self._idle.pop().close()


class PooledEngine:
    """An engine on loan: closing it gives the process back to the pool."""

    def __init__(self, pool: EnginePool, engine: EngineProcess) -> None:
        self._pool = pool
        self._engine: EngineProcess | None = engine

    def load(self, game: Game) -> tuple[str, tuple[str, ...]]:
        """Start ``game``; see :meth:`EngineProcess.load`."""
        return self._lent().load(game)

    def step(self, command: str) -> Told:
        """Execute ``command``; see :meth:`EngineProcess.step`."""
        return self._lent().step(command)

    def close(self) -> None:
        """Give the process back; may be called twice."""
        if self._engine is not None:
            engine, self._engine = self._engine, None
            self._pool.take_back(engine)

    def _lent(self) -> EngineProcess:
        if self._engine is None:
            raise EnvironmentFailure("this engine was given back to its pool")
        return self._engine


class EngineDied(EnvironmentFailure):
    """Raised when the process is gone, and a new one too."""

    def __init__(self, game: Game, call: Sequence[Any], last_words: str) -> None:
        super().__init__(f"game {game.id}: the engine died when asked to {_named(call)}: {last_words}")


class _Worker:
    """One process and the way to talk to it."""

    def __init__(self) -> None:
        self.game: Game | None = None
        self.games = 0
        self._connection, there = Pipe()
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 (lives as long as the process)
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(WORKER), str(there.fileno())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._stderr,
            pass_fds=[there.fileno()],
            # The package makes a folder for its data when it is imported, and we need none.
            env={"ALFWORLD_DATA": tempfile.gettempdir(), **os.environ},
            # Ctrl-C is for us; the worker ends when nobody is at the other end of its pipe.
            start_new_session=True,
        )
        there.close()
        self._finalizer = weakref.finalize(self, _end, self._process, self._connection, self._stderr)

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process.poll() is None

    def ask(self, call: Sequence[Any], seconds: float) -> list[Any] | None:
        """Return the answer, ``None`` where there was none in time; raises ``EOFError``, ``OSError``: it died."""
        self._connection.send_bytes(json.dumps(call).encode())
        if not self._connection.poll(seconds):
            return None
        answer: list[Any] = json.loads(self._connection.recv_bytes())
        return answer

    def end(self) -> None:
        """Kill it; there is nothing that it has to put in order."""
        self._finalizer()

    def bury(self) -> str:
        """Return how a process ended that no longer answers, and what it said last."""
        try:
            status = self._process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            self._process.kill()
            status = self._process.wait()
        self._stderr.seek(0)
        lines = self._stderr.read().decode(errors="replace").split("\n")
        said = next((line.strip() for line in reversed(lines) if line.strip()), "")
        self._finalizer()
        return f"exit status {status}{said and f', {said!r}'}"


def _end(process: "subprocess.Popen[bytes]", connection: "Connection[bytes, bytes]", stderr: IO[bytes]) -> None:
    connection.close()
    process.kill()
    process.wait()
    stderr.close()


def _named(call: Sequence[Any]) -> str:
    return f"answer {call[1]!r}" if call[0] == "step" else str(call[0])
