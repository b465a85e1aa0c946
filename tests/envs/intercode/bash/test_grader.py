"""Grading against agents that hide, break or slow down what is looked at, and gold commands that meet limits."""

import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from envs.intercode.bash import grader
from envs.intercode.bash.box import Box
from envs.intercode.bash.domain import LIMITS
from envs.intercode.bash.grader import BashGrader
from envs.intercode.bash.limits import MIB, Limits
from envs.intercode.bash.sandbox import Sandbox
from envs.intercode.bash.tree import Tree
from envs.intercode.bash.world import BashWorld
from envs.intercode.layout import BashSource
from envs.intercode.task import BASH, InterCodeTask
from slinvit.errors import EnvironmentFailure

TASK = InterCodeTask("bash-1-0001", BASH, "Do it", "true", "fs_1", BashSource(1, Path("tasks.json"), Path("tree")), 6)

TWO = "echo a > /work/n1.txt; echo b > /work/n2.txt"


class Bench:
    """An agent's place and a grader's."""

    def __init__(self, agent: Box, reference: Box) -> None:
        self._agent = agent
        self._reference = reference

    def details(self, gold: str, *actions: str) -> Any:
        """Return the details of the reward after ``actions``."""
        task = replace(TASK, gold=gold)
        world = BashWorld(task, lambda _: self._agent)
        state = world.reset()
        for action in actions:
            state = world.step(action).state
        return BashGrader(task, lambda: self._reference)(state).details


@pytest.fixture(scope="module")
def bench(small_tree: Tree) -> Iterator[Bench]:
    small = Limits(seconds=5, memory=128 * MIB, layer_bytes=16 * MIB, output_bytes=256 << 10)
    with closing(Sandbox(small_tree)) as agent, closing(Sandbox(small_tree, limits=small)) as reference:
        yield Bench(agent, reference)


def test_an_agent_without_a_shell_is_graded(bench: Bench) -> None:
    found = bench.details(TWO, TWO, "rm /bin")
    assert found["intercode"] == pytest.approx(1.0)
    assert found["corrected"] == pytest.approx(1.0)


@pytest.mark.parametrize("made", ["mkfifo /work/n1.txt", "ln -s /nowhere /work/n1.txt", "mkdir -p /work/n1.txt/x"])
def test_files_that_cannot_be_read_are_unequal_to_those_of_gold(bench: Bench, made: str) -> None:
    found = bench.details("echo a > /work/n1.txt", made)
    assert found["intercode"] < 1 - 0.25
    assert found["corrected"] < 1 - 0.25


def test_a_gold_file_that_cannot_be_read_is_a_failure_and_not_an_equality(bench: Bench) -> None:
    with pytest.raises(
        EnvironmentFailure, match=r"'bash-1-0001': after the gold command, md5sum work/n1.txt was ended"
    ):
        bench.details("ln -s /dev/zero /work/n1.txt", "ln -s /dev/zero /work/n1.txt")


def test_large_folders_are_compared_to_their_end(bench: Bench) -> None:
    made = "mkdir /work/many; cd /work/many; for i in $(seq 1200); do echo a > $i$(printf '%0100d' 0); done"
    right = bench.details(made, made)
    wrong = bench.details(made, made, "echo b > /work/many/1200*")
    assert (right["corrected"], wrong["corrected"]) == (pytest.approx(1.0), pytest.approx(0.67))


@pytest.mark.parametrize(
    ("gold", "reason"),
    [
        ("yes | head -c 300000; touch /work/after.txt", "wrote more than 262144 bytes"),
        ("perl -e '$x = chr(97) x (200 << 20); sleep 9'", "was ended at a limit of memory"),
        ("head -c 20000000 /dev/zero > /work/large", "was ended at a limit of memory"),
    ],
)
def test_a_gold_command_that_meets_a_limit_is_a_failure_with_task_and_limit(
    bench: Bench, gold: str, reason: str
) -> None:
    with pytest.raises(EnvironmentFailure, match=f"'bash-1-0001': the gold command {reason}"):
        bench.details(gold, "true")


def test_a_gold_command_has_a_time(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grader, "SECONDS", 0.3)
    with pytest.raises(EnvironmentFailure, match="the gold command did not end within"):
        bench.details("sleep 60", "true")


@pytest.fixture
def roomy(small_tree: Tree) -> Iterator[Bench]:
    """Places with the limits that agents and gold commands really have."""
    agent, reference = Sandbox(small_tree, limits=LIMITS), Sandbox(small_tree, limits=grader.GOLD_LIMITS)
    with closing(agent), closing(reference):
        yield Bench(agent, reference)


def test_gold_commands_may_write_more_than_agents(roomy: Bench) -> None:
    found = roomy.details("yes yes | head -c 5000000; touch /work/after.txt", "touch /work/after.txt")
    assert (found["file_diff"], found["answer_similarity"]) == (0.33, 0.0)


def test_agents_may_print_what_lists_of_a_whole_system_hold(roomy: Bench) -> None:
    listing = "yes yes | head -c 3000000"
    assert roomy.details(listing, listing)["corrected"] == pytest.approx(1.0)


@pytest.mark.parametrize("command", ["df /work", "df -i /work"])
def test_limits_that_commands_can_see_are_the_same_on_both_sides(roomy: Bench, command: str) -> None:
    assert roomy.details(command, command)["corrected"] == pytest.approx(1.0)


def test_a_gold_command_that_finds_no_space_is_a_failure(roomy: Bench) -> None:
    with pytest.raises(EnvironmentFailure, match="'bash-1-0001': the gold command filled the writable layer"):
        roomy.details("for i in 1 2 3; do head -c 30000000 /dev/zero > /work/$i; done", "true")


@pytest.mark.parametrize(
    "hide",
    [
        "git add -A; git -c user.email=a -c user.name=b commit -qm x",
        "git update-index --skip-worktree $(git ls-files)",
    ],
)
def test_changes_hidden_from_version_control_are_seen_in_the_corrected_variant_only(bench: Bench, hide: str) -> None:
    found = bench.details("echo hello", f"rm -r /work/sub; {hide}", "echo hello")
    assert found["intercode"] == pytest.approx(1.0)
    assert found["corrected"] < 1 - 0.3


def test_a_shell_that_sleeps_does_not_slow_down_grading(bench: Bench) -> None:
    sleeper = "printf '#!/usr/bin/perl\\nsleep 20;' > /bin/bash; chmod 755 /bin/bash"
    slow = f"rm /bin; mkdir /bin; ln -s /usr/bin/sh /bin/sh; {sleeper}"
    begun = time.monotonic()
    bench.details(TWO, f"{TWO}; {slow}")
    assert time.monotonic() - begun < 5


def test_broken_version_control_on_both_sides_hides_no_wrong_file(bench: Bench) -> None:
    found = bench.details("rm -rf /.git; echo right > /work/a.txt", "rm -rf /.git; echo wrong > /work/a.txt")
    assert found["status_unreadable"] is False
    assert found["corrected"] == pytest.approx(0.67)
