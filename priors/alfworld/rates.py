"""Where things usually are: rates counted from training games only."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from importlib import resources
from pathlib import Path
from typing import Any, TypeAlias

from slinvit.errors import InputError

ASSET = "assets/alfworld/placement.json"

SMOOTHING = 10.0
"""Receptacles of each kind added to the counts, filled as often as this kind is with any object."""

Counts: TypeAlias = Mapping[str, Mapping[str, Sequence[int]]]
"""Object kind to receptacle kind to (receptacles that held one at the start, all of these receptacles)."""


@dataclass(frozen=True, eq=False)
class Rates:
    """Chances that one receptacle of a kind holds an object of a kind at the start.

    Attributes:
        table: by object kind and receptacle kind.
        base: by receptacle kind, for objects never counted.
        origin: what identifies the counts.
    """

    table: Mapping[str, Mapping[str, float]]
    base: Mapping[str, float]
    origin: Mapping[str, Any]

    def rate(self, thing: str, receptacle: str) -> float:
        """Return the chance; kinds never counted are as likely as the least likely one."""
        row = self.table.get(thing, self.base)
        return row.get(receptacle, min(row.values()))

    def inverted(self) -> "Rates":
        """Return the control: of each object what was likely is unlikely, and the other way round."""
        table = {thing: _mirrored(row) for thing, row in self.table.items()}
        return Rates(table, _mirrored(self.base), {**self.origin, "rates": "inverted"})


def estimate_rates(counts: Counts, origin: Mapping[str, Any]) -> Rates:
    """Return (h + s b) / (n + s) for every pair of kinds.

    h of n receptacles held such an object, b is the share over all objects, s is :data:`SMOOTHING`; b itself is counted
    with one more receptacle that held something and one that did not.
    """
    held: Counter[str] = Counter()
    seen: Counter[str] = Counter()
    for row in counts.values():
        for place, (holding, total) in row.items():
            held[place] += holding
            seen[place] += total
    base = {place: (held[place] + 1) / (total + 2) for place, total in seen.items()}
    table = {
        thing: {
            place: (row.get(place, (0, 0))[0] + SMOOTHING * share) / (row.get(place, (0, 0))[1] + SMOOTHING)
            for place, share in base.items()
        }
        for thing, row in counts.items()
    }
    return Rates(table, base, origin)


@lru_cache(maxsize=4)
def read_rates(path: str = "") -> Rates:
    """Return the rates of the counts in a JSON file, by default those that ship.

    Raises:
        InputError: not such a file.
    """
    try:
        raw = Path(path).read_bytes() if path else (resources.files("priors") / ASSET).read_bytes()
        content = json.loads(raw)
        counts = content["counts"]
        _check(counts)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path}: expected counts as `slinvit train-placement alfworld` writes them: {error}"
        ) from error
    return estimate_rates(counts, {"counts": path or "bundled", "sha256": sha256(raw).hexdigest()})


def _check(counts: Any) -> None:
    if not isinstance(counts, dict) or not counts or not all(isinstance(row, dict) for row in counts.values()):
        raise ValueError("no counts by kinds of objects and receptacles")
    for thing, row in counts.items():
        for place, pair in row.items():
            if not _is_share(pair):
                raise ValueError(f"{thing} in {place}: expected [holding, all], found {pair}")


def _is_share(pair: Any) -> bool:
    whole = isinstance(pair, list) and len(pair) == 2 and all(type(number) is int for number in pair)
    return whole and 0 <= pair[0] <= pair[1]


def _mirrored(row: Mapping[str, float]) -> dict[str, float]:
    most, least = max(row.values()), min(row.values())
    return {place: most + least - rate for place, rate in row.items()}
