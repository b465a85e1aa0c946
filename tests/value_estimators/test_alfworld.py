"""The subgoal value: what it reads, and that it reads nothing else."""

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from envs.alfworld.domain import AlfworldDomain
from envs.alfworld.task import AlfworldTask
from envs.toy import GraphSimulator, GraphWorld
from priors import Uniform
from slinvit import Budget, InputError, State, ValueEstimator
from value_estimators import build

DOMAIN = AlfworldDomain()


@cache
def games() -> Sequence[AlfworldTask]:
    return DOMAIN.load("generated:6", seed=5)


def value(text: str = "subgoals") -> ValueEstimator:
    return build(text, prior=Uniform(), simulator=GraphSimulator())


def estimate(states: Sequence[State], text: str = "subgoals") -> list[float]:
    found: list[float] = value(text).estimate(states, budget=Budget(), rng=np.random.default_rng(0)).tolist()
    return found


def walk(game: AlfworldTask, commands: Sequence[str]) -> list[State]:
    env = DOMAIN.environment(game)
    states = [env.reset()]
    for command in commands:
        if not states[-1].over:
            states.append(env.step(command).state)
    return states


def random_walk(game: AlfworldTask, length: int, seed: int) -> list[str]:
    env, rng = DOMAIN.environment(game), np.random.default_rng(seed)
    state = env.reset()
    commands: list[str] = []
    while len(commands) < length and not state.over:
        actions = [a for a in state.actions or () if not a.startswith(("help", "look", "inventory"))]
        commands.append(actions[int(rng.integers(len(actions)))])
        state = env.step(commands[-1]).state
    return commands


def with_hidden_facts_changed(game: AlfworldTask, seed: int) -> AlfworldTask:
    """Exchange the contents of two receptacles, and make some objects clean, hot or cool."""
    rng = np.random.default_rng(seed)
    init, goal_mark, goal = game.game.problem.partition("(:goal")
    inside = re.findall(r"\(inReceptacle (\S+) (\S+?)\s*\)", init, flags=re.IGNORECASE)
    holders = sorted({holder for _, holder in inside})
    one, other = (holders[int(i)] for i in rng.choice(len(holders), 2, replace=False))
    swap = {one: other, other: one}
    changed = re.sub(
        r"(\(inReceptacle \S+ )(\S+?)\s*\)",
        lambda found: f"{found[1]}{swap.get(found[2], found[2])})",
        init,
        flags=re.IGNORECASE,
    )
    facts = " ".join(f"(is{what} {thing})" for thing, _ in inside for what in ("Clean", "Hot") if rng.random() < 0.5)
    changed = changed.replace("(:init", f"(:init {facts}", 1) + goal_mark + goal
    return AlfworldTask(replace(game.game, problem=changed))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(number=st.integers(0, 5), length=st.integers(0, 12), walk_seed=st.integers(0, 99), seed=st.integers(0, 99))
def test_hidden_facts_do_not_change_the_value(number: int, length: int, walk_seed: int, seed: int) -> None:
    game = games()[number]
    commands = random_walk(game, length, walk_seed)
    other = with_hidden_facts_changed(game, seed)
    known, hidden = walk(game, commands), walk(other, commands)
    same = 0
    while same < min(len(known), len(hidden)) and (known[same].history, known[same].actions) == (
        hidden[same].history,
        hidden[same].actions,
    ):
        same += 1
    assume(same > length // 2)
    assert known[same - 1].key != hidden[same - 1].key
    assert estimate(known[:same]) == estimate(hidden[:same])


def test_a_walkthrough_climbs_to_the_last_step() -> None:
    for game in games():
        shares = estimate(walk(game, game.game.walkthrough)[:-1], "subgoals:novelty=false")
        assert shares[0] == 0
        assert 0.4 <= shares[-1] < 1
        assert max(shares) == shares[-1]


def test_the_snapshot_and_the_rest_of_the_state_are_not_read() -> None:
    for state in walk(games()[0], games()[0].game.walkthrough):
        bare = replace(state, snapshot=None, visited=(), solved=False, terminal=False, observation="")
        assert estimate([state]) == estimate([bare])


def test_parts_can_be_left_out_and_are_said_in_the_provenance() -> None:
    told = value("subgoals:proximity=false,novelty=false").provenance()  # type: ignore[attr-defined]
    assert told == {"found": True, "proximity": False, "novelty": False}
    with pytest.raises(InputError, match="the option novelty=maybe of the value 'subgoals' must be true or false"):
        value("subgoals:novelty=maybe")


def test_other_worlds_are_refused() -> None:
    state = GraphWorld({"a": {"go": ("b", 1.0)}}, "a", frozenset({"b"}), 3).reset()
    with pytest.raises(InputError, match="'subgoals' reads alfworld states, not 'graph'"):
        estimate([state])
