"""Recorded InterCode episodes: what a model proposed, turn by turn, and the rewards that the original worlds gave."""

import json
import logging
import lzma
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from priors.intercode.actions import Language, command
from slinvit.errors import InputError

_log = logging.getLogger(__name__)

SUFFIXES = (".jsonl", ".jsonl.xz", ".json")
NAMES = "ic_KIND_multiturn_MODEL_N_turns, ic_KIND_react_N_turns, ic_KIND_plan_solve[_refine_N_turns], KIND sql or bash"
BLOCKED = "blocked"
"""What the original log holds where the model gave no answer."""

_NAME = re.compile(
    r"(?:ic_)?(?P<kind>sql|bash)_(?:"
    r"multiturn_(?P<model>.+?)[-_](?P<turns>\d+)_turns(?P<handicap>_handicap)?"
    r"|react_(?P<react>\d+)_turns"
    r"|plan_solve(?:_refine_(?P<refine>\d+)_turns)?)"
    r"(?:_fs_\d+)?"
)
_MODEL = "gpt-3.5"
"""Whose runs the published files are that do not name a model."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file of trajectories, as far as its name tells.

    Attributes:
        file: its name.
        language: of the commands.
        model: that proposed them.
        protocol: ``single`` (one turn), ``try_again``, ``react``, ``plan_solve`` or ``plan_solve_refine``.
        turns: most turns, of a refinement those after the plan; ``None`` where only the plan sets them.
        schema: the tables were shown with the question.
        reward_seen: rewards steered what was proposed later, or when the proposals ended.
        aligned: rewards and flags are lists by turn; not so in the published plan-and-solve on SQL.
    """

    file: str
    language: Language
    model: str
    protocol: str
    turns: int | None
    schema: bool
    reward_seen: bool
    aligned: bool

    @classmethod
    def of(cls, path: Path) -> "Source":
        """Return what the name of ``path`` tells; raises ``InputError`` where it is none of the known forms."""
        stem = _stem(path)
        found = _NAME.fullmatch(stem or "")
        if found is None:
            raise InputError(
                f"{path.name} is not named like recorded trajectories: {NAMES}; with {', '.join(SUFFIXES)}"
            )
        language: Language = "sql" if found["kind"] == "sql" else "bash"
        if found["model"]:
            turns = int(found["turns"])
            protocol = "single" if turns == 1 else "try_again"
            model, schema = found["model"], bool(found["handicap"])
            return cls(path.name, language, model, protocol, turns, schema, turns > 1, True)
        if found["react"]:
            return cls(path.name, language, _MODEL, "react", int(found["react"]), False, False, True)
        refine = int(found["refine"]) if found["refine"] else None
        protocol = "plan_solve" if refine is None else "plan_solve_refine"
        aligned = language == "bash" or refine is not None
        return cls(path.name, language, _MODEL, protocol, refine, False, refine is not None, aligned)

    @property
    def free_turns(self) -> int | None:
        """How many turns from the start no reward could steer; ``None``: all.

        One of try-again. None of a plan with refinement, which goes on until the reward is 1: where the plan ends is
        not recorded, and a count of turns from the end would tell how soon it was right.
        """
        return {"try_again": 1, "plan_solve_refine": 0}.get(self.protocol)


@dataclass(frozen=True, slots=True)
class Trajectory:
    """One recorded episode.

    Attributes:
        source: where it comes from.
        query: the question in words; tasks are known by it.
        raw: what was recorded as the action of each turn.
        rewards: by turn, as recorded.
        valid: by turn, whether the original world executed the action; ``None`` where that was not recorded by turn.
    """

    source: Source
    query: str
    raw: tuple[str, ...]
    rewards: tuple[float, ...]
    valid: tuple[bool | None, ...]

    @property
    def file(self) -> str:
        """Name of the file."""
        return self.source.file

    @property
    def model(self) -> str:
        """Name of the model."""
        return self.source.model

    @property
    def protocol(self) -> str:
        """Name of the protocol."""
        return self.source.protocol

    @property
    def actions(self) -> tuple[str | None, ...]:
        """The command of each turn, ``submit`` or ``skip``; ``None`` where the model wrote no command."""
        return self._cleaned(None)

    def free(self) -> tuple[str | None, ...]:
        """Return the actions of the turns that no reward could steer; see :attr:`Source.free_turns`."""
        return self._cleaned(self.source.free_turns)

    def _cleaned(self, turns: int | None) -> tuple[str | None, ...]:
        language = self.source.language
        return tuple(None if text == BLOCKED else command(text, language) for text in self.raw[:turns])


def read(path: Path) -> tuple[Trajectory, ...]:
    """Return the trajectories in a file, or in all files of a folder and the folders below it that are named like some.

    Args:
        path: ``.jsonl`` or ``.jsonl.xz`` with one record (query, actions, rewards, valid) per line, ``.json`` as the
            original experiments write it, or a folder.

    Raises:
        InputError: nothing there, a name that does not tell the protocol, or a record that cannot be read, with file
            and line.
    """
    listed = files(path)
    found = tuple(trajectory for file in listed for trajectory in read_file(file))
    if not found:
        raise InputError(f"{path} holds no trajectories: {', '.join(file.name for file in listed)} empty")
    return found


def files(path: Path) -> list[Path]:
    """Return the files of trajectories that ``path`` is or holds, sorted by name; raises ``InputError`` for none."""
    if path.is_file():
        Source.of(path)
        return [path]
    if not path.is_dir():
        raise InputError(f"{path} does not exist; expected a file or folder of trajectories ({', '.join(SUFFIXES)})")
    found = [file for file in path.rglob("*") if file.is_file() and (stem := _stem(file)) and _NAME.fullmatch(stem)]
    if not found:
        raise InputError(f"{path} holds no files that are named like recorded trajectories: {NAMES}")
    return sorted(found, key=lambda file: (file.name, str(file)))


def read_file(path: Path) -> tuple[Trajectory, ...]:
    """Return the trajectories in one file; none, with a note in the log, where it is empty; raises ``InputError``."""
    source = Source.of(path)
    try:
        content = path.read_bytes()
        text = (lzma.decompress(content) if path.suffix == ".xz" and content else content).decode()
    except (OSError, lzma.LZMAError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}") from error
    if not text.strip():
        _log.info("%s is empty: no trajectories", path)
    records = _official(path, text) if path.suffix == ".json" and text.strip() else _lines(path, text)
    return tuple(_trajectory(source, where, record) for where, record in records)


def _stem(path: Path) -> str | None:
    return next(
        (path.name.removesuffix(end) for end in sorted(SUFFIXES, reverse=True) if path.name.endswith(end)), None
    )


def _lines(path: Path, text: str) -> Iterator[tuple[str, Any]]:
    for number, line in enumerate(text.split("\n"), 1):  # other line ends may stand inside a text
        if line.strip():
            yield f"{path}, line {number}", _json(f"{path}, line {number}", line)


def _official(path: Path, text: str) -> Iterator[tuple[str, Any]]:
    """Yield the records of a log of the original experiments, with the fields of a turn history at the top."""
    content = _json(str(path), text)
    logs = content.get("logs", content) if isinstance(content, dict) else content
    if not isinstance(logs, dict):
        raise InputError(f"{path}: expected an object of records by number, found {type(logs).__name__}")
    for number, record in logs.items():
        where = f"{path}, record {number}"
        if not isinstance(record, dict) or not isinstance(history := record.get("turn_history"), dict):
            raise InputError(f"{where}: expected an object with query and turn_history")
        yield where, {**history, "valid": history.get("valid_action"), "query": record.get("query")}


def _json(where: str, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise InputError(f"{where}: no JSON: {error}") from error


def _trajectory(source: Source, where: str, record: Any) -> Trajectory:
    if not isinstance(record, Mapping) or not isinstance(query := record.get("query"), str):
        raise InputError(f"{where}: expected an object with query (a text), actions and rewards")
    actions = _list(where, record, "actions", str)
    rewards = _list(where, record, "rewards", (int, float))
    flags = None if record.get("valid") is None else _list(where, record, "valid", (bool, type(None)))
    if source.aligned:
        for count, what in ((len(rewards), "rewards"), (len(actions if flags is None else flags), "flags of validity")):
            if count != len(actions):
                raise InputError(f"{where}: {len(actions)} actions but {count} {what}")
    valid = flags if source.aligned and flags is not None else [None] * len(actions)
    return Trajectory(source, query, tuple(actions), tuple(map(float, rewards)), tuple(valid))


def _list(where: str, record: Mapping[str, Any], key: str, kind: type | tuple[type, ...]) -> list[Any]:
    values = record.get(key)
    if not isinstance(values, list) or not all(isinstance(value, kind) for value in values):
        raise InputError(f"{where}: {key} must be a list of {_WORDS[key]}")
    return values


_WORDS = {"actions": "texts", "rewards": "numbers", "valid": "true, false and null"}

__all__ = ["Source", "Trajectory", "files", "read", "read_file"]
