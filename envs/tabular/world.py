"""Tabular MDPs as live environments and as simulators.

Chance is named, not kept: the successor at a step is drawn from a generator made from the seed of the episode, the
task and the number of steps so far, so a snapshot continues as the episode did. The simulator draws from generators of
its own: a planner that could read the coming draws from a snapshot would not plan but foresee.
"""

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from envs.tabular.mdp import TabularMDP
from envs.tabular.task import TabularTask
from slinvit.budget import Budget
from slinvit.errors import EnvironmentFailure, SnapshotError
from slinvit.rng import generator
from slinvit.types import Action, Snapshot, State, Transition

ROUNDING = 9
"""Digits to which returns are compared."""


@dataclass(frozen=True, slots=True)
class Place:
    """Payload of a snapshot.

    Attributes:
        digest: of the world.
        state: where in it.
        clock: steps that the world accepted.
        earned: return so far.
        seed: of the episode.
    """

    digest: str
    state: int
    clock: int = 0
    earned: float = 0.0
    seed: int = 0


class TabularWorld:
    """The live world of one task; rewards are those of the MDP.

    Args:
        task: an MDP as a task, or an MDP.
    """

    snapshots: Literal["native", "replay", "none"] = "native"

    def __init__(self, task: TabularTask | TabularMDP) -> None:
        self.instance = task if isinstance(task, TabularTask) else TabularTask(task)
        self._state = self.reset()

    def reset(self, *, seed: int | None = None) -> State:
        """Start again; equal seeds, equal chances; ``None`` is seed 0."""
        self._state = state_at(self.instance, 0, self.instance.mdp.initial_state, seed=seed or 0)
        return self._state

    def step(self, action: Action) -> Transition:
        """Execute one action."""
        state, place = self._state, place_of(self.instance, self._state)
        rng = generator(place.seed, "world", state.task.id, len(state.history))
        transition = _transition(self.instance, state, place, action, rng)
        self._state = transition.state
        return transition

    def restore(self, state: State) -> State:
        """Continue from ``state``."""
        place_of(self.instance, state)
        self._state = state
        return state

    def close(self) -> None:
        """Nothing to give back."""


class TabularSimulator:
    """A model of one task: the same probabilities as the live world, other draws.

    A draw is named by the seed of the episode, the state, the number of steps so far, the action, and how many equal
    questions came before it in the same call: repeated calls repeat, copies within a call are independent, so the ``n``
    rollouts of an estimate differ. In a deterministic MDP it agrees with the live world.
    """

    def __init__(self, task: TabularTask | TabularMDP) -> None:
        self.instance = task if isinstance(task, TabularTask) else TabularTask(task)

    def step(self, states: Sequence[State], actions: Sequence[Action], *, budget: Budget) -> list[Transition]:
        """Return what each action does in each state."""
        budget.spend(sim_steps=len(states))
        asked: Counter[Hashable] = Counter()
        return [self._after(state, action, asked) for state, action in zip(states, actions, strict=True)]

    def _after(self, state: State, action: Action, asked: Counter[Hashable]) -> Transition:
        place = place_of(self.instance, state)
        question = (len(state.history), place.clock, place.state, action.strip())
        rng = generator(place.seed, "model", state.task.id, *question, asked[question])
        asked[question] += 1
        return _transition(self.instance, state, place, action, rng)


def state_at(instance: TabularTask, clock: int, index: int, *, seed: int = 0) -> State:
    """Return the state with number ``index`` after ``clock`` steps as an agent reads it, without a history."""
    return _state(instance, Place(instance.digest, index, clock, seed=seed), None, "", None)


def place_of(instance: TabularTask, state: State) -> Place:
    """Return where ``state`` is.

    Raises:
        SnapshotError: it cannot be continued from, or belongs to another world.
    """
    place = None if state.snapshot is None else state.snapshot.payload
    if not isinstance(place, Place):
        raise SnapshotError(f"task {state.task.id!r}: not a snapshot of a tabular world: {type(place).__name__}")
    if place.digest != instance.digest or state.task != instance.task:
        raise SnapshotError(f"a snapshot of task {state.task.id!r} belongs to another world than {instance.id!r}")
    if state.snapshot is None or state.snapshot.key != _key(instance, place):
        raise SnapshotError(f"task {state.task.id!r}: the snapshot belongs to another state")
    return place


def _transition(
    instance: TabularTask, state: State, place: Place, action: Action, rng: np.random.Generator
) -> Transition:
    if state.over:
        raise EnvironmentFailure(f"task {state.task.id!r}: the episode is over, reset before stepping")
    mdp, chosen = instance.mdp, instance.choices.get(action.strip())
    if chosen is None or not mdp.legal_actions[place.clock, place.state, chosen]:
        reason = "Nothing happens: not possible here." if chosen is not None else "Nothing happens: no such action."
        return Transition(_state(instance, place, state, action, reason), 0.0, valid=False)
    reward = float(mdp.r[place.clock, place.state, chosen])
    there = mdp.sample(place.clock, place.state, chosen, rng)
    after = Place(place.digest, there, place.clock + 1, place.earned + reward, place.seed)
    return Transition(_state(instance, after, state, action, None), reward)


def _state(instance: TabularTask, place: Place, before: State | None, action: Action, reason: str | None) -> State:
    mdp, target = instance.mdp, instance.target
    observation = mdp.observation(place.state)
    history = () if before is None else (*before.history, (action, reason or observation))
    earned_all = target is not None and round(place.earned - target, ROUNDING) >= 0
    solved = place.state in mdp.goal_states or earned_all
    terminal = solved or bool(mdp.terminal_states[place.state])
    out_of_time = max(len(history), place.clock) >= instance.horizon
    legal = mdp.legal_actions[min(place.clock, mdp.horizon - 1), place.state]
    return State(
        task=instance.task,
        observation=observation,
        history=history,
        actions=tuple(mdp.action_name(int(number)) for number in np.flatnonzero(legal)),
        snapshot=Snapshot(_key(instance, place), place),
        terminal=terminal,
        truncated=not terminal and out_of_time,
        solved=solved,
        visited=() if before is None else (*before.visited, before.key),
    )


def _key(instance: TabularTask, place: Place) -> Hashable:
    """Return what decides the future apart from chance and the time that is left."""
    clock = () if instance.mdp.is_timeless else (place.clock,)
    earned = () if instance.target is None else (round(place.earned, ROUNDING),)
    return (place.state, *clock, *earned)
