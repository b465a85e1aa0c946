import pickle
from dataclasses import replace

import numpy as np
import pytest

from envs.alfworld.domain import AlfworldDomain
from envs.alfworld.task import AlfworldTask
from envs.alfworld.twin import NOTHING
from envs.alfworld.world import AlfworldModel, AlfworldSimulator, AlfworldWorld
from envs.check import check_environment
from slinvit import (
    Budget,
    BudgetExceeded,
    Environment,
    EnvironmentFailure,
    Restorable,
    Simulator,
    Snapshot,
    SnapshotError,
)


def put(task: AlfworldTask) -> AlfworldTask:
    return replace(task, wording="put")


@pytest.mark.parametrize("number", [0, 70, 130])
@pytest.mark.parametrize("wording", ["move", "put"])
def test_real_games_conform(valid_seen: list[AlfworldTask], number: int, wording: str) -> None:
    task = valid_seen[number] if wording == "move" else put(valid_seen[number])
    laws = check_environment(lambda: AlfworldWorld(task), simulator=AlfworldSimulator(task), steps=25, seed=number)
    assert {"determinism", "snapshots", "corruption", "agreement", "isolation", "pickling"} <= set(laws)


def test_it_is_an_environment_a_restorable_one_and_a_simulator(valid_seen: list[AlfworldTask]) -> None:
    assert isinstance(AlfworldWorld(valid_seen[0]), Environment)
    assert isinstance(AlfworldWorld(valid_seen[0]), Restorable)
    assert isinstance(AlfworldSimulator(valid_seen[0]), Simulator)


@pytest.mark.parametrize("number", range(0, 140, 14))
def test_the_stored_solution_is_rewarded_once_in_either_wording(valid_seen: list[AlfworldTask], number: int) -> None:
    task = valid_seen[number]
    shown: dict[str, list[str]] = {}
    for each in (task, put(task)):
        for typed in ("move {} to {}", "put {} in/on {}"):
            env = AlfworldWorld(each)
            first = env.reset()
            assert first.observation.startswith(
                "-= Welcome to TextWorld, ALFRED! =-\n\nYou are in the middle of a room."
            )
            assert "Your task" not in first.observation
            steps = [env.step(_typed(command, typed)) for command in task.game.walkthrough]
            assert [step.reward for step in steps] == [0.0] * (len(steps) - 1) + [1.0]
            assert all(step.valid for step in steps)
            assert (steps[-1].state.solved, steps[-1].state.terminal, steps[-1].state.truncated) == (True, True, False)
            told = [text for _, text in steps[-1].state.history]
            assert shown.setdefault(each.wording, told) == told
            with pytest.raises(EnvironmentFailure, match="the episode is over"):
                env.step("look")
    assert any("in/on" in text for text in shown["put"]) == any(c.startswith("move") for c in task.game.walkthrough)
    assert not any("in/on" in text for text in shown["move"])


def _typed(command: str, form: str) -> str:
    verb, _, rest = command.partition(" ")
    return form.format(*rest.split(" to ")) if verb == "move" else command


def test_admissible_commands_are_shown_in_the_wording_and_all_accepted(valid_seen: list[AlfworldTask]) -> None:
    task = put(next(task for task in valid_seen if task.game.walkthrough[-1].startswith("move")))
    model = AlfworldModel(task)
    state = model.first()
    for command in task.game.walkthrough[:-1]:
        state = model.after(state, command).state
    actions = state.actions or ()
    assert list(actions) == sorted(actions)
    assert any(action.startswith("put ") and " in/on " in action for action in actions)
    assert not any(action.startswith("move ") for action in actions)
    assert all(model.after(state, action).valid for action in actions)


def test_a_command_that_is_not_admissible_costs_a_step_and_changes_nothing(valid_seen: list[AlfworldTask]) -> None:
    env = AlfworldWorld(replace(valid_seen[0], horizon=3))
    first = env.reset()
    for number, action in enumerate(("open the moon", "go to nowhere", "")):
        transition = env.step(action)
        assert not transition.valid
        assert (transition.reward, transition.state.observation) == (0.0, NOTHING)
        assert (transition.state.key, transition.state.actions) == (first.key, first.actions)
        assert transition.state.truncated == (number == 2)


def test_the_simulator_spends_and_leaves_the_live_world_alone(valid_seen: list[AlfworldTask]) -> None:
    task = valid_seen[50]
    env, simulator, budget = AlfworldWorld(task), AlfworldSimulator(task), Budget({"sim_steps": 30})
    state = env.reset()
    actions = list(state.actions or ())[:30]
    found = simulator.step([state] * len(actions), actions, budget=budget)
    assert budget.ledger().sim_steps == len(actions)
    assert found[3] == env.step(actions[3])
    with pytest.raises(BudgetExceeded):
        simulator.step([state] * 31, ["look"] * 31, budget=Budget({"sim_steps": 30}))


def test_worlds_reached_by_different_orders_are_the_same_state(valid_seen: list[AlfworldTask]) -> None:
    model = AlfworldModel(valid_seen[30])
    first = model.first()
    one = model.after(model.after(first, "look").state, "inventory").state
    assert one.key == first.key
    assert one.history != first.history
    assert hash(pickle.loads(pickle.dumps(one)).key) == hash(first.key)


def test_a_snapshot_of_another_game_is_refused(valid_seen: list[AlfworldTask]) -> None:
    here, there = AlfworldWorld(valid_seen[0]), AlfworldWorld(valid_seen[1])
    before = here.step("look").state
    with pytest.raises(SnapshotError, match="belongs to another game"):
        here.restore(there.reset())
    mixed = Snapshot(there.reset().key, before.snapshot.payload if before.snapshot else None)
    with pytest.raises(SnapshotError, match="belongs to another state"):
        here.restore(replace(before, snapshot=mixed))
    assert here.step("look").state.history[0][0] == "look"


def test_random_walks_never_leave_the_rules(valid_seen: list[AlfworldTask]) -> None:
    rng = np.random.default_rng(0)
    for task in valid_seen[::20]:
        state = AlfworldModel(task).first()
        fresh = AlfworldModel(task)
        while not state.over:
            actions = state.actions or ()
            transition = fresh.after(state, actions[int(rng.integers(len(actions)))])
            assert transition.valid
            state = transition.state
        assert len(state.history) <= task.horizon


def test_the_domain_makes_both(valid_seen: list[AlfworldTask]) -> None:
    domain = AlfworldDomain()
    assert isinstance(domain.environment(valid_seen[0]), AlfworldWorld)
    assert isinstance(domain.simulator(valid_seen[0]), AlfworldSimulator)
