"""SLINVIT with proposals drawn from the prior."""

from collections import Counter

import numpy as np
import pytest

from envs.toy import GraphSimulator, GraphWorld
from planners import Slinvit
from planners.parts import Parts
from priors import Scripted
from slinvit import Budget
from value_estimators.zero import Zero

LIKELY = {"a": 0.6, "b": 0.3, "c": 0.1, "d": 0.0}


def search(seed: int, breadth: int = 2, proposals: str = "sampled") -> set[str]:
    """Return the actions simulated at the root."""
    world = GraphWorld({"start": {name: (name.upper(), 0.0) for name in LIKELY}}, "start", frozenset(), 9)
    parts = Parts(Scripted(lambda state: LIKELY), GraphSimulator(), Zero())
    planner = Slinvit(parts, depth=1, breadth=breadth, proposals=proposals)  # type: ignore[arg-type]
    plan = planner.plan(world.reset(), budget=Budget(), rng=np.random.default_rng(seed))
    return {node.action for node in plan.tree.nodes[1:]}


def test_the_first_of_the_drawn_has_the_probability_of_the_prior() -> None:
    drawn = Counter(next(iter(search(seed, breadth=1))) for seed in range(600))
    for action, probability in LIKELY.items():
        assert drawn[action] / 600 == pytest.approx(probability, abs=4 * (probability * (1 - probability) / 600) ** 0.5)


def test_no_action_is_drawn_twice_and_none_without_probability() -> None:
    assert all(len(search(seed, breadth=3)) == 3 for seed in range(20))
    assert all(search(seed, breadth=4) == {"a", "b", "c"} for seed in range(20))


def test_by_default_the_most_probable_are_taken() -> None:
    assert all(search(seed, proposals="top") == {"a", "b"} for seed in range(20))
