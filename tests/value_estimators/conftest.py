from collections.abc import Callable

import pytest

from envs.blocksworld.core import TABLE, Fact, Support
from envs.blocksworld.problem import Problem, first_state
from slinvit import State, Task

MakeState = Callable[..., State]


@pytest.fixture
def make_state() -> MakeState:
    """From a support tuple, (block, below) pairs of ``on`` goals and a horizon to the first state of that problem."""

    def make(start: Support, on: tuple[tuple[int, int], ...], horizon: int = 20, more: tuple[Fact, ...] = ()) -> State:
        names = ("red", "blue", "orange", "yellow", "white", "magenta", "black", "cyan")[: len(start)]
        goal = (*(Fact("on", pair) for pair in on), *more)
        return first_state(Problem("toy", names, start, goal, horizon))

    return make


@pytest.fixture
def tower_to_build(make_state: MakeState) -> State:
    """Three blocks on the table, to be stacked red on blue on orange."""
    return make_state((TABLE, TABLE, TABLE), ((0, 1), (1, 2)))


@pytest.fixture
def states_for(make_state: MakeState, tower_to_build: State) -> Callable[[str], list[State]]:
    """From the name of a value to two different states that it can read."""
    task = Task("egg", "alfworld", "put a hot egg in drawer.", 50)
    seen = ("go to desk 1", "You arrive at desk 1. On the desk 1, you see a egg 1.")
    household = [
        State(task, "", actions=("go to desk 1",)),
        State(task, seen[1], history=(seen,), actions=("examine desk 1",)),
    ]
    question, names = Task("books", "intercode-sql", "How many books are there?", 10), ("SHOW TABLES", "[('book',)]")
    queries = [
        State(question, "Database: town_library"),
        State(question, names[1], history=(names,)),
    ]
    blocks = [tower_to_build, make_state((1, 2, -1), ((2, 0),))]
    known = {"subgoals": household, **dict.fromkeys(("evidence", "executes", "shape", "agreement"), queries)}
    return lambda name: known.get(name, blocks)
