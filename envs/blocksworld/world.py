"""BlocksWorld as a live environment and as a simulator, on the core of this package."""

from collections.abc import Sequence
from typing import Literal

from envs.blocksworld.problem import Problem, ViewOf, first_state, native_view, next_state, position_of, refused_state
from envs.blocksworld.text import parse_move
from slinvit.budget import Budget
from slinvit.errors import EnvironmentFailure, SnapshotError
from slinvit.types import Action, State, Transition


class BlocksWorld:
    """The live world of one problem; reward 1 when the goal holds, else 0; deterministic.

    Args:
        problem: where to start and what to reach.
        view_of: what is possible in a situation; by default the rules of this package.
    """

    snapshots: Literal["native", "replay", "none"] = "native"

    def __init__(self, problem: Problem, view_of: ViewOf = native_view) -> None:
        self.problem = problem
        self._view_of = view_of
        self._state = self.reset()

    def reset(self, *, seed: int | None = None) -> State:
        """Start again; ``seed`` changes nothing, the world is deterministic."""
        problem = self.problem
        self._state = first_state(problem, self._view_of(problem.names, problem.goal, problem.start))
        return self._state

    def step(self, action: Action) -> Transition:
        """Execute one action."""
        transition = transition_of(self._state, action, self._view_of)
        self._state = transition.state
        return transition

    def restore(self, state: State) -> State:
        """Continue from ``state``."""
        if position_of(state).problem != self.problem:
            raise SnapshotError(f"a snapshot of task {state.task.id!r} cannot be restored in {self.problem.id!r}")
        self._state = state
        return state

    def close(self) -> None:
        """Nothing to give back."""


class BlocksWorldSimulator:
    """The same rules without a state of its own; one simulator serves all problems."""

    def __init__(self, view_of: ViewOf = native_view) -> None:
        self._view_of = view_of

    def step(self, states: Sequence[State], actions: Sequence[Action], *, budget: Budget) -> list[Transition]:
        """Return what each action does in each state."""
        budget.spend(sim_steps=len(states))
        return [transition_of(state, action, self._view_of) for state, action in zip(states, actions, strict=True)]


def transition_of(state: State, action: Action, view_of: ViewOf = native_view) -> Transition:
    """Return what ``action`` does in ``state``; an action that does not apply leaves it as it is.

    Raises:
        EnvironmentFailure: the episode is over.
        SnapshotError: ``state`` cannot be continued from.
    """
    if state.over:
        raise EnvironmentFailure(f"task {state.task.id!r}: the episode is over, reset before stepping")
    position = position_of(state)
    problem = position.problem
    here = view_of(problem.names, problem.goal, position.support)
    target = here.after.get(action.strip())
    if target is None:
        return Transition(refused_state(state, action, _refusal(action, problem.names), here), 0.0, valid=False)
    after = next_state(state, action, target, view_of(problem.names, problem.goal, target))
    return Transition(after, float(after.solved))


def _refusal(action: Action, names: Sequence[str]) -> str:
    try:
        parse_move(action, names)
    except ValueError as error:
        return f"Nothing happens: {error}."
    return "Nothing happens: not possible now."
