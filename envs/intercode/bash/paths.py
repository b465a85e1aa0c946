"""The working directory of an episode: a text, joined by every ``cd`` that ran without an error."""

from collections.abc import Sequence

ROOT = "/"


def is_cd(action: str) -> bool:
    """Whether ``action`` counts as a change of directory: whatever begins with these two letters."""
    return action.startswith("cd")


def cd_target(action: str, directory: str) -> str | None:
    """Return where the ``cd`` in ``action`` leads from ``directory``; ``None`` where nothing follows ``cd``.

    What follows is taken as a path to its end: after ``cd /tmp && ls`` the directory is ``/tmp && ls``, which no later
    command can run in.
    """
    _, cd, path = action.partition("cd ")
    return joined(directory, path.strip()) if cd else None


def joined(directory: str, path: str) -> str:
    """Return ``path`` seen from ``directory``, both as texts: links are not followed, nothing need exist."""
    if not path:
        return directory
    start: Sequence[str] = [] if path.startswith("/") else directory.split("/")
    kept: list[str] = []
    for part in (*start, *path.split("/")):
        if part == "..":
            del kept[-1:]
        elif part not in ("", "."):
            kept.append(part)
    return ROOT + "/".join(kept)
