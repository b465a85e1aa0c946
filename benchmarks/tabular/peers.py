"""Published planners, installed into an environment of their own and run there on the same arrays."""

import contextlib
import json
import os
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from benchmarks import peers
from benchmarks.tabular.measure import Problem
from benchmarks.tabular.parts import plain_values
from slinvit.errors import InputError

_PACKAGES = ("pymdptoolbox==4.0b3", "quantecon==0.11.4", "rlberry-scool==0.7.3")
_SCRIPT = Path(__file__).with_name("peer_script.py")


def default_folder() -> Path:
    """Return where the peers' environment lies."""
    return peers.default_folder("tabular-peers")


def install(folder: Path) -> Path:
    """Return the Python of the peers' environment, made where it is not there; raises ``InputError``."""
    return peers.install(folder, _PACKAGES)


class Peers:
    """The peers' process, which answers one measurement at a time; leave its context to end it."""

    def __init__(self, python: Path) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._log = Path(self._folder.name) / "errors"
        with self._log.open("w", encoding="utf-8") as errors:
            self._process = subprocess.Popen(
                [str(python), str(_SCRIPT)],
                env={**os.environ, **peers.ONE_THREAD},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )

    def __enter__(self) -> "Peers":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()
        self._folder.cleanup()

    def measure(self, asked: Problem, least: float) -> tuple[dict[str, float], dict[str, str]]:
        """Return what the peers' backups take, in seconds, and the peers' versions.

        Raises:
            InputError: they did not run, or found other values than this project's sweep at lam = 0.
        """
        path = Path(self._folder.name) / f"{'-'.join(map(str, asked.size))}.npz"
        if not path.exists():
            np.savez(path, p=asked.p, r=asked.r, horizon=asked.size.horizon, v=plain_values(asked))
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):  # it ended; what it said is read below
            self._process.stdin.write(json.dumps({"problem": str(path), "seconds": least}) + "\n")
            self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise InputError(f"the peers did not run: {peers.last_line(self._log.read_text(encoding='utf-8'))}")
        answer = json.loads(line)
        return answer["times"], answer["versions"]
