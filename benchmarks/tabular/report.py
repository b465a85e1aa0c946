"""From rows to the bars they have to clear, and a table."""

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from rich.table import Table

from benchmarks.tabular import parts
from benchmarks.tabular.measure import Row


@dataclass(frozen=True)
class Bar:
    """What is promised about two methods, at the size where it holds least.

    Attributes:
        ratio: time of ``slow`` over time of ``fast``.
        least: what the ratio must reach.
        size: where the ratio is smallest.
        slow: a method.
        fast: another.
        note: what else to know, as how a third method compares.
    """

    ratio: float
    least: float
    size: str
    slow: str
    fast: str
    note: str = ""

    @property
    def passed(self) -> bool:
        """Whether it is cleared."""
        return self.ratio >= self.least


_BARS = {
    "core_within_1.3_of_pymdptoolbox": ("backup", "pymdptoolbox", parts.CORE, 1 / 1.3, 0, 300),
    "numba_twice_numpy": ("backup", parts.CORE, parts.COMPILED, 2.0, 0, 100),
    "numba_faster_than_quantecon": ("backup", "quantecon", parts.COMPILED, 1.0, 0, 100),
    "core_50_times_rlberry_scool": ("backup", "rlberry-scool", parts.CORE, 50.0, 25, 100),
    "csr_8_times_dense": ("sparse", parts.DENSE, parts.CSR, 8.0, 1000, 1000),
    "numba_csr_8_times_numba_dense": ("sparse", parts.COMPILED_DENSE, parts.COMPILED_CSR, 8.0, 1000, 1000),
    "numba_loop_over_seeds_5_times_numpy_loop": ("seeds", parts.LOOP, parts.COMPILED_LOOP, 5.0, 0, 1000),
    "run_20_times_numpy_per_episode": ("run", parts.EACH, parts.WHOLE, 20.0, 25, 25),
}
"""Part, slow, fast, least ratio, fewest and most states at which it is promised."""

_BESIDE = {"numba_loop_over_seeds_5_times_numpy_loop": parts.BATCH}
"""Bars whose slow method is not the fastest that there is, and the one that is: its ratio is told beside them."""


def bars(rows: Sequence[Row]) -> dict[str, Bar]:
    """Return the bars of which both methods were measured at some size."""
    found = {}
    for name, (part, slow, fast, least, fewest, most) in _BARS.items():
        seconds = {(row.size, row.method): row.seconds for row in rows if row.part == part}
        ratios = {
            size: seconds[size, slow] / seconds[size, fast]
            for size, method in seconds
            if method == fast and (size, slow) in seconds and fewest <= _states(size) <= most
        }
        if ratios:
            size = min(ratios, key=lambda each: ratios[each])
            other = _BESIDE.get(name, "")
            beside = seconds.get((size, other))
            note = f"{other} / {fast}: {beside / seconds[size, fast]:.3g}" if beside else ""
            found[name] = Bar(ratios[size], least, size, slow, fast, note)
    return found


def machine() -> Mapping[str, str]:
    """Return what the numbers were made with."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:  # another system than Linux
        lines = []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return {
        "processor": models[0] if models else platform.processor(),
        "machine": platform.machine(),
        "system": platform.system(),
        "python": platform.python_version(),
        **{package: version(package) for package in ("slinvit", "numpy", "numba", "scipy")},
    }


def rows_table(rows: Sequence[Row]) -> Table:
    """Return the rows, each beside the first method of its part and size."""
    table = Table("part", "size", "method", "time", "of the first", "", title="process CPU time, one thread")
    first: dict[tuple[str, str], float] = {}
    for row in rows:
        base = first.setdefault((row.part, row.size), row.seconds)
        table.add_row(row.part, row.size, row.method, _time(row.seconds), f"{row.seconds / base:.3g}", row.note)
    return table


def bars_table(found: Mapping[str, Bar]) -> Table:
    """Return the bars."""
    table = Table("bar", "slow", "fast", "slow / fast", "needed", "at", "", "beside it")
    for name, bar in found.items():
        verdict = "pass" if bar.passed else "FAIL"
        table.add_row(name, bar.slow, bar.fast, f"{bar.ratio:.3g}", f"{bar.least:.3g}", bar.size, verdict, bar.note)
    return table


def _states(size: str) -> int:
    return int(size.split()[0].removeprefix("S="))


def _time(seconds: float) -> str:
    if seconds < 1e-3:
        return f"{seconds * 1e6:.1f} us"
    return f"{seconds * 1e3:.2f} ms" if seconds < 1 else f"{seconds:.2f} s"
