"""How commands become arguments, and where a cd leads."""

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs.intercode.bash.paths import cd_target, joined
from envs.intercode.bash.quoting import arguments, hash_arguments, is_hashed


@pytest.mark.parametrize(
    ("command", "text"),
    [
        ("ls -l", "ls -l"),
        ('find . -name "*.php"', "find . -name *.php"),
        ("awk '{print $1}'", "awk '{print $1}'"),
        (r"find . -exec md5sum {} \;", r"find . -exec md5sum {} \;"),
        (r"echo \"kept\"", 'echo "kept"'),
        ("  ls\n", "ls"),
        ("", ""),
    ],
)
def test_double_quotes_inside_a_command_vanish(command: str, text: str) -> None:
    assert arguments(command) == ("/bin/bash", "-c", text)


def test_blanks_between_double_quotes_split_the_command() -> None:
    assert arguments('grep "two words" f') == ("/bin/bash", "-c", "grep two", "words f")


@pytest.mark.parametrize("command", ['echo "', "echo \\", "a\0b", "x\" '", "\ud800"])
def test_what_cannot_be_split_or_run_gives_nothing(command: str) -> None:
    assert arguments(command) is None


@given(st.text(alphabet=st.characters(exclude_characters='"\\\0', exclude_categories=["Cs"])))
def test_a_command_without_quotes_and_backslashes_arrives_as_it_is(command: str) -> None:
    assert arguments(command) == ("/bin/bash", "-c", command.strip())


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_arguments_are_those_of_a_shell(command: str) -> None:
    try:
        expected: tuple[str, ...] | None = tuple(shlex.split('/bin/bash -c "' + command.strip() + '"'))
    except ValueError:
        expected = None
    assert arguments(command) == expected


def test_checksums_take_paths_as_words() -> None:
    assert hash_arguments("testbed/a.txt") == ("md5sum", "testbed/a.txt")
    assert hash_arguments("it's.txt") is None
    assert is_hashed("a.txt")
    assert not is_hashed("testbed/dir/")


@pytest.mark.parametrize(
    ("directory", "path", "there"),
    [
        ("/", "testbed", "/testbed"),
        ("/testbed", "dir1/../dir2", "/testbed/dir2"),
        ("/testbed", "/etc", "/etc"),
        ("/testbed", "../../..", "/"),
        ("/testbed", ".", "/testbed"),
        ("/testbed", "", "/testbed"),
        ("/", "~", "/~"),
        ("/a", "b && ls", "/a/b && ls"),
        ("/a", "..; ls", "/a/..; ls"),
    ],
)
def test_paths_are_joined_as_texts(directory: str, path: str, there: str) -> None:
    assert joined(directory, path) == there


@given(st.lists(st.sampled_from(["a", "b", ".", "..", ""])), st.lists(st.sampled_from(["a", "..", ".", "", "c d"])))
def test_joining_two_paths_is_joining_one_after_the_other(first: list[str], second: list[str]) -> None:
    one, two = "/".join(first), "/".join(second)
    if not two.startswith("/"):
        assert joined(joined("/", one), two) == joined("/", f"{one}/{two}" if two else one)


def test_a_change_of_directory_takes_the_rest_of_the_line() -> None:
    assert cd_target("cd dir1 && ls", "/testbed") == "/testbed/dir1 && ls"
    assert cd_target("cd   ", "/testbed") == "/testbed"


@pytest.mark.parametrize("action", ["cd", "cdrecord --help", "cd\t/tmp"])
def test_a_change_of_directory_to_nowhere_leads_nowhere(action: str) -> None:
    assert cd_target(action, "/testbed") is None
