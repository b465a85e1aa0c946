"""Reading whole texts against a plain forward over each."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import priors
from priors.local import LocalPrior
from priors.serving.asks import Echo
from priors.serving.reading import Reader
from slinvit.errors import PriorError

LENGTHS = (9, 1, 2, 12, 30, 31, 30, 3)
PASSES = {"one": 1 << 30, "several": 400 * 4 * 10, "one place at a time": 1}


@pytest.fixture(params=["llama", "gpt2"])
def model(request: Any, model_folder: Callable[[str], Path]) -> Any:
    prior = priors.build(f"hf:{model_folder(request.param)}")
    assert isinstance(prior, LocalPrior)
    return prior.scorer.model


def texts(model: Any) -> list[list[int]]:
    vocabulary = model.config.vocab_size
    return [[(37 * i + 11 * length) % vocabulary for i in range(length)] for length in LENGTHS]


@pytest.mark.parametrize("passes", PASSES)
def test_every_token_has_its_log_probability_however_texts_are_put_together(model: Any, passes: str) -> None:
    given = texts(model)
    asks = [Echo(given[:5], 3, [7]), Echo(given[5:], 0)]
    found = Reader(model, PASSES[passes]).read(asks)
    for ids, echoed in zip(given, [each for listed in found for each in listed], strict=True):
        with torch.inference_mode():
            rows = model(torch.tensor([ids])).logits[0].float().log_softmax(-1).double().numpy()
        expected = rows[np.arange(len(ids) - 1), ids[1:]]
        np.testing.assert_allclose(echoed.log_probs, expected, atol=1e-4)
        for place, (listed, values) in enumerate(zip(echoed.ids, echoed.values, strict=True)):
            np.testing.assert_allclose(values, rows[place][listed], atol=1e-4)
    first = found[0][0]
    assert (first.ids[:, -1] == 7).all()
    assert (np.diff(first.values[:, :3]) <= 0).all()
    assert found[1][0].ids.shape == (LENGTHS[5] - 1, 0)


def test_a_number_that_is_none_is_an_error(model: Any) -> None:
    with torch.no_grad():
        model.get_output_embeddings().weight[3] = float("nan")
    with pytest.raises(PriorError, match="not finite"):
        Reader(model, 1 << 20).read([Echo([[1, 2, 3]], 0)])
