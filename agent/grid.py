"""What a comparison file says, and the rows it stands for."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Literal, TypeAlias

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

import planners
from agent.settings import Settings, usual_parts
from slinvit.errors import InputError, did_you_mean
from slinvit.registry import parse_spec

PARTS = ("prior", "planner", "value")
Option: TypeAlias = bool | int | float | str


class Choice(BaseModel):
    """What a setting may choose, and what the file may choose for all settings.

    Of what the file chooses for all, a setting takes the options that its planner has.
    """

    model_config = ConfigDict(extra="forbid")

    prior: str | None = None
    planner: str | None = None
    value: str | None = None
    breadth: int | None = None
    depth: int | None = None
    lam: float | None = None
    expand: str | None = None
    mask: bool | None = None
    backtrack: bool | None = None
    execute: str | None = None
    backup: str | None = None
    scoring: str | None = None


class Setting(Choice):
    """One named row of the comparison; ``options`` are further options of its planner."""

    name: str = Field(min_length=1)
    options: dict[str, Option] = {}


class Comparison(Choice):
    """The file. Everything outside ``settings`` holds for all of them.

    Attributes:
        grid: names of parts or options to lists of values; every setting is repeated for every combination of those
            that its planner has.
        budgets: one resource to a list of limits per episode; every setting is repeated for each: equal budgets.
        baseline: name of the setting the others are tested against, default the first.
        forbid_oracle: refuse everything where a setting's world, prior or value is an oracle.
    """

    env: str = "blocksworld"
    tasks: str | None = None
    instances: str | None = None
    engine: str | None = None
    skip_bad: bool = False
    simulator: str = "exact"
    trials: int = 1
    horizon: int | str = "2x"
    limit: int | None = None
    seed: int = 0
    max_llm_calls: float | None = None
    max_sim_steps: float | None = None
    max_seconds: float | None = None
    together: int | None = Field(default=None, ge=1)
    forbid_oracle: bool = False
    settings: list[Setting] = Field(min_length=1)
    grid: dict[str, list[Option]] = {}
    budgets: dict[Literal["llm_calls", "sim_steps"], list[float]] = {}
    baseline: str | None = None


@dataclass(frozen=True)
class Row:
    """One run of a comparison: ``setting`` is its name without the budget."""

    name: str
    setting: str
    settings: Settings


def read_config(path: Path) -> Comparison:
    """Return the comparison that a YAML file describes.

    Raises:
        InputError: unreadable, not YAML, or a key that is unknown or has a value it cannot have.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not YAML: {' '.join(str(error).split())}") from error
    try:
        return Comparison.model_validate(content)
    except ValidationError as error:
        raise InputError(f"{path}: {_first_problem(error)}") from error


def expand(config: Comparison) -> list[Row]:
    """Return every run of the comparison: settings times grid times budgets.

    Raises:
        InputError: two rows of one name, an unknown baseline, or an empty list in the grid or the budgets.
    """
    _check_lists(config)
    rows = [row for setting in config.settings for row in _grid(config, setting)]
    names = [row.name for row in rows]
    if len({slug(name) for name in names}) < len(names):
        twice = next(name for name in names if [slug(each) for each in names].count(slug(name)) > 1)
        raise InputError(f"settings need different names; {twice!r} occurs twice")
    baseline = config.baseline
    if baseline is not None and baseline not in {row.setting for row in rows}:
        known = sorted({row.setting for row in rows})
        raise InputError(f"unknown baseline {baseline!r}{did_you_mean(baseline, known)}; known: {', '.join(known)}")
    return rows


def _grid(config: Comparison, setting: Setting) -> Iterator[Row]:
    for choice in _combinations(config, setting):
        name = _named(setting.name, choice)
        settings = _settings(config, setting, choice)
        if not config.budgets:
            yield Row(name, name, settings)
        for resource, limits in config.budgets.items():
            for limit in limits:
                row = replace(settings, budget={**settings.budget, resource: limit})
                yield Row(_named(name, {resource: f"{limit:g}"}), name, row)


def _combinations(config: Comparison, setting: Setting) -> Iterator[dict[str, Option]]:
    allowed = {*PARTS, *_planner_options(config, setting)}
    grid = {key: values for key, values in config.grid.items() if key in allowed}
    for combination in product(*grid.values()):
        yield dict(zip(grid, combination, strict=True))


def _planner_options(config: Comparison, setting: Setting) -> set[str]:
    _, spec = planners.PLANNERS.split(setting.planner or config.planner or Settings.planner)
    return set(planners.options(spec.name))


def _check_lists(config: Comparison) -> None:
    for key, values in [
        *((f"grid.{key}", values) for key, values in config.grid.items()),
        *((f"budgets.{resource}", limits) for resource, limits in config.budgets.items()),
    ]:
        if not values:
            raise InputError(f"{key} is an empty list; give at least one value or leave it out")
    known = {*PARTS}.union(*(_planner_options(config, setting) for setting in config.settings))
    for key in config.grid:
        if key not in known:
            raise InputError(f"grid.{key}: no setting has that option{did_you_mean(key, known)}")


def _settings(config: Comparison, setting: Setting, choice: dict[str, Option]) -> Settings:
    allowed = {*PARTS, *_planner_options(config, setting)} & Choice.model_fields.keys()
    shared = config.model_dump(include=allowed, exclude_none=True)
    own = setting.model_dump(include=set(Choice.model_fields), exclude_none=True)
    written = parse_spec(setting.planner or "").options
    common = {key: value for key, value in shared.items() if key not in written}
    chosen = {**common, **own, **setting.options, **choice}
    for key in written.keys() & chosen.keys():
        raise InputError(f"setting {setting.name!r}: {key} is given in its planner and beside it; leave one out")
    usual = usual_parts(config.env)
    parts = {part: str(chosen.pop(part, usual.get(part))) for part in PARTS if part in usual or part in chosen}
    limits = {"llm_calls": config.max_llm_calls, "sim_steps": config.max_sim_steps, "seconds": config.max_seconds}
    return Settings(
        env=config.env,
        tasks=config.tasks or usual["tasks"],
        instances=config.instances,
        engine=config.engine,
        skip_bad=config.skip_bad,
        simulator=config.simulator,
        trials=config.trials,
        horizon=str(config.horizon),
        limit=config.limit,
        seed=config.seed,
        options=chosen,
        budget={resource: limit for resource, limit in limits.items() if limit is not None},
        together=config.together,
        forbid_oracle=config.forbid_oracle,
        remote={},
        **parts,
    )


def _first_problem(error: ValidationError) -> str:
    first = error.errors()[0]
    key = ".".join(map(str, first["loc"]))
    if first["type"] == "extra_forbidden":
        fields = Setting.model_fields if first["loc"][0] == "settings" else Comparison.model_fields
        wrong = str(first["loc"][-1])
        return f"unknown key {key!r}{did_you_mean(wrong, fields)}; known: {', '.join(fields)}"
    return f"{key}: {first['msg']}" if key else "expected keys and values: env, tasks, settings, ..."


def _named(name: str, options: Mapping[str, Option]) -> str:
    return " ".join([name, *(f"{key}={value}" for key, value in options.items())])


def slug(name: str) -> str:
    """Return ``name`` as the name of a folder."""
    return re.sub(r"[^\w.=+-]+", "_", name)
