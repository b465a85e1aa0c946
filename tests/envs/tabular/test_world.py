from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from envs.check import check_environment
from envs.tabular import (
    TabularMDP,
    TabularSimulator,
    TabularTask,
    TabularWorld,
    chain,
    combination_lock,
    deep_sea,
    frozen_lake,
    garnet,
    gridworld,
    river_swim,
    state_at,
)
from planners.linvit import evaluate, optimal, uniform
from priors.simple import Uniform
from slinvit import Budget, EnvironmentFailure, Snapshot, SnapshotError, State
from value_estimators.rollout import Rollout

WORLDS = [
    frozen_lake(),
    frozen_lake(slippery=False),
    gridworld(slip=0.3),
    river_swim(),
    deep_sea(5),
    chain(),
    combination_lock(4, 2, seed=1),
    garnet(seed=2),
    garnet(seed=2, stationary=False),
    garnet(6, 2, 6, 1, seed=3).compact(),
]


def masked() -> TabularMDP:
    """Legal actions, rewards and transitions that depend on the step."""
    base = garnet(4, 3, 5, seed=0, stationary=False)
    legal = np.random.default_rng(0).random(base.r.shape) < 0.5
    legal[..., 1] = True
    return TabularMDP(base.p, base.r, legal=legal, name="masked")


@pytest.mark.parametrize("mdp", [*WORLDS, masked()], ids=lambda mdp: mdp.name)
@pytest.mark.parametrize("seed", [0, 1])
def test_every_world_conforms(mdp: TabularMDP, seed: int) -> None:
    laws = check_environment(lambda: TabularWorld(mdp), steps=30, seed=seed)
    assert {"determinism", "snapshots", "corruption", "agreement", "isolation", "pickling"} <= set(laws)


@pytest.mark.parametrize("mdp", [mdp for mdp in WORLDS if mdp.is_deterministic], ids=lambda mdp: mdp.name)
def test_the_simulator_of_a_world_without_chance_agrees_with_it(mdp: TabularMDP) -> None:
    task = TabularTask(mdp)
    assert "agreement" in check_environment(lambda: TabularWorld(task), simulator=TabularSimulator(task), seed=3)


def follow(world: TabularWorld, choose: Callable[[int, State], str], seed: int | None) -> list[State]:
    states = [world.reset(seed=seed)]
    while not states[-1].over:
        states.append(world.step(choose(len(states) - 1, states[-1])).state)
    return states


def test_the_optimal_policy_earns_its_value_in_the_live_world() -> None:
    mdp = frozen_lake()
    world, policy = TabularWorld(mdp), optimal(mdp).policy
    names = {mdp.observation(state): state for state in range(mdp.num_states)}

    def choose(step: int, state: State) -> str:
        return mdp.action_name(int(policy[step, names[state.observation]].argmax()))

    runs = 2000
    solved = np.mean([follow(world, choose, seed)[-1].solved for seed in range(runs)])
    assert solved == pytest.approx(TabularTask(mdp).optimal_return, abs=4 * np.sqrt(0.2 * 0.8 / runs))


def test_the_seed_decides_what_chance_does() -> None:
    world = TabularWorld(river_swim())
    walks = {seed: [s.observation for s in follow(world, lambda *_: "swim up the river", seed)] for seed in range(20)}
    assert walks[3] == [s.observation for s in follow(world, lambda *_: "swim up the river", 3)]
    assert len({tuple(walk) for walk in walks.values()}) > 10
    assert follow(world, lambda *_: "swim up the river", None)[-1].observation == walks[0][-1]


def test_the_simulator_has_the_probabilities_of_the_world_but_does_not_foresee_it() -> None:
    mdp = river_swim()
    task = TabularTask(mdp)
    world, simulator = TabularWorld(task), TabularSimulator(task)
    agreed, counts, runs = 0, Counter[str](), 1500
    for seed in range(runs):
        state = state_at(task, 0, 2, seed=seed)
        (simulated,) = simulator.step([state], ["swim up the river"], budget=Budget())
        world.restore(state)
        agreed += simulated == world.step("swim up the river")
        counts[simulated.state.observation] += 1
    p = mdp.p[2, 1]
    shares = [counts[mdp.observation(state)] / runs for state in range(6)]
    np.testing.assert_allclose(shares, p, atol=4 * np.sqrt(0.25 / runs))
    assert agreed / runs == pytest.approx((p**2).sum(), abs=4 * np.sqrt(0.25 / runs))  # as by chance


def test_the_same_question_has_the_same_answer_but_copies_in_one_call_differ() -> None:
    task = TabularTask(river_swim())
    simulator, budget = TabularSimulator(task), Budget()
    states, actions = [state_at(task, 0, 2)] * 40, ["swim up the river"] * 40
    answers = simulator.step(states, actions, budget=budget)
    assert answers == TabularSimulator(task).step(states, actions, budget=budget)
    assert len({answer.state.observation for answer in answers}) == 3
    assert simulator.step(states[:1], actions[:1], budget=budget) == answers[:1]
    assert budget.ledger().sim_steps == 81


def test_rollouts_in_the_simulator_estimate_the_value_of_the_prior() -> None:
    mdp = chain(horizon=6)
    task = TabularTask(mdp)
    values = Rollout(Uniform(), TabularSimulator(task), n=1500)
    (found,) = values.estimate([TabularWorld(task).reset()], budget=Budget(), rng=np.random.default_rng(0))
    expected = evaluate(mdp, np.exp(uniform(mdp))).v[0, 0]
    assert found == pytest.approx(expected, abs=4 * 6 * 0.5 / np.sqrt(1500))


def test_goals_solve_and_holes_end_the_episode() -> None:
    world = TabularWorld(frozen_lake(slippery=False))
    ends = {}
    for moves in ("move down move down move right move right move down move right", "move right move down"):
        state = world.reset()
        for action in moves.replace("move ", "").split():
            transition = world.step(f"move {action}")
            state = transition.state
        ends[moves] = (state.solved, state.terminal, state.truncated, transition.reward)
    assert list(ends.values()) == [(True, True, False, 1.0), (False, True, False, 0.0)]
    with pytest.raises(EnvironmentFailure, match="the episode is over"):
        world.step("move up")


def test_a_world_without_goals_and_chance_is_solved_by_its_largest_return() -> None:
    for action, solved in (("right", True), ("left", False)):
        world = TabularWorld(deep_sea(4))
        assert "earn 1 in total" in world.reset().task.goal
        last = follow(world, lambda *_, chosen=action: chosen, 0)[-1]
        assert last.solved == solved
        assert last.over


def test_a_stochastic_world_without_goals_is_never_solved() -> None:
    task = TabularTask(river_swim())
    assert task.target is None
    assert not any(state.solved for state in follow(TabularWorld(task), lambda *_: "swim up the river", 1))
    assert task.report == {"optimal": None, "optimal_return": pytest.approx(0.75332894, abs=1e-8)}


def test_reports_know_the_shortest_way() -> None:
    assert TabularTask(frozen_lake(slippery=False)).report == {"optimal": 6, "optimal_return": 1.0}
    assert TabularTask(combination_lock(4, 3, 9)).shortest == 4
    assert TabularTask(frozen_lake(5, slippery=False)).shortest is None


def test_a_refused_action_costs_a_step_but_the_world_does_not_move() -> None:
    world = TabularWorld(masked())
    start = world.reset()
    wrong = next(name for name in ("action 0", "action 2", "action 9") if name not in (start.actions or ()))
    for text in (wrong, "jump"):
        refused = world.step(text)
        assert (refused.valid, refused.reward, refused.state.key) == (False, 0.0, start.key)
        assert refused.state.history[-1][1].startswith("Nothing happens")
    assert len(refused.state.history) == 2
    assert len(follow_first(world)) == 3


def follow_first(world: TabularWorld) -> list[State]:
    states: list[State] = []
    while not (states and states[-1].over):
        states.append(world.step("action 1").state)
    return states


def test_legal_actions_are_those_of_the_step() -> None:
    mdp = masked()
    task = TabularTask(mdp)
    for step in range(mdp.horizon):
        for state in range(mdp.num_states):
            legal = np.flatnonzero(mdp.legal_actions[step, state])
            assert state_at(task, step, state).actions == tuple(f"action {action}" for action in legal)


@pytest.mark.parametrize("other", [river_swim(7), river_swim(horizon=11)])
def test_a_state_of_another_world_is_refused(other: TabularMDP) -> None:
    world = TabularWorld(river_swim())
    with pytest.raises(SnapshotError, match="belongs to another world"):
        world.restore(TabularWorld(other).reset())


def test_a_state_without_or_with_a_foreign_snapshot_is_refused() -> None:
    task = TabularTask(river_swim())
    state = TabularWorld(task).reset()
    for snapshot in (None, Snapshot(state.key, "elsewhere"), Snapshot((4,), state.snapshot and state.snapshot.payload)):
        with pytest.raises(SnapshotError, match="snapshot"):
            TabularSimulator(task).step([replace(state, snapshot=snapshot)], ["swim up the river"], budget=Budget())


def test_equal_worlds_have_equal_digests() -> None:
    assert TabularTask(garnet(seed=1)) == TabularTask(garnet(seed=1))
    assert TabularTask(garnet(seed=1)) != TabularTask(garnet(seed=2))
    assert TabularTask(garnet(seed=1), "other").id == "other"


def test_a_simulator_takes_an_mdp_like_the_live_world() -> None:
    mdp = deep_sea(3)
    state = TabularWorld(mdp).reset()
    (transition,) = TabularSimulator(mdp).step([state], [mdp.action_name(1)], budget=Budget())
    assert transition.state.observation == mdp.observation(3 + 1)
