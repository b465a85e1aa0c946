import pickle
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from envs.intercode.bash.inside.files import Entry, pack, unpack
from envs.intercode.bash.inside.index import content
from envs.intercode.bash.layers import Layer, merged
from envs.intercode.bash.sandbox import Sandbox
from envs.intercode.bash.tree import Tree
from slinvit.errors import SnapshotError

PATHS = ("/work/a.txt", "/work/new", "/work/sub", "/work/sub/c.txt", "/tmp/x", "/etc/y", "/work/sub/deep")
COMMANDS = st.one_of(
    st.builds("echo {1} >> {0}".format, st.sampled_from(PATHS), st.integers(0, 99)),
    st.builds("rm -rf {}".format, st.sampled_from(PATHS)),
    st.builds("mkdir -p {}".format, st.sampled_from(PATHS)),
    st.builds("mv {} {}".format, st.sampled_from(PATHS), st.sampled_from(PATHS)),
    st.builds("cp -r {} {}".format, st.sampled_from(PATHS), st.sampled_from(PATHS)),
    st.builds("ln -sf {} {}".format, st.sampled_from(PATHS), st.sampled_from(PATHS)),
    st.builds("ln {} {}".format, st.sampled_from(PATHS), st.sampled_from(PATHS)),
    st.builds("chmod {1:o} {0}".format, st.sampled_from(PATHS), st.integers(0, 0o7777)),
    st.builds("touch {}".format, st.sampled_from(PATHS)),
    st.builds("mkfifo {}".format, st.sampled_from(PATHS)),
    st.sampled_from(["cd / && git add -A", "cd / && git stash", "cd / && git commit -qam x", "cd / && git status"]),
)
LISTING = (
    "find /work /tmp /etc/y -printf '%y %m %p %l %T@\\n' 2>&1 | sort; find /work /tmp -type f -exec cat {} + ;"
    " git -C / status --short"
)
FEW = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def look(sandbox: Sandbox) -> bytes:
    return sandbox.run(["/bin/bash", "-c", LISTING], seconds=2).data


def do(sandbox: Sandbox, commands: list[str]) -> None:
    sandbox.run(["/bin/bash", "-c", "; ".join(commands)], seconds=0.5)


@FEW
@given(st.lists(COMMANDS, max_size=4), st.lists(st.lists(COMMANDS, min_size=1, max_size=3), min_size=8, max_size=8))
def test_branching_eight_ways_leaves_every_branch_and_the_live_one_untouched(
    sandbox: Sandbox, small_tree: Tree, before: list[str], branches: list[list[str]]
) -> None:
    sandbox.restore(None)
    do(sandbox, before)
    start, live = sandbox.snapshot(), look(sandbox)
    with Sandbox(small_tree) as model:
        layers, seen = [], []
        for commands in branches:
            model.restore(start)
            do(model, commands)
            layers.append(model.snapshot())
            seen.append(look(model))
        for layer, expected in zip(layers, seen, strict=True):
            model.restore(layer)
            assert model.snapshot().key == layer.key
            assert look(model) == expected
    assert look(sandbox) == live
    assert sandbox.snapshot().key == start.key


@FEW
@given(st.lists(COMMANDS, min_size=1, max_size=6))
def test_a_snapshot_taken_apart_and_put_together_is_the_same(sandbox: Sandbox, commands: list[str]) -> None:
    sandbox.restore(None)
    do(sandbox, commands)
    layer = sandbox.snapshot()
    rows, data = pack(layer.entries)
    assert tuple(unpack(rows, data)) == layer.entries
    assert pickle.loads(pickle.dumps(layer)) == layer
    sandbox.restore(layer)
    do(sandbox, ["true"])
    again = sandbox.snapshot()
    assert again.key == layer.key
    assert {e.path: e.time for e in again.entries if e.kind == "f" and not e.path.startswith(".git")} == {
        e.path: e.time for e in layer.entries if e.kind == "f" and not e.path.startswith(".git")
    }


def test_the_key_sees_content_and_not_how_it_came_about(sandbox: Sandbox) -> None:
    begin = sandbox.snapshot().key
    keys = {}
    for name, commands in {
        "touched": ["touch /work/a.txt", "cd /; git status"],
        "rewritten": ["echo alpha > /work/a.txt"],
        "there and back": [
            "mv /work/a.txt /tmp/a",
            "mv /tmp/a /work/a.txt",
            "rm -r /work/sub",
            "cd /",
            "git reset --hard",
        ],
        "changed": ["echo other > /work/a.txt"],
        "changed otherwise": ["cp /work/b.txt /work/a.txt", "echo other > /work/a.txt"],
        "mode": ["chmod 600 /work/a.txt"],
        "staged": ["echo other > /work/a.txt", "cd /", "git add work/a.txt"],
        "removed": ["rm /work/a.txt"],
        "empty folder": ["mkdir /work/empty"],
    }.items():
        sandbox.restore(None)
        do(sandbox, commands)
        keys[name] = sandbox.snapshot().key
    assert keys["touched"] == keys["rewritten"] == keys["there and back"] == begin
    assert keys["changed"] == keys["changed otherwise"]
    assert len({begin, *keys.values()}) == 6


def test_file_times_survive_a_restore(sandbox: Sandbox) -> None:
    do(sandbox, ["touch -d 2001-02-03 /work/a.txt /work/sub", "echo x > /work/n", "touch -d 2002-02-03 /work/n"])
    stat = ["stat", "-c", "%y %n", "/work/a.txt", "/work/sub", "/work/n"]
    before = sandbox.run(stat).data
    sandbox.restore(sandbox.snapshot())
    assert sandbox.run(stat).data == before
    assert before.count(b"2001-02-03") == 2


@pytest.mark.parametrize("path", ["no/such/folder/file", "proc/x", "dev/x"])
def test_a_layer_that_does_not_fit_is_refused_and_the_sandbox_lives(sandbox: Sandbox, path: str) -> None:
    with pytest.raises(SnapshotError, match="file system small: the layer cannot be restored"):
        sandbox.restore(Layer((Entry(path, "f", 0o644, 0, b"x"),)))
    assert sandbox.run(["cat", "/work/a.txt"]).data == b"alpha\n"


def test_a_layer_too_large_for_the_limits_is_refused(sandbox: Sandbox) -> None:
    large = Layer((Entry("work/large", "f", 0o644, 0, bytes(sandbox.limits.layer_bytes + 1)),))
    with pytest.raises(SnapshotError, match=r"No space left|File too large"):
        sandbox.restore(large)


def test_an_index_reads_the_same_after_its_files_were_touched(tmp_path: Path) -> None:
    def git(*argv: str) -> bytes:
        return subprocess.run(["git", *argv], cwd=tmp_path, check=True, capture_output=True).stdout

    git("init", "-q")
    (tmp_path / "a").write_text("a")
    (tmp_path / ("long" * 30)).write_text("b")
    git("add", "-A")
    index = tmp_path / ".git" / "index"
    first = index.read_bytes()
    shutil.copy2(tmp_path / "a", tmp_path / "b")
    (tmp_path / "b").rename(tmp_path / "a")
    time.sleep(0.01)
    (tmp_path / "a").touch()
    git("status")
    second = index.read_bytes()
    assert first != second
    assert content(first) == content(second)
    assert content(first).count(b"\0") == 1
    (tmp_path / "a").write_text("c")
    git("add", "-A")
    assert content(index.read_bytes()) != content(first)


def test_what_is_no_index_stays_as_it_is() -> None:
    for data in (b"", b"text", b"DIRC\0\0\0\x02\0\0\0\x09", b"DIRC\0\0\0\x04\0\0\0\x00"):
        assert content(data) == data


def test_a_merged_tree_is_the_lower_one_with_the_changes_made() -> None:
    lower = [
        Entry("d", "d", 0o755),
        Entry("d/a", "f", 0o644, 1, b"a"),
        Entry("d/b", "f", 0o644, 1, b"b"),
        Entry("e", "d", 0o755),
    ]
    upper = [
        Entry("d", "t", 0, 7),
        Entry("d/a", "x"),
        Entry("d/b", "t", 0, 5),
        Entry("d/c", "f", 0o600, 2, b"c"),
        Entry("e", "f", 0o644, 3, b"e"),
    ]
    assert merged(lower, upper) == (
        Entry("d", "d", 0o755, 7),
        Entry("d/b", "f", 0o644, 5, b"b"),
        Entry("d/c", "f", 0o600, 2, b"c"),
        Entry("e", "f", 0o644, 3, b"e"),
    )
