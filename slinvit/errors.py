"""What can go wrong.

    SlinvitError
    ├── InputError            what the user gave cannot be used; the command line exits with 2
    │   ├── UnknownName       a name that is in no registry
    │   ├── MissingExtra      an optional dependency is not installed
    │   └── RecordError       a run folder or record that cannot be read or written
    ├── PriorError            a model did not give a distribution
    │   └── TooLong           a text is too long for the model, its context or its memory; only its task fails
    ├── EnvironmentFailure    an environment did not do what it promised
    │   └── SnapshotError     a state that cannot be restored
    ├── BudgetExceeded        the next spend would pass a limit; nothing was spent
    └── LimitReached          a hard limit of the whole run; it ends, what is finished is kept

A message says what went wrong, with which task, action or file, and what is allowed.
"""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any


class SlinvitError(Exception):
    """Base of all errors raised on purpose; they survive pickling, so worker processes may raise them."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (type(self), self.args), self.__dict__


class InputError(SlinvitError):
    """Raised when what the user gave cannot be used."""


class UnknownName(InputError):
    """Raised when a name is in no registry."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        self.name = name
        names = sorted(known)
        super().__init__(f"unknown {kind} {name!r}{did_you_mean(name, names)}; known: {', '.join(names)}")


class MissingExtra(InputError):
    """Raised when an optional dependency is not installed."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"{package} is not installed; run: pip install 'slinvit[{extra}]'")


class RecordError(InputError):
    """Raised when a run folder or record cannot be read or written."""


class PriorError(SlinvitError):
    """Raised when a model did not give a distribution."""


class TooLong(PriorError):
    """Raised when a text is too long for the model or the memory at hand; shorter ones may still be asked."""


class EnvironmentFailure(SlinvitError):
    """Raised when an environment did not do what it promised."""


class SnapshotError(EnvironmentFailure):
    """Raised when a state cannot be restored."""


class BudgetExceeded(SlinvitError):
    """Raised before a spend that would pass a limit; nothing was spent."""

    def __init__(self, resource: str, asked: float, remaining: float) -> None:
        self.resource = resource
        super().__init__(f"the budget allows {remaining:g} more {resource}, the next step needs {asked:g}")


class LimitReached(SlinvitError):
    """Raised where a hard limit of the whole run would be passed; the run ends, what is finished is kept."""


def _restored(kind: type[SlinvitError], args: tuple[Any, ...]) -> SlinvitError:
    return kind.__new__(kind, *args)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ``; did you mean 'x'?`` for the nearest known name, else an empty string."""
    close = get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
