"""Combinators for controls: the adversarial prior, and the prior whose answers are counted."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from priors import Adversarial, Metered, Scripted, Uniform, build, remember
from slinvit import Budget, BudgetExceeded, State, Task

ACTIONS = ("a", "b", "c")


def here(observation: str = "here") -> State:
    return State(Task("t", "toy", "win", 9), observation, actions=ACTIONS)


def answer(*weights: float) -> Scripted:
    return Scripted(lambda state: dict(zip(ACTIONS, weights, strict=True)))


@given(st.lists(st.floats(0.01, 10), min_size=3, max_size=3))
def test_the_adversary_turns_the_odds_of_every_pair_around(weights: list[float]) -> None:
    (found,) = Adversarial(answer(*weights)).propose([here()], budget=Budget(), rng=np.random.default_rng(0))
    inverse = 1 / np.array(weights)
    assert found.probs == pytest.approx(inverse / inverse.sum())


def test_what_the_prior_excludes_the_adversary_excludes_too() -> None:
    (found,) = Adversarial(answer(0, 1, 3)).propose([here()], budget=Budget(), rng=np.random.default_rng(0))
    assert found.probs == pytest.approx([0, 0.75, 0.25])


def test_a_metered_prior_costs_a_call_per_state_and_says_the_same() -> None:
    budget, rng = Budget({"llm_calls": 2}), np.random.default_rng(0)
    found = Metered(Uniform()).propose([here(), here("there")], budget=budget, rng=rng)
    assert [each.usage.llm_calls for each in found] == [1, 1]
    assert all(each.probs == pytest.approx([1 / 3] * 3) for each in found)
    assert budget.ledger().llm_calls == 2
    with pytest.raises(BudgetExceeded):
        Metered(Uniform()).propose([here()], budget=budget, rng=rng)


def test_what_is_remembered_is_not_paid_twice() -> None:
    budget, memory = Budget(), remember(build("uniform:metered=true"))
    for _ in range(3):
        memory.propose([here()], budget=budget, rng=np.random.default_rng(0))
    assert budget.ledger().llm_calls == 1


def test_every_prior_takes_both_by_name() -> None:
    (found,) = build("uniform:adversarial=true,metered=true").propose(
        [here()], budget=Budget(), rng=np.random.default_rng(0)
    )
    assert found.probs == pytest.approx([1 / 3] * 3)
