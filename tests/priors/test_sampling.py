import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from priors.sampling import Sampling, sampling_from
from slinvit import InputError

LOGITS = st.lists(st.floats(-10, 10), min_size=1, max_size=12)


@given(logits=LOGITS, temperature=st.floats(0.05, 20))
def test_the_temperature_divides_the_log_probabilities(logits: list[float], temperature: float) -> None:
    log_probs = np.array(logits) - np.logaddexp.reduce(logits)
    expected = np.exp(log_probs / temperature - np.logaddexp.reduce(log_probs / temperature))
    np.testing.assert_allclose(Sampling(draw_temperature=temperature).shape(log_probs), expected, atol=1e-12)


@given(logits=LOGITS, top_p=st.floats(0.01, 1))
def test_top_p_keeps_the_fewest_most_probable_tokens_that_reach_it(logits: list[float], top_p: float) -> None:
    probs = np.exp(np.array(logits) - np.logaddexp.reduce(logits))
    kept = Sampling(top_p=top_p).shape(np.log(probs)) > 0
    assert probs[kept].sum() >= top_p - 1e-9
    assert probs[kept].sum() - probs[kept].min() < top_p + 1e-9
    assert kept.all() or probs[kept].min() >= probs[~kept].max() - 1e-12


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"draw_temperature": "0"}, r"draw_temperature=0.0: must be positive"),
        ({"top_p": "1.5"}, r"top_p=1.5: must be above 0"),
        ({"top_p": "most"}, r"top_p=most: must be a number"),
        ({"max_new_tokens": "0"}, r"max_new_tokens=0: must be 1 or more"),
        ({"max_draws": "2.5"}, r"max_draws=2.5: must be a number"),
    ],
)
def test_numbers_out_of_range_are_named(options: dict[str, str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        sampling_from(options)


def test_options_that_are_not_given_keep_their_defaults() -> None:
    assert sampling_from({"top_p": "0.9", "proposals": "3", "dtype": "int8"}) == Sampling(top_p=0.9, proposals=3)
