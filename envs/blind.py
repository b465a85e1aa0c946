"""Worlds that can only be lived in: no simulator, no snapshots; and further trials in them."""

from collections.abc import Sequence
from dataclasses import replace

from slinvit.budget import Budget
from slinvit.errors import InputError
from slinvit.protocols import Environment
from slinvit.types import Action, State, Transition


class NoSimulator:
    """Answers no question: whoever plans with it must do without."""

    def step(self, states: Sequence[State], actions: Sequence[Action], *, budget: Budget) -> list[Transition]:
        """Raise ``InputError``."""
        raise InputError(
            "this run has no simulator (--simulator none), but its planner or value wants to simulate; "
            "use --planner reactive or greedy:mask=false with a value other than rollout"
        )


class Blind:
    """A world whose states carry no snapshots: what happened before is known by its texts only."""

    def __init__(self, env: Environment) -> None:
        self._env = env

    def reset(self, *, seed: int | None = None) -> State:
        """Start again."""
        return _without_snapshot(self._env.reset(seed=seed))

    def step(self, action: Action) -> Transition:
        """Execute one action."""
        transition = self._env.step(action)
        return replace(transition, state=_without_snapshot(transition.state))

    def close(self) -> None:
        """Close the world inside."""
        self._env.close()


class Trials:
    """Several attempts at one task as one long episode, each remembered in the next.

    When an attempt reaches its horizon unsolved, the world starts again and says so in the text; the history goes on.
    The horizon of the episode is that of all attempts together.

    Args:
        env: without snapshots; its episodes end at the horizon of the task.
        count: attempts, 1 or more.
    """

    def __init__(self, env: Environment, count: int) -> None:
        self._env, self._count = env, count
        self._trial = 1
        self._before: tuple[tuple[Action, str], ...] = ()
        self._seed: int | None = None

    def reset(self, *, seed: int | None = None) -> State:
        """Start with the first attempt."""
        self._trial, self._before, self._seed = 1, (), seed
        return self._shown(self._env.reset(seed=seed))

    def step(self, action: Action) -> Transition:
        """Execute one action; after the last one of a failed attempt the next begins."""
        transition = self._env.step(action)
        state = transition.state
        if state.over and not state.solved and self._trial < self._count:
            self._trial += 1
            fresh = self._env.reset(seed=self._seed)
            said = f"{state.observation}\n\nTrial {self._trial} of {self._count} begins.\n\n{fresh.observation}"
            self._before = (*self._before, *state.history[:-1], (action, said))
            state = replace(fresh, observation=said)
        return replace(transition, state=self._shown(state))

    def close(self) -> None:
        """Close the world inside."""
        self._env.close()

    def _shown(self, state: State) -> State:
        task = replace(state.task, horizon=state.task.horizon * self._count)
        return replace(state, task=task, history=(*self._before, *state.history))


def _without_snapshot(state: State) -> State:
    return replace(state, snapshot=None, visited=())
