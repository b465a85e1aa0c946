import copy
import math
import pickle
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slinvit import ActionDistribution, PriorError, Snapshot, State, Task, Usage

TASK = Task("t", "toy", "be done", 5, metadata={"blocks": [1, 2]})


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=8))
def test_normalised_scores_are_a_softmax(scores: list[float]) -> None:
    actions = [f"a{i}" for i in range(len(scores))]
    found = ActionDistribution.normalised(actions, scores)
    peak = max(scores)
    total = math.fsum(math.exp(score - peak) for score in scores)
    assert found.probs == pytest.approx([math.exp(score - peak) / total for score in scores])
    assert found.probs.sum() == pytest.approx(1)


@pytest.mark.parametrize(
    ("actions", "log_probs", "message"),
    [
        ((), [], "at least one action"),
        (("a", "a"), [math.log(0.5)] * 2, "'a' is listed twice"),
        (("a", "b"), [0.0], "2 actions but log-probabilities of shape"),
        (("a", "b"), [math.nan, 0.0], "NaN"),
        (("a", "b"), [0.0, 0.0], "not normalised"),
        (("a", "b"), [-math.inf, -math.inf], "not normalised"),
    ],
)
def test_what_is_no_distribution_is_refused(actions: tuple[str, ...], log_probs: list[float], message: str) -> None:
    with pytest.raises(PriorError, match=message):
        ActionDistribution(actions, np.array(log_probs))


@pytest.mark.parametrize("scores", [[], [-math.inf], [math.nan, 0.0], [math.inf, 0.0]])
def test_scores_that_cannot_be_normalised_are_refused(scores: list[float]) -> None:
    with pytest.raises(PriorError, match="cannot be normalised"):
        ActionDistribution.normalised([str(i) for i in range(len(scores))], scores)


def test_entropy_and_log_probabilities_are_in_nats() -> None:
    found = ActionDistribution.normalised(["a", "b", "c"], [0.0, 0.0, -math.inf])
    assert found.entropy == pytest.approx(math.log(2))
    assert found.log_prob("a") == pytest.approx(math.log(0.5))
    assert found.log_prob("c") == found.log_prob("unheard of") == -math.inf


def test_ranking_is_by_probability_and_leaves_excluded_actions_out() -> None:
    found = ActionDistribution.normalised(["a", "b", "c", "d"], [0.0, 1.0, -math.inf, 1.0])
    assert [action for action, _ in found.ranked()] == ["b", "d", "a"]
    assert all(log_prob == found.log_prob(action) for action, log_prob in found.ranked())


def test_ties_are_broken_at_random_only_where_a_generator_is_given() -> None:
    found = ActionDistribution.normalised(["a", "b", "c"], [0.0, 0.0, -5.0])
    orders = {tuple(action for action, _ in found.ranked(np.random.default_rng(seed))) for seed in range(20)}
    assert orders == {("a", "b", "c"), ("b", "a", "c")}
    assert {tuple(found.ranked()) for _ in range(3)} == {tuple(found.ranked())}


def test_samples_come_with_their_probabilities() -> None:
    found = ActionDistribution.normalised(["a", "b", "c"], np.log([0.7, 0.2, 0.1]))
    rng = np.random.default_rng(0)
    drawn = [found.sample(rng) for _ in range(20_000)]
    for action, probability in zip(found.actions, found.probs, strict=True):
        assert drawn.count(action) / len(drawn) == pytest.approx(probability, abs=0.015)


def test_a_distribution_keeps_its_own_array_and_cannot_be_written() -> None:
    given_array = np.log([0.5, 0.5])
    found = ActionDistribution(("a", "b"), given_array)
    given_array[0] = 9.0
    assert found.probs == pytest.approx([0.5, 0.5])
    with pytest.raises(ValueError, match="read-only"):
        found.log_probs[0] = 0.0


def test_equal_states_are_equal_and_hash_alike_whatever_the_payload_and_the_metadata() -> None:
    one = State(TASK, "here", snapshot=Snapshot("k", payload=[1]))
    two = State(Task("t", "toy", "be done", 5), "here", snapshot=Snapshot("k", payload=[2]))
    assert one == two
    assert hash(one) == hash(two)
    assert one != State(TASK, "there", snapshot=Snapshot("k"))


def test_the_key_is_the_snapshots_or_all_that_was_seen() -> None:
    assert State(TASK, "here", snapshot=Snapshot(("k", 1))).key == ("k", 1)
    assert State(TASK, "here", (("go", "here"),)).key == ("here", (("go", "here"),))


@pytest.mark.parametrize(("terminal", "truncated"), [(False, False), (True, False), (False, True)])
def test_a_state_is_over_when_the_world_or_the_horizon_says_so(terminal: bool, truncated: bool) -> None:
    assert State(TASK, "here", terminal=terminal, truncated=truncated).over == (terminal or truncated)


def test_states_and_distributions_survive_pickling_and_copying() -> None:
    state = State(TASK, "here", (("go", "here"),), ("stay",), Snapshot("k", payload={"a": 1}), visited=("j",))
    found = ActionDistribution.normalised(["a", "b"], [0.0, 1.0], method="labelled", usage=Usage(llm_calls=1))
    for clone in (pickle.loads(pickle.dumps(state)), copy.deepcopy(state)):
        assert clone == state
        assert clone.snapshot is not None
        assert clone.snapshot.payload == {"a": 1}
        assert clone.task.metadata == TASK.metadata
    again = pickle.loads(pickle.dumps(found))
    assert (again.actions, again.method, again.usage) == (found.actions, found.method, found.usage)
    assert np.array_equal(again.log_probs, found.log_probs)


def test_states_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        State(TASK, "here").observation = "there"  # type: ignore[misc]
