"""Calibration on tabular tasks: which prior on which MDP."""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np

import priors
from agent.bench import describe, load_instances
from agent.calibration.measure import CONTROL, Request, amounts
from agent.calibration.tabular import calibrate_mdp
from agent.settings import Settings
from envs.tabular import TabularMDP, TabularTask
from planners.linvit import adversarial, at_kl, boltzmann, mixed_with_uniform, tabulate, trajectory_kl
from slinvit.budget import Budget
from slinvit.errors import InputError, UnknownName
from slinvit.protocols import Prior
from slinvit.registry import Spec, parse_spec
from slinvit.rng import generator
from slinvit.types import FloatArray

BUILT: Mapping[str, Callable[[TabularMDP, Spec], FloatArray]] = {
    "at-kl": lambda mdp, spec: at_kl(mdp, _number(spec)),
    "boltzmann": lambda mdp, spec: boltzmann(mdp, _number(spec)),
    "adversarial": lambda mdp, spec: adversarial(mdp, _number(spec) if spec.argument else None),
    "array": lambda mdp, spec: read_array(Path(spec.argument)),
}
"""Priors that exist only in tabular worlds, by name: ``at-kl:NATS``, ``boltzmann:BETA``, ``adversarial[:NATS]`` and
``array:FILE.npy`` with probabilities ``[H, S, A]`` or ``[S, A]``; each takes ``uniform=W``."""


def calibrate_worlds(request: Request, epsilon: float | None = None) -> dict[str, Any]:
    """Return what was measured on every distinct MDP of the tasks, as Python's own types; infinities are floats.

    Raises:
        InputError: a prior or value that cannot be used here.
        PriorError: a model gave no distribution.
    """
    bench = request.bench
    tasks = cast(Sequence[TabularTask], load_instances(bench))
    instances = {task.digest: task for task in tasks}
    texts = [bench.prior, *([request.against] if request.against else [])]
    total = Budget()
    spent, origin = {text: total.child() for text in texts}, {text: _provenance(text) for text in texts}
    worlds = []
    for instance in instances.values():
        tables = {text: tabular_prior(instance.mdp, text, spent[text], bench.seed) for text in texts}
        found = calibrate_mdp(
            instance.mdp,
            tables[bench.prior],
            lams=request.lams,
            epsilon=epsilon,
            **({"values": request.values} if request.values else {}),
        )
        if request.against:
            stronger = np.exp(tables[request.against])
            found["divergence"] = trajectory_kl(instance.mdp, stronger, tables[bench.prior])
        worlds.append({"task": instance.task.id, **found})
    header = describe(Settings(**{**bench.as_dict(), "prior": CONTROL}), list(instances.values()))
    return {
        "env": bench.env,
        "tasks": {"source": bench.tasks, **header["tasks"]},
        "seed": bench.seed,
        "prior": bench.prior,
        "against": request.against,
        "worlds": worlds,
        "ledger": total.ledger().as_dict(),
        "spent": amounts(spent),
        "provenance": {
            "prior": origin[bench.prior],
            "against": origin[request.against] if request.against else None,
            "world": header["world"],
            "versions": header["versions"],
        },
    }


def tabular_prior(mdp: TabularMDP, text: str, budget: Budget, seed: int) -> FloatArray:
    """Return the prior that ``text`` names as a table ``[H, S, A]`` in nats: one of :data:`BUILT`, or a model's."""
    spec = parse_spec(text)
    if spec.name not in BUILT:
        return tabulate(mdp, _model(text), budget=budget, rng=generator(seed, "calibrate", "tabulate"))
    weight = spec.options.get("uniform")
    if unknown := [key for key in spec.options if key != "uniform"]:
        raise InputError(f"the prior {spec.name!r} has no option {unknown[0]!r}; it has: uniform")
    table = BUILT[spec.name](mdp, spec)
    return table if weight is None else mixed_with_uniform(mdp, table, _float(weight, text))


def read_array(path: Path) -> FloatArray:
    """Return the logarithms of the probabilities in a ``.npy`` file; raises ``InputError`` where it holds none."""
    try:
        table = np.asarray(np.load(path, allow_pickle=False), dtype=np.float64)
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"--prior array:{path}: cannot read an array there: {error}") from error
    if not (np.isfinite(table).all() and (table >= 0).all()):
        raise InputError(f"--prior array:{path}: expected probabilities of 0 or more, [H, S, A] or [S, A]")
    with np.errstate(divide="ignore"):
        return np.log(table)


def _provenance(text: str) -> dict[str, Any]:
    return {"built": text} if parse_spec(text).name in BUILT else dict(priors.provenance(_model(text)))


def _model(text: str) -> Prior:
    try:
        return priors.build(text)
    except UnknownName as error:
        raise UnknownName("prior", error.name, (*BUILT, *priors.PRIORS.names())) from None


def _number(spec: Spec) -> float:
    return _float(spec.argument, f"{spec.name}:{spec.argument}")


def _float(text: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if math.isnan(value):
        raise InputError(f"the prior {where!r} needs a number, not {text!r}")
    return value
