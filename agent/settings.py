"""The resolved configuration of a run."""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from agent.episode import json_number
from planners import Option
from slinvit.budget import Budget
from slinvit.errors import InputError


@dataclass(frozen=True)
class Settings:
    """What decides the outcome of a run, and nothing else: not the number of workers, not where it is written.

    Attributes:
        env: name of the environment.
        tasks: task source, as the environment reads it.
        instances: folder or archive in which a task list finds its files.
        engine: of the live world, where the environment has several.
        horizon: steps per episode, a number or ``2x`` for twice the optimal length.
        limit: at most this many tasks.
        seed: of everything random.
        prior: spec of the prior.
        planner: spec of the planner.
        value: spec of the value estimator.
        options: planner options, over those of the spec.
        budget: limits per episode by resource name.

    Raises:
        InputError: a limit below 1, a negative seed, or a budget that cannot be.
    """

    env: str
    tasks: str = "random:40"
    instances: str | None = None
    engine: str | None = None
    horizon: str = "2x"
    limit: int | None = None
    seed: int = 0
    prior: str = "bundled"
    planner: str = "slinvit"
    value: str = "goals-met"
    options: Mapping[str, Option] = field(default_factory=dict)
    budget: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.limit is not None and self.limit < 1:
            raise InputError(f"limit must be 1 or more tasks, not {self.limit}")
        if self.seed < 0:
            raise InputError(f"seed must be 0 or more, not {self.seed}")
        Budget(self.budget)
        # Records are strict JSON, which has no infinity: an option is written as text, a limit is no limit.
        finite = {name: json_number(value) for name, value in self.options.items()}
        object.__setattr__(self, "options", finite)
        limits = {name: limit for name, limit in self.budget.items() if limit < math.inf}
        object.__setattr__(self, "budget", limits)

    def as_dict(self) -> dict[str, Any]:
        """Return the settings as JSON values."""
        return asdict(self)

    def digest(self) -> str:
        """Return 8 hex digits; equal settings, equal digits."""
        return hashlib.sha256(json.dumps(self.as_dict(), sort_keys=True).encode()).hexdigest()[:8]
