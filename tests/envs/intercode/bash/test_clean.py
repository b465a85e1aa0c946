"""What a layer changes, whatever was done to hide it."""

import pytest

from envs.intercode.bash.clean import APART, clean_changes, divided, held_back
from envs.intercode.bash.inside.files import Entry
from envs.intercode.bash.sandbox import Sandbox
from envs.intercode.bash.status import status_of

AUTHOR = "-c user.email=a@b -c user.name=c"


def after(sandbox: Sandbox, command: str) -> dict[str, str]:
    """Return the changes of ``command``, code by path."""
    sandbox.restore(None)
    sandbox.run(["/bin/bash", "-c", command])
    return dict(clean_changes(sandbox, sandbox.snapshot()))


@pytest.mark.parametrize(
    "command",
    [
        "true",
        "touch /work/a.txt",
        "echo alpha > /work/a.txt",
        "echo more >> /work/a.txt",
        "rm /work/b.txt; echo x > /work/new.txt",
        "mkdir /work/empty",
        "mkdir -p /work/x/y; touch /work/x/y/z '/work/two words'",
        "chmod 755 /work/a.txt",
        "rm -r /work/sub; ln -s a.txt /work/sub",
        "ln /work/a.txt /work/again.txt",
        "rm -rf /work",
        "echo x > /tmp/x; echo x > /etc/x; echo x > /root/.x; echo x > /var/x",
        "mv /work/a.txt /work/c.txt",
        "printf x > /work/$(printf '\\377')",
    ],
)
def test_ordinary_changes_are_those_that_version_control_shows(sandbox: Sandbox, command: str) -> None:
    sandbox.run(["/bin/bash", "-c", command])
    _, changes = status_of(sandbox)
    assert sorted(clean_changes(sandbox, sandbox.snapshot())) == sorted(changes)


@pytest.mark.parametrize(
    ("hide", "left"),
    [
        (f"git add -A; git {AUTHOR} commit -qm x", {}),
        ("git update-index --skip-worktree $(git ls-files)", {}),
        ("git update-index --assume-unchanged $(git ls-files)", {}),
        ("echo work >> .gitignore; git rm -rq --cached work", {".gitignore": APART}),
        ("echo '*' > work/.gitignore; git rm -rq --cached work", {"work/.gitignore": APART}),
        ("echo work > .git/info/exclude; git rm -rq --cached work", {}),
        ("git config core.excludesFile /work/all; echo '*' > work/all; git rm -rq --cached work", {"work/all": "??"}),
        ("git config core.worktree /var", {}),
        ("rm -rf .git", {}),
        ("rm -rf .git; git init -q; git add -A; git -c user.email=a -c user.name=b commit -qm x", {}),
        ("git add -A", {}),
    ],
)
def test_nothing_that_version_control_is_told_hides_a_change(sandbox: Sandbox, hide: str, left: dict[str, str]) -> None:
    change = "rm /work/b.txt; echo more >> /work/a.txt; cd /"
    assert after(sandbox, f"{change}; {hide}") == {"work/a.txt": "M", "work/b.txt": "D", **left}


def test_replaced_programs_are_not_asked_and_count_where_the_list_names_them_not(sandbox: Sandbox) -> None:
    fake = "printf '#!/bin/sh\\nexit 0\\n' > /work/git; chmod 755 /work/git; rm /bin; mkdir /bin; mv /work/git /bin/git"
    assert after(sandbox, f"rm /work/b.txt; {fake}; mkdir /etc/x; echo lib > /etc/ld.so.preload") == {"work/b.txt": "D"}


def test_programs_that_are_told_apart_are_named_by_their_folder(sandbox: Sandbox) -> None:
    assert held_back("usr/bin/git") == "usr"
    assert held_back("work/.git/config") == "work/.git"
    assert held_back("work/a.git") is None
    kept, apart = divided([Entry("work/x", "f"), Entry("etc", "t"), Entry("lib64/a", "f"), Entry(".git/x", "f")])
    assert kept == (Entry("work/x", "f"),)
    assert apart == ("lib64",)


def test_a_second_name_of_a_file_that_is_held_back_is_a_file() -> None:
    kept, _ = divided([Entry("etc/x", "f", 0o600, 1, b"data"), Entry("work/x", "h", 0o600, 1, b"etc/x")])
    assert kept == (Entry("work/x", "f", 0o600, 1, b"data"),)


def test_many_rules_of_its_own_are_counted_each(sandbox: Sandbox) -> None:
    found = after(sandbox, "for i in $(seq 450); do mkdir /work/d$i; echo x > /work/d$i/.gitignore; done")
    assert found == {f"work/d{number}/.gitignore": APART for number in range(1, 451)}
