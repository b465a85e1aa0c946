"""Are the seven packages that will be imported ours?

They are literal top-level names, so another distribution can ship one too, and a folder of the user can come first on
the path. Only the standard library is used here: nothing else is safe to import before the answer is known.
"""

import sys
from collections.abc import Iterable, Sequence
from importlib.metadata import packages_distributions
from importlib.util import find_spec
from pathlib import Path

PACKAGES = ("slinvit", "envs", "priors", "value_estimators", "planners", "agent", "learners")
OURS = "slinvit"


def problem() -> str | None:
    """Return one line naming what is in the way of our packages, or ``None``."""
    root = Path(__file__).resolve().parent.parent
    return _shadowed(root) or _shared(root)


def _shadowed(root: Path) -> str | None:
    for package in PACKAGES:
        found = _location(package)
        if found != root / package:
            culprits = _others(packages_distributions().get(package, ()))
            owner = f"the distribution {culprits[0]!r}" if culprits else f"{found}"
            return (
                f"the package {package!r} of slinvit is hidden by {owner}; "
                "install slinvit into an environment of its own, or rename that folder"
            )
    return None


def _location(package: str) -> Path | None:
    if package in sys.modules:
        origin = sys.modules[package].__file__
    else:
        spec = find_spec(package)
        origin = None if spec is None else spec.origin
    return None if origin is None else Path(origin).resolve().parent


def _shared(root: Path) -> str | None:
    """Look for another distribution that was installed into the same folder with one of our names.

    The lists of installed files are searched as bytes: reading them as metadata takes ten times as long.
    """
    for record in sorted(root.glob("*.dist-info/RECORD")):
        name = record.parent.name.partition("-")[0]
        folders = {line.partition(b"/")[0] for line in record.read_bytes().split(b"\n")}
        shared = [package for package in PACKAGES if package.encode() in folders]
        if name != OURS and shared:
            culprits = _others(packages_distributions().get(shared[0], ())) or [name]
            return (
                f"the distribution {culprits[0]!r} also ships the package {shared[0]!r} and may have overwritten ours; "
                "install slinvit into an environment of its own"
            )
    return None


def _others(distributions: Iterable[str]) -> Sequence[str]:
    return [name for name in distributions if name != OURS]
