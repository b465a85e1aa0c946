from collections.abc import Callable

import pytest

from slinvit import State, Task

MakeState = Callable[..., State]


@pytest.fixture
def household() -> MakeState:
    """From a task in words, (command, text) pairs and the commands offered now to a state."""

    def make(
        goal: str,
        *steps: tuple[str, str],
        actions: tuple[str, ...] = ("go to desk 1", "look"),
        domain: str = "alfworld",
    ) -> State:
        observation = steps[-1][1] if steps else "-= Welcome to TextWorld, ALFRED! =-"
        return State(Task("game", domain, goal, 50), observation, history=steps, actions=actions)

    return make
