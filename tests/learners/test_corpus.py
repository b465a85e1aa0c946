import os
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.blocksworld.core import Fact, apply, satisfied
from envs.blocksworld.exact import state_space
from envs.blocksworld.text import parse_facts, parse_move, parse_state
from learners.corpus import BlocksWorldCorpus, CorpusConfig
from learners.problems import problem_class
from learners.train_prior import held_out_classes
from priors.templates import BLOCKSWORLD, PLAN_END, check_blocksworld

STATEMENT = re.compile(
    re.escape(BLOCKSWORLD).replace(r"\{observation\}", "(?P<state>.*)").replace(r"\{goal\}", "(?P<goal>.*)")
)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_documents_are_statements_with_plans_that_can_be_executed(seed: int) -> None:
    corpus = BlocksWorldCorpus(CorpusConfig(blocks=(3, 4), block_weights=(0.5, 0.5)))
    for document in corpus.documents(np.random.default_rng(seed), 8):
        found = STATEMENT.fullmatch(document.prompt)
        assert found is not None
        names = sorted(set(re.findall(r"the (\w+) block", found["state"])))
        state = parse_state(found["state"], names)
        goal = parse_facts(found["goal"], names)
        lines = document.plan.splitlines(keepends=True)
        for line in lines:
            if line != PLAN_END:
                after = apply(state, parse_move(line, names))
                assert after is not None
                state = after
        assert (lines[-1] == PLAN_END) == satisfied(state, goal)
        check_blocksworld(document.prompt, [line.strip() for line in lines if line != PLAN_END])


def test_decisions_name_exactly_the_optimal_actions() -> None:
    corpus = BlocksWorldCorpus(CorpusConfig(blocks=(4,), block_weights=(1,)))
    for decision in corpus.decisions(np.random.default_rng(0), 50):
        found = STATEMENT.fullmatch(decision.prompt)
        assert found is not None
        names = sorted(set(re.findall(r"the (\w+) block", found["state"])))
        space = state_space(4)
        distance = space.distances(parse_facts(found["goal"], names))
        state = parse_state(found["state"], names)
        assert distance[space.index[state]] == decision.distance > 0
        for text, optimal in zip(decision.actions, decision.optimal, strict=True):
            after = apply(state, parse_move(text, names))
            assert after is not None
            assert (distance[space.index[after]] < decision.distance) == optimal


def test_equal_generators_give_equal_documents() -> None:
    corpus = BlocksWorldCorpus(CorpusConfig())
    first, second = (corpus.documents(np.random.default_rng(5), 20) for _ in range(2))
    assert first == second


@settings(max_examples=50, deadline=None)
@given(order=st.permutations(range(5)))
def test_the_class_of_a_problem_does_not_depend_on_the_names_of_blocks(order: list[int]) -> None:
    state, goal = (1, -1, 1 + 2, -1, -2), (Fact("on", (0, 4)), Fact("on", (4, 2)))
    renamed = [0] * 5
    for block, below in enumerate(state):
        renamed[order[block]] = order[below] if below >= 0 else below
    moved = tuple(Fact("on", (order[f.blocks[0]], order[f.blocks[1]])) for f in goal)
    assert problem_class(tuple(renamed), moved) == problem_class(state, goal)
    assert problem_class(tuple(renamed), moved[:1]) != problem_class(state, goal)


def test_no_training_start_is_of_a_held_out_class() -> None:
    config = CorpusConfig(blocks=(3, 4), block_weights=(0.5, 0.5), max_actions=1, noise=0.0)
    held_out = held_out_classes()
    corpus = BlocksWorldCorpus(config, held_out)
    for decision in corpus.decisions(np.random.default_rng(1), 300):
        found = STATEMENT.fullmatch(decision.prompt)
        assert found is not None
        names = sorted(set(re.findall(r"the (\w+) block", found["state"])))
        goal = tuple(parse_facts(found["goal"], names))
        assert problem_class(parse_state(found["state"], names), goal) not in held_out


def test_the_shipped_classes_are_those_of_planbench() -> None:
    data = os.environ.get("SLINVIT_DATA")
    archive = Path(data or ".") / "blocksworld" / "instances.tar.xz"
    if not archive.is_file():
        assert not os.environ.get("CI"), "SLINVIT_DATA does not point at the data"
        pytest.skip("needs SLINVIT_DATA")
    from envs.blocksworld.domain import BlocksWorldDomain

    problems = BlocksWorldDomain().load(str(archive), instances=None, seed=0, limit=None, horizon="2x")
    assert {problem_class(problem.start, problem.goal) for problem in problems} == held_out_classes()
