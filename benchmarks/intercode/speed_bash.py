"""How long the sandbox of InterCode-Bash takes: ``python -m benchmarks.intercode.speed_bash``.

Times are medians of wall time, beside the 95th percentile and the fastest; other work on the machine shows in the first
two, so the load average is written down too.
"""

import argparse
import json
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from benchmarks.intercode.replay import machine
from envs.intercode.bash.grader import BashGrader
from envs.intercode.bash.layers import Layer
from envs.intercode.bash.probe import provenance
from envs.intercode.bash.sandbox import Sandbox
from envs.intercode.bash.tree import Tree, prepare
from envs.intercode.bash.world import BashWorld
from envs.intercode.task import BASH, InterCodeTask

LISTING = ["/bin/bash", "-c", "ls -R /testbed /system /workspace"]
CHANGED = "find /testbed /system /workspace -name '*.txt' -exec sed -i s/a/b/ {} +"
EDIT = ["/bin/bash", "-c", f"mkdir /new; cp -r /testbed /system /workspace /new; {CHANGED}; rm -r /testbed/dir1"]
STATUS = ["/bin/bash", "-c", "git status --short;"]
RESET = ["/bin/bash", "-c", "git reset --hard; git clean -fd;"]

BARS = {"snapshot": 6.0, "branch with one command": 15.0, "rewarded turn": 20.0, "a command": 3.0}
"""Most milliseconds that issue 7 allows."""


def measure(tree: Tree, root: Path | None, repeats: int) -> dict[str, dict[str, float]]:
    """Return median, 95th percentile and minimum of each kind of work, in milliseconds."""
    found: dict[str, dict[str, float]] = {}

    def clock(name: str, work: Callable[[], object], before: Callable[[], object] = lambda: None) -> None:
        times = []
        for _ in range(repeats):
            before()
            begun = time.perf_counter()
            work()
            times.append(1000 * (time.perf_counter() - begun))
        low, middle, high = np.percentile(times, (0, 50, 95))
        found[name] = {"median": float(middle), "p95": float(high), "fastest": float(low)}

    with Sandbox(tree, root=root) as agent, Sandbox(tree, root=root) as reference:
        clock("a command", lambda: agent.run(LISTING))
        clock("a program without a shell", lambda: agent.run(["/bin/true"]))
        clock("git status", lambda: agent.run(STATUS))
        agent.run(EDIT)
        layer = agent.snapshot()
        print(f"the layer that is kept and restored has {len(layer.entries)} entries, {layer.size} bytes\n")
        clock("snapshot", agent.snapshot, lambda: agent.run(["/bin/true"]))
        clock("restore", lambda: agent.restore(layer))
        clock("restore the beginning", lambda: agent.restore(None))
        clock("branch with one command", lambda: _branch(agent, layer))
        agent.restore(None)
        clock("rewarded turn", lambda: _turn(agent, reference, by_git=True))
        clock("rewarded turn, reference restored", lambda: _turn(agent, reference, by_git=False))
        clock("step and grade, gold run before", _stepped(agent, reference))
        clock("step and grade, gold run anew", _stepped(agent, reference, anew=True))
    clock("a fresh sandbox", lambda: Sandbox(tree, root=root).close())
    return found


def _branch(sandbox: Sandbox, layer: Layer) -> None:
    sandbox.restore(layer)
    sandbox.run(LISTING)


def _turn(agent: Sandbox, reference: Sandbox, *, by_git: bool) -> None:
    """The action, then what a reward needs: reset the reference, run gold in it, ask both what changed."""
    agent.run(LISTING)
    if by_git:
        reference.run(RESET)
    else:
        reference.restore(None)
    reference.run(LISTING)
    agent.run(STATUS)
    reference.run(STATUS)


def _stepped(agent: Sandbox, reference: Sandbox, *, anew: bool = False) -> Callable[[], object]:
    """Return a turn of the live world: the action, its snapshot, and its reward."""
    task = InterCodeTask("bash-1-0001", BASH, "List", LISTING[-1], "fs_1", None, horizon=10**9)
    world, grader = BashWorld(task, lambda _: agent), BashGrader(task, lambda: reference)
    world.reset()

    def turn() -> object:
        known = BashGrader(task, lambda: reference) if anew else grader
        return known(world.step(LISTING[-1]).state)

    turn()
    return turn


def main(argv: Sequence[str] | None = None) -> int:
    """Print a table and write JSON; 1 where a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("SLINVIT_DATA", "."), "intercode"))
    parser.add_argument("--tree", type=int, default=1, help="number of the file system")
    parser.add_argument("--root", type=Path, help="a root tree; without it this machine's system")
    parser.add_argument("--repeats", type=int, default=100)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args(argv)
    name = f"fs_{options.tree}"
    tree = prepare(name, options.data / "bash" / f"{name}.tar.xz", root=options.root)
    load = os.getloadavg()[0]
    found = measure(tree, options.root, options.repeats)
    print("| work | median ms | p95 ms | fastest ms | bar ms |\n|---|---|---|---|---|")
    for work, times in found.items():
        bar = f"{BARS[work]:g}" if work in BARS else ""
        print(f"| {work} | {times['median']:.2f} | {times['p95']:.2f} | {times['fastest']:.2f} | {bar} |")
    print(f"load average before: {load:.2f}")
    if options.out:
        facts = {
            "machine": machine(),
            "sandbox": dict(provenance(options.root)),
            "load": load,
            "repeats": options.repeats,
        }
        options.out.write_text(json.dumps({**facts, "milliseconds": found}, indent=1) + "\n", encoding="utf-8")
    return int(any(found[work]["median"] > bar for work, bar in BARS.items()))


if __name__ == "__main__":
    raise SystemExit(main())
