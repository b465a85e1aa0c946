import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slinvit.rng import generator

paths = st.lists(st.one_of(st.integers(0, 2**32 - 1), st.text(max_size=5)), max_size=3).map(tuple)


@given(st.integers(0, 2**63), paths)
def test_the_same_path_under_the_same_seed_gives_the_same_numbers(seed: int, path: tuple[int | str, ...]) -> None:
    assert np.array_equal(generator(seed, *path).random(4), generator(seed, *path).random(4))


def test_other_seeds_paths_orders_and_prefixes_give_other_numbers() -> None:
    generators = [
        generator(0),
        generator(1),
        generator(0, 0),
        generator(0, 0, 0),
        generator(0, 1),
        generator(0, "a"),
        generator(0, "a", 1),
        generator(0, 1, "a"),
        generator(0, "b", 1),
    ]
    assert len({g.bit_generator.random_raw() for g in generators}) == len(generators)


def test_generators_of_neighbouring_paths_are_uncorrelated() -> None:
    draws = np.stack([generator(0, "episode", i).standard_normal(2000) for i in range(8)])
    correlations = np.asarray(np.corrcoef(draws)) - np.eye(8)
    assert np.abs(correlations).max() < 5 / np.sqrt(2000)


def test_asking_for_one_generator_does_not_move_another() -> None:
    first = generator(3, "a")
    before = generator(3, "b").random()
    first.random(100)
    assert generator(3, "b").random() == before


def test_seeds_below_zero_are_refused() -> None:
    with pytest.raises(ValueError, match="non-negative"):
        generator(-1)
