"""What a layer really changes: asked of version control as the task brings it, with untouched programs and rules.

A command may replace ``git`` or what it runs in, commit its traces away, or tell version control not to look. So only
the files of the task are laid over the untouched tree, and whatever programs and version control go by stays out; a
change there counts by itself, unless the tree's own list leaves it out of version control.
"""

from collections.abc import Sequence

from envs.intercode.bash.box import Box, ended
from envs.intercode.bash.inside.files import Entry
from envs.intercode.bash.layers import Layer
from envs.intercode.bash.status import GIT, UNREADABLE, Change, exact_changes, exact_of

PROGRAMS = frozenset(
    ("bin", "dev", "etc", "lib", "lib32", "lib64", "libx32", "proc", "root", "run", "sbin", "sys", "usr")
)
"""Folders of the root in which programs lie, and what they read before they do as they are told."""

RULES = frozenset((".git", ".gitattributes", ".gitignore", ".gitmodules"))
"""Names, in any folder, of what version control itself goes by."""

REPOSITORY = ".git"

APART = "!!"
"""Code of a change that version control was not asked about."""

IGNORED = f'printf "%s\\0" "$@" | {" ".join(GIT)} check-ignore --no-index -z --stdin'

SOME, NONE = 0, 1
"""Exit codes of ``git check-ignore``."""

CHUNK = 200
"""Paths per question; a command takes 128 KiB at least."""


def clean_changes(box: Box, layer: Layer) -> tuple[Change, ...]:
    """Return the changes in ``layer``; :data:`UNREADABLE` is one where version control did not end by itself.

    Afterwards ``box`` is anywhere.

    Raises:
        SnapshotError: the layer does not fit.
    """
    kept, apart = divided(layer.entries)
    changes: tuple[Change, ...] = ()
    if any(entry.kind != "t" for entry in kept):
        box.restore(Layer(kept))
        changes = exact_changes(exact_of(box))
    return changes + _seen(box, apart) if apart else changes


def divided(entries: Sequence[Entry]) -> tuple[tuple[Entry, ...], tuple[str, ...]]:
    """Return the entries that version control may look at, and the paths that hold the others."""
    known = {entry.path: entry for entry in entries}
    kept = tuple(_independent(entry, known) for entry in entries if held_back(entry.path) is None)
    apart = {held for entry in entries if entry.kind != "t" and (held := held_back(entry.path)) is not None}
    return kept, tuple(sorted(apart - {REPOSITORY}))


def held_back(path: str) -> str | None:
    """Return the part of ``path`` because of which version control is not shown it; ``None`` where it is."""
    parts = path.split("/")
    if parts[0] in PROGRAMS:
        return parts[0]
    first = next((number for number, part in enumerate(parts, start=1) if part in RULES), None)
    return None if first is None else "/".join(parts[:first])


def _independent(entry: Entry, known: dict[str, Entry]) -> Entry:
    """Return ``entry``, as a file of its own where it is another name of a file that is held back."""
    target = entry.data.decode(errors="surrogateescape") if entry.kind == "h" else ""
    if not target or held_back(target) is None:
        return entry
    return entry._replace(kind="f", data=known[target].data)


def _seen(box: Box, paths: Sequence[str]) -> tuple[Change, ...]:
    """Return a change for each of ``paths`` that the tree's list does not leave out of version control."""
    box.restore(None)
    ignored: set[bytes] = set()
    for start in range(0, len(paths), CHUNK):
        output = box.run(("/bin/sh", "-c", IGNORED, "sh", *paths[start : start + CHUNK]))
        if not ended(output) or output.code not in (SOME, NONE):
            return (UNREADABLE,)
        ignored.update(output.data.split(b"\0"))
    return tuple((path, APART) for path in paths if path.encode(errors="surrogateescape") not in ignored)
