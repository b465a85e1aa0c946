from collections import Counter

import numpy as np
import pytest
from scipy import stats

from envs.blocksworld.core import HAND, check, satisfied, unsatisfiable
from envs.blocksworld.exact import distance_to, state_space
from envs.blocksworld.generate import Wish, random_problems, random_state
from slinvit import InputError


def test_random_problems_are_what_was_wished_for() -> None:
    problems = random_problems(Wish(30, blocks=(4, 6), length=(6, 10), seed=3))
    assert len({(problem.start, problem.goal) for problem in problems}) == 30
    assert len({problem.id for problem in problems}) == 30
    for problem in problems:
        check(problem.start)
        assert 4 <= len(problem.start) <= 6
        assert problem.optimal is not None
        assert 6 <= problem.optimal <= 10
        assert problem.optimal == distance_to(problem.start, problem.goal)
        assert {fact.predicate for fact in problem.goal} == {"on"}
        assert not satisfied(problem.start, problem.goal)
        assert not unsatisfiable(problem.goal, len(problem.start))


def test_the_same_seed_gives_the_same_problems_whatever_the_count() -> None:
    assert random_problems(Wish(5, seed=1)) == random_problems(Wish(12, seed=1))[:5]
    assert random_problems(Wish(5, seed=1)) != random_problems(Wish(5, seed=2))


def test_random_states_are_uniform_over_all_states_with_an_empty_hand() -> None:
    rng = np.random.default_rng(0)
    every = [state for state in state_space(4).states if HAND not in state]
    counts = Counter(random_state(rng, 4) for _ in range(100 * len(every)))
    assert set(counts) == set(every)
    assert stats.chisquare([counts[state] for state in every]).pvalue > 1e-3


def test_problems_of_twelve_blocks_are_found() -> None:
    problems = random_problems(Wish(10, blocks=(12, 12), length=(30, 40), seed=0))
    assert all(problem.optimal is not None and 30 <= problem.optimal <= 40 for problem in problems)


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        ({"count": 5, "blocks": (3, 3), "length": (20, 20)}, r"only 0 of 5 .* length of 20 steps .* met: 2-\d"),
        ({"count": 5000, "blocks": (3, 3), "length": (8, 8)}, r"only \d+ of 5000 .* ask for fewer"),
        ({"count": 0}, "must be 1 or more, not 0"),
        ({"count": 1, "blocks": (2, 5)}, "within 3-12, not 2-5"),
        ({"count": 1, "blocks": (6, 13)}, "within 3-12, not 6-13"),
        ({"count": 1, "blocks": (6, 5)}, "within 3-12, not 6-5"),
        ({"count": 1, "length": (9, 3)}, "length must be a range"),
        ({"count": 1, "seed": -1}, "seed must be 0 or more"),
    ],
)
def test_impossible_wishes_end_with_what_to_do(wish: dict[str, int], message: str) -> None:
    with pytest.raises(InputError, match=message):
        random_problems(Wish(**wish))  # type: ignore[arg-type]
