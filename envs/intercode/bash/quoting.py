"""How text that an agent types becomes the arguments of a process, as a container's ``exec`` takes them.

The original puts a command between double quotes after ``/bin/bash -c`` and splits the whole as a shell would, without
expanding anything. Double quotes inside the command therefore vanish: ``-name "*.php"`` arrives as ``-name *.php``.
"""

import shlex

SHELL = "/bin/bash"


def arguments(command: str) -> tuple[str, ...] | None:
    """Return the arguments that run ``command``; ``None`` where its quoting is unbalanced or it holds a NUL."""
    try:
        words = tuple(shlex.split(f'{SHELL} -c "{command.strip()}"'))
        # What no process can be given: a NUL ends an argument, and lone surrogates have no bytes.
        usable = all("\0" not in word and word.encode() is not None for word in words)
    except (ValueError, UnicodeEncodeError):
        return None
    return words if usable else None


def hash_arguments(path: str) -> tuple[str, ...] | None:
    """Return the arguments of the checksum of ``path`` as ``git status`` prints it; ``None`` for unbalanced quotes.

    A path without a dot would go to ``md5deep``, which the original image lacks: see :func:`is_hashed`.
    """
    try:
        return tuple(shlex.split(f"md5sum {path}"))
    except ValueError:
        return None


def is_hashed(path: str) -> bool:
    """Whether a checksum of ``path`` says anything: without a dot both sides got the same message of a missing tool."""
    return "." in path
