import os
import pickle
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import slinvit
from envs.intercode.bash import launch
from envs.intercode.bash.layers import Layer
from envs.intercode.bash.sandbox import Output, Sandbox
from envs.intercode.bash.tree import Tree
from slinvit.errors import EnvironmentFailure


def bash(sandbox: Sandbox, text: str, cwd: str = "/") -> Output:
    return sandbox.run(["/bin/bash", "-c", text], cwd=cwd)


def test_output_and_errors_come_together_in_the_order_written(sandbox: Sandbox) -> None:
    output = bash(sandbox, "echo one; echo two >&2; echo three; exit 7")
    assert (output.data, output.code) == (b"one\ntwo\nthree\n", 7)
    assert not output.timed_out
    assert not output.flooded
    assert 0 < output.seconds < 5


def test_files_persist_between_commands_and_processes_do_not(sandbox: Sandbox) -> None:
    bash(sandbox, "echo kept > /work/new; x=1; sleep 1000 &")
    output = bash(sandbox, "cat /work/new; echo x=$x; ps -e | grep -c sleep")
    assert output.data == b"kept\nx=\n0\n"


def test_commands_run_in_the_named_folder(sandbox: Sandbox) -> None:
    assert bash(sandbox, "pwd; cat c.txt", cwd="/work/sub").data == b"/work/sub\ngamma\n"


def test_a_missing_working_folder_is_an_output_with_code_126(sandbox: Sandbox) -> None:
    output = bash(sandbox, "pwd", cwd="/nowhere")
    assert output.code == 126
    assert b'chdir to cwd ("/nowhere")' in output.data


def test_a_missing_program_is_an_output_with_code_127(sandbox: Sandbox) -> None:
    output = sandbox.run(["md5deep", "-r", "/work"])
    assert output.code == 127
    assert b'"md5deep": executable file not found' in output.data


def test_programs_are_found_in_the_path(sandbox: Sandbox) -> None:
    assert sandbox.run(["echo", "a  b"]).data == b"a  b\n"


def test_a_signal_is_the_exit_code_128_plus_its_number(sandbox: Sandbox) -> None:
    assert bash(sandbox, "kill -9 $$").code == 128 + 9


def test_the_environment_is_that_of_a_container(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "xyzzy")
    lines = sandbox.run(["env"]).data.decode().split()
    assert sorted(line.split("=")[0] for line in lines) == ["HOME", "HOSTNAME", "PATH"]
    assert "HOME=/root" in lines


def test_the_tree_is_clean_after_the_start_and_git_tells_what_changed(sandbox: Sandbox) -> None:
    assert bash(sandbox, "git status --short").data == b""
    output = bash(sandbox, "echo x >> /work/a.txt; rm /work/b.txt; echo y > '/work/with space'; git status --short")
    assert output.data == b' M work/a.txt\n D work/b.txt\n?? "work/with space"\n'


def test_a_reset_after_the_start_leaves_the_file_times_alone(sandbox: Sandbox) -> None:
    before = bash(sandbox, "stat -c '%n %y %z' /work/a.txt /work/sub/c.txt").data
    after = bash(sandbox, "git reset --hard >/dev/null; stat -c '%n %y %z' /work/a.txt /work/sub/c.txt").data
    assert after == before


def test_process_one_looks_like_that_of_a_container(sandbox: Sandbox) -> None:
    output = bash(sandbox, "tr '\\0' ' ' < /proc/1/cmdline; echo; ls /proc | grep -c '^[0-9]'; readlink /proc/1/root")
    assert output.data.split(b"\n")[0] == b"/bin/bash "
    assert output.data.split(b"\n")[2] == b"/"


def test_process_one_may_do_what_commands_may_do(sandbox: Sandbox) -> None:
    output = bash(sandbox, "grep -h CapEff /proc/1/status /proc/self/status | sort -u | wc -l; ls -l /proc/1/exe")
    assert output.data.startswith(b"1\n")
    assert output.code == 0


def test_root_reads_and_changes_files_without_permissions(sandbox: Sandbox) -> None:
    assert bash(sandbox, "chmod 000 /work/a.txt; echo more >> /work/a.txt; cat /work/a.txt").data == b"alpha\nmore\n"


def test_reset_brings_the_beginning_back(sandbox: Sandbox) -> None:
    begin = sandbox.snapshot()
    bash(sandbox, "rm -rf /work; echo a > /tmp/b; echo c > /root/d")
    assert sandbox.snapshot().key != begin.key
    sandbox.restore(None)
    assert sandbox.snapshot().key == begin.key
    assert bash(sandbox, "cat /work/a.txt; ls /tmp /root/d").data.startswith(b"alpha\n")


def test_two_sandboxes_share_nothing(sandbox: Sandbox, small_tree: Tree) -> None:
    with Sandbox(small_tree) as other:
        bash(sandbox, "echo x > /work/x; echo y > /tmp/y")
        assert bash(other, "ls /tmp; git status --short").data == b""


def test_a_layer_continues_in_another_sandbox_after_pickling(sandbox: Sandbox, small_tree: Tree) -> None:
    bash(sandbox, "rm -r /work/sub; mkdir /work/sub; ln -s ../a.txt /work/sub/link; ln /work/b.txt /work/hard")
    layer: Layer = pickle.loads(pickle.dumps(sandbox.snapshot()))
    listing = "find /work /tmp | sort; stat -c '%h %a %n' /work/*[!b] ; cat /work/sub/link; git status --short"
    expected = bash(sandbox, listing)
    with Sandbox(pickle.loads(pickle.dumps(small_tree))) as other:
        other.restore(layer)
        assert other.snapshot().key == layer.key
        assert bash(other, listing).data == expected.data


def test_a_closed_sandbox_says_so_and_may_be_closed_twice(small_tree: Tree) -> None:
    sandbox = Sandbox(small_tree)
    sandbox.close()
    sandbox.close()
    with pytest.raises(EnvironmentFailure, match="file system small is closed"):
        sandbox.run(["true"])


def test_the_death_of_the_warden_is_an_error_that_names_the_file_system(small_tree: Tree) -> None:
    with Sandbox(small_tree) as sandbox:
        bwrap = sandbox._process.pid
        warden = int(Path(f"/proc/{bwrap}/task/{bwrap}/children").read_text())
        os.kill(warden, signal.SIGKILL)
        with pytest.raises(EnvironmentFailure, match=r"file system small broke: .* its process ended with code 137"):
            sandbox.run(["true"])
        with pytest.raises(EnvironmentFailure, match="file system small is closed"):
            sandbox.run(["true"])


def test_a_sandbox_outlives_the_thread_that_made_it(small_tree: Tree) -> None:
    made: list[Sandbox] = []
    thread = threading.Thread(target=lambda: made.append(Sandbox(small_tree)))
    thread.start()
    thread.join()
    with made[0] as sandbox:
        assert bash(sandbox, "echo alive").data == b"alive\n"


AS_NOBODY = """
import os, sys
from envs.intercode.bash.inside.files import Entry
from envs.intercode.bash.sandbox import Sandbox
from envs.intercode.bash.tree import Tree, committed
tree = committed(Tree("mine", (Entry(".gitignore", "f", 0o644, 0, b"/*\\n!/x\\n"), Entry("x", "f", 0o644, 0, b"1\\n"))))
with Sandbox(tree) as sandbox:
    output = sandbox.run(["/bin/bash", "-c", "id -u; echo 2 > x; git status --short; touch /usr/x"])
    layer = sandbox.snapshot()
    sandbox.restore(None); sandbox.restore(layer)
    print(os.getuid(), output.data, sandbox.run(["cat", "x"]).data)
"""


@pytest.mark.skipif(os.getuid() != 0, reason="for all other users every test here shows it")
def test_an_ordinary_user_can_sandbox_too(bubblewrap: None) -> None:
    packages = Path(slinvit.__file__).parents[1]
    numpy = Path(sys.modules["numpy"].__file__ or "").parents[1]
    binds = {"python": Path(sys.base_prefix).resolve(), "packages": packages, "numpy": numpy}
    staged = {name: Path("/tmp", name) for name in binds}
    environment = ["PYTHONHOME=/tmp/python", "LD_LIBRARY_PATH=/tmp/python/lib", "TMPDIR=/dev/shm"]
    environment += ["PYTHONPATH=/tmp/packages:/tmp/numpy", "OMP_NUM_THREADS=1", "PYTHONDONTWRITEBYTECODE=1"]
    binary = Path(sys._base_executable).resolve().relative_to(binds["python"])  # type: ignore[attr-defined]
    line = [*launch.given_away(binds, staged), "env", *environment, f"/tmp/python/{binary}", "-c", AS_NOBODY]
    done = subprocess.run(line, capture_output=True, text=True, cwd="/", check=False)
    assert done.stderr == ""
    assert done.stdout.startswith(f"{launch.NOBODY} ")
    assert r"0\n M x\ntouch: cannot touch '/usr/x'" in done.stdout
    assert done.stdout.endswith(r"b'2\n'" + "\n")
