"""The interfaces: one verb each, batch first, synchronous."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np

from slinvit.budget import Budget
from slinvit.tree import Plan
from slinvit.types import Action, ActionDistribution, FloatArray, State, Transition


@runtime_checkable
class Environment(Protocol):
    """A live world; only the agent steps it."""

    def reset(self, *, seed: int | None = None) -> State:
        """Start the episode again and return its first state."""
        ...

    def step(self, action: Action) -> Transition:
        """Execute one action; an action the world refuses is ``Transition.valid = False``, never an exception."""
        ...

    def close(self) -> None:
        """Give back what the world holds; may be called twice."""
        ...


@runtime_checkable
class Restorable(Environment, Protocol):
    """An environment that can continue from a snapshot of its own."""

    def restore(self, state: State) -> State:
        """Continue from ``state``, which must carry a snapshot of this task.

        Raises:
            SnapshotError: no snapshot, or a corrupt or foreign one; the environment stays where it was.
        """
        ...


@runtime_checkable
class Simulator(Protocol):
    """A stateless model of a world; planners and rollouts call it."""

    def step(self, states: Sequence[State], actions: Sequence[Action], *, budget: Budget) -> list[Transition]:
        """Return what ``actions[i]`` does in ``states[i]``; spends one ``sim_steps`` each, before simulating.

        Raises:
            SnapshotError: a state that cannot be continued from.
            BudgetExceeded: nothing was simulated.
        """
        ...


@runtime_checkable
class Grader(Protocol):
    """What knows the answer that a task wants: whoever asks it while planning is an oracle, and must say so."""

    def grade(self, states: Sequence[State], *, budget: Budget) -> FloatArray:
        """Return ``[B]`` rewards that ending the episode in each state would earn; spends one ``sim_steps`` each.

        Raises:
            SnapshotError: a state that cannot be continued from.
            BudgetExceeded: nothing was graded.
        """
        ...


@runtime_checkable
class Prior(Protocol):
    """A policy prior: a distribution over actions in each state."""

    def propose(
        self, states: Sequence[State], *, k: int | None = None, budget: Budget, rng: np.random.Generator
    ) -> list[ActionDistribution]:
        """Return one distribution per state.

        Where ``State.actions`` lists the admissible actions the distribution covers exactly these and ``k`` is ignored;
        where it is ``None`` the prior proposes up to ``k`` distinct actions.

        Raises:
            PriorError: the model gave no distribution.
            BudgetExceeded: nothing was asked.
        """
        ...


@runtime_checkable
class ValueEstimator(Protocol):
    """How good a state is."""

    def estimate(self, states: Sequence[State], *, budget: Budget, rng: np.random.Generator) -> FloatArray:
        """Return ``[B]`` estimated returns from each state on, in units of undiscounted return."""
        ...


@runtime_checkable
class Planner(Protocol):
    """From a state to the actions to take."""

    def plan(self, state: State, *, budget: Budget, rng: np.random.Generator) -> Plan:
        """Return the best plan found; a limit that was reached is ``Plan.stopped_by``, never an exception."""
        ...
