import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slinvit import RESOURCES, Budget, BudgetExceeded, InputError, Ledger


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


amounts = st.lists(st.tuples(st.sampled_from(["nodes", "sim_steps", "llm_calls"]), st.integers(0, 5)), max_size=30)


@given(amounts, st.integers(0, 20), st.integers(0, 20))
def test_a_budget_and_its_parent_never_overspend_and_count_the_same(
    spends: list[tuple[str, int]], parent_limit: int, child_limit: int
) -> None:
    parent = Budget({"nodes": parent_limit, "sim_steps": parent_limit})
    child = parent.child({"nodes": child_limit})
    booked = dict.fromkeys(RESOURCES, 0)
    for name, amount in spends:
        fits = amount <= child.remaining(name)
        try:
            child.spend(**{name: amount})
        except BudgetExceeded:
            assert not fits
        else:
            assert fits
            booked[name] += amount
    assert booked["nodes"] <= min(parent_limit, child_limit)
    assert booked["sim_steps"] <= parent_limit
    for ledger in (child.ledger(), parent.ledger()):
        assert (ledger.nodes, ledger.sim_steps, ledger.llm_calls) == (
            booked["nodes"],
            booked["sim_steps"],
            booked["llm_calls"],
        )


def test_children_charge_their_parents_but_not_their_siblings() -> None:
    parent = Budget({"nodes": 10})
    first, second = parent.child({"nodes": 6}), parent.child()
    first.spend(nodes=6)
    assert second.ledger().nodes == 0
    assert (first.remaining("nodes"), second.remaining("nodes"), parent.remaining("nodes")) == (0, 4, 4)
    with pytest.raises(BudgetExceeded, match="allows 4 more nodes, the next step needs 5"):
        second.spend(nodes=5)


def test_the_error_names_the_resource_that_ran_out() -> None:
    with pytest.raises(BudgetExceeded) as caught:
        Budget({"sim_steps": 3}).spend(nodes=1, sim_steps=4)
    assert caught.value.resource == "sim_steps"


def test_a_refused_spend_books_nothing_anywhere() -> None:
    parent = Budget({"sim_steps": 1})
    child = parent.child({"nodes": 5})
    with pytest.raises(BudgetExceeded):
        child.spend(nodes=3, sim_steps=2)
    assert child.ledger().nodes == parent.ledger().nodes == 0


def test_what_is_charged_beyond_a_limit_is_counted_and_the_next_spend_raises() -> None:
    budget = Budget({"prompt_tokens": 10})
    budget.charge(prompt_tokens=15)
    assert budget.ledger().prompt_tokens == 15
    assert budget.remaining("prompt_tokens") == -5
    with pytest.raises(BudgetExceeded, match="prompt_tokens"):
        budget.spend(nodes=1)
    assert budget.ledger().nodes == 0


def test_time_runs_by_the_clock_and_stops_spending_once_it_is_over() -> None:
    clock = Clock()
    budget = Budget({"seconds": 5}, clock=clock)
    clock.now += 5
    child = budget.child()
    child.spend(nodes=1)
    clock.now += 0.5
    assert budget.remaining("seconds") == -0.5
    with pytest.raises(BudgetExceeded) as caught:
        child.spend(nodes=1)
    assert caught.value.resource == "seconds"
    assert (budget.ledger().seconds, child.ledger().seconds) == (5.5, 0.5)


def test_a_resource_without_a_limit_is_only_counted() -> None:
    budget = Budget()
    budget.spend(usd=0.25, nodes=10**9)
    assert budget.remaining("nodes") == math.inf
    assert (budget.ledger().usd, budget.ledger().nodes) == (0.25, 10**9)


def test_limits_are_inclusive_and_zero_allows_nothing() -> None:
    budget = Budget({"nodes": 2, "llm_calls": 0})
    budget.spend(nodes=2)
    budget.spend(llm_calls=0)
    with pytest.raises(BudgetExceeded):
        budget.spend(llm_calls=1)


@pytest.mark.parametrize("limit", [-1, math.nan])
def test_limits_below_zero_are_refused(limit: float) -> None:
    with pytest.raises(InputError, match="limit on nodes must be 0 or more"):
        Budget({"nodes": limit})


@pytest.mark.parametrize("amount", [-1, math.nan, math.inf])
def test_what_is_no_amount_is_refused_and_books_nothing(amount: float) -> None:
    budget = Budget()
    with pytest.raises(InputError, match="an amount of nodes"):
        budget.charge(sim_steps=1, nodes=amount)
    with pytest.raises((InputError, BudgetExceeded)):
        budget.spend(sim_steps=1, nodes=amount)
    assert budget.ledger().sim_steps == 0


def test_unknown_resources_are_refused_with_a_suggestion_and_book_nothing() -> None:
    for wrong in (lambda: Budget({"node": 1}), lambda: Budget().remaining("node"), lambda: Budget().spend(node=1)):
        with pytest.raises(InputError, match="unknown resource 'node'; did you mean 'nodes'"):
            wrong()
    budget = Budget()
    with pytest.raises(InputError):
        budget.charge(nodes=1, node=1)
    assert budget.ledger().nodes == 0


def test_ledgers_add_up_by_resource() -> None:
    total = Ledger(llm_calls=1, seconds=0.5, usd=0.25) + Ledger(llm_calls=2, nodes=3, seconds=1.0)
    assert total == Ledger(llm_calls=3, nodes=3, seconds=1.5, usd=0.25)
    assert tuple(total.as_dict()) == RESOURCES
    assert sum([Ledger(nodes=1)] * 3, Ledger()) == Ledger(nodes=3)
