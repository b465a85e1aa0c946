"""BlocksWorld as a live environment and as a simulator, on the core of this package."""

from collections.abc import Sequence

from envs.blocksworld.core import apply
from envs.blocksworld.problem import Problem, first_state, next_state, position_of, refused_state
from envs.blocksworld.text import parse_move
from slinvit.budget import Budget
from slinvit.errors import EnvironmentFailure, SnapshotError
from slinvit.types import Action, State, Transition


class BlocksWorld:
    """The live world of one problem; reward 1 when the goal holds, else 0; deterministic."""

    snapshots = "native"

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self._state = first_state(problem)

    def reset(self, *, seed: int | None = None) -> State:
        """Start again; ``seed`` changes nothing, the world is deterministic."""
        self._state = first_state(self.problem)
        return self._state

    def step(self, action: Action) -> Transition:
        """Execute one action."""
        transition = transition_of(self._state, action)
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

    def step(self, states: Sequence[State], actions: Sequence[Action], *, budget: Budget) -> list[Transition]:
        """Return what each action does in each state."""
        budget.spend(sim_steps=len(states))
        return [transition_of(state, action) for state, action in zip(states, actions, strict=True)]


def transition_of(state: State, action: Action) -> Transition:
    """Return what ``action`` does in ``state``; an action that does not apply leaves it as it is.

    Raises:
        EnvironmentFailure: the episode is over.
        SnapshotError: ``state`` cannot be continued from.
    """
    if state.over:
        raise EnvironmentFailure(f"task {state.task.id!r}: the episode is over, reset before stepping")
    position = position_of(state)
    try:
        support = apply(position.support, parse_move(action, position.problem.names))
    except ValueError as error:
        return Transition(refused_state(state, action, f"Nothing happens: {error}."), 0.0, valid=False)
    if support is None:
        return Transition(refused_state(state, action, "Nothing happens: not possible now."), 0.0, valid=False)
    after = next_state(state, action, support)
    return Transition(after, float(after.solved))
