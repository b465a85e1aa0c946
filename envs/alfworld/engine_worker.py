"""The program that runs the real engine: `python engine_worker.py FD`, one JSON message each way per call.

The engine rewrites ``sys.argv``, swaps standard output, keeps one parser for the whole process and leaks memory with
every game, so nothing of it may be imported where anything else runs. This file imports nothing of ours either.

A call is ``["load", game]``, ``["reset"]`` or ``["step", command]``; the answer ``["told", feedback, commands, won]``,
or ``["failed", what]``.
"""

import json
import os
import sys
from multiprocessing.connection import Connection
from typing import Any


class Engine:
    """The stock environment with the wrappers that ALFWorld itself puts around it."""

    def __init__(self) -> None:
        import textworld
        from alfworld.agents.environment.alfred_tw_env import AlfredDemangler, AlfredInfos
        from textworld.envs import PddlEnv

        wanted = textworld.EnvInfos(won=True, admissible_commands=True)
        self._env = AlfredInfos(AlfredDemangler(PddlEnv(wanted), shuffle=False))

    def load(self, game: dict[str, Any]) -> list[Any]:
        """Translate the rules and the problem of ``game``, then reset."""
        self._env.load(game)
        return self.reset()

    def reset(self) -> list[Any]:
        """Start the game again."""
        told = self._env.reset()
        return [told.feedback, told.admissible_commands, bool(told.won)]

    def step(self, command: str) -> list[Any]:
        """Execute ``command``."""
        told, score, done = self._env.step(command)
        if not score == done == told.won:
            raise RuntimeError(f"after {command!r} it says won={told.won}, but score={score}, done={done}")
        return [told.feedback, told.admissible_commands, bool(told.won)]


def serve(connection: "Connection[bytes, bytes]") -> None:
    """Answer calls until nobody is there to make them."""
    engine = Engine()
    while True:
        try:
            call, *arguments = json.loads(connection.recv_bytes())
        except (EOFError, OSError):
            return
        try:
            answer = ["told", *getattr(engine, call)(*arguments)]
        except (Exception, SystemExit) as error:
            answer = ["failed", f"{type(error).__name__}: {error}"]
        try:
            connection.send_bytes(json.dumps(answer).encode())
        except OSError:
            return


if __name__ == "__main__":
    serve(Connection(int(sys.argv[1])))
    # The engine's library crashes now and then when it is unloaded.
    os._exit(0)
