"""Acting without a simulator."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pytest

from envs.blind import NoSimulator
from planners.parts import Parts
from planners.reactive import Reactive
from priors.simple import Scripted
from slinvit import Budget, FloatArray, State, Task

ACTIONS = ("a", "b", "c")
LIKELY: Mapping[str, float] = {"a": 0.6, "b": 0.3, "c": 0.1}


@dataclass(frozen=True)
class Value:
    of: Callable[[State], float]

    def estimate(self, states: Sequence[State], *, budget: Budget, rng: np.random.Generator) -> FloatArray:
        return np.array([self.of(state) for state in states])


def planner(worth: Mapping[str, float], memory: int = 16) -> Reactive:
    """Values by observation."""
    parts = Parts(Scripted(lambda state: LIKELY), NoSimulator(), Value(lambda state: worth[state.observation]))
    return Reactive(parts, memory=memory)


def state(*steps: tuple[str, str]) -> State:
    observation = steps[-1][1] if steps else "start"
    return State(Task("t", "toy", "win", 9), observation, history=steps, actions=ACTIONS)


def chosen(planner: Reactive, at: State) -> str:
    (action,) = planner.plan(at, budget=Budget({"sim_steps": 0}), rng=np.random.default_rng(0)).actions
    return action


def test_without_history_it_follows_the_prior() -> None:
    assert chosen(planner({"start": 0.0}), state()) == "a"


def test_actions_since_the_highest_value_are_tried_in_vain() -> None:
    worth = {"low": 0.0, "high": 1.0}
    assert chosen(planner(worth), state(("b", "high"), ("a", "low"))) == "b"
    assert chosen(planner(worth), state(("b", "high"), ("a", "low"), ("b", "low"))) == "c"
    assert chosen(planner(worth), state(("a", "low"), ("b", "high"))) == "a"


def test_of_equal_values_the_first_counts_so_that_circles_end() -> None:
    worth = {"held": 1.0, "down": 0.5}
    circle = (("a", "held"), ("b", "down"), ("a", "held"))
    assert chosen(planner(worth), state(*circle)) == "c"


def test_an_action_taken_in_this_very_situation_is_not_repeated() -> None:
    worth = {"here": 0.0, "there": 0.1, "away": 0.5}
    assert chosen(planner(worth), state(("c", "here"), ("a", "there"), ("c", "away"), ("c", "here"))) == "b"


def test_where_all_have_been_tried_the_prior_decides_again() -> None:
    worth = {"high": 1.0, "low": 0.0}
    assert chosen(planner(worth), state(("a", "high"), ("a", "low"), ("b", "low"), ("c", "low"))) == "a"


def test_what_is_older_than_the_memory_is_forgotten() -> None:
    worth = {"high": 1.0, "low": 0.0, "lower": -1.0}
    steps = (("b", "high"), ("a", "low"), ("c", "lower"))
    assert chosen(planner(worth), state(*steps)) == "b"
    assert chosen(planner(worth, memory=1), state(*steps)) == "a"


@pytest.mark.parametrize("limits", [{"llm_calls": 0}])
def test_an_empty_budget_ends_in_an_empty_plan(limits: Mapping[str, float]) -> None:
    plan = planner({"start": 0.0}).plan(state(), budget=Budget(limits), rng=np.random.default_rng(0))
    assert (plan.actions, plan.stopped_by) == ((), "budget")
