"""A tabular MDP as a task in words."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import Any

import numpy as np

from envs.tabular.mdp import TabularMDP
from slinvit.types import Action, Task

DOMAIN = "tabular"


@dataclass(frozen=True)
class TabularTask:
    """One MDP as a task.

    Solved in its goal states; without goal states, a deterministic MDP is solved by earning the largest return there
    is, which the goal then states; a stochastic one is never solved, only its return counts.

    Attributes:
        mdp: the world.
        id: unique within a run; default the name of the MDP.
        digest: of the arrays; equal worlds have equal digests.
    """

    mdp: TabularMDP = field(repr=False, compare=False)
    id: str = ""
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "id", self.id or self.mdp.name)
        object.__setattr__(self, "digest", _digest(self.mdp))

    @property
    def horizon(self) -> int:
        """Most steps in an episode: those of the MDP."""
        return self.mdp.horizon

    @cached_property
    def task(self) -> Task:
        """What planners may know."""
        goal = self.mdp.goal or "collect as much reward as possible"
        if self.target is not None:
            goal += f"; earn {self.target:.6g} in total"
        goal += f"; you have {self.horizon} steps"
        return Task(self.id, DOMAIN, goal, self.horizon, metadata={"world": self.mdp.name})

    @property
    def report(self) -> Mapping[str, Any]:
        """What only reports may know: the largest expected return, and the fewest steps to a goal without chance."""
        return {"optimal": self.shortest, "optimal_return": self.optimal_return}

    @cached_property
    def optimal_return(self) -> float:
        """Largest expected return over the horizon."""
        mdp, values = self.mdp, np.zeros(self.mdp.num_states)
        for step in reversed(range(self.horizon)):
            q = np.where(mdp.legal_actions[step], mdp.r[step] + mdp.expected(step, values), -np.inf)
            values = q.max(axis=-1)
        return float(values[mdp.initial_state])

    @cached_property
    def shortest(self) -> int | None:
        """Fewest steps to a goal state; ``None`` where chance decides, or no goal can be reached."""
        mdp, reached = self.mdp, {self.mdp.initial_state}
        for step in range(self.horizon if mdp.goal_states and mdp.is_deterministic else 0):
            legal = ((state, action) for state in reached for action in np.flatnonzero(mdp.legal_actions[step, state]))
            reached = {int(after) for state, action in legal for after in mdp.successors(step, state, int(action))[0]}
            if not reached.isdisjoint(mdp.goal_states):
                return step + 1
        return None

    @cached_property
    def target(self) -> float | None:
        """The return that solves the task, where nothing else does."""
        certain = not self.mdp.goal_states and self.mdp.is_deterministic and self.optimal_return > 0
        return self.optimal_return if certain else None

    @cached_property
    def choices(self) -> Mapping[Action, int]:
        """The number of each action by its text."""
        return {self.mdp.action_name(action): action for action in range(self.mdp.num_actions)}


def _digest(mdp: TabularMDP) -> str:
    digest = sha256(repr((mdp.r.shape, mdp.initial_state, mdp.goal_states)).encode())
    parts = (mdp.p.data, mdp.p.indices, mdp.p.indptr) if mdp.is_sparse else (mdp.p,)
    for array in (*parts, mdp.r, mdp.legal_actions):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:16]
