"""Planners from text and command-line flags, and back."""

import math
from collections.abc import Mapping
from dataclasses import is_dataclass
from typing import Any, TypeAlias

from planners.base import option_fields, option_types
from planners.parts import Parts
from slinvit.errors import InputError, did_you_mean
from slinvit.protocols import Planner
from slinvit.registry import Registry

Option: TypeAlias = str | int | float | bool

PLANNERS = Registry(
    kind="planner",
    targets={
        "slinvit": "planners.slinvit:Slinvit",
        "greedy": "planners.single:Greedy",
        "reactive": "planners.reactive:Reactive",
        "best-of-n": "planners.sampling:BestOfN",
        "random": "planners.single:Random",
        "breadth-first": "planners.graph:BreadthFirst",
        "best-first": "planners.graph:BestFirst",
        "levin": "planners.graph:Levin",
        "beam": "planners.beam:Beam",
        "mcts": "planners.mcts:Mcts",
        "smc": "planners.sampling:SequentialMonteCarlo",
    },
    group="slinvit.planners",
)
"""Names to dataclasses whose first field is ``parts`` and whose other fields are options."""


def build(text: str, overrides: Mapping[str, Option], parts: Parts) -> Planner:
    """Return the planner that ``text`` describes (``NAME`` or ``NAME:key=value,...``), with ``overrides`` on top.

    Raises:
        UnknownName: no such planner.
        InputError: an option it does not have, or a value the option cannot take.
    """
    planner, spec = PLANNERS.split(text)
    if spec.argument:
        raise InputError(f"cannot read {spec.argument!r} in {text!r}: options are key=value pairs")
    for name in spec.options.keys() & overrides.keys():
        raise InputError(f"{name} is given in {text!r} and beside it; leave one out")
    given = {**spec.options, **overrides}
    types = option_types(_dataclass(spec.name, planner))
    for name in given:
        if name not in types:
            known = ", ".join(types) or "none"
            raise InputError(f"{spec.name} has no option {name!r}{did_you_mean(name, types)}; its options: {known}")
    converted = {name: _converted(spec.name, name, types[name], value) for name, value in given.items()}
    built: Planner = planner(parts, **converted)
    return built


def options(name: str) -> dict[str, Any]:
    """Return the options of the planner called ``name`` with their defaults."""
    return {option.name: option.default for option in option_fields(_dataclass(name, PLANNERS.load(name)))}


def settings(planner: Any) -> dict[str, Option]:
    """Return the options of a built planner with their values."""
    return {option.name: getattr(planner, option.name) for option in option_fields(type(planner))}


def _dataclass(name: str, planner: Any) -> type[Any]:
    if not (isinstance(planner, type) and is_dataclass(planner)):
        raise InputError(f"the planner {name!r} is not a dataclass with a field `parts` and its options")
    return planner


def _converted(planner: str, name: str, kind: Any, value: Option) -> Option:
    """Return text as the option's type and other values as they are, for the planner itself to check."""
    if not isinstance(value, str):
        return value
    if kind is bool:
        words = {
            "true": True,
            "false": False,
            "on": True,
            "off": False,
            "yes": True,
            "no": False,
            "1": True,
            "0": False,
        }
        if value.lower() not in words:
            raise InputError(f"{planner}: {name} must be true or false, not {value!r}")
        return words[value.lower()]
    try:
        return kind(value) if kind in (int, float) else value
    except ValueError:
        wanted = "a whole number" if kind is int else f"a number or {math.inf}"
        raise InputError(f"{planner}: {name} must be {wanted}, not {value!r}") from None
