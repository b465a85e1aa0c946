"""The resolved configuration of a run."""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from agent.episode import json_number
from envs import ENVS
from planners import Option
from slinvit.budget import Budget
from slinvit.errors import InputError, UnknownName

SIMULATORS = ("exact", "none")
"""Look-ahead in the exact world, or no look-ahead at all."""

NO_SETTINGS = ("together", "remote", "forbid_oracle")
"""Fields of :class:`Settings` that do not decide the outcome of a run."""


@dataclass(frozen=True)
class Settings:
    """What decides the outcome of a run, and how it is batched: not the number of workers, not where it is written.

    Attributes:
        env: spec of the environment: NAME, or NAME:option=text,... with options of its class.
        tasks: task source, as the environment reads it.
        instances: folder or archive in which a task list finds its files.
        engine: of the live world, where the environment has several.
        skip_bad: leave out tasks that cannot be read, and count them.
        simulator: ``exact``: planners may simulate the world. ``none``: they may not, and states carry no snapshots.
        trials: attempts per episode, each remembered in the next; more than one only without a simulator.
        horizon: steps per attempt, a number or ``2x`` for twice the optimal length.
        limit: at most this many tasks.
        seed: of everything random.
        prior: spec of the prior.
        planner: spec of the planner.
        value: spec of the value estimator.
        options: planner options, over those of the spec.
        budget: limits per episode by resource name.
        together: episodes in lockstep; ``None``: as many as the prior profits from. No setting in the sense of
            :meth:`as_dict` and :meth:`digest`: it changes cost, and results only as far as a model's batches round.
        remote: options of everything that asks a remote model: where answers are kept, hard limits of the run. No
            setting in that sense either: it decides who pays, and how long.
        forbid_oracle: refuse to run where world, prior or value is an oracle. No setting either: it decides whether.

    Raises:
        InputError: an unknown kind of simulator, trials with a simulator, a limit, ``trials`` or ``together`` below 1,
            a negative seed, or a budget that cannot be.
    """

    env: str
    tasks: str = "random:40"
    instances: str | None = None
    engine: str | None = None
    skip_bad: bool = False
    simulator: str = "exact"
    trials: int = 1
    horizon: str = "2x"
    limit: int | None = None
    seed: int = 0
    prior: str = "bundled"
    planner: str = "slinvit"
    value: str = "goals-met"
    options: Mapping[str, Option] = field(default_factory=dict)
    budget: Mapping[str, float] = field(default_factory=dict)
    together: int | None = None
    remote: Mapping[str, str] = field(default_factory=dict)
    forbid_oracle: bool = False

    def __post_init__(self) -> None:
        if self.limit is not None and self.limit < 1:
            raise InputError(f"limit must be 1 or more tasks, not {self.limit}")
        if self.together is not None and self.together < 1:
            raise InputError(f"together must be 1 or more episodes, not {self.together}")
        if self.simulator not in SIMULATORS:
            raise UnknownName("kind of simulator", self.simulator, SIMULATORS)
        if self.trials < 1 or (self.trials > 1 and self.simulator != "none"):
            raise InputError(f"trials={self.trials}: must be 1 or more, and 1 where there is a simulator")
        if self.seed < 0:
            raise InputError(f"seed must be 0 or more, not {self.seed}")
        Budget(self.budget)
        # Records are strict JSON, which has no infinity: an option is written as text, a limit is no limit.
        finite = {name: json_number(value) for name, value in self.options.items()}
        object.__setattr__(self, "options", finite)
        limits = {name: limit for name, limit in self.budget.items() if limit < math.inf}
        object.__setattr__(self, "budget", limits)

    def as_dict(self) -> dict[str, Any]:
        """Return what decides the outcome as JSON values."""
        return {name: value for name, value in asdict(self).items() if name not in NO_SETTINGS}

    def digest(self) -> str:
        """Return 8 hex digits; equal settings, equal digits."""
        return hashlib.sha256(json.dumps(self.as_dict(), sort_keys=True).encode()).hexdigest()[:8]


def usual_parts(env: str) -> Mapping[str, str]:
    """Return the prior, the value and the tasks that fit the environment, which names them in an attribute ``usual``.

    Raises:
        UnknownName: no such environment.
        InputError: ``env`` is no spec.
    """
    world, _ = ENVS.split(env)
    usual = {"prior": Settings.prior, "value": Settings.value, "tasks": Settings.tasks}
    return {**usual, **getattr(world, "usual", {})}
