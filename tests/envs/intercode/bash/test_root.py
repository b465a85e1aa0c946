import os
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agent.intercode import app
from envs.intercode.bash import root
from envs.intercode.bash.inside.files import Entry
from envs.intercode.bash.sandbox import Sandbox
from envs.intercode.bash.system import host_entries
from envs.intercode.bash.tree import Tree, committed, prepare
from slinvit.errors import InputError


def test_a_folder_in_use_is_left_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 0)
    monkeypatch.setattr(root.shutil, "which", lambda name: "/usr/sbin/debootstrap")  # type: ignore[attr-defined]
    (tmp_path / "precious").touch()
    with pytest.raises(InputError, match="exists and is not an empty folder"):
        root.build(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["precious"]


def test_an_ordinary_user_is_told_to_use_sudo(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 1000)
    with pytest.raises(InputError, match="needs root: run it with sudo"):
        root.build(tmp_path / "tree")


def test_a_missing_debootstrap_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 0)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="apt install debootstrap"):
        root.build(tmp_path / "tree")


def test_a_failed_installation_leaves_nothing_and_quotes_the_reason(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = tmp_path / "debootstrap"
    program.write_text("#!/bin/sh\nmkdir $4/usr\necho 'E: Failed getting release file'\nexit 3\n")
    program.chmod(0o755)
    monkeypatch.setattr(os, "getuid", lambda: 0)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(InputError, match="exit code 3: E: Failed getting release file"):
        root.build(tmp_path / "tree")
    assert [path.name for path in tmp_path.iterdir()] == ["debootstrap"]


def test_the_command_has_help_and_says_what_it_builds() -> None:
    answer = CliRunner().invoke(app, ["root", "--help"])
    assert answer.exit_code == 0
    assert "Debian" in answer.output


@pytest.mark.slow
@pytest.mark.skipif(os.getuid() != 0, reason="debootstrap needs root")
def test_a_root_tree_is_built_and_used(bubblewrap: None) -> None:
    folder = Path("/var/tmp", f"intercode-root-{os.getpid()}")
    try:
        root.build(folder)
        tree = committed(Tree("small", (Entry(".gitignore", "f", 0o644, 0, b"/*\n!/x\n"), Entry("x", "f", 0o644, 0))))
        with Sandbox(tree, root=folder) as sandbox:
            tools = "bash column convert cpio crontab curl dig git ifconfig jq ps ping pstree python3 tree"
            output = sandbox.run(["/bin/bash", "-c", f"which {tools} | wc -l; cat /etc/debian_version; touch /usr/x"])
            assert output.data.split(b"\n")[0] == str(len(tools.split())).encode()
            assert output.data.split(b"\n")[1].startswith(b"11.")
            assert output.code == 0
    finally:
        subprocess.run(["rm", "-rf", str(folder)], check=True)


def test_the_view_of_this_machine_shows_no_accounts_and_no_secrets() -> None:
    entries = {entry.path: entry for entry in host_entries()}
    assert entries["etc/passwd"].data.count(b"\n") == 2
    for name in ("shadow", "gshadow", "ssh", "sudoers", "machine-id", "fstab", "apt", "environment"):
        assert f"etc/{name}" not in entries
    assert all(entry.kind in "dfl" for entry in entries.values())


def test_an_archive_becomes_a_committed_tree_with_its_times(bubblewrap: None, intercode_data: Path) -> None:
    tree = prepare("fs_1", intercode_data / "bash" / "fs_1.tar.xz")
    assert tree is prepare("fs_1", intercode_data / "bash" / "fs_1.tar.xz")
    times = {entry.path: entry.time for entry in tree.entries}
    assert times["testbed/recent.txt"] == 1_685_577_599 * 10**9
    with Sandbox(tree) as sandbox:
        assert sandbox.run(["git", "status", "--short"]).data == b""
        assert sandbox.run(["git", "log", "--format=%an %s"]).data == b"intercode initial commit\n"
        assert sandbox.run(["ls", "/.git/hooks"]).code != 0
    aged = {entry.path: entry.time for entry in tree.aged(1_685_577_600, 2_000_000_000).entries}
    assert aged["testbed/recent.txt"] == (2_000_000_000 - 1) * 10**9
    assert aged["testbed/hello.c"] == 2_000_000_000 * 10**9


def test_a_folder_becomes_a_committed_tree(bubblewrap: None, tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "a").write_text("a")
    (tmp_path / "work" / "link").symlink_to("a")
    (tmp_path / ".git").mkdir()
    ignore = tmp_path / "ignore"
    ignore.write_text("/*\n!/work\n")
    tree = prepare("folder", tmp_path, gitignore=ignore)
    with Sandbox(tree) as sandbox:
        assert sandbox.run(["git", "ls-files"]).data == b"work/a\nwork/link\n"


def test_a_setup_script_makes_a_tree_in_spite_of_its_errors(bubblewrap: None, tmp_path: Path) -> None:
    script, ignore = tmp_path / "setup.sh", tmp_path / "ignore"
    script.write_text("#!/bin/bash\nrm -rf /system/\nmkdir -d /x\nmkdir -p /system/a\necho -e 'x\\ny' > /system/a/t\n")
    ignore.write_text("/*\n!/system\n")
    tree = prepare("script", script, gitignore=ignore)
    assert {entry.path: entry.data for entry in tree.entries}["system/a/t"] == b"x\ny\n"
    with Sandbox(tree) as sandbox:
        assert sandbox.run(["git", "ls-files"]).data == b"system/a/t\n"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("absent.tar.xz", None, "cannot read .*absent.tar.xz: No such file"),
        ("broken.tar.xz", b"no archive", "cannot read .*broken.tar.xz"),
    ],
)
def test_a_source_that_cannot_be_read_is_named(tmp_path: Path, name: str, content: bytes | None, message: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        prepare("bad", tmp_path / name)


def test_an_archive_whose_names_lead_out_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    subprocess.run(["tar", "cPf", "evil.tar", "../" + tmp_path.name + "/x"], cwd=tmp_path, check=True)
    with pytest.raises(InputError, match="leads out of the archive"):
        prepare("evil", tmp_path / "evil.tar")


def test_a_source_without_a_gitignore_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"has no \.gitignore; name one"):
        prepare("bare", tmp_path)
