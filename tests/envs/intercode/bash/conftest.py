"""A real sandbox for the tests; where the machine has none they are skipped, and fail in CI."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from envs.intercode.bash.inside.files import Entry
from envs.intercode.bash.limits import MIB, Limits
from envs.intercode.bash.probe import require
from envs.intercode.bash.sandbox import Sandbox
from envs.intercode.bash.tree import Tree, committed
from slinvit.errors import InputError

SYSTEM = ("bin", "boot", "dev", "etc", "home", "lib", "lib32", "lib64", "libx32", "media", "opt", "proc", "root", "run")
IGNORED = (*SYSTEM, "sbin", "srv", "sys", "tmp", "usr", "var")
FILES = {
    "work/a.txt": "alpha\n",
    "work/b.txt": "beta\n",
    "work/sub/c.txt": "gamma\n",
    "work/sub/deep/d.sh": "echo delta\n",
    ".gitignore": "".join(f"/{name}\n" for name in IGNORED),
}


@pytest.fixture(scope="session")
def bubblewrap() -> None:
    """Needs a machine that can sandbox."""
    try:
        require()
    except InputError as error:
        if os.environ.get("CI"):
            pytest.fail(str(error))
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def intercode_data() -> Path:
    """The folder with the InterCode data."""
    folder = Path(os.environ.get("SLINVIT_DATA", ""), "intercode")
    if not os.environ.get("SLINVIT_DATA") or not folder.is_dir():
        if os.environ.get("CI"):
            pytest.fail("SLINVIT_DATA must name the folder with the data")
        pytest.skip("SLINVIT_DATA does not name a folder with intercode/ in it")
    return folder


@pytest.fixture(scope="session")
def small_tree(bubblewrap: None) -> Tree:
    """Four committed files below /work."""
    folders = [Entry(path, "d", 0o755) for path in ("work", "work/sub", "work/sub/deep")]
    files = [Entry(path, "f", 0o644, 1_600_000_000_000_000_000, text.encode()) for path, text in FILES.items()]
    return committed(Tree("small", (*folders, *files)))


@pytest.fixture(scope="session")
def limits() -> Limits:
    """Small enough to be reached quickly."""
    return Limits(
        seconds=5,
        address_space=1024 * MIB,
        memory=192 * MIB,
        processes=40,
        layer_bytes=8 * MIB,
        inodes=2000,
        output_bytes=64 << 10,
    )


@pytest.fixture(scope="module")
def opened(small_tree: Tree, limits: Limits) -> Iterator[Sandbox]:
    """One sandbox for a file of tests."""
    with Sandbox(small_tree, limits=limits) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(opened: Sandbox) -> Sandbox:
    """A sandbox at the beginning."""
    opened.restore(None)
    return opened
