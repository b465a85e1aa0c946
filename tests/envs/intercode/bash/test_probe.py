import os
from pathlib import Path

import pytest

from envs.intercode.bash import launch, probe
from slinvit.errors import InputError


def test_a_machine_without_bubblewrap_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    probe._machine.cache_clear()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="bwrap is missing: apt install bubblewrap"):
        probe.require()
    monkeypatch.undo()
    probe._machine.cache_clear()


def test_a_bubblewrap_that_fails_is_quoted_with_a_remedy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    failing = tmp_path / "bwrap"
    failing.write_text("#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n")
    failing.chmod(0o755)
    tmp_path.chmod(0o755)
    for folder in (tmp_path, *tmp_path.parents):
        if not folder.stat().st_mode & 0o001:
            monkeypatch.setattr(launch, "NOBODY", os.getuid())  # whoever runs the tests has to reach the program
    probe._machine.cache_clear()
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(InputError, match=r"cannot make a sandbox here \(bwrap: No permissions.*engine=docker"):
        probe.require()
    monkeypatch.undo()
    probe._machine.cache_clear()


@pytest.mark.parametrize(
    ("name", "value", "remedy"),
    [
        ("kernel/unprivileged_userns_clone", "0", "sysctl -w kernel.unprivileged_userns_clone=1"),
        (
            "kernel/apparmor_restrict_unprivileged_userns",
            "1",
            "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
        ),
        ("user/max_user_namespaces", "0", "sysctl -w user.max_user_namespaces=10000"),
        ("user/max_user_namespaces", "100", "in a container"),
    ],
)
def test_the_remedy_names_the_setting_that_forbids(tmp_path: Path, name: str, value: str, remedy: str) -> None:
    path = tmp_path / name
    path.parent.mkdir()
    path.write_text(f"{value}\n")
    assert remedy in probe._remedy(tmp_path)


def test_an_old_kernel_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    probe._machine.cache_clear()
    old = os.uname_result(("Linux", "x", "5.10.0-8-amd64", "#1", "x86_64"))
    monkeypatch.setattr(os, "uname", lambda: old)
    with pytest.raises(InputError, match=r"needs Linux 6.6 or newer .*this is 5\.10"):
        probe.require()
    probe._machine.cache_clear()


def test_a_folder_that_is_no_root_tree_is_refused(bubblewrap: None, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no root tree: it has no usr/bin; slinvit intercode root"):
        probe.require(tmp_path)
    (tmp_path / "usr" / "bin").mkdir(parents=True)
    with pytest.raises(InputError, match="lacks bash and git"):
        probe.require(tmp_path)


@pytest.mark.skipif(os.getuid() != 0, reason="needs root to give files away")
def test_a_root_tree_of_somebody_else_is_refused_with_the_command_that_helps(bubblewrap: None, tmp_path: Path) -> None:
    (tmp_path / "usr" / "bin").mkdir(parents=True)
    for name in ("bash", "git"):
        (tmp_path / "usr" / "bin" / name).touch()
    with pytest.raises(InputError, match=f"chown -R --no-dereference {launch.NOBODY}:{launch.NOBODY} {tmp_path}"):
        probe.require(tmp_path)
    os.chown(tmp_path / "usr", launch.NOBODY, launch.NOBODY)
    probe.require(tmp_path)


def test_the_provenance_states_what_decides(bubblewrap: None) -> None:
    facts = probe.provenance()
    assert facts["kernel"] == os.uname().release
    assert facts["root"] == "host"
    assert facts["bubblewrap"][0].isdigit()
