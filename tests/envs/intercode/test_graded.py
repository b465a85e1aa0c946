from dataclasses import replace

import numpy as np
import pytest

from envs.check import check_environment
from envs.intercode.graded import Grade, Graded, GradingSimulator, TryAgain, graded, plain
from envs.toy import Edges, GraphWorld
from slinvit import Budget, EnvironmentFailure, SnapshotError, State
from slinvit.errors import BudgetExceeded, UnknownName
from slinvit.protocols import Grader, Restorable, Simulator

EDGES: Edges = {
    "start": {"half": ("half", 0.0), "worse": ("worse", 0.0), "right": ("right", 0.0), "submit": ("end", 0.0)},
    "half": {"back": ("start", 0.0), "worse": ("worse", 0.0), "right": ("right", 0.0), "skip": ("end", 0.0)},
    "worse": {"half": ("half", 0.0), "right": ("right", 0.0), "back": ("start", 0.0)},
    "right": {"back": ("start", 0.0), "submit": ("end", 0.0)},
}
REWARDS = {"start": 0.0, "half": 0.5, "worse": -0.25, "right": 1.0, "end": 0.75}


def world(horizon: int = 4) -> GraphWorld:
    return GraphWorld(EDGES, "start", frozenset({"end"}), horizon)


def grade(state: State) -> Grade:
    assert state.snapshot is not None
    node = str(state.snapshot.key)
    return Grade(REWARDS[node], {"node": node, "score": REWARDS[node]})


def walked(env: Restorable, *actions: str) -> list[tuple[float, bool, bool]]:
    env.reset()
    found = []
    for action in actions:
        done = env.step(action)
        found.append((done.reward, done.state.over, done.state.solved))
    return found


def test_only_the_end_of_an_episode_is_rewarded() -> None:
    assert walked(Graded(world(), grade), "half", "right", "submit") == [
        (0.0, False, False),
        (0.0, False, False),
        (0.75, True, False),
    ]


def test_the_last_answer_at_the_horizon_is_rewarded_and_may_solve_the_task() -> None:
    env = Graded(world(2), grade)
    assert walked(env, "half", "right") == [(0.0, False, False), (1.0, True, True)]
    env.reset()
    env.step("half")
    done = env.step("worse")
    assert done.state.truncated
    assert (done.reward, done.details["node"]) == (-0.25, "worse")


def test_giving_up_earns_nothing_but_keeps_the_parts_for_records() -> None:
    env = Graded(world(), grade)
    env.reset()
    env.step("half")
    done = env.step("skip")
    assert (done.reward, done.state.terminal, done.state.solved) == (0.0, True, False)
    assert (done.details["skipped"], done.details["node"]) == (True, "end")


def test_giving_up_is_no_corrected_success_either() -> None:
    env = Graded(world(), lambda state: Grade(1.0, {"score": 1.0, "corrected": 1.0, "iou": 1.0}))
    env.reset()
    env.step("half")
    assert env.step("skip").details == {"score": 0.0, "corrected": 0.0, "iou": 1.0, "skipped": True}


def test_shown_rewards_add_up_to_the_best_one_and_a_reward_of_one_ends_the_episode() -> None:
    env = TryAgain(world(6), grade)
    assert walked(env, "worse", "half", "back", "half", "right") == [
        (0.0, False, False),
        (0.5, False, False),
        (0.0, False, False),
        (0.0, False, False),
        (0.5, True, True),
    ]
    with pytest.raises(EnvironmentFailure, match="the episode is over"):
        env.step("back")


def test_a_shown_reward_is_the_last_line_of_the_observation_and_in_the_history() -> None:
    env = TryAgain(world(), grade)
    env.reset()
    state = env.step("worse").state
    assert state.observation.endswith("\nReward: -0.25")
    assert state.history == (("worse", state.observation),)


def test_continuing_from_a_state_knows_the_best_reward_so_far() -> None:
    env = TryAgain(world(6), grade)
    env.reset()
    good = env.step("half").state
    other = TryAgain(world(6), grade)
    other.reset()
    assert other.restore(good) == good
    assert other.step("worse").reward == 0.0
    assert other.restore(good) == good
    assert other.step("right").reward == 0.5


@pytest.mark.parametrize("feedback", ["none", "reward"])
@pytest.mark.parametrize("seed", range(3))
def test_both_forms_conform_below_the_end(feedback: str, seed: int) -> None:
    def choose(state: State, rng: np.random.Generator) -> str:
        return str(rng.choice([action for action in state.actions or () if action in ("half", "worse", "back")]))

    def make() -> Restorable:
        return graded(world(20), grade, feedback)

    def simulated() -> Restorable:
        return make() if feedback == "reward" else world(20)

    simulator = GradingSimulator(simulated, grade)
    laws = check_environment(make, simulator=simulator, steps=10, seed=seed, choose=choose)
    assert {"snapshots", "corruption", "agreement", "isolation"} <= set(laws)


def test_the_simulator_tells_rewards_only_when_asked_and_counts_them() -> None:
    simulator = GradingSimulator(world, grade)
    assert isinstance(simulator, Simulator)
    assert isinstance(simulator, Grader)
    env = TryAgain(world(), grade)
    start, half = env.reset(), env.step("half").state
    budget = Budget({"sim_steps": 3})
    assert simulator.grade([start, half], budget=budget).tolist() == [0.0, 0.5]
    (done,) = simulator.step([plain(half)], ["right"], budget=budget)
    assert (done.reward, dict(done.details)) == (0.0, {})
    with pytest.raises(BudgetExceeded):
        simulator.grade([half], budget=budget)


def test_a_state_of_the_plain_world_is_no_state_of_one_that_shows_rewards() -> None:
    inner, env = world(), TryAgain(world(), grade)
    env.reset()
    with pytest.raises(SnapshotError, match="no snapshot of a world that shows rewards"):
        env.restore(inner.reset())
    state = env.step("half").state
    assert plain(state).snapshot == state.snapshot.payload.inner  # type: ignore[union-attr]
    assert plain(plain(state)) == plain(state)
    with pytest.raises(SnapshotError):
        env.restore(replace(state, snapshot=None))


def test_another_feedback_is_unknown() -> None:
    with pytest.raises(UnknownName, match="did you mean 'reward'"):
        graded(world(), grade, "rewards")
