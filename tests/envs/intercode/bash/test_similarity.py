"""TF-IDF cosine: bit for bit what scikit-learn computes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.intercode.bash.similarity import cosine

WORDS = st.lists(st.sampled_from(["alpha", "Alpha", "b", "b2", "/usr/bin", "x_y", "1,234", "ÄÖ", "日本", "no-such"]))
TEXTS = st.one_of(st.text(max_size=40), WORDS.map(" ".join), WORDS.map("\n".join))


def reference(one: str, other: str) -> float | None:
    from sklearn.feature_extraction.text import TfidfVectorizer  # type: ignore[import-untyped]

    try:
        vectors = TfidfVectorizer().fit_transform([one, other])
    except ValueError:
        return None
    return float((vectors * vectors.T).toarray()[0][1])


@settings(deadline=None, max_examples=500)
@given(TEXTS, TEXTS)
def test_the_cosine_is_that_of_scikit_learn(one: str, other: str) -> None:
    assert cosine(one, other) == reference(one, other)


@given(TEXTS, TEXTS)
def test_the_cosine_is_symmetric_and_within_its_bounds(one: str, other: str) -> None:
    found = cosine(one, other)
    assert found == (None if found is None else pytest.approx(cosine(other, one)))
    assert found is None or -1e-12 <= found <= 1 + 1e-12


@given(TEXTS)
def test_a_text_is_like_itself(text: str) -> None:
    assert cosine(text, text) in (None, pytest.approx(1.0))


def test_texts_without_words_have_no_cosine() -> None:
    assert cosine("", "") is None
    assert cosine("a b c", "- 1 +") is None


def test_one_empty_text_is_like_no_other() -> None:
    assert cosine("", "some words") == 0.0
