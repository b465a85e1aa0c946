from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import priors
from priors.local import LocalPrior, load_scorer
from priors.normalisation import KINDS, Normalisation
from priors.scoring import CandidateScorer
from priors.templates import template
from slinvit import Budget, InputError, State

PROMPT = "Observation: you see a desk.\nNext action:\n"
NULL = "Next action:\n"
CANDIDATES = ["go to shelf 1", "go to shelf 10", "open drawer 2", "take the mug from the desk", "x"]


@pytest.fixture(scope="module")
def scorer(model_folder: Callable[[str], Path]) -> CandidateScorer:
    return load_scorer(str(model_folder("llama")), name="llama")


def sums(scorer: CandidateScorer, prompt: str = PROMPT) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    (scores,) = scorer.fresh().score([prompt], [CANDIDATES])
    return scores.log_probs


@pytest.mark.parametrize("kind", KINDS)
def test_each_normalisation_is_its_formula(kind: str, scorer: CandidateScorer) -> None:
    start, rows = scorer.encode(PROMPT, CANDIDATES)
    scores = {
        "sum": sums(scorer),
        "token": sums(scorer) / [len(row) - len(start) for row in rows],
        "char": sums(scorer) / [len(candidate) for candidate in CANDIDATES],
        "pmi": sums(scorer) - sums(scorer, NULL),
    }[kind]
    prior = LocalPrior(scorer.fresh(), template("plain"), {}, Normalisation(kind, NULL))  # type: ignore[arg-type]
    (given,) = prior.distributions([PROMPT], [CANDIDATES], budget=Budget())
    np.testing.assert_allclose(given.log_probs, scores - np.logaddexp.reduce(scores), atol=1e-5)


def test_a_boundary_inside_a_token_divides_by_the_tokens_that_were_scored(scorer: CandidateScorer) -> None:
    prompt, candidates = "Observation: you see a desk.\ngo to she", ["lf 1", "go to shelf 1"]
    (lengths,) = scorer.lengths([prompt], [candidates])
    rows = [scorer.tokenizer(prompt + candidate + "\n")["input_ids"] for candidate in candidates]
    start = scorer.tokenizer(prompt)["input_ids"]
    shared = next(i for i in range(99) if len({tuple(row[: i + 1]) for row in [*rows, start]}) > 1)
    assert lengths.tolist() == [len(row) - shared for row in rows]


def test_the_null_prompt_counts_as_forwarded_tokens_and_as_no_call(scorer: CandidateScorer) -> None:
    budgets = []
    for kind in ("sum", "pmi"):
        prior = LocalPrior(scorer.fresh(), template("plain"), {}, Normalisation(kind, NULL))
        budgets.append(Budget())
        (first,) = prior.distributions([PROMPT], [CANDIDATES], budget=budgets[-1])
        assert budgets[-1].ledger().tokens_forwarded == first.usage.tokens_forwarded
        assert first.usage.tokens_forwarded == prior.scorer.engine.counters().forwarded
        (again,) = prior.distributions([PROMPT], [CANDIDATES], budget=budgets[-1])
        assert again.usage.tokens_forwarded == 0
    plain, pmi = (budget.ledger() for budget in budgets)
    assert pmi.tokens_forwarded > plain.tokens_forwarded
    assert (pmi.llm_calls, pmi.prompt_tokens) == (plain.llm_calls, plain.prompt_tokens)


def test_drawn_proposals_are_normalised_the_same_way(kitchen: State) -> None:
    prior = priors.build("bundled:normalise=token")
    assert isinstance(prior, LocalPrior)
    from priors.templates import BLOCKSWORLD

    facts = "the red block is clear, the blue block is clear, the hand is empty, "
    facts += "the red block is on the table, the blue block is on the table"
    prompt = BLOCKSWORLD.format(observation=facts, goal="the red block is on top of the blue block")
    budget = Budget()
    (drawn,) = prior.drawn([prompt], 3, budget=budget, rng=np.random.default_rng(0))
    summed = prior.scorer.score([prompt], [drawn.actions])[0].log_probs
    (lengths,) = prior.scorer.lengths([prompt], [drawn.actions])
    expected = summed / lengths
    np.testing.assert_allclose(drawn.log_probs, expected - np.logaddexp.reduce(expected), atol=1e-5)
    assert budget.ledger().tokens_forwarded == drawn.usage.tokens_forwarded


def test_the_choice_is_recorded_and_the_sum_leaves_no_trace(model_folder: Callable[[str], Path]) -> None:
    folder = model_folder("llama")
    recorded = priors.provenance(priors.build(f"hf:{folder},normalise=pmi"))
    assert (recorded["normalise"], recorded["null"]) == ("pmi", NULL)
    assert priors.provenance(priors.build(f"hf:{folder},normalise=pmi,null=Action:\\n"))["null"] == "Action:\n"
    assert priors.provenance(priors.build("bundled:normalise=token"))["normalise"] == "token"
    assert "normalise" not in priors.provenance(priors.build(f"hf:{folder}"))
    assert "null" not in priors.provenance(priors.build(f"hf:{folder},normalise=char"))


def test_a_temperature_goes_on_top(kitchen: State, model_folder: Callable[[str], Path]) -> None:
    sharp, plain = (
        priors.build(f"hf:{model_folder('llama')},normalise=token{more}").propose(
            [kitchen], budget=Budget(), rng=np.random.default_rng(0)
        )[0]
        for more in (",temperature=0.5", "")
    )
    expected = 2 * plain.log_probs
    np.testing.assert_allclose(sharp.log_probs, expected - np.logaddexp.reduce(expected), atol=1e-6)


def test_what_cannot_be_normalised_is_refused(scorer: CandidateScorer) -> None:
    with pytest.raises(InputError, match="did you mean 'token'"):
        priors.build("bundled:normalise=tokens")
    with pytest.raises(InputError, match="needs a null prompt"):
        Normalisation("pmi")
    prior = LocalPrior(scorer, template("plain"), {}, Normalisation("char"))
    with pytest.raises(InputError, match="no characters"):
        prior.distributions([PROMPT], [["", "x"]], budget=Budget())
    assert replace(prior, normalisation=Normalisation()).provenance() == {}
