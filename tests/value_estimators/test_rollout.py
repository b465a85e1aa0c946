from collections.abc import Callable, Sequence

import numpy as np
import pytest

from envs.blocksworld.world import BlocksWorldSimulator
from envs.toy import GraphSimulator, GraphWorld
from priors import Scripted, Uniform
from slinvit import ActionDistribution, Budget, BudgetExceeded, InputError, Prior, State, Transition
from value_estimators import build
from value_estimators.rollout import Rollout

COIN = {"start": {"left": ("middle", 0.25), "right": ("end", 0.0)}, "middle": {"on": ("goal", 1.0)}}
LOOP = {"here": {"stay": ("here", 0.5)}}


def coin(horizon: int = 5) -> State:
    return GraphWorld(COIN, "start", frozenset({"goal"}), horizon).reset()


class Counting:
    """The prior and the simulator of a run, counting how they are called."""

    def __init__(self, prior: Prior) -> None:
        self.prior = prior
        self.asked: list[int] = []
        self.stepped: list[int] = []

    def propose(
        self, states: Sequence[State], *, k: int | None = None, budget: Budget, rng: np.random.Generator
    ) -> list[ActionDistribution]:
        self.asked.append(len(states))
        return self.prior.propose(states, k=k, budget=budget, rng=rng)

    def step(self, states: Sequence[State], actions: Sequence[str], *, budget: Budget) -> list[Transition]:
        self.stepped.append(len(states))
        return GraphSimulator().step(states, actions, budget=budget)


def estimate(rollout: Rollout, *states: State, budget: Budget | None = None, seed: int = 0) -> list[float]:
    found: list[float] = rollout.estimate(states, budget=budget or Budget(), rng=np.random.default_rng(seed)).tolist()
    return found


def test_many_rollouts_approach_the_expected_return() -> None:
    prior = Scripted({"start": {"left": 0.3, "right": 0.7}, "middle": {"on": 1.0}})
    assert estimate(Rollout(prior, GraphSimulator(), n=4000), coin()) == [pytest.approx(0.3 * 1.25, abs=0.03)]


def test_the_value_is_the_mean_return_and_each_state_has_its_own() -> None:
    prior = Scripted({"start": {"left": 1.0}, "middle": {"on": 1.0}})
    world = GraphWorld(COIN, "middle", frozenset({"goal"}), 5)
    assert estimate(Rollout(prior, GraphSimulator(), n=3), coin(), world.reset()) == [1.25, 1.0]


def test_depth_cuts_rollouts_and_counts_nothing_after_it() -> None:
    prior = Scripted({"start": {"left": 1.0}, "middle": {"on": 1.0}})
    assert estimate(Rollout(prior, GraphSimulator(), depth=1), coin()) == [0.25]


def test_without_a_depth_the_horizon_of_the_task_ends_a_rollout() -> None:
    state = GraphWorld(LOOP, "here", frozenset(), 7).reset()
    assert estimate(Rollout(Uniform(), GraphSimulator()), state) == [3.5]


def test_a_state_in_which_the_episode_is_over_is_worth_nothing_and_costs_nothing() -> None:
    world = GraphWorld(COIN, "middle", frozenset({"goal"}), 5)
    budget = Budget()
    assert estimate(Rollout(Uniform(), GraphSimulator()), world.step("on").state, budget=budget) == [0.0]
    assert budget.ledger().sim_steps == 0


def test_all_rollouts_share_one_prior_and_one_simulator_call_per_step() -> None:
    run = Counting(Scripted({"start": {"left": 1.0}, "middle": {"on": 1.0}}))
    budget = Budget()
    estimate(Rollout(run, run, n=5), coin(), coin(horizon=4), budget=budget)
    assert run.stepped == [10, 10]
    assert run.asked == [2, 2], "equal states are put to the prior once"
    assert (budget.ledger().sim_steps, budget.ledger().llm_calls) == (20, 4)


def test_rollouts_stop_where_the_budget_ends() -> None:
    budget = Budget({"sim_steps": 7})
    with pytest.raises(BudgetExceeded):
        estimate(
            Rollout(Scripted({"start": {"left": 1.0}, "middle": {"on": 1.0}}), GraphSimulator(), n=5),
            coin(),
            budget=budget,
        )
    assert budget.ledger().sim_steps == 5


def test_equal_seeds_give_equal_values() -> None:
    rollout = Rollout(Uniform(), GraphSimulator(), n=3)
    states = [coin() for _ in range(8)]
    assert estimate(rollout, *states, seed=1) == estimate(rollout, *states, seed=1)
    assert estimate(rollout, *states, seed=1) != estimate(rollout, *states, seed=2)


def test_the_spec_chooses_number_depth_and_prior() -> None:
    prior, simulator = Scripted({}), BlocksWorldSimulator()
    assert build("rollout", prior=prior, simulator=simulator) == Rollout(prior, simulator, n=4, depth=None)
    assert build("rollout:n=2,depth=9,prior=uniform", prior=prior, simulator=simulator) == Rollout(
        Uniform(), simulator, n=2, depth=9
    )


def test_provenance_says_what_was_followed_and_how_far() -> None:
    found = Rollout(Uniform(), GraphSimulator(), n=2, depth=9).provenance()
    assert (found["n"], found["depth"]) == (2, 9)
    assert "prior" in found


def test_a_rollout_solves_a_small_blocksworld_now_and_then(make_state: Callable[..., State]) -> None:
    [found] = estimate(Rollout(Uniform(), BlocksWorldSimulator(), n=64), make_state((-1, -1), ((0, 1),), 6))
    assert 0 < found <= 1


@pytest.mark.parametrize("option", ["n=0", "depth=0", "n=two", "depth=-1", "n=1.5"])
def test_numbers_below_one_are_refused(option: str) -> None:
    with pytest.raises(InputError, match="must be a whole number of 1 or more"):
        build(f"rollout:{option}", prior=Uniform(), simulator=GraphSimulator())
    with pytest.raises(InputError, match="n and depth of 1 or more"):
        Rollout(Uniform(), GraphSimulator(), n=0)
