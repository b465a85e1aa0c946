"""Names for things: one dict of lazy targets per package, plug-ins from outside, and specs from the command line.

A spec is ``NAME``, ``NAME:ARGUMENT`` or ``NAME:ARGUMENT,key=value,...``; ``module:Name`` of an importable module
names a plug-in directly.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module, util
from importlib.metadata import entry_points
from typing import Any

from slinvit.errors import InputError, UnknownName


@dataclass(frozen=True)
class Spec:
    """A parsed name with its argument and options; all values are text.

    ``run`` holds what holds for every model of a run that is reached over a network: where its answers are kept and
    hard limits. Whoever reaches none has no use for it.
    """

    name: str
    argument: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    run: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Registry:
    """Lazy targets ``module:attribute`` by name.

    Attributes:
        kind: what the names stand for, in words, for messages.
        targets: ours.
        group: entry-point group in which other distributions add theirs.
    """

    kind: str
    targets: Mapping[str, str]
    group: str

    def __iter__(self) -> Iterator[str]:
        return iter(self.targets)

    def names(self) -> list[str]:
        """Return all known names, plug-ins included."""
        return sorted({*self.targets, *(point.name for point in entry_points(group=self.group))})

    def load(self, name: str) -> Any:
        """Return the target called ``name``, or the attribute that ``module:Name`` points to.

        Raises:
            UnknownName: no such name, no such module or attribute.
        """
        if name in self.targets:
            return load_target(self.targets[name])
        for point in entry_points(group=self.group):
            if point.name == name:
                return point.load()
        if ":" in name and _importable(name.partition(":")[0]):
            return load_target(name)
        raise UnknownName(self.kind, name, self.names())

    def split(self, text: str) -> tuple[Any, Spec]:
        """Return the target that ``text`` names and the rest of the spec."""
        name, _, rest = text.partition(":")
        # Our own names first: looking for plug-ins reads the metadata of every installed distribution.
        if ":" in text and name not in self.targets and name not in self.names() and _importable(name):
            attribute, _, rest = rest.partition(":")
            name = f"{name}:{attribute}"
        argument, options = _parse_rest(text, rest)
        return self.load(name), Spec(name, argument, options)


def load_target(target: str) -> Any:
    """Return the attribute that ``module:attribute`` names; raises ``InputError`` where there is none."""
    module, _, attribute = target.partition(":")
    found = getattr(import_module(module), attribute, None)
    if found is None:
        raise InputError(f"the module {module!r} has no {attribute!r}")
    return found


def parse_spec(text: str) -> Spec:
    """Return ``NAME:ARGUMENT,key=value,...`` in parts; raises ``InputError``."""
    name, _, rest = text.partition(":")
    return Spec(name, *_parse_rest(text, rest))


def _parse_rest(text: str, rest: str) -> tuple[str, dict[str, str]]:
    arguments: list[str] = []
    options: dict[str, str] = {}
    for part in filter(None, rest.split(",")):
        key, equals, value = part.partition("=")
        if equals and key.isidentifier():
            if key in options:
                raise InputError(f"cannot read {text!r}: the option {key!r} is given twice")
            options[key] = value
        else:
            arguments.append(part)
    if len(arguments) > 1:
        raise InputError(f"cannot read {text!r}: one argument, then key=value pairs, separated by commas")
    return (arguments[0] if arguments else ""), options


def _importable(module: str) -> bool:
    try:
        return util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False
