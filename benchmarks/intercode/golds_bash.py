"""Do gold commands of InterCode-Bash work here? Exit codes, outcomes as digests, rewards of right and wrong actions.

    python -m benchmarks.intercode.golds_bash --root FOLDER --out golds_bash.json

That gold equals gold proves nothing where every command fails in the same way; so outcomes are printed as digests, to
be compared between systems and with those stored in the tests.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from hashlib import md5
from itertools import groupby
from pathlib import Path
from typing import Any

from benchmarks.intercode.replay import machine
from benchmarks.intercode.self_contained import classes
from envs.intercode.bash.box import Box
from envs.intercode.bash.domain import LIMITS
from envs.intercode.bash.grader import GOLD_LIMITS, BashGrader, gold_output, gold_status
from envs.intercode.bash.sandbox import Sandbox
from envs.intercode.bash.tasks import load
from envs.intercode.bash.tree import Tree
from envs.intercode.bash.trees import tree_of
from envs.intercode.bash.world import BashWorld
from envs.intercode.graded import SOLVED
from envs.intercode.task import InterCodeTask

WRONG = ("true", "echo something else entirely", "touch /wrong.txt", "cat /nowhere", "ls /")
"""Actions that answer no question; the gold command of the next task is one more."""


def outcome(box: Box, task: InterCodeTask) -> dict[str, Any]:
    """Return what the gold command of ``task`` does in a clean file system, with digests of its output and changes."""
    box.restore(None)
    output = gold_output(box, task)
    if output is None:
        return {"code": None, "output": None, "status": None}
    status, _ = gold_status(box, task)
    return {"code": output.code, "output": _digest(output.data), "status": _digest(status.encode())}


def rewards(world: BashWorld, grader: BashGrader, actions: Sequence[str]) -> list[Mapping[str, Any]]:
    """Return the details of the reward of each action as the only one of an episode."""
    found = []
    for action in actions:
        world.reset()
        found.append(grader(world.step(action).state).details)
    return found


def measure(tasks: Sequence[InterCodeTask], root: Path | None) -> Iterator[dict[str, Any]]:
    """Yield the outcome and rewards of each task."""
    for _, group in groupby(tasks, key=lambda task: task.place):
        here = list(group)
        tree = tree_of(here[0].source, root)
        with closing(Sandbox(tree, root=root, limits=LIMITS)) as agent, _reference(tree, root) as reference:
            for number, task in enumerate(here):
                grader = BashGrader(task, lambda box=reference: box)  # type: ignore[misc]
                actions = (task.gold, *WRONG, here[(number + 1) % len(here)].gold)
                right, *wrong = rewards(BashWorld(task, lambda _, box=agent: box), grader, actions)  # type: ignore[misc]
                yield {
                    "id": task.id,
                    "gold": task.gold,
                    "classes": classes(task.gold),
                    **outcome(reference, task),
                    "reward": right["intercode"],
                    "empty_gold": right["empty_gold"],
                    "wrong": [each["intercode"] for each in wrong],
                    "wrong_corrected": [each["corrected"] for each in wrong],
                }


def _reference(tree: Tree, root: Path | None) -> closing[Sandbox]:
    return closing(Sandbox(tree, root=root, limits=GOLD_LIMITS))


def show(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the counts, tasks with an empty gold outcome apart."""
    lines = ["| tasks | gold earns 1 | gold exits with 0 | wrong actions earn 1 | corrected | wrong actions |"]
    lines.append("| --- " * 6 + "|")
    for name, empty in (("all", (True, False)), ("empty gold", (True,)), ("the others", (False,))):
        some = [row for row in rows if row["empty_gold"] in empty]
        wrong = sum(reward >= SOLVED for row in some for reward in row["wrong"])
        corrected = sum(reward >= SOLVED for row in some for reward in row["wrong_corrected"])
        right, codes = sum(row["reward"] >= SOLVED for row in some), sum(row["code"] == 0 for row in some)
        count = sum(len(row["wrong"]) for row in some)
        lines.append(f"| {name}: {len(some)} | {right} | {codes} | {wrong} | {corrected} | {count} |")
    failing = [f"{row['id']} exits with {row['code']}: {row['gold']}" for row in rows if row["code"] != 0]
    unequal = [f"{row['id']} earns {row['reward']:.2f}: {row['gold']}" for row in rows if row["reward"] < SOLVED]
    return "\n".join([*lines, "", *failing, *unequal])


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = Path(os.environ.get("SLINVIT_DATA", ".")) / "intercode"
    parser.add_argument("--data", default=str(default), help="tasks, as --tasks of slinvit run takes them")
    parser.add_argument("--root", type=Path, help="system below the sandboxes; by default the host's")
    parser.add_argument("--out", type=Path, help="write everything as JSON")
    given = parser.parse_args(argv)
    rows = list(measure(load(given.data), given.root))
    print(show(rows))
    if given.out:
        given.out.write_text(
            json.dumps({"machine": machine(), "root": str(given.root or "host"), "golds": rows}, indent=1)
        )
    return 0


def _digest(data: bytes) -> str:
    return md5(data, usedforsecurity=False).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
