import string
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import priors
from priors.generation import Proposals, generate
from priors.local import LocalPrior, load_scorer
from priors.sampling import Sampling
from priors.scoring import CandidateScorer
from priors.templates import BLOCKSWORLD, template
from priors.tokentree.branching import BranchingEngine, WholeTextEngine
from slinvit import Budget, BudgetExceeded, InputError, PriorError, State, TooLong
from slinvit.types import FloatArray

PROMPT = "Observation: you see a desk.\nNext action:\n"
BLOCKS = BLOCKSWORLD.format(
    observation="the red block is clear, the orange block is clear, the hand is empty, the red block is on top of the "
    "blue block, the blue block is on the table, the orange block is on the table",
    goal="the blue block is on top of the orange block",
)


def draw(scorer: CandidateScorer, prompt: str = PROMPT, k: int = 6, seed: int = 0, **options: float) -> Proposals:
    sampling = Sampling(**options)  # type: ignore[arg-type]
    (found,) = generate(scorer, [prompt], k, sampling=sampling, budget=Budget(), rng=np.random.default_rng(seed))
    return found


def plain(scorer: CandidateScorer, prompt: str, texts: tuple[str, ...]) -> FloatArray:
    """log p of the tokens of text and terminator behind the prompt, one plain forward over each whole text."""
    start, rows = scorer.encode(prompt, texts)
    totals = []
    for row in rows:
        assert row[: len(start)] == start
        with torch.inference_mode():
            log_probs = scorer.model(input_ids=torch.tensor([row])).logits[0].log_softmax(-1)
        totals.append(sum(float(log_probs[i - 1, row[i]]) for i in range(len(start), len(row))))
    return np.array(totals)


@pytest.fixture(scope="module")
def bundled() -> CandidateScorer:
    built = priors.build("bundled")
    assert isinstance(built, LocalPrior)
    return built.scorer


@pytest.fixture(scope="module")
def talker(model_folder: Callable[[str], Path]) -> Callable[..., CandidateScorer]:
    """Return a function that makes a random model that writes letters and ends its lines."""

    def make(kind: str, letters: str = string.ascii_letters) -> CandidateScorer:
        scorer = load_scorer(str(model_folder(kind)), name=kind)
        (end,) = scorer.tokenizer(scorer.terminator, add_special_tokens=False)["input_ids"]
        words = [str(scorer.tokenizer.decode([i])) for i in range(len(scorer.model.lm_head.weight))]
        written = [len(word) == 1 and word in letters for word in words]
        bias = torch.where(torch.tensor(written), 0.0, -30.0)
        bias[end] = 2.0
        head = torch.nn.Linear(32, len(words))
        head.weight, head.bias = scorer.model.lm_head.weight, torch.nn.Parameter(bias)
        scorer.model.lm_head = head
        return replace(scorer)

    return make


@pytest.mark.parametrize("kind", ["llama", "qwen2", "gpt2", "chat"])
def test_proposals_come_with_the_log_probability_that_plain_forwards_give(
    kind: str, talker: Callable[..., CandidateScorer]
) -> None:
    scorer = talker(kind)
    found = draw(scorer, k=12)
    assert len(set(found.texts)) == len(found.texts) == 12
    np.testing.assert_allclose(found.log_probs, plain(scorer, PROMPT, found.texts), atol=1e-4)
    assert all(scorer.terminator not in text for text in found.texts)


def test_behind_a_prompt_that_ends_inside_a_token_texts_are_scored_like_any_candidate(
    talker: Callable[..., CandidateScorer],
) -> None:
    scorer, prompt = talker("llama"), "Observation: you see a desk. "
    found = draw(scorer, prompt, k=40, draw_temperature=3)
    start, rows = scorer.encode(prompt, found.texts)
    assert any(row[: len(start)] != start for row in rows)
    (scores,) = scorer.fresh().score([prompt], [found.texts])
    np.testing.assert_allclose(found.log_probs, scores.log_probs, atol=1e-4)


def test_a_text_drawn_in_other_tokens_than_its_own_has_the_probability_of_its_own(
    talker: Callable[..., CandidateScorer],
) -> None:
    scorer = talker("llama", "go")
    assert len(scorer.tokenizer("go", add_special_tokens=False)["input_ids"]) == 1
    found = draw(scorer, k=20, max_draws=1000)
    assert "go" in found.texts
    np.testing.assert_allclose(found.log_probs, plain(scorer, PROMPT, found.texts), atol=1e-4)
    assert found.log_probs[found.texts.index("go")] < found.log_probs.max() - 5


def test_every_engine_draws_the_same_texts(talker: Callable[..., CandidateScorer]) -> None:
    scorer = talker("llama")
    expected = draw(scorer)
    for engine in (
        BranchingEngine(scorer.model, argument="past_key_values", memory=1 << 20),
        WholeTextEngine(scorer.model),
    ):
        other = scorer.fresh()
        vars(other)["engine"] = engine
        found = draw(other)
        assert found.texts == expected.texts
        np.testing.assert_allclose(found.log_probs, expected.log_probs, atol=1e-4)


def test_the_same_generator_draws_the_same_and_another_one_something_else(bundled: CandidateScorer) -> None:
    one, two, other = (draw(bundled, BLOCKS, seed=seed, draw_temperature=2) for seed in (0, 0, 1))
    assert one.texts == two.texts
    np.testing.assert_array_equal(one.counts, two.counts)
    assert one.texts != other.texts


def test_what_a_state_draws_does_not_depend_on_those_behind_it(bundled: CandidateScorer) -> None:
    alone = draw(bundled, BLOCKS, draw_temperature=2)
    with_others = generate(
        bundled.fresh(),
        [BLOCKS, BLOCKS, BLOCKS.replace("orange", "green")],
        6,
        sampling=Sampling(draw_temperature=2),
        budget=Budget(),
        rng=np.random.default_rng(0),
    )
    assert with_others[0].texts == alone.texts
    assert with_others[1].texts != alone.texts


def test_texts_are_drawn_as_often_as_they_are_probable(bundled: CandidateScorer) -> None:
    found = draw(bundled, BLOCKS, k=400, max_draws=400)
    assert found.draws == 400
    p = np.exp(found.log_probs)
    deviation = np.abs(found.counts / found.draws - p) / np.sqrt(p * (1 - p) / found.draws)
    assert deviation[p > 0.02].max() < 4
    assert p[p > 0.02].sum() > 0.9


def test_temperature_and_top_p_change_what_is_drawn_and_not_its_log_probability(bundled: CandidateScorer) -> None:
    hot = draw(bundled, BLOCKS, k=20, draw_temperature=3)
    cold = draw(bundled, BLOCKS, k=20, draw_temperature=0.1)
    narrow = draw(bundled, BLOCKS, k=20, top_p=0.01)
    assert len(narrow.texts) == 1 < len(hot.texts)
    assert len(cold.texts) < len(hot.texts)
    known = dict(zip(hot.texts, hot.log_probs, strict=True))
    for text, log_prob in zip((*cold.texts, *narrow.texts), (*cold.log_probs, *narrow.log_probs), strict=True):
        np.testing.assert_allclose(log_prob, known.get(text, plain(bundled, BLOCKS, (text,))[0]), atol=1e-4)


def test_fewer_than_asked_for_are_returned_when_the_draws_run_out(bundled: CandidateScorer) -> None:
    found = draw(bundled, BLOCKS, k=5, top_p=0.01)
    assert len(found.texts) == 1
    assert found.counts.tolist() == [found.draws] == [20]
    assert draw(bundled, BLOCKS, k=5, top_p=0.01, max_draws=7).draws == 7


def test_no_more_than_asked_for_are_returned_and_draws_without_an_end_are_dropped(bundled: CandidateScorer) -> None:
    found = draw(bundled, BLOCKS, k=3, draw_temperature=3, max_new_tokens=8, max_draws=500)
    assert len(found.texts) == 3
    assert found.counts.sum() < found.draws


def test_no_proposal_at_all_is_an_error_that_says_what_to_raise(bundled: CandidateScorer) -> None:
    with pytest.raises(PriorError, match=r"none of 24 draws of at most 1 tokens .* raise max_new_tokens") as caught:
        draw(bundled, BLOCKS, max_new_tokens=1)
    assert "\n" not in str(caught.value)


def test_the_ledger_counts_every_drawn_token_and_every_forwarded_one(bundled: CandidateScorer) -> None:
    scorer, budget = bundled.fresh(), Budget()
    prompts = [BLOCKS, BLOCKS.replace("orange", "green")]
    found = generate(scorer, prompts, 4, budget=budget, rng=np.random.default_rng(0))
    ledger = budget.ledger()
    assert ledger.llm_calls == 2
    assert ledger.prompt_tokens == sum(len(scorer.encode(prompt, [])[0]) for prompt in prompts)
    assert ledger.tokens_forwarded == sum(each.usage.tokens_forwarded for each in found)
    assert ledger.tokens_forwarded == scorer.engine.counters().forwarded
    assert (
        ledger.completion_tokens
        == sum(each.usage.completion_tokens for each in found)
        > sum(each.counts.sum() for each in found)
    )


def test_the_prompt_is_not_forwarded_again_where_it_is_known(bundled: CandidateScorer) -> None:
    scorer = bundled.fresh()
    scorer.score([BLOCKS], [["pick up the orange block"]])
    before = scorer.engine.counters().forwarded
    draw(scorer, BLOCKS, k=1)
    assert scorer.engine.counters().forwarded - before < len(scorer.encode(BLOCKS, [])[0])


def test_a_limit_on_completion_tokens_is_never_passed(bundled: CandidateScorer) -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(BudgetExceeded, match="completion_tokens"):
        generate(bundled, [BLOCKS], 6, budget=Budget({"completion_tokens": 12}), rng=rng)
    budget = Budget({"completion_tokens": 130})
    (found,) = generate(bundled, [BLOCKS], 6, budget=budget, rng=np.random.default_rng(0))
    assert 0 < len(found.texts) < 6
    assert budget.ledger().completion_tokens == found.usage.completion_tokens <= 130


def test_nothing_is_drawn_when_the_budget_is_spent(bundled: CandidateScorer) -> None:
    budget = Budget({"llm_calls": 0})
    with pytest.raises(BudgetExceeded):
        generate(bundled, [BLOCKS], 2, budget=budget, rng=np.random.default_rng(0))
    assert budget.ledger().prompt_tokens == 0


def test_what_cannot_be_continued_is_refused(model_folder: Callable[[str], Path]) -> None:
    scorer = load_scorer(str(model_folder("gpt2")), name="gpt2")
    with pytest.raises(TooLong, match="reads at most 1024 tokens"):
        draw(scorer, max_new_tokens=1020)
    with pytest.raises(InputError, match="no boundary"):
        draw(scorer, prompt="")
    with pytest.raises(InputError, match="without a terminator"):
        draw(replace(scorer, terminator=""))
    with pytest.raises(InputError, match="must be 1 or more, not 0"):
        draw(scorer, k=0)


def test_a_model_that_gives_nan_is_an_error(model_folder: Callable[[str], Path]) -> None:
    scorer = load_scorer(str(model_folder("llama")), name="llama")
    for parameter in scorer.model.parameters():
        parameter.data.fill_(float("nan"))
    with pytest.raises(PriorError, match="gave NaN"):
        draw(scorer)


@pytest.fixture
def anything(kitchen: State) -> State:
    """A state in which any text may be typed."""
    return replace(kitchen, actions=None)


@pytest.fixture
def prior(talker: Callable[..., CandidateScorer]) -> LocalPrior:
    return LocalPrior(talker("llama"), template("plain"), {})


def test_states_with_and_without_listed_actions_are_answered_in_their_order(
    prior: LocalPrior, kitchen: State, anything: State
) -> None:
    budget = Budget()
    first, second, third = prior.propose(
        [anything, kitchen, anything], k=3, budget=budget, rng=np.random.default_rng(0)
    )
    assert second.actions == kitchen.actions
    assert [first.method, second.method, third.method] == ["sampled", "exact", "sampled"]
    assert len(first.actions) == len(third.actions) == 3
    sums = plain(prior.scorer, prior.template.prompt(anything), first.actions)
    np.testing.assert_allclose(first.log_probs, sums - np.logaddexp.reduce(sums), atol=1e-4)
    assert budget.ledger().llm_calls == 3


def test_a_memory_keeps_answers_for_listed_actions_and_draws_the_others_again(
    prior: LocalPrior, kitchen: State, anything: State
) -> None:
    memory, budget, rng = priors.remember(priors.Tempered(prior, 2.0)), Budget(), np.random.default_rng(0)
    for _ in range(2):
        memory.propose([kitchen], budget=budget, rng=rng)
    assert budget.ledger().llm_calls == 1
    one, two = (memory.propose([anything], k=3, budget=budget, rng=rng)[0] for _ in range(2))
    assert budget.ledger().llm_calls == 3
    assert one.actions != two.actions


def test_a_local_prior_claims_equal_answers_only_where_actions_are_listed(
    prior: LocalPrior, kitchen: State, anything: State
) -> None:
    for each in (prior, priors.Tempered(prior, 2.0), priors.remember(prior)):
        assert priors.is_deterministic(each)
        assert priors.is_deterministic(each, [kitchen])
        assert not priors.is_deterministic(each, [kitchen, anything])


def test_the_bundled_prior_proposes_for_its_own_prompts_only(anything: State) -> None:
    bundled = priors.build("bundled")
    with pytest.raises(InputError, match="only reads BlocksWorld"):
        bundled.propose([anything], k=2, budget=Budget(), rng=np.random.default_rng(0))
