import os
from collections.abc import Sequence
from math import log
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import priors
from envs.tabular import TabularMDP, chain, deep_sea, frozen_lake, garnet, gridworld, river_swim
from planners.linvit import (
    adversarial,
    at_kl,
    boltzmann,
    checked_prior,
    evaluate,
    full_support,
    mixed_with_uniform,
    optimal,
    permuted,
    solve,
    tabulate,
    trajectory_kl,
    uniform,
)
from priors.simple import Scripted, Uniform
from slinvit import (
    Action,
    ActionDistribution,
    Budget,
    BudgetExceeded,
    FloatArray,
    InputError,
    PriorError,
    State,
)


def masked(seed: int, horizon: int = 5, actions: int = 4) -> TabularMDP:
    """A random MDP in which about half of the actions are legal, other ones at every step, sometimes only one."""
    base = garnet(6, actions, horizon, 3, seed=seed, stationary=False)
    legal = np.random.default_rng(seed).random(base.r.shape) < 0.5
    legal[..., seed % actions] = True
    return TabularMDP(base.p, base.r, legal=legal, name="masked")


def forced() -> TabularMDP:
    """A world without any choice."""
    return TabularMDP.stationary(np.ones((1, 1, 1)), [[0.5]], 3, name="forced")


WORLDS = [river_swim(), deep_sea(5), frozen_lake(), garnet(seed=1, stationary=False), masked(2), masked(3)]


def kl_from_optimal(mdp: TabularMDP, log_prior: FloatArray) -> float:
    return trajectory_kl(mdp, optimal(mdp).policy, log_prior)


@pytest.mark.parametrize("mdp", WORLDS, ids=lambda mdp: mdp.name)
@pytest.mark.parametrize("eps_llm", [1e-12, 0.05, 0.5, 3.0, 100.0, 1e5])
def test_the_prior_is_at_the_kl_that_was_asked_for(mdp: TabularMDP, eps_llm: float) -> None:
    prior = at_kl(mdp, eps_llm)
    checked_prior(mdp, prior)
    assert kl_from_optimal(mdp, prior) == pytest.approx(eps_llm, rel=1e-9)


def test_with_a_choice_at_every_step_the_optimal_action_has_the_probability_of_the_formula() -> None:
    mdp = garnet(5, 3, 4, seed=0)
    best = optimal(mdp).policy > 0
    probabilities = np.exp(at_kl(mdp, 0.5))
    np.testing.assert_allclose(probabilities[best], np.exp(-0.5 / 4), atol=1e-14)
    np.testing.assert_allclose(probabilities[~best], (1 - np.exp(-0.5 / 4)) / 2, atol=1e-14)


def test_at_the_kl_of_the_uniform_prior_it_is_the_uniform_prior() -> None:
    mdp = garnet(5, 3, 4, seed=0)
    np.testing.assert_allclose(at_kl(mdp, 4 * log(3)), uniform(mdp), atol=1e-12)


def test_at_a_kl_of_zero_it_is_the_optimal_policy() -> None:
    for mdp in (*WORLDS, forced()):
        np.testing.assert_array_equal(np.exp(at_kl(mdp, 0.0)), optimal(mdp).policy)


@pytest.mark.parametrize("make", [at_kl, adversarial])
@pytest.mark.parametrize("eps_llm", [-0.1, np.inf, np.nan])
def test_a_kl_that_cannot_be_is_refused(make: object, eps_llm: float) -> None:
    assert callable(make)
    with pytest.raises(InputError, match="river_swim: eps_llm must be 0 or more nats and finite"):
        make(river_swim(), eps_llm)


def test_without_any_choice_no_positive_kl_exists() -> None:
    with pytest.raises(InputError, match="forced: the optimal policy never has a choice"):
        at_kl(forced(), 0.5)


@pytest.mark.parametrize("mdp", WORLDS, ids=lambda mdp: mdp.name)
def test_the_adversarial_prior_is_three_times_as_far_as_the_uniform_one(mdp: TabularMDP) -> None:
    prior = adversarial(mdp)
    full_support(mdp, prior)
    assert kl_from_optimal(mdp, prior) == pytest.approx(3 * kl_from_optimal(mdp, uniform(mdp)), rel=1e-12)


@pytest.mark.parametrize("mdp", WORLDS, ids=lambda mdp: mdp.name)
def test_the_adversarial_prior_is_at_the_kl_that_was_asked_for_and_prefers_the_worst(mdp: TabularMDP) -> None:
    prior = adversarial(mdp, 60.0)
    full_support(mdp, prior)
    assert kl_from_optimal(mdp, prior) == pytest.approx(60.0, rel=1e-9)
    solution, several = optimal(mdp), mdp.legal_actions.sum(axis=-1) > 1
    q = np.where(mdp.legal_actions, solution.q, np.inf)
    preferred = np.take_along_axis(q, prior.argmax(axis=-1)[..., None], axis=-1)[..., 0]
    np.testing.assert_allclose(preferred[several], q.min(axis=-1)[several], atol=1e-12)
    assert (solution.policy[prior == prior.max(axis=-1, keepdims=True)][several.ravel()] == 0).all()


def test_an_adversarial_prior_cannot_be_nearer_than_the_uniform_one() -> None:
    with pytest.raises(InputError, match=r"eps_llm must be above 8\.31777 nats, not 5"):
        adversarial(river_swim(), 5.0)


def test_the_adversarial_prior_of_deep_sea_is_at_three_n_log_two() -> None:
    mdp = deep_sea(6)
    assert kl_from_optimal(mdp, adversarial(mdp)) == pytest.approx(3 * 6 * log(2))
    worth = evaluate(mdp, np.exp(adversarial(mdp))).v[0, 0]
    assert worth < evaluate(mdp, np.exp(uniform(mdp))).v[0, 0]


@pytest.mark.parametrize("mdp", WORLDS, ids=lambda mdp: mdp.name)
def test_the_boltzmann_prior_is_the_softmax_of_q(mdp: TabularMDP) -> None:
    weights = np.where(mdp.legal_actions, np.exp(3.0 * optimal(mdp).q), 0.0)
    np.testing.assert_allclose(np.exp(boltzmann(mdp, 3.0)), weights / weights.sum(axis=-1, keepdims=True), atol=1e-12)
    np.testing.assert_allclose(np.exp(boltzmann(mdp, 0.0)), np.exp(uniform(mdp)), atol=1e-14)
    checked_prior(mdp, boltzmann(mdp, 1e4))


def test_a_sharper_boltzmann_prior_is_nearer() -> None:
    mdp = river_swim()
    distances = [kl_from_optimal(mdp, boltzmann(mdp, beta)) for beta in (0.0, 1.0, 10.0, 100.0)]
    assert distances == sorted(distances, reverse=True)
    for beta in (-1.0, np.inf, np.nan):
        with pytest.raises(InputError, match="beta must be 0 or more"):
            boltzmann(mdp, beta)


@pytest.mark.parametrize("mdp", WORLDS, ids=lambda mdp: mdp.name)
def test_permuting_keeps_the_probabilities_of_a_state_and_changes_their_actions(mdp: TabularMDP) -> None:
    good = at_kl(mdp, 0.5)
    other = permuted(mdp, good, np.random.default_rng(0))
    checked_prior(mdp, other)
    np.testing.assert_array_equal(np.sort(other, axis=-1), np.sort(good, axis=-1))
    assert kl_from_optimal(mdp, other) > 0.5
    np.testing.assert_array_equal(other, permuted(mdp, good, np.random.default_rng(0)))


def test_permuting_exchanges_the_same_labels_at_every_step() -> None:
    mdp = garnet(20, 4, 3, seed=0)
    prior = boltzmann(mdp, 2.0)
    prior[1:] = prior[0]
    other = permuted(mdp, prior, np.random.default_rng(1))
    assert (other == other[0]).all()
    assert (other != prior).any(axis=-1).mean() > 0.8


@given(seed=st.integers(0, 200), weight=st.floats(1e-6, 1.0), eps_llm=st.floats(0.0, 200.0))
@settings(max_examples=60, deadline=None)
def test_mixing_gives_full_support_and_bounds_the_kl_of_every_policy(seed: int, weight: float, eps_llm: float) -> None:
    mdp = masked(seed)
    prior = at_kl(mdp, eps_llm if kl_from_optimal(mdp, uniform(mdp)) else 0.0)
    mixed = mixed_with_uniform(mdp, prior, weight)
    full_support(mdp, mixed)
    expected = (1 - weight) * np.exp(prior) + weight * np.exp(uniform(mdp))
    np.testing.assert_allclose(np.exp(mixed), expected, atol=1e-12)
    bound = mdp.horizon * log(mdp.num_actions / weight)
    for policy in (optimal(mdp).policy, solve(mdp, uniform(mdp), 0.3).policy):
        assert trajectory_kl(mdp, policy, mixed) <= bound + 1e-9


@pytest.mark.parametrize("weight", [0.0, -0.1, 1.1, np.nan])
def test_a_weight_that_is_none_is_refused(weight: float) -> None:
    with pytest.raises(InputError, match="the weight of the uniform part must be above 0"):
        mixed_with_uniform(river_swim(), uniform(river_swim()), weight)


def test_a_prior_without_full_support_is_refused_with_the_price_of_mixing() -> None:
    mdp = river_swim(horizon=4)
    with pytest.raises(InputError, match="gives no probability to swim up the river") as caught:
        full_support(mdp, at_kl(mdp, 0.0))
    assert "mixed_with_uniform" in str(caught.value)
    assert f"{4 * log(2 / 0.1):.3g} nats" in str(caught.value)
    np.testing.assert_array_equal(full_support(mdp, uniform(mdp)), uniform(mdp))


class Asked:
    """A prior that keeps what it was asked and answers by the words of an action, last action first."""

    def __init__(self) -> None:
        self.batches: list[list[State]] = []

    def propose(
        self, states: Sequence[State], *, k: int | None = None, budget: Budget, rng: np.random.Generator
    ) -> list[ActionDistribution]:
        budget.spend(llm_calls=len(states))
        self.batches.append(list(states))
        return [self.answer(state) for state in states]

    def answer(self, state: State) -> ActionDistribution:
        actions: Sequence[Action] = tuple(reversed(state.actions or ()))
        return ActionDistribution.normalised(actions, [float(len(action)) for action in actions])


def test_a_prior_is_asked_once_per_text_about_states_in_which_something_is_decided() -> None:
    mdp, prior, budget = frozen_lake(), Asked(), Budget()
    table = tabulate(mdp, prior, budget=budget, rng=np.random.default_rng(0))
    (batch,) = prior.batches
    assert {state.observation for state in batch} == {
        mdp.observation(s) for s in range(16) if not mdp.terminal_states[s]
    }
    assert budget.ledger().llm_calls == len(batch) == 11
    full_support(mdp, table)
    assert (table == table[0]).all()
    scores = np.array([len(mdp.action_name(action)) for action in range(4)])
    np.testing.assert_allclose(table[0, 0], scores - np.log(np.exp(scores).sum()), atol=1e-12)
    np.testing.assert_array_equal(table[0, 5], uniform(mdp)[0, 5])


def test_other_actions_are_another_question() -> None:
    mdp, prior = masked(4), Asked()
    table = tabulate(mdp, prior, budget=Budget(), rng=np.random.default_rng(0))
    (batch,) = prior.batches
    assert len({(state.observation, state.actions) for state in batch}) == len(batch) > mdp.num_states
    np.testing.assert_allclose(np.exp(table), np.exp(uniform(mdp)), atol=1e-12)  # all actions have names of one length
    full_support(mdp, table)


def test_the_uniform_prior_tabulates_to_the_uniform_prior() -> None:
    for mdp in WORLDS:
        table = tabulate(mdp, Uniform(), budget=Budget(), rng=np.random.default_rng(0))
        np.testing.assert_allclose(np.exp(table), np.exp(uniform(mdp)), atol=1e-15)


def test_a_scripted_prior_that_knows_the_way_walks_it() -> None:
    mdp = gridworld("S..G", horizon=3)
    table = tabulate(
        mdp, Scripted(lambda _: {"move right": 0.9, "move up": 0.1}), budget=Budget(), rng=np.random.default_rng(0)
    )
    assert evaluate(mdp, np.exp(table)).v[0, 0] == pytest.approx(0.9**3)
    with pytest.raises(InputError, match="no probability to move left"):
        full_support(mdp, table)


def test_an_answer_about_other_actions_is_refused() -> None:
    class Wrong(Asked):
        def answer(self, state: State) -> ActionDistribution:
            return ActionDistribution.normalised(("move up", "fly"), [0.0, 0.0])

    with pytest.raises(PriorError, match=r"frozen_lake: asked about .* the prior answered about \['move up', 'fly'\]"):
        tabulate(frozen_lake(), Wrong(), budget=Budget(), rng=np.random.default_rng(0))


def test_a_budget_that_is_too_small_is_not_spent() -> None:
    budget = Budget({"llm_calls": 10})
    with pytest.raises(BudgetExceeded):
        tabulate(frozen_lake(), Asked(), budget=budget, rng=np.random.default_rng(0))
    assert budget.ledger().llm_calls == 0


@pytest.fixture(scope="module")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small random language model that reads bytes."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    raw = Tokenizer(models.BPE(vocab={letter: i for i, letter in enumerate(letters)}, merges=[]))
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    folder = tmp_path_factory.mktemp("model")
    PreTrainedTokenizerFast(tokenizer_object=raw).save_pretrained(folder)  # type: ignore[no-untyped-call]
    torch.manual_seed(0)
    config = GPT2Config(vocab_size=len(letters), n_embd=32, n_layer=1, n_head=2, bos_token_id=0, eos_token_id=0)
    GPT2LMHeadModel(config).save_pretrained(folder)
    return folder


def test_a_language_model_tabulates_to_what_it_says_of_each_state(tiny_model: Path) -> None:
    mdp, prior, budget = frozen_lake(horizon=6), priors.build(f"hf:{tiny_model}"), Budget()
    table = tabulate(mdp, prior, budget=budget, rng=np.random.default_rng(0))
    full_support(mdp, table)
    assert budget.ledger().llm_calls == 11
    assert len(np.unique(table[0].round(9), axis=0)) == 12  # eleven answers, and uniform where it is over
    distance = kl_from_optimal(mdp, table)
    solution = solve(mdp, table, 0.02)
    assert 0 <= optimal(mdp).v[0, 0] - solution.v[0, 0] <= 0.02 * distance


def test_the_price_of_a_wrong_prior_is_paid_in_nats() -> None:
    mdp = chain(horizon=8)
    good = at_kl(mdp, 0.5)
    ranked = [good, uniform(mdp), adversarial(mdp)]
    losses = [optimal(mdp).v[0, 0] - solve(mdp, prior, 0.05).v[0, 0] for prior in ranked]
    assert losses == sorted(losses)
    for prior, loss in zip(ranked, losses, strict=True):
        assert 0 <= loss <= 0.05 * kl_from_optimal(mdp, prior) + 1e-12


def test_what_is_no_distribution_is_refused_with_what_it_may_be_meant_as() -> None:
    mdp = river_swim(6, 3)
    chosen = np.exp(uniform(mdp))
    for policy, message in (
        (np.ones(mdp.r.shape), "the policy sums to 2 instead of 1 in place 1 of 6 at step 0"),
        (chosen[:, :3], r"the policy must be \[H, S, A\] = \[3, 6, 2\]"),
        (uniform(mdp), r"these are log-probabilities, pass np\.exp\(policy\)"),
    ):
        with pytest.raises(InputError, match=message):
            evaluate(mdp, policy)
    broken = uniform(mdp)
    broken[1, 2, 0] = np.nan
    with pytest.raises(InputError, match="the prior gives nan to drift down the river in place 3 of 6 at step 1"):
        solve(mdp, broken, 0.1)
    with pytest.raises(InputError, match=r"these are probabilities, pass np\.log\(prior\)"):
        solve(mdp, chosen, 0.1)
    with pytest.raises(InputError, match="lam must be 0 or more, not 'a'"):
        solve(mdp, uniform(mdp), "a")  # type: ignore[arg-type]


def test_solutions_are_written_in_one_line() -> None:
    mdp = river_swim(6, 3)
    found = solve(mdp, uniform(mdp), 0.1)
    assert repr(found).startswith("RegularizedSolution(H, S, A = (3, 6, 2), v at the first step ")
    assert repr(evaluate(mdp, found.policy)).startswith("Evaluation(H, S = (3, 6), v at the first step ")
