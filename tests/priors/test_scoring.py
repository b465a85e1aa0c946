from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from transformers import Gemma3Config, Gemma3TextConfig

from priors.local import load_scorer
from priors.scoring import CandidateScorer
from slinvit.errors import InputError, PriorError, TooLong

PROMPT = "Observation: you see a desk.\nNext action:\n"
CANDIDATES = ["go to shelf 1", "go to shelf 10", "open drawer 2", "take the mug from the desk", "x"]


def naive(scorer: CandidateScorer, prompt: str, candidate: str) -> float:
    """log p of the tokens of candidate and terminator, one plain forward over the whole text."""
    start, ids = scorer.tokenizer([prompt, prompt + candidate + scorer.terminator])["input_ids"]
    with torch.inference_mode():
        log_probs = scorer.model(input_ids=torch.tensor([ids])).logits[0].log_softmax(-1)
    assert ids[: len(start)] == start
    return sum(float(log_probs[i - 1, ids[i]]) for i in range(len(start), len(ids)))


@pytest.mark.parametrize("kind", ["llama", "qwen2", "gpt2"])
def test_scores_equal_plain_forwards_of_the_whole_text(kind: str, model_folder: Callable[[str], Path]) -> None:
    scorer = load_scorer(str(model_folder(kind)), name=kind)
    (scores,) = scorer.score([PROMPT], [CANDIDATES])
    expected = [naive(scorer, PROMPT, candidate) for candidate in CANDIDATES]
    np.testing.assert_allclose(scores.log_probs, expected, atol=1e-4)


def test_the_ledger_counts_every_distinct_token_that_something_is_read_behind(
    model_folder: Callable[[str], Path],
) -> None:
    scorer = load_scorer(str(model_folder("llama")), name="llama")
    (scores,) = scorer.score([PROMPT], [CANDIDATES])
    prompt, rows = scorer.encode(PROMPT, CANDIDATES)
    behind = {tuple(row[:end]) for row in rows for end in range(len(prompt) + 1, len(row))}
    assert scores.usage.llm_calls == 1
    assert scores.usage.prompt_tokens == len(prompt)
    assert scores.usage.tokens_forwarded == len(prompt) + len(behind) == scorer.engine.counters().distinct


def test_a_fresh_scorer_has_forwarded_nothing_and_gives_the_same_bits(model_folder: Callable[[str], Path]) -> None:
    scorer = load_scorer(str(model_folder("llama")), name="llama")
    first = [scorer.score([text], [CANDIDATES])[0] for text in (PROMPT, PROMPT * 2)]
    again = scorer.fresh()
    second = [again.score([text], [CANDIDATES])[0] for text in (PROMPT, PROMPT * 2)]
    assert again.recipe is scorer.recipe
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one.log_probs, other.log_probs)
        assert one.usage == other.usage


def test_a_prompt_that_continues_behind_an_action_forwards_its_observation_only(
    model_folder: Callable[[str], Path],
) -> None:
    scorer = load_scorer(str(model_folder("llama")), name="llama")
    scorer.score([PROMPT], [CANDIDATES])
    child = PROMPT + CANDIDATES[3] + "\nObservation: you see a mug.\nNext action:\n"
    (scores,) = scorer.score([child], [["go to shelf 1"]])
    _, (row,) = scorer.encode(child, ["go to shelf 1"])
    known = len(scorer.encode(PROMPT, CANDIDATES)[1][3]) - 1
    assert scores.usage.tokens_forwarded == len(row) - 1 - known
    np.testing.assert_allclose(scores.log_probs, [naive(scorer, child, "go to shelf 1")], atol=1e-4)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(range(len(CANDIDATES))), others=st.integers(0, 3))
def test_scores_do_not_depend_on_order_or_on_what_else_is_asked(
    order: list[int], others: int, model_folder: Callable[[str], Path]
) -> None:
    scorer = load_scorer(str(model_folder("llama")), name="llama")
    (alone,) = scorer.score([PROMPT], [CANDIDATES])
    shuffled = [CANDIDATES[i] for i in order]
    batch = scorer.score([PROMPT] + [PROMPT * 2] * others, [shuffled] + [CANDIDATES[:2]] * others)
    np.testing.assert_allclose(batch[0].log_probs, alone.log_probs[order], atol=1e-5)


@pytest.mark.parametrize(
    ("prompt", "candidates"),
    [
        ("Observation: you see a desk. ", ["the mug", "to shelf 1", "x"]),
        ("Observation: you see a desk.\ngo to she", ["lf 1", "lf 10", "go to shelf 1"]),
    ],
)
def test_a_boundary_inside_a_token_scores_the_whole_text_from_the_last_shared_token(
    prompt: str, candidates: list[str], model_folder: Callable[[str], Path]
) -> None:
    scorer = load_scorer(str(model_folder("llama")), name="llama")
    (scores,) = scorer.score([prompt], [candidates])
    rows = [scorer.tokenizer(prompt + c + "\n")["input_ids"] for c in candidates]
    start = scorer.tokenizer(prompt)["input_ids"]
    shared = next(i for i in range(99) if len({tuple(r[: i + 1]) for r in [*rows, start]}) > 1)
    assert shared < len(start)
    expected = []
    with torch.inference_mode():
        for row in rows:
            log_probs = scorer.model(input_ids=torch.tensor([row])).logits[0].log_softmax(-1)
            expected.append(sum(float(log_probs[i - 1, row[i]]) for i in range(shared, len(row))))
    np.testing.assert_allclose(scores.log_probs, expected, atol=1e-4)


def test_the_terminator_keeps_a_candidate_apart_from_a_longer_one(model_folder: Callable[[str], Path]) -> None:
    scorer = load_scorer(str(model_folder("llama")), name="llama", terminator="")
    with pytest.raises(InputError, match="cannot tell 'go to shelf 1'"):
        scorer.score([PROMPT], [["go to shelf 1", "go to shelf 1"]])


def test_an_empty_prompt_has_no_boundary(model_folder: Callable[[str], Path]) -> None:
    scorer = load_scorer(str(model_folder("llama")), name="llama")
    with pytest.raises(InputError, match="no boundary"):
        scorer.score([""], [["go to shelf 1", "open drawer 2"]])


def test_a_chat_model_is_asked_through_its_template_and_candidates_end_the_turn(
    model_folder: Callable[[str], Path],
) -> None:
    scorer = load_scorer(str(model_folder("chat")), name="chat")
    assert scorer.chat
    prompt, rows = scorer.encode(PROMPT, CANDIDATES)
    assert str(scorer.tokenizer.decode(prompt)).startswith("<|im_start|>user\nObservation:")
    assert all(row[: len(prompt)] == prompt and row[-1] == scorer.tokenizer.eos_token_id for row in rows)
    assert scorer.terminator == "<|im_end|>"
    (scores,) = scorer.score([PROMPT], [CANDIDATES])
    assert np.isfinite(scores.log_probs).all()
    assert not load_scorer(str(model_folder("chat")), name="chat", chat="no").chat


def test_a_model_that_gives_no_finite_probability_is_an_error(model_folder: Callable[[str], Path]) -> None:
    scorer = load_scorer(str(model_folder("llama")), name="llama")
    for parameter in scorer.model.parameters():
        parameter.data.fill_(float("nan"))
    with pytest.raises(PriorError, match="not finite"):
        scorer.score([PROMPT], [CANDIDATES])


def test_a_text_is_too_long_where_a_token_that_must_be_read_has_no_position(
    model_folder: Callable[[str], Path],
) -> None:
    scorer = load_scorer(str(model_folder("gpt2")), name="gpt2")
    assert scorer.longest == 1024
    line = len(scorer.encode("x\n", [])[0])
    prompt = "x\n" * (1000 // line)
    fits = next(n for n in range(1, 99) if len(scorer.encode(prompt, ["x" * n])[1][0]) == 1025)
    (scores,) = scorer.score([prompt], [["x" * fits]])
    assert scores.usage.tokens_forwarded == 1024
    with pytest.raises(TooLong, match="reads at most 1024 tokens"):
        scorer.score([prompt], [["x" * (fits + 1), "y"]])
    with pytest.raises(TooLong, match="reads at most 1024 tokens"):
        scorer.score([PROMPT * 200], [CANDIDATES])


def test_the_length_of_a_model_that_also_sees_is_that_of_its_text_part(model_folder: Callable[[str], Path]) -> None:
    scorer = load_scorer(str(model_folder("llama")), name="llama")
    text = scorer.model.config
    seeing = Gemma3Config(text_config=Gemma3TextConfig(max_position_embeddings=77))
    assert getattr(seeing, "max_position_embeddings", None) is None
    scorer.model.config = seeing
    assert scorer.longest == 77
    scorer.model.config = text
    assert scorer.longest == text.max_position_embeddings


def test_a_prompt_without_candidates_is_refused(model_folder: Callable[[str], Path]) -> None:
    scorer = load_scorer(str(model_folder("llama")), name="llama")
    assert scorer.score([], []) == []
    with pytest.raises(InputError, match="a prompt without candidates"):
        scorer.score([PROMPT, PROMPT], [CANDIDATES, []])
