from dataclasses import dataclass, field

import numpy as np
import pytest

from agent.episode import decode, encode
from agent.loop import Agent, replay
from envs.toy import GraphWorld
from planners import drive
from slinvit.budget import Budget
from slinvit.errors import EnvironmentFailure
from slinvit.rng import generator
from slinvit.tree import Node, Plan, SearchTree, StoppedBy
from slinvit.types import Action, State, Transition

EDGES = {
    "a": {"go": ("b", 0.0), "stay": ("a", 0.0)},
    "b": {"go": ("c", 1.0), "back": ("a", 0.0), "fall": ("pit", -1.0)},
}


def world(horizon: int = 6, start: str = "a") -> GraphWorld:
    return GraphWorld(EDGES, start, frozenset({"c"}), horizon)


def line(actions: tuple[Action, ...], observations: tuple[str, ...]) -> SearchTree:
    """Return a tree without branches that expects ``observations`` after ``actions``."""
    edges = zip(("", *actions), ("start", *observations), strict=True)
    return SearchTree(
        tuple(
            Node(index - 1, action, index, observation, 0.0, 0.0, None, None, 1, False, False, True)
            for index, (action, observation) in enumerate(edges)
        )
    )


def plan(
    *actions: Action, expects: tuple[str, ...] = (), path: tuple[Action, ...] = (), stopped_by: StoppedBy = "done"
) -> Plan:
    path = path or actions
    tree = line(path, expects) if expects else SearchTree((line((), ()).nodes[0],))
    return Plan(actions, path, len(expects), 0.0, tree, stopped_by)


@dataclass
class Script:
    """A planner that says what it was told to, and remembers what it was asked."""

    plans: list[Plan]
    spends: dict[str, int] = field(default_factory=dict)
    asked: list[State] = field(default_factory=list)
    drawn: list[float] = field(default_factory=list)

    def plan(self, state: State, *, budget: Budget, rng: np.random.Generator) -> Plan:
        budget.spend(**self.spends)
        self.asked.append(state)
        self.drawn.append(rng.random())
        return self.plans[len(self.asked) - 1]


def test_the_agent_plans_and_acts_until_the_goal_holds() -> None:
    episode = Agent(Script([plan("go"), plan("go")])).run(world(), seed=0, budget=Budget(), report={"optimal": 2})
    assert episode.solved
    assert [step.observation for step in episode.steps] == ["b", "c"]
    assert [decision.observation for decision in episode.decisions] == ["a", "b"]
    assert (episode.reward, episode.ledger.env_steps, episode.report) == (1.0, 2, {"optimal": 2})


def test_a_task_that_is_solved_at_the_start_takes_no_decision() -> None:
    episode = Agent(Script([])).run(world(start="c"), seed=0, budget=Budget())
    assert (episode.stopped_by, episode.decisions) == ("solved", ())


@pytest.mark.parametrize(
    ("plans", "stopped_by"),
    [
        ([plan("stay"), plan("stay"), plan("stay")], "horizon"),
        ([plan("go"), plan("fall")], "terminal"),
        ([plan("go"), plan(stopped_by="dead-end")], "no-plan"),
        ([plan("go"), plan(stopped_by="budget")], "budget"),
    ],
)
def test_why_an_episode_ended_is_recorded(plans: list[Plan], stopped_by: str) -> None:
    assert Agent(Script(plans)).run(world(horizon=3), seed=0, budget=Budget()).stopped_by == stopped_by


def test_a_refused_action_is_recorded_and_counts_as_a_step() -> None:
    episode = Agent(Script([plan("jump"), plan("go"), plan("go")])).run(world(), seed=0, budget=Budget())
    assert [step.valid for step in episode.steps] == [False, True, True]
    assert episode.ledger.env_steps == 3


def test_an_unexpected_observation_drops_the_rest_of_the_path() -> None:
    planner = Script([plan("stay", "go", expects=("b", "c")), plan("go", "go", expects=("b", "c"))])
    episode = Agent(planner).run(world(), seed=0, budget=Budget())
    assert [decision.surprised for decision in episode.decisions] == [True, False]
    assert [step.action for step in episode.steps] == ["stay", "go", "go"]


def test_a_path_that_nobody_simulated_holds_no_surprise() -> None:
    episode = Agent(Script([plan("stay", "go", "go")])).run(world(), seed=0, budget=Budget())
    assert episode.solved
    assert not episode.decisions[0].surprised


def test_the_planner_decides_how_much_of_a_path_is_executed() -> None:
    planner = Script([plan("go", path=("go", "back"), stopped_by="budget"), plan(stopped_by="budget")])
    episode = Agent(planner).run(world(), seed=0, budget=Budget())
    assert [step.action for step in episode.steps] == ["go"]
    assert episode.stopped_by == "budget"


def test_a_limit_of_the_planner_itself_does_not_end_the_episode() -> None:
    planner = Script([plan("go", stopped_by="budget"), plan("go", stopped_by="budget")])
    assert Agent(planner).run(world(), seed=0, budget=Budget()).solved


def test_no_step_is_taken_that_the_budget_does_not_allow() -> None:
    episode = Agent(Script([plan("stay"), plan("go")])).run(world(), seed=0, budget=Budget({"env_steps": 1}))
    assert (episode.stopped_by, len(episode.steps)) == ("budget", 1)


def test_each_decision_has_a_ledger_of_its_own() -> None:
    planner = Script([plan("go"), plan("go")], spends={"llm_calls": 3})
    episode = Agent(planner).run(world(), seed=0, budget=Budget())
    assert [(d.ledger.llm_calls, d.ledger.env_steps) for d in episode.decisions] == [(3, 1), (3, 1)]
    assert episode.ledger.llm_calls == 6


def test_randomness_is_named_by_seed_task_and_decision() -> None:
    planner = Script([plan("go"), plan("go")])
    Agent(planner).run(world(), seed=5, budget=Budget())
    assert planner.drawn == [generator(5, "graph", number).random() for number in range(2)]


def test_a_failure_of_the_world_is_not_an_episode() -> None:
    class Broken(GraphWorld):
        def step(self, action: Action) -> Transition:
            raise EnvironmentFailure("the lights went out")

    broken = Broken(EDGES, "a", frozenset({"c"}), 6)
    with pytest.raises(EnvironmentFailure, match="lights"):
        Agent(Script([plan("go")])).run(broken, seed=0, budget=Budget())


def test_the_world_is_not_touched_before_the_course_is_driven() -> None:
    class Noticing(GraphWorld):
        resets = 0

        def reset(self, *, seed: int | None = None) -> State:
            self.resets += 1
            return super().reset(seed=seed)

    here = Noticing(EDGES, "a", frozenset({"c"}), 6)
    before = here.resets
    course = Agent(Script([plan("go", "go")])).course(here, seed=0, budget=Budget())
    assert here.resets == before
    assert drive(course).solved
    assert here.resets == before + 1


def test_an_episode_can_be_replayed_from_its_record() -> None:
    episode = decode(encode(Agent(Script([plan("jump"), plan("go", "go")])).run(world(), seed=0, budget=Budget())))
    assert replay(world(), episode).solved  # type: ignore[arg-type]


def test_a_replay_in_another_world_is_noticed() -> None:
    episode = Agent(Script([plan("go", "go")])).run(world(), seed=0, budget=Budget())
    other = GraphWorld({"a": {"go": ("x", 0.0)}, "x": {"go": ("c", 0.0)}}, "a", frozenset({"c"}), 6)
    with pytest.raises(EnvironmentFailure, match="step 1: recorded 'b', the world says 'x'"):
        replay(other, episode)
