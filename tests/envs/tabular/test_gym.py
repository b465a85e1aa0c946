import runpy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest

from envs.tabular import from_gymnasium, frozen_lake
from planners.linvit import evaluate, optimal, uniform
from slinvit import InputError


def made(name: str, **options: Any) -> gymnasium.Env[Any, Any]:
    return gymnasium.make(name, **options)


@dataclass
class Toy:
    """A table without gymnasium."""

    P: Any
    initial_state_distrib: Any = field(default_factory=lambda: np.array([1.0, 0.0]))


@pytest.mark.parametrize("size", ["4x4", "8x8"])
@pytest.mark.parametrize("slippery", [True, False])
def test_the_frozen_lake_of_gymnasium_is_ours(slippery: bool, size: str) -> None:
    theirs = from_gymnasium(made("FrozenLake-v1", is_slippery=slippery, map_name=size), 20)
    ours = frozen_lake(20, slippery, size)
    assert theirs.name == "FrozenLake-v1"
    np.testing.assert_allclose(theirs.p, ours.p, atol=1e-15)
    np.testing.assert_allclose(theirs.r, ours.r, atol=1e-15)
    np.testing.assert_array_equal(theirs.legal_actions, ours.legal_actions)
    assert theirs.initial_state == ours.initial_state


def test_the_time_limit_of_the_environment_is_the_horizon_unless_one_is_given() -> None:
    assert from_gymnasium(made("FrozenLake-v1")).horizon == 100
    assert from_gymnasium(made("FrozenLake-v1"), 7).horizon == 7
    with pytest.raises(InputError, match=r"CliffWalking-v1 has no time limit; give from_gymnasium\(env, horizon="):
        from_gymnasium(made("CliffWalking-v1"), scale_rewards=True)
    with pytest.raises(InputError, match="CartPole-v1 has no model"):
        from_gymnasium(made("CartPole-v1"))


def test_cliff_walking_is_worth_minus_thirteen_in_its_own_rewards() -> None:
    mdp = from_gymnasium(made("CliffWalking-v1"), 30, scale_rewards=True)
    assert mdp.num_states == 48
    assert (mdp.p[47, :, 47] == 1).all()
    assert mdp.initial_state == 36
    assert mdp.original_return(optimal(mdp).v[0, 36]) == pytest.approx(-13)
    walls_left = np.zeros((30, 48, 4))
    walls_left[..., 3] = 1.0
    assert mdp.original_return(evaluate(mdp, walls_left).v[0, 36]) == pytest.approx(-30)


def test_taxi_starts_where_the_environment_was_reset_to() -> None:
    env = made("Taxi-v4")
    with pytest.raises(InputError, match=r"Taxi-v4 starts in one of 300 states; call env.reset\(seed=...\) first"):
        from_gymnasium(env, 30, scale_rewards=True)
    first, _ = env.reset(seed=3)
    mdp = from_gymnasium(env, 30, scale_rewards=True)
    assert mdp.initial_state == int(first)
    assert from_gymnasium(env, 30, scale_rewards=True, initial_state=7).initial_state == 7
    value = float(mdp.original_return(optimal(mdp).v[0, mdp.initial_state]))
    assert value == pytest.approx(_played(env, mdp))


def _played(env: gymnasium.Env[Any, Any], mdp: Any) -> float:
    """Return what the optimal policy earns in the environment itself."""
    policy, total, over, step = optimal(mdp).policy, 0.0, False, 0
    state, _ = env.reset(seed=3)
    while not over and step < mdp.horizon:
        state, reward, over, _, _ = env.step(int(policy[step, state].argmax()))
        total, step = total + float(reward), step + 1
    return total


def test_rewards_are_means_over_outcomes_and_outcomes_add_up() -> None:
    table = {
        0: {0: [(0.25, 0, 1.0, False), (0.25, 1, 0.5, False), (0.5, 1, 0.0, False)]},
        1: {0: [(1.0, 1, 0.0, False)]},
    }
    mdp = from_gymnasium(Toy(table), 2)
    assert mdp.r[0, 0, 0] == 0.25 * 1 + 0.25 * 0.5
    assert mdp.p[0, 0].tolist() == [0.25, 0.75]
    assert mdp.name == "Toy"


def test_a_state_that_sometimes_ends_the_episode_gets_a_copy_that_does() -> None:
    table = {
        0: {0: [(1.0, 1, 0.0, False)], 1: [(1.0, 1, 0.0, True)]},
        1: {0: [(1.0, 0, 1.0, False)], 1: [(1.0, 1, 0.0, False)]},
    }
    mdp = from_gymnasium(Toy(table), 4)
    assert mdp.num_states == 3
    assert mdp.p[0].argmax(axis=-1).tolist() == [1, 2]
    assert (mdp.p[2, :, 2] == 1).all()
    assert not mdp.r[:, 2].any()
    assert optimal(mdp).v[0, 0] == 2.0


def test_actions_without_outcomes_are_illegal() -> None:
    table = {0: {0: [(1.0, 1, 0.0, False)], 2: [(1.0, 1, 1.0, False)]}, 1: {1: [(1.0, 0, 0.0, False)]}}
    mdp = from_gymnasium(Toy(table), 3)
    assert mdp.legal_actions[0].tolist() == [[True, False, True], [False, True, False]]
    assert np.exp(uniform(mdp))[0, 0].tolist() == [0.5, 0.0, 0.5]


def test_rewards_outside_the_unit_interval_are_refused_with_the_offer_of_scaling() -> None:
    with pytest.raises(InputError, match=r"rewards from -100 to 0, .* scale_rewards=True"):
        from_gymnasium(made("CliffWalking-v1"), 10)


@pytest.mark.parametrize("env", [made("CartPole-v1"), Toy({}), Toy(None), object()])
def test_an_environment_without_a_model_says_what_is_missing(env: Any) -> None:
    with pytest.raises(InputError, match=r"has no model: .* has no attribute P"):
        from_gymnasium(env, 10)


def test_an_environment_without_a_model_is_named() -> None:
    with pytest.raises(InputError, match="CartPole-v1 has no model: CartPoleEnv has no attribute P"):
        from_gymnasium(made("CartPole-v1"), 10)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({0: {0: [(1.0, 9, 0.0, False)]}, 1: {0: [(1.0, 0, 0.0, False)]}}, "state 0 leads to 9, which is not in P"),
        ({0: {0: [(0.5, 1, 0.0, False)]}, 1: {0: [(1.0, 0, 0.0, False)]}}, "sum to 0.5"),
        ({0: {0: [(1.0, 0, 0.0, False)]}, 2: {0: [(1.0, 0, 0.0, False)]}}, "states 0 to 1 as keys"),
        ({0: {}, 1: {0: [(1.0, 0, 0.0, False)]}}, "state 0 has no legal action"),
    ],
)
def test_a_table_that_is_no_mdp_is_refused(table: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        from_gymnasium(Toy(table), 3)


def test_a_horizon_of_zero_is_refused() -> None:
    with pytest.raises(InputError, match="FrozenLake-v1: the horizon must be 1 or more"):
        from_gymnasium(made("FrozenLake-v1"), 0)


def test_the_example_solves_a_gymnasium_environment(capsys: pytest.CaptureFixture[str]) -> None:
    script = Path(__file__).parents[3] / "examples" / "05_your_own_mdp.py"
    assert runpy.run_path(str(script))["main"](["CliffWalking-v1"]) == 0
    assert "CliffWalking-v1: 48 states, 4 actions, 30 steps\nV* = -13.0000" in capsys.readouterr().out
