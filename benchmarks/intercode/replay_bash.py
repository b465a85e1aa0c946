"""Conformance of InterCode-Bash: recorded actions are repeated turn by turn, and rewards compared.

    python -m benchmarks.intercode.replay_bash --root FOLDER --out replay_bash.json

The original ran each list of tasks in two containers that lived on from task to task; so does the replay. Which turns
are self-contained is decided by ``benchmarks.intercode.self_contained``, from the texts alone.
"""

import argparse
import os
import re
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from itertools import groupby
from pathlib import Path
from typing import Any

from benchmarks.intercode.recordings import graded_turns, matched, recordings
from benchmarks.intercode.replay import Turn, classes, summary, table, write
from benchmarks.intercode.self_contained import of_turn
from envs.intercode.bash.box import Box
from envs.intercode.bash.domain import LIMITS
from envs.intercode.bash.grader import GOLD_LIMITS, gold_status, gold_text
from envs.intercode.bash.rewards import Effects, Side, grade
from envs.intercode.bash.sandbox import Sandbox
from envs.intercode.bash.sides import Live, Reference
from envs.intercode.bash.status import RESET, status_of
from envs.intercode.bash.tasks import read_tasks
from envs.intercode.bash.trees import tree_of
from envs.intercode.bash.world import SECONDS, execute
from envs.intercode.graded import Grade, is_skip, is_submit
from envs.intercode.layout import BashSource, find
from envs.intercode.task import HORIZON, InterCodeTask
from priors.intercode.trajectories import BLOCKED, Trajectory
from slinvit.errors import InputError

RECORDED = 1685404800.0
"""30 May 2023, 0:00 UTC, in seconds: about when was recorded; file times are set as far back from now."""

OLDER = "gpt-3.5"
"""The model that was recorded on an older revision of the tasks: replayed and shown, not part of the totals."""

ELSEWHERE: Mapping[str, tuple[int, int]] = {"ic_bash_react_10_turns_fs_2": (53, 1), "ic_bash_plan_solve_fs_2": (32, 1)}
"""Files recorded, up to the task of this number, in another file system than their name says: the recordings tell it
themselves, every command finds no /system. Which one it was they do not tell; the first is as good as the third."""

TOTAL = "all but gpt-3.5"

ALONE = "self-contained"
"""Group of a turn that any machine can repeat; other turns are grouped by why they are not."""


class Original:
    """The two places of the original, which live on from task to task.

    Args:
        agent: in which actions run.
        reference: in which gold commands run.

    Attributes:
        valid: whether the last command exited with 0; where none was executed the log repeated it, over tasks too.
    """

    def __init__(self, agent: Box, reference: Box) -> None:
        self._agent, self._reference = agent, reference
        self.valid = False
        for box in (agent, reference):
            # Once looked at, files count as unchanged; the first reset would else write them anew, with new times.
            box.run(("/bin/bash", "-c", "git status"))

    def begin(self, task: InterCodeTask) -> None:
        """Start a task: what version control knows of is reset, everything else stays."""
        self._agent.run(RESET)
        self._task, self._text, self.directory = task, task.query, "/"

    def execute(self, action: str) -> bool:
        """Execute one action and return whether it exited with 0."""
        ok, self._text, self.directory, _ = execute(self._agent, action, self.directory, SECONDS)
        return ok

    def reward(self) -> Grade:
        """Grade the last observation."""
        self._reference.run(RESET)
        gold = Effects(gold_text(self._reference, self._task), *gold_status(self._reference, self._task))
        found = Effects(self._text, *status_of(self._agent))
        wanted = Side(gold, Reference(Live(lambda: self._reference), self._task.id))
        return grade(Side(found, Live(lambda: self._agent)), wanted)


def executed(trajectory: Trajectory, raw: str) -> str | None:
    """Return the text that the original executed for a recorded action; ``None`` where it executed none.

    ReAct wrote ``execute[...]`` or ``submit``; the other protocols recorded what they executed, fences and all.
    """
    if raw == BLOCKED:
        return None
    if trajectory.protocol != "react" or raw == "submit":
        return raw
    found = re.search(r"execute\[(.*)\]", raw, re.DOTALL)
    return found[1] if found else None


def replay(trajectory: Trajectory, task: InterCodeTask, world: Original) -> Iterator[Turn]:
    """Yield the turns of one recorded episode beside ours; a submission belongs to the command whose output it is."""
    world.begin(task)
    graded = graded_turns(trajectory.source, trajectory.raw)
    command, where = "", "/"
    turns = zip(trajectory.raw, trajectory.rewards, trajectory.valid, graded, strict=True)
    for number, (raw, recorded, flag, wanted) in enumerate(turns, start=1):
        action = executed(trajectory, raw)
        ended = action is not None and (is_skip(action) or is_submit(action))
        if action is not None and not ended:
            command, where = action, world.directory
            world.valid = world.execute(action)
        elif ended and not _forced(trajectory, number):
            world.valid = True
        reward = world.reward() if action is not None and wanted and not is_skip(action) else Grade(0.0)
        group = "+".join(of_turn(command, where, task.gold)) or ALONE
        text = raw if where == "/" else f"[{where}] {raw}"
        note = " ".join(f"{name}={value}" for name, value in reward.details.items())
        valid = world.valid
        yield Turn(trajectory.file, task.id, number, text, task.gold, recorded, reward.reward, flag, valid, group, note)


def _forced(trajectory: Trajectory, number: int) -> bool:
    """Whether a submission was made for an agent without turns left: the log repeats the flag of the turn before."""
    return trajectory.protocol == "react" and number > (trajectory.source.turns or number)


def replay_file(
    pairs: Sequence[tuple[BashSource, InterCodeTask, Trajectory]], root: Path | None, shifted: bool
) -> list[Turn]:
    """Replay the episodes of one file one after the other, in the same two places per file system."""
    turns: list[Turn] = []
    for source, group in groupby(pairs, key=lambda pair: pair[0]):
        tree = tree_of(source, root)
        tree = tree.aged(RECORDED, time.time()) if shifted else tree
        with ExitStack() as stack:
            agent = stack.enter_context(closing(Sandbox(tree, root=root, limits=LIMITS)))
            reference = stack.enter_context(closing(Sandbox(tree, root=root, limits=GOLD_LIMITS)))
            world = Original(agent, reference)
            turns += [turn for _, task, trajectory in group for turn in replay(trajectory, task, world)]
    return turns


def placed(
    name: str, pairs: Sequence[tuple[InterCodeTask, Trajectory]], sources: Sequence[BashSource], *, named: bool = False
) -> list[tuple[BashSource, InterCodeTask, Trajectory]]:
    """Return the episodes of a file with the file system in which each was recorded, or with the one it is named."""
    last, number = (0, 0) if named else ELSEWHERE.get(name, (0, 0))
    other = next((source for source in sources if source.number == number), None)
    found = []
    for task, trajectory in pairs:
        position = int(task.id.rpartition("-")[2])
        found.append((other if other is not None and position <= last else task.source, task, trajectory))
    return found


def of_file(name: str, tasks: Sequence[InterCodeTask]) -> list[InterCodeTask]:
    """Return the tasks that a file may be about: those of the file system in its name, where there is one."""
    found = re.search(r"_fs_(\d+)$", name)
    return [task for task in tasks if found is None or task.facts["fs"] == int(found[1])]


def report(turns: Mapping[str, Sequence[Turn]], models: Mapping[str, str], given: argparse.Namespace) -> dict[str, Any]:
    """Print the tables and return what they hold."""
    totals = [turn for name, found in turns.items() if models[name] != OLDER for turn in found]
    parts = {**turns, TOTAL: totals}
    rows = {name: summary(found) for name, found in parts.items()}
    alone = {name: summary([turn for turn in found if turn.group == ALONE]) for name, found in parts.items()}
    unequal = classes(totals)
    print(f"All turns\n\n{table(rows)}\n\nSelf-contained turns\n\n{table(alone)}\n\nDifferences: {unequal}")
    facts = {"root": str(given.root or "host"), "times": given.times, "named": given.named}
    return {**facts, "files": rows, ALONE: alone, "differences_by_class": unequal}


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = Path(os.environ.get("SLINVIT_DATA", ".")) / "intercode"
    parser.add_argument("--data", type=Path, default=default, help="folder with tasks, trees and recorded/bash")
    parser.add_argument("--root", type=Path, help="system below the sandboxes; by default the host's")
    parser.add_argument("--files", default="*", help="replay only files whose names match one of these, joined by +")
    parser.add_argument("--times", choices=("shifted", "kept"), default="shifted", help="file times of the trees")
    parser.add_argument("--named", action="store_true", help="every file in the file system of its name")
    parser.add_argument("--out", type=Path, help="write counts and all differences as JSON")
    given = parser.parse_args(argv)
    sources = find(given.data).trees()
    tasks = [task for source in sources for task in read_tasks(source, HORIZON)]
    turns: dict[str, list[Turn]] = {}
    models: dict[str, str] = {}
    for name, trajectories in recordings(given.data / "recorded" / "bash", given.files.split("+")).items():
        if pairs := matched(of_file(name, tasks), trajectories):
            where = placed(name, pairs, sources, named=given.named)
            turns[name], models[name] = replay_file(where, given.root, given.times == "shifted"), trajectories[0].model
            print(f"{name}: {len(turns[name])} turns", file=sys.stderr)
    if not turns:
        raise InputError(f"no recorded turns of known tasks in files {given.files!r} of {given.data}")
    content = report(turns, models, given)
    if given.out:
        write(given.out, content, [turn for found in turns.values() for turn in found if not _same(turn)])
    return 0


def _same(turn: Turn) -> bool:
    return turn.equal and turn.recorded_valid in (None, turn.valid)


if __name__ == "__main__":
    sys.exit(main())
