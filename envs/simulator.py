"""Simulators made from environments: a planner's own copy of the world, never the live one."""

from collections.abc import Callable, Sequence

from slinvit.budget import Budget
from slinvit.errors import SnapshotError
from slinvit.protocols import Environment, Restorable
from slinvit.types import Action, State, Transition


class RestoringSimulator:
    """Simulates by restoring snapshots in an environment of its own.

    Args:
        make: makes an environment of the task; called once, at the first step.
    """

    def __init__(self, make: Callable[[], Restorable]) -> None:
        self._make = make
        self._env: Restorable | None = None

    def step(self, states: Sequence[State], actions: Sequence[Action], *, budget: Budget) -> list[Transition]:
        """Return what each action does in each state."""
        budget.spend(sim_steps=len(states))
        return [self._after(state, action) for state, action in zip(states, actions, strict=True)]

    def close(self) -> None:
        """Close the own environment."""
        if self._env is not None:
            self._env.close()

    def _after(self, state: State, action: Action) -> Transition:
        if self._env is None:
            self._env = self._make()
            self._env.reset()
        self._env.restore(state)
        return self._env.step(action)


class ReplaySimulator:
    """Simulates by repeating the history of a state from the reset on, for worlds without snapshots.

    A state that is one step behind the last one simulated is not replayed. Each repeated observation must be the one
    in the history.

    Args:
        make: makes an environment of the task that answers the same actions in the same way; called once.
        seed: handed to every reset.
    """

    def __init__(self, make: Callable[[], Environment], *, seed: int | None = None) -> None:
        self._make = make
        self._seed = seed
        self._env: Environment | None = None
        self._here: State | None = None

    def step(self, states: Sequence[State], actions: Sequence[Action], *, budget: Budget) -> list[Transition]:
        """Return what each action does in each state.

        Raises:
            SnapshotError: the world declares that it cannot be replayed, or a replay did not repeat the observations.
            BudgetExceeded: nothing was simulated.
        """
        budget.spend(sim_steps=len(states))
        return [self._after(state, action) for state, action in zip(states, actions, strict=True)]

    def close(self) -> None:
        """Close the own environment."""
        if self._env is not None:
            self._env.close()

    def _after(self, state: State, action: Action) -> Transition:
        self._env = self._env or self._made()
        here, self._here = self._here, None
        if here != state:
            self._replay(self._env, state)
        transition = self._env.step(action)
        self._here = transition.state
        return transition

    def _made(self) -> Environment:
        env = self._make()
        if getattr(env, "snapshots", "replay") == "none":
            raise SnapshotError(f"{type(env).__name__} offers neither snapshots nor replay, so it cannot be simulated")
        return env

    def _replay(self, env: Environment, state: State) -> None:
        here = env.reset(seed=self._seed)
        if here.task != state.task:
            raise SnapshotError(f"a state of task {state.task.id!r} cannot be replayed in {here.task.id!r}")
        for number, (action, observed) in enumerate(state.history, start=1):
            here = env.step(action).state
            if here.history[-1][1] != observed:
                raise SnapshotError(
                    f"task {state.task.id!r}: step {number} of the replay, {action!r}, gave another observation: "
                    f"{here.history[-1][1]!r} instead of {observed!r}"
                )
        if here.observation != state.observation:
            raise SnapshotError(f"task {state.task.id!r}: the replay ended at {here.observation!r}")
