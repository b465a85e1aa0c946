"""What both replays share: turns side by side, shares of equal ones, classes of differences, tables."""

import json
import platform
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

TOLERANCE = 0.01 + 1e-9
"""Rewards were recorded with two decimals."""

HEADER = ("file", "turns", "equal", "all", "nz turns", "nz", "tasks", "maxima", "valid")


@dataclass(frozen=True, slots=True)
class Turn:
    """One recorded turn and what became of it here.

    Attributes:
        file: name of the recording.
        task: id of the task.
        number: of the turn, from 1.
        action: the recorded text.
        gold: the gold command.
        recorded: reward.
        ours: reward.
        recorded_valid: whether the original executed it; ``None`` where that is not recorded for this turn.
        valid: whether it was executed here.
        group: class of the difference; empty where the rewards are equal.
        note: an error message, or what else explains the reward.
    """

    file: str
    task: str
    number: int
    action: str
    gold: str
    recorded: float
    ours: float
    recorded_valid: bool | None
    valid: bool
    group: str = ""
    note: str = ""

    @property
    def equal(self) -> bool:
        """Whether both rewards agree to 0.01."""
        return abs(self.recorded - self.ours) <= TOLERANCE

    @property
    def nonzero(self) -> bool:
        """Whether either reward is not 0: the turns that say something."""
        return bool(self.recorded or self.ours)


def summary(turns: Sequence[Turn]) -> dict[str, Any]:
    """Return counts and shares: of turns, of turns where either side is nonzero, of task maxima, of ``valid``."""
    nonzero = [turn for turn in turns if turn.nonzero]
    flagged = [turn for turn in turns if turn.recorded_valid is not None]
    best: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for turn in turns:
        best[turn.task].append((turn.recorded, turn.ours))
    maxima = [abs(max(r for r, _ in pairs) - max(o for _, o in pairs)) <= TOLERANCE for pairs in best.values()]
    return {
        "turns": len(turns),
        "equal": sum(turn.equal for turn in turns),
        "all": _share(sum(turn.equal for turn in turns), len(turns)),
        "nz_turns": len(nonzero),
        "nz_equal": sum(turn.equal for turn in nonzero),
        "nz": _share(sum(turn.equal for turn in nonzero), len(nonzero)),
        "tasks": len(best),
        "maxima_equal": sum(maxima),
        "maxima": _share(sum(maxima), len(maxima)),
        "valid_turns": len(flagged),
        "valid": _share(sum(turn.recorded_valid == turn.valid for turn in flagged), len(flagged)),
    }


def classes(turns: Sequence[Turn]) -> dict[str, int]:
    """Return how often each class of difference occurs, most frequent first."""
    return dict(Counter(turn.group for turn in turns if not turn.equal).most_common())


def table(summaries: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the summaries as a Markdown table, a row per file."""
    keys = ("turns", "equal", "all", "nz_turns", "nz", "tasks", "maxima", "valid")
    rows = [HEADER, tuple("---" for _ in HEADER)]
    rows += [(name, *(_cell(each[key]) for key in keys)) for name, each in summaries.items()]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def write(path: Path, content: Mapping[str, Any], differences: Sequence[Turn]) -> None:
    """Write results, machine and every difference as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = {"machine": machine(), **content, "differences": [asdict(turn) for turn in differences]}
    path.write_text(json.dumps(text, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def machine() -> dict[str, str]:
    """Return what the numbers were made with."""
    return {
        "machine": platform.machine(),
        "system": platform.platform(),
        "python": platform.python_version(),
        **{package: version(package) for package in ("slinvit", "numpy", "scipy", "sqlglot")},
    }


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{100 * value:.2f} %" if isinstance(value, float) else str(value)
