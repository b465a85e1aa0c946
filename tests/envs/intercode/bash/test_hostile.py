"""Commands that want to do harm: each ends as an output within its limits, the machine and other sandboxes unharmed."""

import http.server
import os
import platform
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from envs.intercode.bash.limits import Limits
from envs.intercode.bash.sandbox import Output, Sandbox
from envs.intercode.bash.tree import Tree
from slinvit.errors import EnvironmentFailure


@pytest.fixture(scope="module")
def bystander(small_tree: Tree) -> Iterator[Sandbox]:
    with Sandbox(small_tree) as sandbox:
        yield sandbox


@pytest.fixture(autouse=True)
def nobody_else_is_harmed(sandbox: Sandbox, bystander: Sandbox) -> Iterator[None]:
    yield
    assert bash(bystander, "cat /work/a.txt; git status --short").data == b"alpha\n"
    sandbox.restore(None)
    assert bash(sandbox, "cat /work/a.txt; git status --short").data == b"alpha\n"
    assert Path("/usr/bin/env").exists()


def bash(sandbox: Sandbox, text: str, seconds: float | None = None) -> Output:
    return sandbox.run(["/bin/bash", "-c", text], seconds=seconds)


@pytest.mark.parametrize("command", ["rm -rf /", "rm -rf --no-preserve-root /", "rm -rf /* /.[a-z]*"])
def test_removing_everything_removes_the_tree_only(sandbox: Sandbox, command: str) -> None:
    output = bash(sandbox, f"{command} 2>/dev/null; echo /work/*; [ -x /usr/bin/env ] && echo system")
    assert not output.timed_out
    assert output.data.endswith(b"system\n")
    assert (b"a.txt" in output.data) == (command == "rm -rf /")


def test_a_fork_bomb_stays_below_its_number_of_processes(sandbox: Sandbox, limits: Limits) -> None:
    most, done = [0], threading.Event()

    def count() -> None:
        while not done.wait(0.05):
            most[0] = max(most[0], sum(_is_sandboxed(pid) for pid in os.listdir("/proc") if pid.isdigit()))

    counter = threading.Thread(target=count)
    counter.start()
    output = bash(sandbox, "b() { b | b & }; b; sleep 1; wait", seconds=2)
    done.set()
    counter.join()
    assert output.seconds < 4
    assert 5 < most[0] <= 2 * limits.processes + 20
    assert bash(sandbox, "ls /proc | grep -c '^[0-9]'").data in (b"4\n", b"5\n")


def _is_sandboxed(pid: str) -> bool:
    try:
        lines = Path("/proc", pid, "status").read_text().splitlines()
    except OSError:
        return False
    return any(line.startswith("NSpid:") and len(line.split()) > 3 for line in lines)


def test_one_process_cannot_take_all_memory(sandbox: Sandbox) -> None:
    output = bash(sandbox, "head -c 4G /dev/zero | tail -c 3G | wc -c")
    assert output.seconds < 5
    assert b"3221225472" not in output.data


def test_many_processes_cannot_take_all_memory(sandbox: Sandbox) -> None:
    hog = "head -c 100M /dev/zero | tail -c 90M | (read -r x; sleep 3)"
    output = bash(sandbox, " & ".join([hog] * 6) + " & wait", seconds=5)
    assert output.code == 137
    assert not output.timed_out


def test_a_full_disk_is_an_error_of_the_command(sandbox: Sandbox, limits: Limits) -> None:
    output = bash(sandbox, "for i in 1 2 3 4 5; do head -c 3M /dev/zero > /work/big$i; done; du -sb /work")
    assert b"No space left on device" in output.data
    assert int(output.data.split()[-2]) < 2 * limits.layer_bytes
    layer = sandbox.snapshot()
    assert layer.size <= limits.layer_bytes
    sandbox.restore(layer)
    assert sandbox.snapshot().key == layer.key


def test_one_file_cannot_be_larger_than_the_layer(sandbox: Sandbox, limits: Limits) -> None:
    output = bash(sandbox, "truncate -s 100G /work/sparse; stat -c %s /work/sparse")
    assert output.data.split()[-1] == b"0"


def test_files_without_end_are_an_error_of_the_command(sandbox: Sandbox) -> None:
    output = bash(sandbox, "mkdir /work/m; cd /work/m; for i in {1..3000}; do : > f$i; done 2>&1 | tail -1")
    assert b"No space left on device" in output.data
    assert len(sandbox.snapshot().entries) < 3000


def test_endless_output_is_cut(sandbox: Sandbox, limits: Limits) -> None:
    output = sandbox.run(["yes"])
    assert output.flooded
    assert output.data == b"y\n" * (limits.output_bytes // 2)
    assert output.seconds < 2


@pytest.mark.parametrize(
    "command", ["while :; do :; done", "sleep 1000", "cat /dev/zero > /dev/null", "trap '' 15; sleep 9"]
)
def test_an_endless_command_is_ended(sandbox: Sandbox, command: str) -> None:
    begun = time.monotonic()
    output = bash(sandbox, f"echo before; {command}", seconds=0.5)
    assert output.timed_out
    assert output.data == b"before\n"
    assert time.monotonic() - begun < 2


def test_what_lies_outside_cannot_be_read(sandbox: Sandbox, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("xyzzy-secret")
    places = f"{secret} /etc/shadow /root/.bashrc /proc/1/root{secret} /proc/self/root/../..{secret} {Path(__file__)}"
    output = bash(sandbox, f"cat {places}; grep -rs xyzzy-secret /tmp /var /home /root /run /mnt")
    assert b"xyzzy" not in output.data.replace(b"xyzzy-secret: No such", b"").replace(str(secret).encode(), b"")
    assert output.data.count(b"No such file") == 6


def test_the_parent_and_its_environment_cannot_be_seen(sandbox: Sandbox) -> None:
    os.environ["XYZZY"] = "xyzzy-secret"
    output = bash(
        sandbox, "cat /proc/*/environ /proc/*/cmdline /proc/*/maps | tr '\\0' '\\n'; ls -l /proc/1/fd /proc/*/cwd"
    )
    del os.environ["XYZZY"]
    for word in (b"xyzzy", b"python", b"pytest", b"bwrap", b"warden"):
        assert word not in output.data


def test_the_mounts_name_no_path_of_this_machine(sandbox: Sandbox, tmp_path: Path) -> None:
    output = bash(sandbox, "cat /proc/mounts /proc/self/mountinfo; df")
    for path in (Path(__file__).parents[4], tmp_path, Path.home() / ".cache"):
        assert str(path).encode() not in output.data


def test_the_network_is_not_there(sandbox: Sandbox) -> None:
    with http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as server:
        port = server.server_address[1]
        output = bash(sandbox, f"exec 3<>/dev/tcp/127.0.0.1/{port}")
        assert b"Connection refused" in output.data
    assert bash(sandbox, "exec 3<>/dev/tcp/1.1.1.1/53").code == 1
    assert bash(sandbox, "getent hosts example.com").code == 2
    assert b"eth0" not in bash(sandbox, "cat /proc/net/dev; ls /sys/class/net").data


def test_abstract_sockets_of_this_machine_are_out_of_reach(sandbox: Sandbox) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("\0intercode-test")
        server.listen()
        assert b"intercode-test" not in bash(sandbox, "cat /proc/net/unix").data


def test_the_system_cannot_be_written(sandbox: Sandbox) -> None:
    output = bash(sandbox, "touch /usr/x /bin/x; echo > /usr/bin/env; chmod 777 /usr; mkdir /usr/y; rm -rf /usr/games")
    assert b"Read-only file system" in output.data
    assert not any(Path("/usr", name).exists() for name in ("x", "bin/x", "y"))
    assert Path("/usr/bin/env").stat().st_size > 0


@pytest.mark.parametrize(
    "command",
    [
        "mount -t tmpfs none /work",
        "mount --bind / /work",
        "umount -l /usr",
        "unshare -r true",
        "unshare -m true",
        "chroot /work true",
        "hostname other",
        "date -s 2001-01-01",
        "mknod /work/mem c 1 1",
        "mknod /work/disk b 254 0",
        "cat /dev/mem",
        "ls /dev/vda /dev/sda",
        "dmesg",
        "nsenter -t 1 -m true",
        "echo 1 > /proc/sys/kernel/panic",
        "echo b > /proc/sysrq-trigger",
        "echo 100 > /proc/sys/user/max_user_namespaces",
        "chown 12345 /work/a.txt",
        "renice -n -20 $$",
        "swapoff -a && false",
        "touch /dev/x",
        "ulimit -u 100000",
        "ulimit -f unlimited",
    ],
)
def test_what_only_the_machine_may_do_is_refused(sandbox: Sandbox, command: str) -> None:
    clock = time.time()
    output = bash(sandbox, command)
    assert output.code not in (0, None)
    assert abs(time.time() - clock) < 100
    assert socket.gethostname() != "other"


def test_a_set_user_id_program_gives_nothing(sandbox: Sandbox) -> None:
    output = bash(
        sandbox, "cp /bin/bash /work/s; chmod 4755 /work/s; /work/s -p -c 'id -u; grep CapEff /proc/self/status'"
    )
    plain = bash(sandbox, "id -u; grep CapEff /proc/self/status")
    assert output.data == plain.data
    assert bash(sandbox, "grep NoNewPrivs /proc/self/status").data.split() == [b"NoNewPrivs:", b"1"]


def test_capabilities_stay_those_of_an_ordinary_container(sandbox: Sandbox) -> None:
    lines = bash(sandbox, "grep ^Cap /proc/self/status").data.decode().split()
    caps = dict(zip(lines[::2], lines[1::2], strict=True))
    assert caps["CapEff:"] == caps["CapPrm:"] == caps["CapBnd:"] == f"{0b11111011:016x}"
    assert caps["CapInh:"] == caps["CapAmb:"] == f"{0:016x}"


@pytest.mark.parametrize("command", ["kill -9 -1", "kill -9 1; kill -STOP 1; killall -9 bash", "kill -TERM 0"])
def test_killing_everything_ends_the_command_only(sandbox: Sandbox, command: str) -> None:
    bash(sandbox, f"echo kept > /work/kept; {command}; sleep 0.1")
    assert bash(sandbox, "cat /work/kept").data == b"kept\n"


def test_tracing_process_one_leads_nowhere(sandbox: Sandbox) -> None:
    code = (
        "import ctypes; l = ctypes.CDLL(None); print(l.ptrace(16, 1, 0, 0));"
        "print(l.ptrace(7, 1, 0, 0)); print(open('/proc/1/mem', 'rb') and 1)"
    )
    output = bash(sandbox, f'python3 -c "{code}" || perl -e "print 1"')
    assert not output.timed_out
    assert bash(sandbox, "cat /work/a.txt").data == b"alpha\n"


def test_links_do_not_lead_out_of_a_restored_layer(sandbox: Sandbox, tmp_path: Path) -> None:
    target = f"/dev/shm/intercode-{os.getpid()}"
    bash(sandbox, f"rm -r /work; ln -s / /work; ln -s ../../../..{target} /tmp/up; mkdir -p /tmp/x; echo 1 > /tmp/x/y")
    layer = sandbox.snapshot()
    sandbox.restore(layer)
    bash(sandbox, f"echo out > /tmp/up; echo out > /work/../../..{target}; echo out > {tmp_path}/x")
    assert not Path(target).exists()
    assert not list(tmp_path.iterdir())


def test_binary_output_comes_through_unchanged(sandbox: Sandbox) -> None:
    output = bash(sandbox, r"for i in {0..255}; do printf \\x$(printf %x $i); done")
    assert output.data == bytes(range(256))


@pytest.mark.parametrize("text", ["echo \udcff\udcfe", "echo \ud800 \u00e9", "printf '\\xff\\xfe\\x00'"])
def test_texts_that_are_no_utf8_are_run_or_refused(sandbox: Sandbox, text: str) -> None:
    assert bash(sandbox, text).code == 0


def test_file_names_of_any_bytes_survive_a_snapshot(sandbox: Sandbox) -> None:
    bash(sandbox, r"touch /work/$'\xff\xfe' /work/$'new\nline' /work/-rf '/work/ '; ln -s $'\xff' /work/l")
    names = bash(sandbox, "ls -A /work | od -c").data
    sandbox.restore(sandbox.snapshot())
    assert bash(sandbox, "ls -A /work | od -c").data == names


def test_a_nul_byte_in_a_command_is_refused(sandbox: Sandbox) -> None:
    assert bash(sandbox, "echo a\0b") == Output(b"a command cannot contain a NUL byte\n", 126)


def test_a_command_line_of_a_megabyte_is_refused_by_the_system(sandbox: Sandbox) -> None:
    output = bash(sandbox, "echo " + "x" * (1 << 20))
    assert output.code == 127
    assert b"argument list too long" in output.data


@pytest.mark.parametrize("argv", [[], [""]])
def test_no_command_is_an_output(sandbox: Sandbox, argv: list[str]) -> None:
    assert sandbox.run(argv).code == 127


def test_an_empty_action_does_nothing(sandbox: Sandbox) -> None:
    assert (bash(sandbox, "").data, bash(sandbox, "").code) == (b"", 0)


@pytest.mark.parametrize(
    "command", ["cat", "read x", "bash", "python3 -i", "git commit --amend", "vi /work/a.txt", "less /work/a.txt"]
)
def test_what_waits_for_a_person_finds_nobody(sandbox: Sandbox, command: str) -> None:
    output = bash(sandbox, command, seconds=3)
    assert output.seconds < 4


def test_background_processes_do_not_hold_the_output(sandbox: Sandbox) -> None:
    output = bash(sandbox, "(sleep 100; echo late) & setsid sleep 100 & nohup yes > /dev/null & echo done")
    assert output.data.endswith(b"done\n")
    assert output.seconds < 1
    assert b"sleep" not in bash(sandbox, "ps -ef").data


def test_no_core_is_dumped(sandbox: Sandbox) -> None:
    assert bash(sandbox, "cd /work; ulimit -c unlimited; bash -c 'kill -SEGV $$'; ls").data.split()[-3:] != [b"core"]
    assert bash(sandbox, "cd /work; bash -c 'kill -SEGV $$'; ls | grep -c core").data.split()[-1] == b"0"


def test_shared_memory_does_not_outlive_its_command(sandbox: Sandbox) -> None:
    assert b"1000000" in bash(sandbox, "ipcmk -M 1000000; ipcs -m").data
    assert b"1000000" not in bash(sandbox, "ipcs -m").data


def test_removing_the_repository_is_an_error_of_git_only(sandbox: Sandbox) -> None:
    output = bash(sandbox, "rm -rf /.git; git status --short")
    assert b"not a git repository" in output.data
    layer = sandbox.snapshot()
    sandbox.restore(layer)
    assert b"not a git repository" in bash(sandbox, "git status --short").data


def test_an_unlinked_working_folder_is_no_trouble(sandbox: Sandbox) -> None:
    output = sandbox.run(["/bin/bash", "-c", "rm -rf /work; ls; pwd; echo x > y"], cwd="/work/sub")
    assert not output.timed_out
    assert sandbox.run(["ls"], cwd="/work/sub").code == 126


def test_very_deep_folders_can_be_left_behind(sandbox: Sandbox) -> None:
    bash(sandbox, "cd /tmp; mkdir -p $(printf 'd/%.0s' {1..600})")
    layer = sandbox.snapshot()
    sandbox.restore(layer)
    assert sandbox.snapshot().key == layer.key


def test_killing_the_program_that_uses_a_sandbox_ends_the_sandbox(small_tree: Tree) -> None:
    told, tell = os.pipe()
    child = os.fork()
    if not child:
        sandbox = Sandbox(small_tree)
        os.write(tell, str(sandbox._process.pid).encode())
        os.kill(os.getpid(), 9)
    os.waitpid(child, 0)
    process = Path("/proc", os.read(told, 20).decode(), "cmdline")
    os.close(told)
    os.close(tell)
    deadline = time.monotonic() + 5
    while process.exists() and process.read_bytes() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not process.exists() or not process.read_bytes()  # gone, or waiting for its new parent to notice


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the numbers of the calls are those of x86-64")
@pytest.mark.parametrize("number", [101, 248, 249, 250, 298, 310, 311, 319, 321, 323, 425, 447])
def test_calls_that_no_limit_and_no_snapshot_sees_are_refused(sandbox: Sandbox, number: int) -> None:
    found = sandbox.run(["perl", "-e", f'$r = syscall({number}, 16, 1, 0, 0, 0); print "$r ", $!+0'])
    assert found.data == b"-1 1"


def test_a_replaced_shell_does_not_run_between_commands(small_tree: Tree) -> None:
    lines = (
        "#!/usr/bin/perl",
        "while (1) { open(F, '>>', '/count'); print F 'x'; close F; select(undef, undef, undef, .01) }",
    )
    script = "rm -f /bin; mkdir /bin; cp /usr/bin/dash /bin/sh; printf '%s\\n' \"$@\" > /bin/bash; chmod 755 /bin/bash"
    with Sandbox(small_tree) as sandbox:
        sandbox.run(["/bin/bash", "-c", script, "me", *lines])
        sandbox.restore(sandbox.snapshot())
        first = sandbox.snapshot()
        time.sleep(0.3)
        assert sandbox.snapshot().key == first.key


def test_files_with_holes_do_not_fill_the_memory_of_the_caller(small_tree: Tree) -> None:
    with Sandbox(small_tree) as sandbox:
        bash(sandbox, "for i in 1 2 3 4 5; do truncate -s 60M /sparse$i; done")
        with pytest.raises(EnvironmentFailure, match="larger than a snapshot may be"):
            sandbox.snapshot()


def test_a_link_in_the_place_of_a_file_does_not_bring_the_machine_into_a_snapshot(
    small_tree: Tree, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("nobody may read this")
    secret.chmod(0o644)
    with Sandbox(small_tree) as sandbox:
        bash(sandbox, f"ln -s {secret} /work/link; ln -s / /work/root; ln -s ../../../../../.. /work/up")
        data = {entry.path: entry.data for entry in sandbox.snapshot().entries}
    assert data["work/link"] == str(secret).encode()
    assert not any(b"nobody may read" in each for each in data.values())
