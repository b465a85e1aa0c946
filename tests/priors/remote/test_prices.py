from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from priors.remote.prices import OVERHEAD, UNSTATED_COMPLETION, Price, load_prices, price_of, worst_case
from slinvit.errors import InputError
from slinvit.types import Usage


def test_a_price_is_per_million_tokens_and_cached_ones_may_be_cheaper() -> None:
    usage = Usage(1, prompt_tokens=1000, completion_tokens=10)
    assert Price(2.0, 8.0).usd(usage, cached=400) == pytest.approx((1000 * 2 + 10 * 8) / 1e6)
    assert Price(2.0, 8.0, cached=0.5).usd(usage, cached=400) == pytest.approx((600 * 2 + 400 * 0.5 + 10 * 8) / 1e6)


def test_a_dated_model_has_the_price_of_its_name_and_no_other() -> None:
    table = load_prices()
    assert price_of("gpt-4o-mini-2024-07-18", table) == price_of("gpt-4o-mini", table) != price_of("gpt-4o", table)
    assert price_of("gpt-3.5-turbo-0125", table) == price_of("gpt-3.5-turbo", table)
    assert price_of("gpt-4o-huge", table) is None


def test_a_table_of_one_s_own_comes_before_ours(tmp_path: Path) -> None:
    file = tmp_path / "prices.yaml"
    file.write_text("gpt-4o: {input: 1, output: 2}\nmine: {input: 0, output: 0, cached: 0}\n", encoding="utf-8")
    table = load_prices(file)
    assert table["gpt-4o"] == Price(1.0, 2.0)
    assert table["mine"] == Price(0.0, 0.0, 0.0)
    assert table["gpt-4o-mini"] == load_prices()["gpt-4o-mini"]


@pytest.mark.parametrize(
    "text", ["[", "- a", "m: 3", "m: {input: 1}", "m: {input: -1, output: 1}", "m: {input: 1, output: 1, cash: 1}"]
)
def test_what_is_no_price_table_is_refused_by_name(tmp_path: Path, text: str) -> None:
    file = tmp_path / "prices.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"prices\.yaml"):
        load_prices(file)
    with pytest.raises(InputError, match="cannot read the price table"):
        load_prices(tmp_path / "nothing")


@pytest.mark.parametrize(
    ("body", "prompt", "completion"),
    [
        ({"prompt": "äb", "max_tokens": 5, "n": 3}, 3 + OVERHEAD, 15),
        ({"prompt": ["ab", "c"], "max_tokens": 1}, 3 + 2 * OVERHEAD, 2),
        ({"prompt": [7, 8, 9], "max_tokens": 0}, 3 + OVERHEAD, 0),
        ({"prompt": [[7, 8], [9]], "max_tokens": 2}, 3 + 2 * OVERHEAD, 4),
        ({"prompt": "p", "candidates": ["ab", "c"]}, 4 + 3 * OVERHEAD, 0),
        ({"messages": [{"role": "user", "content": "hi"}], "max_completion_tokens": 9}, 6 + 2 * OVERHEAD, 9),
        ({"messages": [{"role": "user", "content": "hi"}]}, 6 + 2 * OVERHEAD, UNSTATED_COMPLETION),
    ],
)
def test_the_worst_case_of_a_request_is_a_token_per_byte(body: dict[str, Any], prompt: int, completion: int) -> None:
    assert worst_case(body) == Usage(1, prompt_tokens=prompt, completion_tokens=completion)


@given(st.text(), st.integers(0, 99), st.integers(1, 9))
def test_more_text_or_more_answers_are_never_cheaper(text: str, tokens: int, count: int) -> None:
    small = worst_case({"prompt": text, "max_tokens": tokens, "n": count})
    large = worst_case({"prompt": f"{text}!", "max_tokens": tokens + 1, "n": count + 1})
    assert small.prompt_tokens < large.prompt_tokens
    assert small.completion_tokens < large.completion_tokens
