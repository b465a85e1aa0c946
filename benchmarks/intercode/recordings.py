"""Recorded episodes as the replays need them: which file was scored how, and which text was executed at a turn."""

import re
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import TypeVar

from envs.intercode.task import InterCodeTask
from priors.intercode.trajectories import Source, Trajectory, files, read_file
from slinvit.errors import InputError

KEYWORDS = ("SHOW", "SELECT", "DESCRIBE", "DESC")
"""What a text began with that the original took for SQL; anything else was answered without executing it."""

WITH_TAU = ("starchat", "vicuna")
"""Models that were recorded with the released code; the other files were scored without rank correlation."""

GATED = (
    "ic_sql_multiturn_text-davinci-003_10_turns",
    "ic_sql_react_10_turns",
    "ic_sql_multiturn_gpt-3.5-1_turns_handicap",
    "ic_sql_multiturn_gpt-3.5_10_turns_handicap",
    "ic_sql_multiturn_starchat_10_turns",
    "ic_sql_multiturn_vicuna_10_turns",
)
"""Files whose rewards were recorded on untouched databases, by one version of the score."""

ItemT = TypeVar("ItemT", bound=InterCodeTask)


def recordings(folder: Path, patterns: Sequence[str] = ("*",)) -> Mapping[str, tuple[Trajectory, ...]]:
    """Return the trajectories of each file whose name fits a pattern, by the name without its endings.

    Raises:
        InputError: no file fits.
    """
    found = {path.name.split(".json")[0]: path for path in files(folder)}
    named = {name: path for name, path in found.items() if any(fnmatch(name, f"*{wish}*") for wish in patterns)}
    if not named:
        raise InputError(f"no recordings in {folder} fit {'+'.join(patterns)}; there are {', '.join(sorted(found))}")
    return {name: read_file(path) for name, path in named.items()}


def score_of(source: Source) -> str:
    """Return which SQL score the rewards of a file are."""
    return "iou_tau" if source.model in WITH_TAU else "iou"


def executed(source: Source, text: str) -> str | None:
    """Return the statement that the original executed at a turn; ``None`` where it executed nothing.

    Lists of one or more turns hold what was left after parsing, ReAct's hold what the model wrote.
    """
    if source.protocol != "react":
        return text if text.upper().startswith(KEYWORDS) else None
    if text == "submit":
        return text
    found = re.findall(r"execute\[(.*)\]", text, re.DOTALL)
    return str(found[0]).partition(";")[0] if found else None


def graded_turns(source: Source, actions: Sequence[str]) -> list[bool]:
    """Return which turns were rewarded: all of them, or in ReAct the submission only."""
    return [source.protocol != "react" or action == "submit" for action in actions]


def matched(tasks: Iterable[ItemT], trajectories: Iterable[Trajectory]) -> list[tuple[ItemT, Trajectory]]:
    """Return the trajectories whose question is a task of ours, with that task."""
    known = {task.query: task for task in tasks}
    return [(known[each.query], each) for each in trajectories if each.query in known]
