"""Runs by itself: ``python -m benchmarks.alfworld_engine.memory SOURCE`` prints what all its games hold in memory."""

import json
import resource
import sys
from pathlib import Path

from envs.alfworld.files import read_games
from envs.alfworld.task import AlfworldTask
from envs.alfworld.world import AlfworldModel


def main(source: Path) -> None:
    """Load every game, its model and its first state; print bytes as JSON."""
    before = _resident()
    models = [AlfworldModel(AlfworldTask(game)) for game in read_games(source)]
    states = [model.first() for model in models]
    # Not ru_maxrss: a new process inherits that of the one that started it.
    after = _resident()
    print(json.dumps({"games": len(states), "process": after, "games_bytes": after - before}))


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
