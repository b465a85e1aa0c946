"""Everything one episode needs, built from settings; each process builds its own."""

import inspect
import traceback
from collections.abc import Sequence
from dataclasses import asdict, is_dataclass
from functools import lru_cache
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from platform import python_version
from typing import Any

import planners
import priors
import value_estimators
from agent.episode import Failure, Record, json_number
from agent.loop import Agent
from agent.settings import Settings
from envs import ENVS
from envs.domain import Domain, Instance
from planners import Parts
from slinvit.budget import Budget
from slinvit.errors import InputError, SlinvitError
from slinvit.protocols import Planner, Prior, ValueEstimator

PACKAGES = ("slinvit", "numpy", "torch", "transformers", "tokenizers", "pddlgym")


def load_domain(settings: Settings) -> Domain[Any]:
    """Return the environment package that ``settings`` names; raises ``InputError`` for an engine it does not have."""
    make = ENVS.load(settings.env)
    if settings.engine is None:
        domain = make()
    elif "engine" not in inspect.signature(make).parameters:
        raise InputError(f"the environment {settings.env!r} has one engine only; leave --engine out")
    else:
        domain = make(engine=settings.engine)
    return domain  # type: ignore[no-any-return]


def load_instances(settings: Settings) -> Sequence[Instance]:
    """Return the tasks of ``settings``; raises ``InputError`` where there is none, or an id occurs twice."""
    folder = None if settings.instances is None else Path(settings.instances)
    instances = load_domain(settings).load(
        settings.tasks, instances=folder, seed=settings.seed, limit=settings.limit, horizon=settings.horizon
    )
    ids = [instance.task.id for instance in instances]
    if not ids:
        raise InputError(f"{settings.tasks!r} holds no tasks")
    if len(set(ids)) < len(ids):
        raise InputError(f"{settings.tasks!r} lists the task {next(i for i in ids if ids.count(i) > 1)!r} twice")
    return instances


def describe(settings: Settings, instances: Sequence[Instance]) -> dict[str, Any]:
    """Return the header of a run: settings, what they resolved to, hashes of model and tasks, versions.

    Raises:
        InputError: the settings cannot be run.
    """
    prior, domain = _prior(settings.prior), load_domain(settings)
    planner, value = _parts(settings, domain, prior, instances[0])
    return {
        "settings": settings.as_dict(),
        "world": dict(domain.provenance()),
        "tasks": {"count": len(instances), "sha256": _digest(instances)},
        "prior": dict(priors.provenance(prior)),
        "planner": {name: json_number(value) for name, value in planners.settings(planner).items()},
        "value": {**_provenance(value), "oracle": value_estimators.is_oracle(value)},
        "versions": {"python": python_version(), **_versions()},
    }


def attempt(settings: Settings, instance: Instance) -> Record:
    """Return the episode of one task, or why it failed to run.

    Raises:
        InputError: the settings cannot be run, whatever the task.
    """
    try:
        domain = load_domain(settings)
        planner, _ = _parts(settings, domain, _prior(settings.prior), instance)
        env = domain.environment(instance)
        try:
            budget = Budget(settings.budget)
            return Agent(planner).run(env, seed=settings.seed, budget=budget, report=instance.report)
        finally:
            env.close()
    except InputError as error:
        # Subclasses take other arguments than their message and would not survive the way between processes.
        raise InputError(f"task {instance.task.id!r}: {error}") from error
    except Exception as error:
        return Failure(instance.task.id, _reason(error))


@lru_cache(maxsize=1)
def _prior(text: str) -> Prior:
    """Return the prior, built once per process: loading a model costs more than many episodes."""
    return priors.build(text)


def _parts(settings: Settings, domain: Domain[Any], prior: Prior, instance: Instance) -> tuple[Planner, ValueEstimator]:
    memo, simulator = priors.remember(prior), domain.simulator(instance)
    value = value_estimators.build(settings.value, prior=memo, simulator=simulator)
    planner = planners.build(settings.planner, settings.options, Parts(memo, simulator, value))
    return planner, value


def _provenance(value: ValueEstimator) -> dict[str, Any]:
    says = getattr(value, "provenance", None)
    return dict(says()) if callable(says) else {}


def _digest(instances: Sequence[Instance]) -> str:
    """Return a hash of all tasks; an instance that is a dataclass is hashed by everything its repr shows."""
    digest = sha256()
    for instance in instances:
        shown = repr(instance) if is_dataclass(instance) else f"{asdict(instance.task)} {dict(instance.report)}"
        digest.update(shown.encode())
    return digest.hexdigest()


def _versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split()) or "no message"
    if isinstance(error, SlinvitError):
        return text
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {text} ({Path(frame.filename).name}:{frame.lineno})"
