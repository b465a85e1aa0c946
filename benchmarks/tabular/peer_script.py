"""Runs in the peers' own environment: times their unregularised backups on problems read from files.

Reads one request per line, ``{"problem": FILE.npz, "seconds": LEAST}``, and answers each with a line of JSON, so that
its measurements can alternate with others. Nothing of this project is imported.
"""

import contextlib
import io
import json
import sys
import time
import warnings
from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Any

import numpy as np

warnings.filterwarnings("ignore")

SLOWEST_STATES = 100
"""rlberry-scool's planner takes minutes above."""


def pymdptoolbox(p: Any, r: Any, horizon: int) -> tuple[Callable[[], object], Callable[[], Any]]:
    """Return what to time, and what then gives the values at the first step."""
    from mdptoolbox.mdp import FiniteHorizon  # type: ignore[import-not-found]

    with contextlib.redirect_stdout(io.StringIO()):  # it prints a warning about convergence
        solver = FiniteHorizon(np.ascontiguousarray(p.transpose(1, 0, 2)), r, 1.0, horizon)
    return solver.run, lambda: solver.V[:, 0]


def quantecon(p: Any, r: Any, horizon: int) -> tuple[Callable[[], object], Callable[[], Any]]:
    """Return what to time, and what then gives the values at the first step."""
    from quantecon.markov import DiscreteDP, backward_induction  # type: ignore[import-not-found]

    solver = DiscreteDP(r, p, 1.0)
    return lambda: backward_induction(solver, horizon), lambda: backward_induction(solver, horizon)[0][0]


def rlberry_scool(p: Any, r: Any, horizon: int) -> tuple[Callable[[], object], Callable[[], Any]]:
    """Return what to time, and what then gives the values at the first step."""
    from rlberry_scool.agents.dynprog.utils import backward_induction_in_place  # type: ignore[import-not-found]

    q, v = np.zeros((horizon, *r.shape)), np.zeros((horizon, len(r)))
    return lambda: backward_induction_in_place(q, v, r, p, horizon), lambda: v[0]


PEERS = {"pymdptoolbox": pymdptoolbox, "quantecon": quantecon, "rlberry-scool": rlberry_scool}


def cpu_seconds(call: Callable[[], object], least: float) -> float:
    """Return the process CPU time of one call: the mean over ``least`` seconds, after one unmeasured."""
    started = time.process_time()
    call()
    calls = max(1, int(least / max(time.process_time() - started, 1e-7)))
    started = time.process_time()
    for _ in range(calls):
        call()
    return (time.process_time() - started) / calls


def measure(data: Mapping[str, Any], least: float) -> dict[str, float]:
    """Return seconds by peer, once each has found the values that are given."""
    p, r, horizon = data["p"], data["r"], int(data["horizon"])
    found = {}
    for name, make in PEERS.items():
        if name == "rlberry-scool" and len(r) > SLOWEST_STATES:
            continue
        call, values = make(p, r, horizon)
        call()
        off = float(np.abs(values() - data["v"][0]).max())
        if off > 1e-9:
            raise SystemExit(f"{name}: values differ by {off:g} on {r.shape}")
        found[name] = cpu_seconds(call, least)
    return found


if __name__ == "__main__":
    for line in sys.stdin:
        asked = json.loads(line)
        times = measure(np.load(asked["problem"]), asked["seconds"])
        print(json.dumps({"times": times, "versions": {name: version(name) for name in PEERS}}), flush=True)
