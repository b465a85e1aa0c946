"""Self-consistency by result: how much of the prior's mass agrees with the last answer?"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, TypeAlias

import numpy as np

from priors import Remembering
from slinvit.budget import Budget
from slinvit.protocols import Prior, Simulator
from slinvit.registry import Spec
from slinvit.types import Action, FloatArray, State, Task
from value_estimators.intercode.turn import History, Turn, turns
from value_estimators.options import check_spec

Seen: TypeAlias = dict[Action, Hashable]
"""Commands tried in one situation, with the signatures of what they gave; ``None`` agrees with nothing."""


@dataclass(frozen=True)
class Agreement:
    """Prior mass of the commands, tried in the same situation, whose answer equals the last one, in [0, 1].

    The situation is that before the last command; the votes are what the prior said there when it was last asked, all
    its proposals together weighing 1, so proposals that nobody has tried agree with nothing. Where the prior was not
    asked each command tried has one vote. An error of SQL agrees with nothing; in Bash one is an answer like any other.

    Estimates are made when all states of a batch are known, and what was seen in earlier batches of the episode counts:
    searches that ask one by one underestimate the first of several that agree.

    Attributes:
        prior: remembers what it said.
    """

    prior: Prior
    name: ClassVar[str] = "agreement"
    oracle: ClassVar[bool] = False
    _seen: dict[tuple[str, History], Seen] = field(default_factory=dict, repr=False, compare=False)

    def estimate(self, states: Sequence[State], *, budget: Budget, rng: np.random.Generator) -> FloatArray:
        """Return ``[B]`` shares; raises ``InputError`` outside InterCode."""
        found = turns(states, self.name)
        return self.shares([state.task for state in states], found)

    def shares(self, tasks: Sequence[Task], found: Sequence[Turn]) -> FloatArray:
        """Return ``[B]`` shares of the last answers of episodes of these tasks."""
        for task, turn in zip(tasks, found, strict=True):
            if turn.command is not None:
                self._seen.setdefault((task.id, turn.before), {})[turn.command] = _signature(turn)
        return np.array([self._share(task, turn) for task, turn in zip(tasks, found, strict=True)], dtype=np.float64)

    def mass(self, task: Task, turn: Turn) -> float:
        """Return what the prior gave to the last command itself, in [0, 1]."""
        if turn.command is None:
            return 0.0
        return self._votes(task, turn.before).get(turn.command, 0.0)

    def _share(self, task: Task, turn: Turn) -> float:
        mine = _signature(turn)
        if mine is None:
            return 0.0
        votes, seen = self._votes(task, turn.before), self._seen[task.id, turn.before]
        return float(sum(votes.get(command, 0.0) for command, signature in seen.items() if signature == mine))

    def _votes(self, task: Task, before: History) -> dict[Action, float]:
        said = self.prior.said(task, before) if isinstance(self.prior, Remembering) else None
        if said is None:
            seen = self._seen.get((task.id, before), {})
            return {command: 1 / len(seen) for command in seen}
        return dict(zip(said.actions, said.probs.tolist(), strict=True))


def _signature(turn: Turn) -> Hashable:
    return turn.answer.signature if turn.answer is not None and (turn.answer.ok or not turn.sql) else None


def agreement(spec: Spec, *, prior: Prior, simulator: Simulator) -> Agreement:
    """InterCode: share of the prior's proposals that give the same answer (self-consistency by result)."""
    check_spec(spec)
    return Agreement(prior)
