"""Everything episodes need, built from settings; each process builds its own."""

import inspect
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, is_dataclass
from functools import cache, lru_cache
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
from envs.blind import Blind, NoSimulator, Trials
from envs.domain import Domain, Instance
from planners import Course, Parts, Stopwatch, drive_together
from priors.combinators import fresh, is_batched
from slinvit.budget import Budget
from slinvit.errors import InputError, LimitReached, SlinvitError, did_you_mean
from slinvit.protocols import Environment, Planner, Prior, Simulator, ValueEstimator
from slinvit.registry import Spec

TOGETHER = 16
"""Episodes in lockstep where a larger batch costs the prior less per state."""

PACKAGES = ("slinvit", "numpy", "torch", "transformers", "tokenizers", "pddlgym")


def load_domain(settings: Settings) -> Domain[Any]:
    """Return the environment package that ``settings`` names.

    Raises:
        InputError: an engine or option it does not have, or bad tasks to be skipped where it cannot tell.
    """
    return _domain(settings.env, settings.engine, settings.skip_bad)


@lru_cache(maxsize=1)
def _domain(env: str, engine: str | None, skip_bad: bool) -> Domain[Any]:
    """Return the domain, made once per process: it may keep engines that run."""
    make, spec = ENVS.split(env)
    known = inspect.signature(make).parameters
    if engine is not None and "engine" not in known:
        raise InputError(f"the environment {spec.name!r} has one engine only; leave --engine out")
    if skip_bad and "skip_bad" not in known:
        raise InputError(f"the environment {spec.name!r} reads all of its tasks or none; leave --skip-bad out")
    _check_options(spec, [name for name in known if name != "skip_bad"])
    if engine is not None and "engine" in spec.options:
        raise InputError(f"the engine is given in {env!r} and beside it; leave one out")
    wanted = {"engine": engine, "skip_bad": skip_bad or None}
    given = {name: value for name, value in wanted.items() if value is not None}
    return make(**spec.options, **given)  # type: ignore[no-any-return]


def _check_options(spec: Spec, known: Sequence[str]) -> None:
    if spec.argument:
        raise InputError(f"the environment {spec.name!r} takes no argument {spec.argument!r}, only key=value options")
    for name in spec.options:
        if name not in known:
            its = f"its options: {', '.join(known)}" if known else "it has none"
            raise InputError(f"the environment {spec.name!r} has no option {name!r}{did_you_mean(name, known)}; {its}")


def left_out(settings: Settings) -> int:
    """Return how many tasks :func:`load_instances` left out because they could not be read."""
    return len(getattr(load_domain(settings), "left_out", ()))


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
        InputError: the settings cannot be run, or a part of them is an oracle where that is forbidden.
    """
    prior, domain = _prior_of(settings), load_domain(settings)
    with simulating(settings, domain, instances[0]) as simulator:
        planner, value = _parts(settings, prior, simulator)
    header = {
        "settings": settings.as_dict(),
        "world": {**domain.provenance(), **({"oracle": domain.oracle} if hasattr(domain, "oracle") else {})},
        "together": _together(settings, prior),
        "tasks": {"count": len(instances), "sha256": _digest(instances)},
        "prior": dict(priors.provenance(prior)),
        "planner": {name: json_number(value) for name, value in planners.settings(planner).items()},
        "value": {**_provenance(value), "oracle": value_estimators.is_oracle(value)},
        "versions": {"python": python_version(), **_versions()},
    }
    if settings.forbid_oracle and (found := oracles(header)):
        named = " and ".join(f"the {part} {_named(settings, part)!r}" for part in found)
        raise InputError(f"--forbid-oracle: {named} reads what only a grader knows; choose another, or allow oracles")
    return header


def oracles(header: Mapping[str, Any]) -> list[str]:
    """Return which parts of a run read what only a grader knows, as its header says: world, prior, value."""
    return [part for part in ("world", "prior", "value") if header.get(part, {}).get("oracle")]


def _named(settings: Settings, part: str) -> str:
    return str(getattr(settings, {"world": "env"}.get(part, part)))


def attempt(settings: Settings, instance: Instance) -> Record:
    """Return the episode of one task, or why it failed to run; raises as :func:`attempt_together`."""
    return next(attempt_together(settings, [instance]))


def attempt_together(settings: Settings, instances: Sequence[Instance]) -> Iterator[Record]:
    """Run all tasks in lockstep; yield the episode of each as it finishes, or why it failed to run.

    The prior starts without anything it computed before, so what it says depends on this group only.

    Raises:
        InputError: the settings cannot be run, whatever the task.
        LimitReached: a hard limit of the whole run; the episodes under way are lost.
    """
    clocks = [Stopwatch() for _ in instances]
    prior = cache(lambda: fresh(_prior_of(settings)))
    courses = [_course(settings, prior, *each) for each in zip(instances, clocks, strict=True)]
    for _, record in drive_together(courses, clocks):
        yield record


def _course(settings: Settings, prior: Callable[[], Prior], instance: Instance, clock: Stopwatch) -> Course[Record]:
    try:
        domain = load_domain(settings)
        with simulating(settings, domain, instance) as simulator:
            planner, _ = _parts(settings, prior(), simulator)
            with closing(_environment(settings, domain, instance)) as env:
                budget = Budget(settings.budget, clock=clock)
                agent = Agent(planner)
                return (yield from agent.course(env, seed=settings.seed, budget=budget, report=instance.report))
    except InputError as error:
        raise InputError(f"task {instance.task.id!r}: {error}") from error
    except LimitReached:
        raise
    except Exception as error:
        return Failure(instance.task.id, _reason(error))


def _environment(settings: Settings, domain: Domain[Any], instance: Instance) -> Environment:
    env = domain.environment(instance)
    return env if settings.simulator == "exact" else Trials(Blind(env), settings.trials)


def _together(settings: Settings, prior: Prior) -> int:
    return settings.together or (TOGETHER if is_batched(prior) else 1)


def _prior_of(settings: Settings) -> Prior:
    return _prior(settings.prior, tuple(settings.remote.items()))


@lru_cache(maxsize=1)
def _prior(text: str, run: tuple[tuple[str, str], ...]) -> Prior:
    """Return the prior, built once per process: loading a model costs more than many episodes."""
    return priors.build(text, run=dict(run))


@contextmanager
def simulating(settings: Settings, domain: Domain[Any], instance: Instance) -> Iterator[Simulator]:
    """Give a simulator of the world of ``instance``; what it holds is given back behind."""
    simulator: Simulator = NoSimulator() if settings.simulator == "none" else domain.simulator(instance)
    try:
        yield simulator
    finally:
        close = getattr(simulator, "close", None)
        if callable(close):
            close()


def _parts(settings: Settings, prior: Prior, simulator: Simulator) -> tuple[Planner, ValueEstimator]:
    memo = priors.remember(prior)
    value = value_estimators.build(settings.value, prior=memo, simulator=simulator, run=settings.remote)
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
