"""All registered values: what they have in common."""

import pickle
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest

from envs.blocksworld.world import BlocksWorldSimulator
from envs.toy import GraphSimulator, GraphWorld
from priors import Uniform
from slinvit import Budget, InputError, State, UnknownName, ValueEstimator
from value_estimators import VALUES, build, is_oracle

LOCAL = [name for name in VALUES if name != "critic"]
"""Those that ask no server; the critic's tests are with those of the servers, in tests/priors/remote/wire."""

PLAIN = [name for name in LOCAL if name not in ("oracle", "learned-answer")]
"""Those that need neither a grader nor a file; the others' tests are in tests/value_estimators/intercode."""


def make(text: str) -> ValueEstimator:
    return build(text, prior=Uniform(), simulator=BlocksWorldSimulator())


@pytest.mark.parametrize("name", PLAIN)
def test_every_value_gives_one_finite_number_per_state_in_order(
    name: str, states_for: Callable[[str], list[State]]
) -> None:
    states = [*states_for(name), states_for(name)[0]]
    estimator = make(name)
    found = estimator.estimate(states, budget=Budget(), rng=np.random.default_rng(0))
    assert isinstance(estimator, ValueEstimator)
    assert found.dtype == np.float64
    assert found.shape == (3,)
    assert np.isfinite(found).all()
    if name != "rollout":
        assert found[0] == found[2]
    assert estimator.estimate([], budget=Budget(), rng=np.random.default_rng(0)).shape == (0,)


@pytest.mark.parametrize("name", PLAIN)
def test_every_value_knows_its_name_and_survives_pickling(name: str, states_for: Callable[[str], list[State]]) -> None:
    state = states_for(name)[0]
    estimator = make(name)
    again = pickle.loads(pickle.dumps(estimator))
    assert again.name == getattr(estimator, "name", None) == name
    one, two = (e.estimate([state], budget=Budget(), rng=np.random.default_rng(3)) for e in (estimator, again))
    assert np.array_equal(one, two)


def test_only_the_exact_value_is_an_oracle_of_those_that_need_no_grader() -> None:
    assert [name for name in PLAIN if is_oracle(make(name))] == ["exact"]


@pytest.mark.parametrize("name", LOCAL)
def test_every_value_refuses_options_that_it_does_not_take(name: str) -> None:
    with pytest.raises(InputError, match=f"the value '{name}' has no option 'bogus'"):
        make(f"{name}:bogus=1")


@pytest.mark.parametrize("name", [name for name in LOCAL if not name.startswith("learned")])
def test_values_without_an_argument_refuse_one(name: str) -> None:
    with pytest.raises(InputError, match=f"the value '{name}' takes no argument"):
        make(f"{name}:thing")


def test_a_misspelt_value_or_option_gets_a_suggestion() -> None:
    with pytest.raises(UnknownName, match="unknown value estimator 'goal-met'; did you mean 'goals-met'"):
        make("goal-met")
    with pytest.raises(InputError, match="no option 'dept'; did you mean 'depth'"):
        make("rollout:dept=3")


@pytest.mark.parametrize("name", ["goals-met", "obstacles", "learned", "exact"])
def test_values_of_blocksworld_refuse_other_worlds_and_name_those_that_fit(name: str) -> None:
    state = GraphWorld({"a": {"go": ("b", 1.0)}}, "a", frozenset({"b"}), 3).reset()
    estimator = build(name, prior=Uniform(), simulator=GraphSimulator())
    with pytest.raises(InputError, match=f"'{name}' reads blocksworld states, not 'graph'.*rollout, zero"):
        estimator.estimate([state], budget=Budget(), rng=np.random.default_rng(0))


def test_zero_is_zero_in_every_world() -> None:
    state = GraphWorld({"a": {"go": ("b", 1.0)}}, "a", frozenset({"b"}), 3).reset()
    found = build("zero", prior=Uniform(), simulator=GraphSimulator()).estimate(
        [state, state], budget=Budget(), rng=np.random.default_rng(0)
    )
    assert np.array_equal(found, [0.0, 0.0])


def test_no_value_needs_torch() -> None:
    code = (
        "import sys; from value_estimators import build; from priors import Uniform; "
        "from envs.blocksworld.world import BlocksWorldSimulator; "
        f"[build(name, prior=Uniform(), simulator=BlocksWorldSimulator()) for name in {PLAIN}]; "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
