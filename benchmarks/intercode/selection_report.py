"""The table of the selection benchmark."""

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from statistics import fmean
from typing import Any

from agent.bench import oracles
from agent.compare import paired
from agent.episode import Episode
from agent.intervals import wilson_interval
from agent.report import total_ledger
from agent.runner import Run
from agent.scores import grade_of
from benchmarks.intercode.pools import FILES, Pool
from priors.intercode.trajectories import Trajectory, files, read_file

HEADER = (
    "| row | oracle | tasks | success | 95 % | non-empty gold | mean reward | recorded | LLM calls | sim steps | ms | "
    "only this : only baseline | p |\n|---|---|--:|--:|---|--:|--:|--:|--:|--:|--:|---|--:|\n"
)


def report(rows: Mapping[str, Run], *, baseline: str, recorded: Mapping[str, float]) -> list[dict[str, Any]]:
    """Return one row per run as JSON values; costs are per episode, p of exact McNemar tests against ``baseline``."""
    empty = _empty_golds(rows.values())
    return [_row(name, done, rows[baseline], empty, recorded.get(name)) for name, done in rows.items()]


def markdown(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the table."""
    return HEADER + "".join(_line(row) for row in rows)


def recorded_rates(chosen: Pool, folder: Path, judged: Run) -> dict[str, float]:
    """Return the share of our tasks on which each file had, where it was recorded, a reward of 1."""
    questions = {episode.goal for episode in judged.episodes}
    kind = chosen.env.removeprefix("intercode-")
    rates = {}
    for name in chosen.members:
        listed = [file for file in files(folder / kind) if fnmatchcase(file.name, FILES[chosen.env][name])]
        known = [each for file in listed for each in read_file(file) if each.query in questions]
        if all(each.source.aligned for each in known):
            rates[name if name not in chosen.whole else f"{name}, whole"] = fmean(map(_won, known))
    return rates


def _won(trajectory: Trajectory) -> bool:
    free = len(trajectory.free())
    return bool(free) and trajectory.rewards[free - 1] == 1


def _empty_golds(runs: Iterable[Run]) -> dict[str, bool]:
    found = {}
    for done in runs:
        for episode in done.episodes:
            grade = grade_of(episode)
            if grade is not None:
                found[episode.task] = bool(grade["empty_gold"])
    return found


def _row(name: str, done: Run, baseline: Run, empty: Mapping[str, bool], recorded: float | None) -> dict[str, Any]:
    episodes = done.episodes
    pair, spent = paired(done, baseline), total_ledger(episodes)
    count = max(len(episodes), 1)
    return {
        "name": name,
        "oracle": oracles(done.header),
        **_rate(episodes),
        "failed": len(done.failures),
        "nonempty": _rate([episode for episode in episodes if not empty[episode.task]]),
        "reward": fmean(episode.reward for episode in episodes),
        "recorded": recorded,
        "llm_calls": spent.llm_calls / count,
        "sim_steps": spent.sim_steps / count,
        "seconds": spent.seconds / count,
        "only_this": pair.only_this,
        "only_baseline": pair.only_baseline,
        "p": None if done is baseline else pair.p_value,
        "settings": {"prior": done.settings.prior, "planner": done.settings.planner, "value": done.settings.value},
    }


def _rate(episodes: Sequence[Episode]) -> dict[str, Any]:
    solved = sum(episode.solved for episode in episodes)
    return {
        "tasks": len(episodes),
        "successes": solved,
        "success": solved / max(len(episodes), 1),
        "ci95": list(wilson_interval(solved, len(episodes))) if episodes else None,
    }


def _line(row: Mapping[str, Any]) -> str:
    low, high = row["ci95"]
    rest = row["nonempty"]
    cells = (
        row["name"],
        ", ".join(row["oracle"]) or "no",
        row["tasks"],
        f"{row['success']:.3f}",
        f"{low:.3f}-{high:.3f}",
        f"{rest['success']:.3f} ({rest['successes']}/{rest['tasks']})",
        f"{row['reward']:.3f}",
        "" if row["recorded"] is None else f"{row['recorded']:.3f}",
        f"{row['llm_calls']:.1f}",
        f"{row['sim_steps']:.1f}",
        f"{row['seconds'] * 1000:.1f}",
        f"{row['only_this']} : {row['only_baseline']}",
        "" if row["p"] is None else f"{row['p']:.2g}",
    )
    return f"| {' | '.join(map(str, cells))} |\n"
