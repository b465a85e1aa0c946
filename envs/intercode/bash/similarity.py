"""How alike two outputs are: the cosine of their TF-IDF vectors, over these two texts alone."""

import math
import re
from collections import Counter

WORD = re.compile(r"\b\w\w+\b")
"""What counts as a word: two or more letters, digits or underscores of any script."""


def cosine(one: str, other: str) -> float | None:
    """Return the TF-IDF cosine of two texts, 0 to 1 up to rounding; ``None`` where neither holds a word.

    Words are lower-cased; weights are counts times ``ln(3 / (1 + texts with the word)) + 1``, scaled to length 1. Sums
    run over the words as they first occur, so that every bit is what scikit-learn's ``TfidfVectorizer`` gives.
    """
    counts = [Counter(WORD.findall(text.lower())) for text in (one, other)]
    words = list(counts[0] | counts[1])
    if not words:
        return None
    idf = {word: math.log(3 / (1 + sum(word in count for count in counts))) + 1 for word in words}
    first, second = (_scaled({word: count[word] * idf[word] for word in words if word in count}) for count in counts)
    return _dot(first, second)


def _scaled(weights: dict[str, float]) -> dict[str, float]:
    norm = math.sqrt(_dot(weights, weights))
    return {word: weight / norm for word, weight in weights.items()}


def _dot(one: dict[str, float], other: dict[str, float]) -> float:
    total = 0.0
    for word, weight in one.items():
        if word in other:
            total += weight * other[word]
    return total
