"""Where BlocksWorld tasks come from: random problems, PDDL files, and lists of instances with plans."""

import json
import math
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from envs.blocksworld.files import PddlFiles, is_archive, read_file, read_files
from envs.blocksworld.generate import parse_wish, random_problems
from envs.blocksworld.oracle import optimal_length
from envs.blocksworld.pddl import problem_from_pddl, vocabulary_of
from envs.blocksworld.plans import plan_length, read_plan
from envs.blocksworld.problem import Problem
from envs.pddl import StripsDomain, StripsProblem, parse_problem
from slinvit.errors import InputError, UnknownName
from slinvit.registry import parse_spec

ORACLE_BLOCKS = 12
"""Up to this many blocks the optimal length is always computed; beyond, only where the horizon needs it."""

DATA = "SLINVIT_DATA"
"""Environment variable with the folder in which bare names are looked up."""


def load(
    tasks: str, *, instances: Path | None = None, seed: int = 0, limit: int | None = None, horizon: str = "2x"
) -> list[Problem]:
    """Return the problems that ``tasks`` names.

    Args:
        tasks: one of

            * ``random:40,blocks=5-7,length=8-12,seed=3`` or just ``40``: random problems of 3 to 12 blocks;
            * a PDDL file; a folder, ``.tar.xz`` or ``.tar.gz`` of PDDL files. A domain file among them, or
              ``domain.pddl`` beside them, may give other names to the four operators;
            * a JSON list ``[[instance path, plan, optimal length], ...]``, its plans validated by execution;
            * a bare name such as ``step_6``: the list ``blocksworld/step_6.json`` in the folder ``SLINVIT_DATA``.
        instances: folder or archive with the instances of a list; by default ``instances.tar.xz`` or ``instances``
            beside the list, else the folder of the list.
        seed: of random problems that name none.
        limit: at most this many.
        horizon: steps per episode: a number, or a multiple of the optimal length such as ``2x``.

    Raises:
        InputError: with file and line, or entry of the list.
    """
    steps = parse_horizon(horizon)
    if limit is not None and limit < 1:
        raise InputError(f"the limit on tasks must be 1 or more, not {limit}")
    generated = tasks.isdecimal() or tasks.partition(":")[0] == "random"
    if instances is not None and (generated or _path(tasks).suffix != ".json"):
        raise InputError(f"--instances is for lists of instances; {tasks!r} is none")
    if generated:
        spec = parse_spec(f"random:{tasks}" if tasks.isdecimal() else tasks)
        problems = random_problems(parse_wish(tasks, spec.argument, spec.options, seed, limit))
        return [_finished(problem, steps) for problem in problems]
    path = _path(tasks)
    if path.suffix == ".json":
        return _load_list(path, instances, steps, limit)
    return _load_pddl(path, steps, limit)


@dataclass(frozen=True)
class Horizon:
    """How many steps an episode may take: ``steps``, or ``factor`` times the optimal length."""

    steps: int = 0
    factor: Fraction = Fraction(0)


def parse_horizon(text: str) -> Horizon:
    """Return the horizon that a number such as ``20`` or a multiple such as ``2x`` states; raises ``InputError``."""
    if text.isdecimal() and int(text) > 0:
        return Horizon(steps=int(text))
    if re.fullmatch(r"\d+(\.\d+)?x", text) and Fraction(text[:-1]) >= 1:
        return Horizon(factor=Fraction(text[:-1]))
    raise InputError(
        f"cannot read the horizon {text!r}: a number of steps such as 20, or a multiple such as 2x (>= 1x)"
    )


def _finished(problem: Problem, horizon: Horizon) -> Problem:
    """Return ``problem`` with its optimal length and horizon."""
    optimal = problem.optimal
    if optimal is None and (horizon.factor or len(problem.start) <= ORACLE_BLOCKS):
        with _located(problem.source):
            optimal = optimal_length(problem.start, problem.goal)
    if optimal == 0:
        raise InputError(f"{problem.source}: the goal holds at the start already, nothing is left to do")
    steps = horizon.steps or math.ceil(horizon.factor * (optimal or 0))
    return replace(problem, optimal=optimal, horizon=steps)


def _load_pddl(path: Path, horizon: Horizon, limit: int | None) -> list[Problem]:
    if path.is_dir() or is_archive(path):
        files = read_files(path)
        if not files.texts:
            raise InputError(f"{path} has no *.pddl files")
    else:
        files = PddlFiles(path.parent, {path.name: read_file(path)})
    names, domains = files.split()
    if not names:
        raise InputError(f"{path} has a domain but no problem")
    domains = domains or _domain_beside(path)
    given = {name: parse_problem(files.text(name), files.full(name), domains) for name in names[:limit]}
    return [_finished(_problem(stated, name), horizon) for name, stated in given.items()]


def _load_list(path: Path, instances: Path | None, horizon: Horizon, limit: int | None) -> list[Problem]:
    entries = _entries(path)
    files = read_files(instances or _instances_beside(path))
    domains = _domains(files) or _domain_beside(files.root) or _domain_beside(path)
    problems: dict[str, Problem] = {}
    for number, entry in enumerate(entries[:limit], start=1):
        where = f"{path}: entry {number}"
        with _located(where):
            problem = _listed(entry, files, domains)
        if problem.id in problems:
            raise InputError(f"{where}: {entry[0]} is listed twice")
        problems[problem.id] = _finished(problem, horizon)
    return list(problems.values())


def _entries(path: Path) -> list[Any]:
    text = read_file(path)
    try:
        entries = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"{path}:{error.lineno}: not JSON: {error.msg}") from error
    if not isinstance(entries, list) or not entries:
        raise InputError(f"{path}: expected a list [[instance path, plan, optimal length], ...]")
    return entries


def _listed(entry: Any, files: PddlFiles, domains: list[StripsDomain]) -> Problem:
    """Return the problem of one entry, after its plan was executed and its length compared with the optimal one."""
    if not isinstance(entry, list) or len(entry) != 3 or [type(part) for part in entry] != [str, str, int]:
        raise InputError(f"expected [instance path, plan, optimal length], found {json.dumps(entry)[:80]}")
    name, text, stated = entry
    given = parse_problem(files.text(name), files.full(name), domains)
    problem = _problem(given, name)
    plan = read_plan(text, problem, vocabulary_of(given.domain))
    steps = plan_length(problem, plan)
    if not 1 <= stated <= steps:
        raise InputError(f"{name}: the optimal length is stated as {stated}, but the plan takes {steps} steps")
    if len(problem.start) <= ORACLE_BLOCKS and stated != (best := optimal_length(problem.start, problem.goal)):
        raise InputError(f"{name}: the optimal length is stated as {stated}, but it is {best}")
    return replace(problem, plan=plan, optimal=stated)


def _problem(given: StripsProblem, name: str) -> Problem:
    """Return the problem with a horizon that :func:`_finished` replaces."""
    return problem_from_pddl(given, horizon=1, name=name.removesuffix(".pddl"))


def _domains(files: PddlFiles) -> list[StripsDomain]:
    return files.split()[1]


def _domain_beside(path: Path) -> list[StripsDomain]:
    """Return the domain in ``domain.pddl`` in the folder of ``path``, where there is one."""
    beside = path.parent / "domain.pddl"
    if not beside.is_file() or beside == path:
        return []
    return _domains(PddlFiles(beside.parent, {beside.name: read_file(beside)}))


def _instances_beside(path: Path) -> Path:
    candidates = [path.parent / "instances.tar.xz", path.parent / "instances"]
    return next((candidate for candidate in candidates if candidate.exists()), path.parent)


def _path(tasks: str) -> Path:
    """Return the file or folder that ``tasks`` names, itself or as a bare name in the data folder."""
    path = Path(tasks)
    if path.exists():
        if path.is_file() and path.suffix not in (".pddl", ".json") and not is_archive(path):
            raise InputError(f"{path}: expected *.pddl, a folder or archive of these, or a *.json list")
        return path
    if "/" in tasks or path.suffix:
        raise InputError(f"{tasks} does not exist")
    if not (root := os.environ.get(DATA)):
        raise InputError(
            f"{tasks!r} is no file or folder here; bare names are looked up in the folder that the environment "
            f"variable {DATA} names, and it is not set; random problems: random:40"
        )
    folder = Path(root) / "blocksworld"
    if not (folder / f"{tasks}.json").is_file():
        raise UnknownName(f"task list in {folder}", tasks, [file.stem for file in folder.glob("*.json")])
    return folder / f"{tasks}.json"


@contextmanager
def _located(where: str) -> Iterator[None]:
    """Put ``where`` in front of the message of an ``InputError``."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{where}: {error}") from error
