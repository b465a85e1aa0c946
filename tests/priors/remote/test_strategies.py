from dataclasses import replace
from itertools import permutations
from typing import Any

import numpy as np
import pytest

import priors
from priors.remote.prior import RemotePrior
from priors.remote.strategies.echo import Echo
from priors.remote.transport import Transport
from priors.templates import template
from slinvit import Budget, InputError, PriorError, State
from slinvit.types import ActionDistribution

RNG = np.random.default_rng(0)
PROMPT = "Observation: you see a desk.\n"
ACTIONS = ("go to shelf 1", "go to shelf 10", "open drawer 2", "take the mug from the desk")


def build(toy: Any, **options: object) -> RemotePrior:
    given = {"pause": "0.01", "attempts": "2", **options}
    text = ",".join(f"{key}={value}" for key, value in given.items())
    prior = priors.build(f"openai:toy@{toy.url},{text}")
    assert isinstance(prior, RemotePrior)
    return prior


def ask(
    prior: RemotePrior, actions: tuple[str, ...] | None = ACTIONS, seed: int = 0, **more: Any
) -> ActionDistribution:
    rng = np.random.default_rng(seed)
    return prior.distributions([PROMPT], [actions], budget=more.pop("budget", Budget()), rng=rng, **more)[0]


def softmax(values: Any) -> Any:
    return np.exp(np.array(values) - np.logaddexp.reduce(values))


@pytest.mark.parametrize("flaws", [[], ["hides the end"], ["shows a beginning"]])
@pytest.mark.parametrize("with_tokenizer", [False, True])
def test_echo_gives_the_exact_distribution(toy: Any, flaws: list[str], with_tokenizer: bool) -> None:
    toy.flaws.update(flaws)
    found = ask(build(toy, strategy="echo", **({"tokenizer": toy.folder} if with_tokenizer else {})))
    expected = softmax([toy.log_prob(PROMPT, action + "\n") for action in ACTIONS])
    np.testing.assert_allclose(found.probs, expected, atol=1e-9)
    assert found.method == "exact"


@pytest.mark.parametrize(
    ("flaws", "top"),
    [([], 1000), ([], 3), (["names"], 3), (["text only"], 3), (["no bias"], 403), (["no bias", "names"], 403)],
)
def test_trie_gives_the_exact_distribution_whatever_the_server_shows(toy: Any, flaws: list[str], top: int) -> None:
    toy.flaws.update(flaws)
    found = ask(build(toy, strategy="trie", tokenizer=toy.folder, top=top))
    expected = softmax([toy.log_prob(PROMPT, action + "\n") for action in ACTIONS])
    np.testing.assert_allclose(found.probs, expected, atol=1e-9)
    assert found.method == "exact"


def test_trie_refuses_to_make_up_a_token_that_it_cannot_see(toy: Any) -> None:
    toy.flaws.add("no bias")
    with pytest.raises(InputError, match=r"not among the 5 most probable.*top=N.*strategy=echo works here"):
        build(toy, strategy="trie", tokenizer=toy.folder, top=5)


def test_trie_asks_one_question_per_inner_node_of_the_token_tree(toy: Any) -> None:
    prior = build(toy, strategy="trie", tokenizer=toy.folder, top=400)
    toy.asked.clear()
    ask(prior)
    rows = [tuple(toy.ids(PROMPT + action + "\n")) for action in ACTIONS]
    start = next(i for i in range(100) if len({row[i] for row in rows}) > 1)
    assert len(toy.asked) == len({row[:i] for row in rows for i in range(start, len(row))})


def test_score_asks_once_and_is_exact(toy: Any) -> None:
    toy.flaws.clear()
    prior = build(toy)
    toy.asked.clear()
    found = ask(prior)
    assert toy.asked == ["score"]
    np.testing.assert_allclose(found.probs, softmax([toy.log_prob(PROMPT, a + "\n") for a in ACTIONS]), atol=1e-9)


def test_a_batch_of_states_costs_one_call_each_and_says_so(toy: Any, kitchen: State) -> None:
    prior, budget = build(toy, strategy="echo"), Budget()
    found = prior.propose([kitchen, kitchen], budget=budget, rng=RNG)
    np.testing.assert_array_equal(found[0].log_probs, found[1].log_probs)
    assert budget.ledger().llm_calls == 2 == sum(each.usage.llm_calls for each in found)
    assert budget.ledger().prompt_tokens == sum(each.usage.prompt_tokens for each in found) > 0


def test_labelled_averages_a_full_square_of_labellings_so_that_only_the_bias_of_letters_flattens_it(toy: Any) -> None:
    found = ask(build(toy, strategy="labelled", permutations=4))
    values = np.array([toy.worth(action) for action in ACTIONS])
    bias = -0.4 * np.arange(4)
    assert found.method == "labelled"
    order = next(iter(_orders(found, values, bias)), None)
    assert order is not None


def _orders(found: ActionDistribution, values: Any, bias: Any) -> Any:
    """Yield the shuffled orders whose four rotations average to what was found."""
    for order in permutations(range(4)):
        total = np.zeros(4)
        for turn in range(4):
            turned = [*order[turn:], *order[:turn]]
            total[turned] += softmax(values[turned] + bias)
        if np.allclose(total / 4, found.probs, atol=1e-9):
            yield order


def test_labelled_answers_equal_questions_equally(toy: Any) -> None:
    prior = build(toy, strategy="labelled")
    np.testing.assert_array_equal(ask(prior, seed=1).log_probs, ask(prior, seed=2).log_probs)
    assert prior.deterministic


def test_labelled_reads_more_than_20_actions_on_two_levels(toy: Any) -> None:
    actions = tuple(f"go to shelf {number}" for number in range(45))
    prior = build(toy, strategy="labelled", permutations=1)
    toy.asked.clear()
    found = ask(prior, actions)
    assert toy.asked == ["chat"] * 4  # one for the groups, one per group of 15
    assert found.actions == actions
    with pytest.raises(InputError, match=r"at most 400 actions.*strategy=sampled"):
        ask(prior, tuple(map(str, range(401))))


def test_labelled_makes_do_with_five_tokens_where_a_server_shows_no_more(toy: Any) -> None:
    toy.flaws.add("five")
    prior = build(toy, strategy="labelled", permutations=1)
    assert prior.provenance()["how"]["top"] == "5"
    found = ask(prior, tuple(f"go to shelf {number}" for number in range(10)))
    shown = np.sort(found.probs)[::-1]
    np.testing.assert_allclose(shown[5:], shown[5])  # what is not shown shares what is left
    assert shown[5] < shown[4]


def test_sampled_smooths_counts_and_reports_what_matches_nothing(toy: Any) -> None:
    said = [
        "go to shelf 1",
        '- "Open Drawer 2."',
        "Action: go to shelf 1",
        "fly away",
        "1. go to  shelf 1",
        "",
        "nothing",
        "open drawer 2",
    ]
    prior = build(toy, strategy="sampled", samples=8, concurrency=1, alpha=2)
    count = len(toy.asked)
    toy.write = lambda text, number: said[number - count - 1]
    found = ask(prior)
    expected = (np.array([3, 0, 2, 0]) + 2 / 4) / (5 + 2)
    np.testing.assert_allclose(found.probs, expected)
    assert (found.method, found.unmatched) == ("sampled", 3 / 8)


def test_sampled_may_draw_all_in_one_request(toy: Any) -> None:
    prior = build(toy, strategy="sampled", n="yes")
    toy.asked.clear()
    ask(prior)
    assert toy.asked == ["chat"]


def test_sampled_is_an_error_where_nothing_is_admissible(toy: Any) -> None:
    toy.write = lambda text, number: "I cannot help with that"
    with pytest.raises(PriorError, match="none of 16 proposals is an admissible action: the model wrote 'I cannot"):
        ask(build(toy, strategy="sampled"))


def test_sampled_asks_again_with_other_draws_and_repeats_itself_with_the_same(toy: Any) -> None:
    prior = build(toy, strategy="sampled", samples=4)
    toy.asked.clear()
    ask(prior, seed=1)
    ask(prior, seed=1)
    assert len(toy.asked) == 4
    ask(prior, seed=2)
    assert len(toy.asked) == 8


def test_open_ended_proposals_are_the_actions_and_counts_their_shares(toy: Any) -> None:
    prior = build(toy, strategy="sampled", samples=6, concurrency=1)
    count, said = len(toy.asked), ["ls", "cat a", "ls", "", "ls", "cat a"]
    toy.write = lambda text, number: said[number - count - 1]
    found = ask(prior, None)
    assert found.actions == ("ls", "cat a")
    np.testing.assert_allclose(found.probs, [3 / 5, 2 / 5])
    assert found.unmatched == pytest.approx(1 / 6)
    assert ask(prior, None, k=1).actions == ("ls",)


def test_ranked_turns_places_into_probabilities_by_the_stated_rule(toy: Any) -> None:
    toy.write = lambda text, number: (
        "1. open drawer 2\n2. fly\n3. go to shelf 1" if "desk" in text else "1. " + _legal(text)
    )
    prior = build(toy, strategy="ranked")
    found = ask(prior)
    weights = np.array([1 / 2, 1 / 6, 1, 1 / 6])  # rank 2, half of rank 3, rank 1, half of rank 3
    np.testing.assert_allclose(found.probs, weights / weights.sum())
    assert found.method == "ranked"
    assert found.unmatched == pytest.approx(1 / 3)


def _legal(text: str) -> str:
    return "unstack the red block from on top of the blue block"


def test_exact_strategies_say_that_they_need_admissible_actions(toy: Any, kitchen: State) -> None:
    with pytest.raises(PriorError, match="needs admissible actions"):
        build(toy, strategy="echo").propose([replace(kitchen, actions=None)], budget=Budget(), rng=RNG)


def test_a_strategy_works_without_spec_and_probe(toy: Any) -> None:
    prior = RemotePrior(Transport(toy.url), Echo("toy"), template("plain"), {"model": "toy"})
    expected = softmax([toy.log_prob(PROMPT, action + "\n") for action in ACTIONS])
    np.testing.assert_allclose(ask(prior).probs, expected, atol=1e-9)


def test_what_cannot_be_read_is_asked_again_and_never_used(toy: Any) -> None:
    prior = build(toy, strategy="echo", attempts=3)
    toy.flaws.add("shifted offsets")
    toy.asked.clear()
    with pytest.raises(PriorError, match=r"gave up after 3 attempts: .*shifted offsets"):
        ask(prior, ACTIONS[:1])
    assert len(toy.asked) == 3
    toy.flaws.discard("shifted offsets")
    assert ask(prior).method == "exact"
