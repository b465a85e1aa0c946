"""Randomness as an argument: every generator is named by the seed and the path that leads to it."""

from zlib import crc32

import numpy as np


def generator(seed: int, *path: int | str) -> np.random.Generator:
    """Return the generator of ``path`` under ``seed``; other paths give independent generators.

    The order in which generators are asked for does not matter, so episodes may run in any order or process.
    """
    numbers = [crc32(part.encode()) if isinstance(part, str) else part for part in path]
    return np.random.default_rng(np.random.SeedSequence(entropy=seed, spawn_key=tuple(numbers)))
