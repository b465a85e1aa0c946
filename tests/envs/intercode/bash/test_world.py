"""Commands in a shell as an episode, in a real sandbox."""

import pickle
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from envs.check import check_environment
from envs.intercode.answer import Answer, answer_of
from envs.intercode.bash.box import Box
from envs.intercode.bash.grader import BashGrader
from envs.intercode.bash.limits import Limits
from envs.intercode.bash.sandbox import Sandbox
from envs.intercode.bash.tree import Tree
from envs.intercode.bash.world import MALFORMED, TIMED_OUT, BashWorld
from envs.intercode.graded import GradingSimulator
from envs.intercode.layout import BashSource
from envs.intercode.task import BASH, InterCodeTask
from slinvit.budget import Budget
from slinvit.errors import EnvironmentFailure, SnapshotError
from slinvit.types import Snapshot, State

HARMLESS = (
    "ls",
    "cat a.txt",
    "cd work",
    "cd sub",
    "cd /",
    "echo more >> /work/a.txt",
    "rm /work/b.txt",
    "grep x a.txt",
)


def task(gold: str = "cat /work/a.txt", query: str = "Print alpha", horizon: int = 6) -> InterCodeTask:
    source = BashSource(1, Path("tasks.json"), Path("tree"))
    return InterCodeTask("bash-1-0001", BASH, query, gold, "fs_1", source, horizon)


@pytest.fixture(scope="module")
def make(small_tree: Tree, limits: Limits) -> Callable[[Any], Box]:
    return lambda _: Sandbox(small_tree, limits=limits)


@pytest.fixture(scope="module")
def shell(make: Callable[[Any], Box]) -> Iterator[BashWorld]:
    world = BashWorld(task(), make)
    yield world
    world.close()


@pytest.fixture
def world(shell: BashWorld) -> BashWorld:
    shell.reset()
    return shell


def said(world: BashWorld, *actions: str) -> str:
    """Return the observation after the last of ``actions``."""
    return [world.step(action).state.observation for action in actions][-1]


def answer(state: State) -> Answer:
    found = answer_of(state)
    assert found is not None
    return found


def test_an_episode_starts_in_the_root_without_an_answer(world: BashWorld) -> None:
    state = world.reset()
    assert state.observation == "File system: fs_1; working directory: /"
    assert answer_of(state) is None
    assert state.actions is None
    assert said(world, "pwd") == "/\n"


def test_files_persist_between_turns_and_variables_do_not(world: BashWorld) -> None:
    assert said(world, "echo new > /work/n.txt; X=1", "cat /work/n.txt; echo $X.") == "new\n.\n"


def test_double_quotes_vanish_on_the_way_to_the_shell(world: BashWorld) -> None:
    assert said(world, 'echo "one') == MALFORMED
    assert said(world, 'echo "one  two"') == "one\n"
    assert said(world, "echo 'one  two'") == "one  two\n"


def test_an_answer_knows_what_was_printed_and_what_changed(world: BashWorld) -> None:
    after = world.step("rm /work/b.txt; mkdir /work/x; touch /work/x/y '/work/t w'; ls /work/sub").state
    found = answer(after)
    assert (found.ok, found.text) == (True, "c.txt\ndeep\n")
    assert sorted(found.changed) == ["work/b.txt", "work/t w", "work/x/"]


def test_an_exit_code_other_than_zero_is_not_ok(world: BashWorld) -> None:
    transition = world.step("grep nothing /work/a.txt")
    assert (transition.valid, answer(transition.state).ok, transition.state.observation) == (False, False, "")
    assert "not found" in said(world, "hand me the moon")


def test_a_change_of_directory_holds_for_the_next_commands(world: BashWorld) -> None:
    assert said(world, "cd work", "cd sub/./deep/..", "pwd") == "/work/sub\n"
    assert said(world, "cd ../..", "pwd") == "/\n"


def test_a_change_to_nowhere_stays(world: BashWorld) -> None:
    assert "No such file" in said(world, "cd work", "cd nowhere")
    assert said(world, "pwd") == "/work\n"
    assert said(world, "cd") == MALFORMED


def test_a_change_followed_by_a_command_leads_where_nothing_runs(world: BashWorld) -> None:
    assert said(world, "cd /work && ls") == "a.txt\nb.txt\nsub\n"
    transition = world.step("ls")
    assert transition.valid is False
    assert 'chdir to cwd ("/work && ls")' in transition.state.observation


def test_a_removed_working_directory_is_one_where_nothing_runs(world: BashWorld) -> None:
    assert "chdir to cwd" in said(world, "cd work/sub", "rm -r /work/sub", "ls")


def test_output_that_is_no_text_is_a_malformed_command(world: BashWorld) -> None:
    transition = world.step("printf '\\377\\376'")
    assert (transition.state.observation, transition.valid) == (MALFORMED, False)


def test_a_command_that_does_not_end_is_ended(make: Callable[[Any], Box]) -> None:
    world = BashWorld(task(), make, seconds=0.3)
    try:
        world.reset()
        assert said(world, "echo kept > /work/k; sleep 60") == TIMED_OUT
        assert said(world, "cat /work/k") == "kept\n"
    finally:
        world.close()


def test_endless_output_is_cut_and_not_ok(world: BashWorld, limits: Limits) -> None:
    transition = world.step("yes")
    assert len(transition.state.observation) <= limits.output_bytes
    assert transition.valid is False


@pytest.mark.parametrize("action", ["submit", "submit now", "skip"])
def test_submitting_and_skipping_end_the_episode(world: BashWorld, action: str) -> None:
    before = world.step("cat /work/a.txt").state
    after = world.step(action).state
    assert (after.terminal, after.truncated, after.solved) == (True, False, False)
    assert after.observation == ("skipped" if action == "skip" else "alpha\n")
    assert answer(after) == answer(before)
    assert after.key != before.key
    with pytest.raises(EnvironmentFailure, match="the episode is over"):
        world.step("ls")


def test_submitting_without_a_command_hands_in_the_question(world: BashWorld) -> None:
    assert said(world, "submit") == "Print alpha"


def test_the_horizon_truncates(world: BashWorld) -> None:
    states = [world.step("true").state for _ in range(6)]
    assert [state.truncated for state in states] == [False] * 5 + [True]


def test_answers_that_differ_only_in_the_order_of_lines_have_one_signature(world: BashWorld) -> None:
    first = world.reset()
    signatures = []
    for action in ("printf 'one\\ntwo\\n'", "printf 'two\\none\\n'", "printf 'two\\n'", "touch /work/one"):
        world.restore(first)
        signatures.append(answer(world.step(action).state).signature)
    assert signatures[0] == signatures[1]
    assert len(set(signatures)) == 3


def test_a_state_is_continued_from_in_another_sandbox_after_pickling(
    world: BashWorld, make: Callable[[Any], Box]
) -> None:
    middle = world.step("cd work").state
    expected = world.step("echo more >> a.txt; cat a.txt")
    other = BashWorld(task(), make)
    try:
        assert other.restore(pickle.loads(pickle.dumps(middle))) == middle
        assert other.step("echo more >> a.txt; cat a.txt") == expected
    finally:
        other.close()


@pytest.mark.parametrize(
    ("note", "look"),
    [
        ("mkdir -p /.git/logs; echo here > /.git/logs/note", "cat /.git/logs/note"),
        ("echo here > /.git/logs_note", "cat /.git/logs_note"),
        ("touch -d 2001-01-01 /work/sub", "stat -c %y /work/sub"),
        ("touch -d 2001-01-01 /work/a.txt", "stat -c %y /work/a.txt"),
    ],
)
def test_a_branch_sees_nothing_of_another_even_where_their_keys_are_equal(
    world: BashWorld, note: str, look: str
) -> None:
    start = world.reset()
    expected = world.step(look).state.observation
    world.restore(start)
    noted = world.step(note).state
    seen = world.step(look).state.observation
    assert seen != expected
    world.restore(start)
    assert world.step(look).state.observation == expected
    world.restore(noted)
    assert world.step(look).state.observation == seen


def test_asking_for_changes_runs_nothing_that_a_command_has_set_up(world: BashWorld) -> None:
    hook = "printf '#!/bin/sh\\ntouch /work/hooked\\n' > /work/hook; chmod 755 /work/hook"
    after = world.step(
        f"{hook}; git config core.fsmonitor /work/hook; mkdir -p /.git/hooks; cp /work/hook /.git/hooks"
    ).state
    assert answer(after).changed == ("work/hook",)
    assert said(world, "ls /work/hooked").startswith("ls: cannot access")


@pytest.mark.parametrize("snapshot", [None, Snapshot("elsewhere", None), Snapshot("elsewhere", object())])
def test_a_state_without_a_snapshot_of_a_shell_is_refused(world: BashWorld, snapshot: Snapshot | None) -> None:
    state = world.step("ls").state
    with pytest.raises(SnapshotError, match="bash-1-0001"):
        world.restore(replace(state, snapshot=snapshot))
    assert world.step("pwd").state.observation == "/\n"


def test_a_state_of_another_task_is_refused(world: BashWorld, make: Callable[[Any], Box]) -> None:
    other = BashWorld(replace(task(), id="bash-1-0002"), make)
    try:
        with pytest.raises(SnapshotError, match="bash-1-0002"):
            world.restore(other.reset())
    finally:
        other.close()


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.sampled_from(HARMLESS), min_size=8, max_size=8))
def test_branching_leaves_the_live_episode_and_every_branch_untouched(
    make: Callable[[Any], Box], small_tree: Tree, actions: list[str]
) -> None:
    live = BashWorld(task(), make)
    box: list[Box] = []

    def grading() -> Box:
        box.extend([] if box else [make(None)])
        return box[0]

    model = GradingSimulator(lambda: BashWorld(task(), make), BashGrader(task(), grading))
    try:
        start = live.reset()
        state = live.step("cd work").state
        once = model.step([state] * 8, actions, budget=Budget())
        again = model.step([state] * 8, actions[::-1], budget=Budget())[::-1]
        assert once == again
        reward = model.grade([start, state], budget=Budget())
        assert np.array_equal(reward, model.grade([start, state], budget=Budget()))
        assert live.step(actions[0]) == once[0]
    finally:
        live.close()
        model.close()
        for each in box:
            each.close()


@pytest.mark.parametrize("gold", ["cat /work/a.txt"])
def test_every_law_of_environments_holds(make: Callable[[Any], Box], gold: str) -> None:
    worlds: list[BashWorld] = []

    def made() -> BashWorld:
        worlds.append(BashWorld(task(gold, horizon=5), make))
        return worlds[-1]

    def choose(state: State, rng: np.random.Generator) -> str:
        return HARMLESS[int(rng.integers(len(HARMLESS)))]

    try:
        laws = check_environment(made, choose=choose, steps=4)
    finally:
        for world in worlds:
            world.close()
    assert {"determinism", "snapshots", "agreement", "isolation"} <= set(laws)
