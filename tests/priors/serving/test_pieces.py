"""Tokens as text."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import priors
from priors.local import LocalPrior
from priors.serving.errors import Refused
from priors.serving.pieces import Running, Speller, offsets


@pytest.fixture(scope="module")
def tokenizer(model_folder: Callable[[str], Path]) -> Any:
    """Bytes and a few merges: characters fall apart."""
    prior = priors.build(f"hf:{model_folder('qwen2')}")
    assert isinstance(prior, LocalPrior)
    return prior.scorer.tokenizer


@given(text=st.text(max_size=40))
def test_pieces_joined_are_the_text(tokenizer: Any, text: str) -> None:
    speller = Speller(tokenizer)
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    pieces = speller.pieces(ids, text)
    assert "".join(pieces) == text
    assert len(pieces) == len(ids)
    assert all(text[at : at + len(piece)] == piece for at, piece in zip(offsets(pieces), pieces, strict=True))


@given(text=st.text(min_size=1, max_size=20), start=st.integers(0, 20))
def test_a_running_text_is_what_decoding_all_of_it_gives(tokenizer: Any, text: str, start: int) -> None:
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    context, rest = ids[: min(start, len(ids) - 1)], ids[min(start, len(ids) - 1) :]
    speller = Speller(tokenizer)
    before = speller.decode(context)
    if before.endswith("\N{REPLACEMENT CHARACTER}"):
        return  # the context ends inside a character
    running = Running(speller, context)
    written = "".join([*(running.push(token) for token in rest), running.flush()])
    assert before + written == speller.decode(ids)


def test_a_text_that_does_not_come_back_is_refused_and_not_shifted(tokenizer: Any) -> None:
    ids = tokenizer("the mug", add_special_tokens=False)["input_ids"]
    with pytest.raises(Refused, match="send token ids"):
        Speller(tokenizer).pieces(ids, "The mug")
