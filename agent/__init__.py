"""The loop, running many episodes, recording, reporting, the command line.

Names are loaded when they are first used: the command line must look at the guard before anything else is imported.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agent.episode import Decision, Episode, EpisodeStop, Failure, Proposals, Step
    from agent.loop import Agent, replay
    from agent.runner import Run, Workers, run
    from agent.settings import Settings

_HOMES = {
    "Agent": "loop",
    "Decision": "episode",
    "Episode": "episode",
    "EpisodeStop": "episode",
    "Failure": "episode",
    "Proposals": "episode",
    "Run": "runner",
    "Settings": "settings",
    "Step": "episode",
    "Workers": "runner",
    "replay": "loop",
    "run": "runner",
}

__all__ = [
    "Agent",
    "Decision",
    "Episode",
    "EpisodeStop",
    "Failure",
    "Proposals",
    "Run",
    "Settings",
    "Step",
    "Workers",
    "replay",
    "run",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'agent' has no attribute {name!r}")
    return getattr(import_module(f"agent.{_HOMES[name]}"), name)
