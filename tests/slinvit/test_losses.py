"""The losses against finite differences and their definitions."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slinvit.errors import InputError
from slinvit.kl import kl_divergence
from slinvit.losses import (
    conservative_gradient,
    conservative_loss,
    conservative_penalty,
    td_error,
    teacher_cross_entropy,
    teacher_gradient,
    teacher_policy,
    teacher_weight,
)

rows = st.lists(st.floats(-50, 50), min_size=2, max_size=6)


@given(q=rows, data=st.data())
def test_the_penalty_is_0_or_more_and_log_k_where_all_q_are_equal(q: list[float], data: st.DataObject) -> None:
    taken = data.draw(st.integers(0, len(q) - 1))
    assert conservative_penalty(q, taken) >= 0
    assert conservative_penalty(np.zeros(len(q)), taken) == pytest.approx(math.log(len(q)))
    assert conservative_penalty(q, taken) == pytest.approx(np.logaddexp.reduce(q) - q[taken])


@given(q=st.lists(st.floats(-3, 3), min_size=2, max_size=5), data=st.data())
def test_gradients_are_those_of_the_losses(q: list[float], data: st.DataObject) -> None:
    taken = data.draw(st.integers(0, len(q) - 1))
    teacher = np.full(len(q), 1 / len(q))
    steps = 1e-6 * np.eye(len(q))
    values, repeated = np.array(q), np.full(len(q), taken)
    slope = (conservative_penalty(values + steps, repeated) - conservative_penalty(values - steps, repeated)) / 2e-6
    np.testing.assert_allclose(conservative_gradient(q, taken), slope, atol=1e-7)
    slope = (teacher_cross_entropy(teacher, values + steps) - teacher_cross_entropy(teacher, values - steps)) / 2e-6
    np.testing.assert_allclose(teacher_gradient(teacher, q), slope, atol=1e-7)


def test_weight_0_leaves_the_squared_error() -> None:
    error = td_error([1.0, 2.0], [0.5, 0.5], [[1.0, 3.0], [1.0, 3.0]], [False, True], 0.9)
    np.testing.assert_allclose(error, [0.5 + 0.9 * 3 - 1, 0.5 - 2])
    q = [[1.0, 3.0], [1.0, 3.0]]
    np.testing.assert_allclose(conservative_loss(error, q, [0, 1], 0.0), error**2)
    np.testing.assert_allclose(conservative_loss(error, q, [0, 1], 5.0), error**2 + 5 * conservative_penalty(q, [0, 1]))


@pytest.mark.parametrize(
    ("iteration", "weight"), [(0, 10.0), (1, 9.995), (1980, 0.1), (2999, 0.1), (3000, 0.0), (9999, 0.0)]
)
def test_the_teacher_fades_to_a_floor_and_then_leaves(iteration: int, weight: float) -> None:
    assert teacher_weight(iteration) == pytest.approx(weight, abs=1e-12)


def test_the_teacher_is_the_share_of_plans_that_begin_with_an_action() -> None:
    np.testing.assert_allclose(teacher_policy([6, 3, 1], [2, 0, 2], 4), [0.3, 0, 0.7, 0])


def test_cross_entropy_is_the_divergence_from_the_teacher_plus_its_entropy() -> None:
    teacher, logits = np.array([0.7, 0.3, 0.0]), np.array([0.2, -1.0, 3.0])
    student = logits - np.logaddexp.reduce(logits)
    with np.errstate(divide="ignore"):
        nats = kl_divergence(np.log(teacher), student)
    entropy = -(0.7 * math.log(0.7) + 0.3 * math.log(0.3))
    assert teacher_cross_entropy(teacher, logits) == pytest.approx(nats + entropy)


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(InputError, match="one of the 2"):
        conservative_penalty([1.0, 2.0], 2)
    with pytest.raises(InputError, match="count from 0"):
        teacher_weight(-1)
    with pytest.raises(InputError, match="one of them positive"):
        teacher_policy([0, 0], [0, 1], 2)
    with pytest.raises(InputError, match="outside 0 to 1"):
        teacher_policy([1], [2], 2)
