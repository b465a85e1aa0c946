"""What can be named on the command line, with one line on each."""

import ast
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rich.table import Table

import planners
from agent.episode import json_number
from envs import ENVS
from priors import PRIORS
from slinvit.registry import Registry
from value_estimators import VALUES


def listing() -> dict[str, list[dict[str, Any]]]:
    """Return name, description and, for planners, options with their defaults, by kind; JSON values."""
    kinds = {"environments": ENVS, "priors": PRIORS, "planners": planners.PLANNERS, "value_estimators": VALUES}
    found = {kind: [_entry(registry, name) for name in registry.names()] for kind, registry in kinds.items()}
    for entry in found["planners"]:
        entry["options"] = {name: json_number(value) for name, value in planners.options(entry["name"]).items()}
    return found


def listing_table(kind: str, entries: list[dict[str, Any]]) -> Table:
    """Return the entries of one kind as a table for the eye."""
    table = Table(title=kind.replace("_", " "), title_justify="left", expand=True)
    table.add_column("name", no_wrap=True, style="bold")
    table.add_column("what it is")
    if kind == "planners":
        table.add_column("options")
    for entry in entries:
        options = ", ".join(f"{name}={value}" for name, value in entry.get("options", {}).items())
        table.add_row(entry["name"], entry["description"], *([options] if kind == "planners" else []))
    return table


def description(target: str) -> str:
    """Return the first line of the docstring of ``module:attribute``, read without importing the module.

    A list of names must not load torch.
    """
    module, _, attribute = target.partition(":")
    for node in _definitions(module):
        if node.name == attribute:
            return (ast.get_docstring(node) or "").partition("\n")[0].strip()
    return ""


@lru_cache(maxsize=64)
def _definitions(module: str) -> tuple[ast.ClassDef | ast.FunctionDef, ...]:
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        return ()
    body = ast.parse(Path(spec.origin).read_text(encoding="utf-8")).body
    return tuple(node for node in body if isinstance(node, ast.ClassDef | ast.FunctionDef))


def _entry(registry: Registry, name: str) -> dict[str, Any]:
    target = registry.targets.get(name)
    return {"name": name, "description": "plug-in" if target is None else description(target)}
