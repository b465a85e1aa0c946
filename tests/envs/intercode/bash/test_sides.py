"""What files hold: from a layer as programs in the place would tell it."""

from hashlib import md5

import pytest

from envs.intercode.bash.inside.files import Entry
from envs.intercode.bash.layers import Layer
from envs.intercode.bash.sandbox import Sandbox
from envs.intercode.bash.sides import Files, Kept, Live, Reference, outputs_of
from envs.intercode.bash.tree import Tree
from slinvit.errors import EnvironmentFailure

MADE = (
    "cd /work; echo one > new.txt; ln new.txt other.txt; ln -s /work/new.txt link.txt; mkdir -p dir.d/sub;"
    " echo two > dir.d/sub/x.txt; echo three > 'two words.txt'; echo four > 'back\\slash.txt'; chmod 755 a.txt;"
    " touch b.txt"
)
PATHS = ("new.txt", "other.txt", "link.txt", "dir.d/", "dir.d/sub/x.txt", "two words.txt", "back\\slash.txt", "a.txt")


@pytest.fixture
def layer(sandbox: Sandbox) -> Layer:
    """Files, links and folders below /work."""
    assert sandbox.run(["/bin/bash", "-c", MADE]).code == 0
    return sandbox.snapshot()


@pytest.mark.parametrize("path", [*PATHS, "b.txt", "missing.txt"])
def test_checksums_from_a_layer_are_those_that_the_program_prints(sandbox: Sandbox, layer: Layer, path: str) -> None:
    command = ("md5sum", f"work/{path}")
    assert list(Kept(layer, lambda: sandbox).checksums([command])) == outputs_of(sandbox, [command], 5.0)


def test_checksums_of_files_run_no_program(layer: Layer) -> None:
    def never() -> Sandbox:
        raise AssertionError("opened")

    found = Kept(layer, never).checksums([("md5sum", "work/new.txt"), ("md5sum", "work/other.txt")])
    digest = md5(b"one\n").hexdigest()
    assert found == [f"{digest}  work/{name}.txt\n".encode() for name in ("new", "other")]


def test_contents_are_equal_whether_read_or_listed(sandbox: Sandbox, layer: Layer) -> None:
    sandbox.run(["/bin/bash", "-c", f"{MADE} ; rm other.txt; echo one > other.txt; echo else > dir.d/sub/x.txt"])
    other = sandbox.snapshot()
    paths = [f"work/{path}" for path in PATHS]

    def equal(one: Files, two: Files) -> list[bool]:
        return [a == b for a, b in zip(one.contents(paths), two.contents(paths), strict=True)]

    def live(where: Layer) -> list[object]:
        sandbox.restore(where)
        return list(Live(lambda: sandbox).contents(paths))

    kept = equal(Kept(layer, lambda: sandbox), Kept(other, lambda: sandbox))
    assert kept == [a == b for a, b in zip(live(layer), live(other), strict=True)]
    assert kept == [path not in ("dir.d/", "dir.d/sub/x.txt") for path in PATHS]


def test_contents_of_a_name_do_not_hold_those_of_a_longer_one() -> None:
    short = Kept(Layer((Entry("a", "d"), Entry("a/x", "f"), Entry("a.b", "f"), Entry("a0", "f"))), lambda: None)  # type: ignore[arg-type,return-value]
    assert short.contents(["a/"]) == [(("d", b""), (("a/x", ("f", b"")),))]


@pytest.mark.parametrize("command", ["sleep 60", "yes", "kill -9 $$", "exit 127"])
def test_a_program_that_does_not_end_by_itself_has_no_output(sandbox: Sandbox, command: str) -> None:
    commands = [("/bin/bash", "-c", command), ("echo", "x")]
    assert outputs_of(sandbox, commands[:1], seconds=1) == [None]


def test_outputs_of_several_programs_are_kept_apart(sandbox: Sandbox) -> None:
    found = outputs_of(sandbox, [("md5sum", "work/a.txt"), ("md5sum", "nowhere.txt"), ("cat", "work/b.txt")], 5.0)
    digest = md5(b"alpha\n").hexdigest()
    assert found[0] == f"{digest}  work/a.txt\n".encode()
    assert found[1] is not None
    assert b"No such file" in found[1]
    assert found[2] == b"beta\n"


def test_all_programs_together_have_a_time(sandbox: Sandbox) -> None:
    assert outputs_of(sandbox, [("sleep", "0.2"), ("sleep", "60"), ("echo", "x")], seconds=0.6) == [b"", None, None]


def test_a_link_to_what_never_ends_has_no_checksum(sandbox: Sandbox) -> None:
    sandbox.run(["ln", "-s", "/dev/zero", "/work/n.txt"])
    files = Kept(sandbox.snapshot(), lambda: sandbox, seconds=0.3)
    assert files.checksums([("md5sum", "work/n.txt"), ("md5sum", "work/a.txt")]) == [None, None]


def test_what_cannot_be_read_of_the_reference_is_a_failure_with_the_task(sandbox: Sandbox, small_tree: Tree) -> None:
    sandbox.run(["mkfifo", "/work/p.txt"])
    files = Reference(Kept(sandbox.snapshot(), lambda: sandbox), "bash-1-0001")
    assert files.contents(["work/a.txt"]) == [(None, ())]
    with pytest.raises(EnvironmentFailure, match=r"'bash-1-0001': after the gold command, missing x was ended"):
        files.checksums([("missing", "x")])
