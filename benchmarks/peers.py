"""Environments of their own for what a benchmark is compared with."""

import os
import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path

from slinvit.errors import InputError

ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}


def default_folder(name: str) -> Path:
    """Return where the environment called ``name`` lies: below the user's cache."""
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(cache) / "slinvit" / name


def install(folder: Path, packages: Sequence[str], *options: str) -> Path:
    """Return the Python of an environment that has ``packages``, making it (some minutes) where it is not there.

    Raises:
        InputError: pip failed.
    """
    python = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    done, wanted = folder / "installed", "\n".join(packages)
    if done.exists() and done.read_text(encoding="utf-8") == wanted:
        return python
    venv.create(folder, with_pip=True)
    command = [str(python), "-m", "pip", "install", "--quiet", *options, *packages]
    call(command, f"cannot install the peers into {folder}; use --no-peers to leave them out")
    done.write_text(wanted, encoding="utf-8")
    return python


def call(command: Sequence[str], problem: str, **variables: str) -> None:
    """Run ``command`` with one thread and further environment ``variables``.

    Raises:
        InputError: it failed; ``problem`` with the last line it wrote.
    """
    environment = {**os.environ, **ONE_THREAD, **variables}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise InputError(f"{problem}: {last_line(done.stderr)}")


def last_line(text: str) -> str:
    """Return the last line of what a process wrote."""
    return (text.strip().splitlines() or ["no message"])[-1][:300]
