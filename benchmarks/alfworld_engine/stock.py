"""Runs by itself, with textworld and alfworld only: ``python stock.py WALKS ANSWERS``.

Plays each walk in the stock environment and writes what it said, with the process CPU time of everything. The engine
changes ``sys.argv`` and standard output, so files carry the data.
"""

import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

ResultT = TypeVar("ResultT")


def timed(act: Callable[[], ResultT]) -> tuple[ResultT, float]:
    """Return what ``act`` returns, and the CPU seconds it took."""
    begin = time.process_time()
    result = act()
    return result, time.process_time() - begin


def reply(state: Any, score: int) -> dict[str, Any]:
    """Return what is compared."""
    return {
        "feedback": state.feedback,
        "commands": list(state.admissible_commands),
        "score": score,
        "won": bool(state.won),
    }


def play(env: Any, episode: list[str]) -> dict[str, Any]:
    """Return replies and times of one episode."""
    state, reset = timed(env.reset)
    replies, steps = [reply(state, 0)], []
    for command in episode:
        (state, score, _), seconds = timed(lambda command=command: env.step(command))  # type: ignore[misc]
        replies.append(reply(state, score))
        steps.append(seconds)
    return {"replies": replies, "reset": reset, "steps": steps}


def main(walks: Path, answers: Path) -> None:
    """Play all walks, each in an environment of its own."""
    import textworld
    from alfworld.agents.environment.alfred_tw_env import AlfredDemangler, AlfredInfos

    infos = textworld.EnvInfos(won=True, admissible_commands=True)
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for number, walk in enumerate(json.loads(walks.read_text(encoding="utf-8"))):
            file = Path(folder) / f"{number}.tw-pddl"
            file.write_text(json.dumps(walk["game"]), encoding="utf-8")
            wrappers = [AlfredDemangler, AlfredInfos]
            env, load = timed(lambda file=file, wrappers=wrappers: textworld.start(str(file), infos, wrappers=wrappers))  # type: ignore[misc]
            episodes = [play(env, episode) for episode in walk["episodes"]]
            env.close()
            found.append({"load": load, "episodes": episodes, "memory": _resident()})
    answers.write_text(json.dumps(found), encoding="utf-8")


def _resident() -> int:
    """Return the memory in use, in bytes."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * resource.getpagesize()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
