import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.episode import SCHEMA, Decision, Episode, Failure, Proposals, Step, decode, encode
from slinvit.budget import Ledger
from slinvit.errors import RecordError
from slinvit.tree import Node, SearchTree
from slinvit.types import ActionDistribution

texts = st.text(max_size=12)
numbers = st.floats(allow_nan=False)
ledgers = st.builds(Ledger, llm_calls=st.integers(0, 99), seconds=st.floats(0, 1e6))
roots = st.builds(
    Node,
    parent=st.just(-1),
    action=texts,
    log_prob=numbers,
    reward=numbers,
    value=st.none() | numbers,
    score=st.none() | numbers,
)
steps = st.builds(Step, reward=numbers)
proposals = st.integers(0, 4).flatmap(
    lambda n: st.builds(
        Proposals,
        actions=st.tuples(*[texts] * n),
        log_probs=st.tuples(*[numbers] * n),
        method=st.sampled_from(["exact", "uniform"]),
    )
)
decisions = st.builds(
    Decision,
    prior=st.none() | proposals,
    score=numbers,
    tree=st.builds(SearchTree, nodes=st.lists(roots, max_size=3).map(tuple)),
    steps=st.lists(steps, max_size=3).map(tuple),
    path=st.lists(texts, max_size=3).map(tuple),
    ledger=ledgers,
)
episodes = st.builds(
    Episode,
    decisions=st.lists(decisions, max_size=2).map(tuple),
    ledger=ledgers,
    report=st.dictionaries(texts, st.none() | st.integers() | texts, max_size=3),
)


@settings(max_examples=40, deadline=None)
@given(episodes)
def test_a_record_read_back_is_the_record(episode: Episode) -> None:
    line = encode(episode)
    assert "\n" not in line
    text = json.loads(line, parse_constant=lambda constant: pytest.fail(f"not strict JSON: {constant}"))
    assert text["schema"] == SCHEMA
    assert decode(line) == episode


def test_infinite_numbers_and_missing_values_survive() -> None:
    node = Node(-1, "", 0, "here", -math.inf, 0.0, None, math.inf, 1, False, False, True)
    decision = Decision(
        observation="here",
        prior=Proposals(("a", "b"), (0.0, -math.inf), "exact"),
        path=(),
        target=0,
        score=-math.inf,
        stopped_by="dead-end",
        tree=SearchTree((node,)),
        steps=(),
        surprised=False,
        ledger=Ledger(),
    )
    episode = Episode("t", "d", "g", 4, 0, "here", (decision,), "no-plan", Ledger(seconds=0.5), {"optimal": 2})
    assert decode(encode(episode)) == episode


def test_a_failure_is_a_record_without_a_score() -> None:
    failure = Failure("task 3", "the lights went out")
    assert decode(encode(failure)) == failure


def test_proposals_hold_what_the_distribution_said() -> None:
    distribution = ActionDistribution.normalised(("a", "b"), [0.0, math.log(3)])
    assert Proposals.of(distribution) == Proposals(("a", "b"), tuple(distribution.log_probs.tolist()), "exact")


@pytest.mark.parametrize("line", ["", "{", "3", "[]", "{}", f'{{"schema": {SCHEMA}}}', '{"schema": 0, "task": "a"}'])
def test_what_is_not_a_record_is_refused(line: str) -> None:
    with pytest.raises(RecordError):
        decode(line)
