"""What is read from answers, as functions of plain data."""

import math
from string import ascii_uppercase

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from priors.remote.logprobs import echoed, first_token
from priors.remote.matching import Matcher
from priors.remote.strategies.labelled import label_probs
from priors.remote.strategies.ranked import weights
from priors.remote.strategies.sampled import smoothed
from priors.remote.strategies.sharing import shared
from slinvit import InputError, PriorError

ACTIONS = ("go to shelf 1", "go to shelf 10", "Open drawer 2")


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ("go to shelf 1", "go to shelf 1"),
        ("  go to shelf 10\nbecause", "go to shelf 10"),
        ("1. Go to  Shelf 1.", "go to shelf 1"),
        ("**Action:** `open drawer 2`", "Open drawer 2"),
        ('- "open drawer 2"', "Open drawer 2"),
        ("go to shelf", None),
        ("go to shelf 1 and 10", None),
        ("", None),
    ],
)
def test_text_is_matched_exactly_or_after_normalising_or_not_at_all(text: str, action: str | None) -> None:
    assert Matcher(ACTIONS).find(text) == action


def test_what_names_two_actions_names_none() -> None:
    assert Matcher(("look", "Look.")).find("LOOK") is None
    assert Matcher(("look", "Look.")).find("Look.") == "Look."


@given(st.lists(st.integers(0, 20), min_size=1, max_size=8), st.floats(0.1, 10))
def test_smoothing_is_the_mean_of_the_dirichlet_posterior(counts: list[int], alpha: float) -> None:
    found = np.exp(smoothed(np.array(counts, dtype=np.float64), alpha))
    expected = [(count + alpha / len(counts)) / (sum(counts) + alpha) for count in counts]
    np.testing.assert_allclose(found, expected)
    assert found.sum() == pytest.approx(1)


@given(st.integers(1, 9), st.integers(0, 30))
def test_ranks_weigh_one_over_rank_and_the_unlisted_share_the_next(ranks: int, unlisted: int) -> None:
    found = np.exp(weights(ranks, unlisted))
    np.testing.assert_allclose(found[:ranks], 1 / np.arange(1, ranks + 1))
    if unlisted:
        assert found[ranks:].sum() == pytest.approx(1 / (ranks + 1))
        assert found[ranks:].max() <= found[ranks - 1]


@given(st.integers(2, 20), st.sets(st.integers(0, 19), min_size=1), st.floats(0.01, 1))
def test_letters_that_are_not_shown_share_what_is_left_but_never_beat_what_is_shown(
    count: int, seen: set[int], mass: float
) -> None:
    seen = {number for number in seen if number < count} or {0}
    shown = {f" {ascii_uppercase[i]}": math.log(mass / len(seen)) for i in seen}
    found = label_probs(shown, count)
    assert found.sum() == pytest.approx(1)
    unseen = [i for i in range(count) if i not in seen]
    if unseen:
        floor = min(max(1 - mass, 1e-9) / len(unseen), mass / len(seen))
        expected = floor / (floor * len(unseen) + mass)
        np.testing.assert_allclose(found[unseen], expected, rtol=1e-6)


def test_a_letter_counts_however_its_token_is_written() -> None:
    shown = {" A": math.log(0.2), "A": math.log(0.2), "(B": math.log(0.4), "Sure": math.log(0.1)}
    np.testing.assert_allclose(label_probs(shown, 2), [0.5, 0.5])
    with pytest.raises(PriorError, match="none of the letters A to B is among the 1 most probable tokens"):
        label_probs({"C": -0.1}, 2)


def test_shared_tokens_cancel_and_one_candidate_may_not_begin_another() -> None:
    assert shared([[1, 2, 3], [1, 2, 4]], "ab") == 2
    assert shared([[1, 2, 3]], "a") == 3
    assert shared([["�", "x", "y"], ["�", "x", "z"]], "ab", same=lambda token: token != "�") == 0
    with pytest.raises(InputError, match=r"cannot tell 'a' from 'b'.*terminator="):
        shared([[1, 2], [1, 2, 3]], "ab")


def test_both_forms_of_top_tokens_are_read() -> None:
    lists = {
        "tokens": ["token_id:7"],
        "token_logprobs": [-0.5],
        "top_logprobs": [{"token_id:7": -0.5, "token_id:9": -2}],
    }
    top = first_token({"choices": [{"logprobs": lists}]})
    assert (top.ids, top.chosen, top.chosen_log_prob) == ({7: -0.5, 9: -2.0}, "token_id:7", -0.5)
    entry = {"id": 7, "token": "x", "logprob": -0.5, "top_logprobs": [{"id": 9, "token": "y", "logprob": -2}]}
    top = first_token({"choices": [{"logprobs": {"content": [entry]}}]})
    assert (top.ids, top.texts) == ({7: -0.5, 9: -2.0}, {"x": -0.5, "y": -2.0})


@pytest.mark.parametrize("logprobs", [None, {}, {"tokens": ["a"], "top_logprobs": [None]}])
def test_answers_without_log_probabilities_say_so(logprobs: object) -> None:
    body = {"choices": [{"logprobs": logprobs}]}
    with pytest.raises(PriorError, match="no log-probabilities of the token that was generated"):
        first_token(body)
    with pytest.raises(PriorError, match="no log-probabilities of the tokens of the prompt"):
        echoed(body)
