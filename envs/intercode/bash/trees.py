"""The file systems of tasks, ready for a sandbox."""

import tarfile
import tempfile
from functools import lru_cache
from pathlib import Path

from envs.intercode.bash.layers import merged
from envs.intercode.bash.sandbox import Sandbox
from envs.intercode.bash.status import RESET
from envs.intercode.bash.tree import Tree, prepare
from envs.intercode.embedded.tree import archive
from envs.intercode.layout import BashSource

KEPT = 8
"""File systems kept per process."""

GITIGNORE = Path(__file__).parent / "docker.gitignore"
"""Folders of the system, as the original image leaves them out of version control."""

SYSTEM = frozenset(GITIGNORE.read_text().split()) | {"lib32", "lib64", "libx32", "mnt", "tmp"}
"""What a list of folders of the system may hold beside those."""


@lru_cache(maxsize=KEPT)
def tree_of(source: BashSource, root: Path | None = None) -> Tree:
    """Return the file system of ``source``: from an archive, a folder, a manifest, or the script that sets it up.

    It is as an episode of the original begins: reset once, so that folders without files are gone. A process reads each
    source once: later changes to it are not seen.

    Args:
        source: where the files come from.
        root: the system below the sandbox, the host's by default; scripts run in it.

    Raises:
        InputError: it cannot be read.
        EnvironmentFailure: it cannot be set up.
    """
    name = f"fs_{source.number}"
    if source.tree.suffix != ".json":
        return _reset(prepare(name, source.tree, gitignore=_gitignore(source), root=root), root)
    with tempfile.NamedTemporaryFile(suffix=".tar") as file:
        file.write(archive(source.tree))
        file.flush()
        return _reset(prepare(name, Path(file.name), gitignore=_gitignore(source, Path(file.name)), root=root), root)


def _gitignore(source: BashSource, tree: Path | None = None) -> Path | None:
    """Return the list of what version control leaves out; ``None`` where the tree brings one that means more.

    A list of nothing but folders of the system is replaced by the original's: ``tmp``, which some add, would also leave
    out every folder of that name inside the task's own files.
    """
    if source.gitignore is not None:
        return source.gitignore
    own = _own_gitignore(tree or source.tree)
    lines = {line.strip().strip("/") for line in own.splitlines() if not line.startswith(("#", ".dockerenv"))}
    return GITIGNORE if lines <= SYSTEM | {""} else None


def _own_gitignore(tree: Path) -> str:
    """Return the list that ``tree`` brings, empty where it brings none; what cannot be read is reported later."""
    if tree.is_dir():
        own = tree / ".gitignore"
        return own.read_text(errors="replace") if own.is_file() else ""
    try:
        with tarfile.open(tree) as packed:
            member = next((each for each in packed if Path(each.name) == Path(".gitignore")), None)
            content = packed.extractfile(member) if member is not None else None
            return "" if content is None else content.read().decode(errors="replace")
    except (OSError, tarfile.TarError, EOFError):
        return ""


def _reset(tree: Tree, root: Path | None) -> Tree:
    with Sandbox(tree, root=root) as sandbox:
        # Once looked at, files count as unchanged; the reset would else write them anew, with new times.
        sandbox.run(("/bin/bash", "-c", "git status"))
        sandbox.run(RESET)
        return Tree(tree.name, merged(tree.entries, sandbox.snapshot().entries))
