"""Losses of the learners over a finite set of actions, as plain arrays; the last axis is the action axis.

Gradients stand beside their losses, so that a learner written in any framework can be held against them. Q in units of
return, log-probabilities in nats.
"""

import numpy as np
import numpy.typing as npt

from slinvit.errors import InputError
from slinvit.types import FloatArray

TEACHER_START, TEACHER_STEP, TEACHER_FLOOR, TEACHER_END = 10.0, 0.005, 0.1, 3000
"""LLM4Teach's schedule in its released code: first weight, decrease per iteration, smallest, iteration of the end."""


def td_error(
    q: npt.ArrayLike, reward: npt.ArrayLike, next_q: npt.ArrayLike, over: npt.ArrayLike, discount: float
) -> FloatArray:
    """Return r + discount (1 - over) max_a q'(a) - q, ``[...]``; the maximum is over the proposals ``[..., K]`` alone.

    Args:
        q: ``[...]``, of the action taken.
        reward: ``[...]``.
        next_q: ``[..., K]``, of the actions the prior proposes in the next state.
        over: ``[...]``, whether the world ended there; an episode cut off by its horizon is not over.
        discount: in [0, 1].

    Source: derived: docs/theory.md §8
    """
    future = np.where(over, 0.0, np.asarray(next_q, dtype=np.float64).max(axis=-1))
    return np.asarray(np.asarray(reward) + discount * future - np.asarray(q))


def conservative_penalty(q: npt.ArrayLike, taken: npt.ArrayLike) -> FloatArray:
    """Return log sum_a exp q(a) - q(taken), ``[..., K]`` to ``[...]``: 0 or more, as ``taken`` is one of the K.

    Source: derived: docs/theory.md §8
    """
    values, index = _indexed(q, taken)
    return np.asarray(np.logaddexp.reduce(values, axis=-1) - np.take_along_axis(values, index, axis=-1)[..., 0])


def conservative_gradient(q: npt.ArrayLike, taken: npt.ArrayLike) -> FloatArray:
    """Return the gradient of :func:`conservative_penalty` by q, ``[..., K]``: softmax(q) - onehot(taken).

    Source: derived: docs/theory.md §8
    """
    values, index = _indexed(q, taken)
    gradient = np.exp(values - np.logaddexp.reduce(values, axis=-1, keepdims=True))
    np.put_along_axis(gradient, index, np.take_along_axis(gradient, index, axis=-1) - 1.0, axis=-1)
    return gradient


def conservative_loss(error: npt.ArrayLike, q: npt.ArrayLike, taken: npt.ArrayLike, weight: float) -> FloatArray:
    """Return error**2 + weight * :func:`conservative_penalty`, ``[...]``; weight 0 leaves the squared TD error.

    Source: derived: docs/theory.md §8
    """
    return np.asarray(np.square(error) + weight * conservative_penalty(q, taken))


def teacher_weight(
    iteration: int,
    *,
    start: float = TEACHER_START,
    step: float = TEACHER_STEP,
    floor: float = TEACHER_FLOOR,
    end: int = TEACHER_END,
) -> float:
    """Return the weight of the teacher's term: falls by ``step`` from ``start`` to ``floor``, is 0 from ``end`` on.

    Raises:
        InputError: a negative iteration.

    Source: derived: docs/theory.md §8
    """
    if iteration < 0:
        raise InputError(f"iterations count from 0, not {iteration}")
    return 0.0 if iteration >= end else max(floor, start - step * iteration)


def teacher_policy(frequencies: npt.ArrayLike, first_actions: npt.ArrayLike, num_actions: int) -> FloatArray:
    """Return ``[A]``: the share of a teacher's plans that begin with each action.

    Args:
        frequencies: ``[P]``, how often each plan was given; 0 or more, one of them positive.
        first_actions: ``[P]``, the first executable action of each plan.
        num_actions: A.

    Raises:
        InputError: no plan, a negative frequency, or an action that does not exist.

    Source: derived: docs/theory.md §8
    """
    counts, first = np.asarray(frequencies, dtype=np.float64), np.asarray(first_actions, dtype=np.intp)
    if counts.shape != first.shape or (counts < 0).any() or not counts.sum() > 0:
        raise InputError("a teacher needs one frequency of 0 or more per plan, one of them positive")
    if ((first < 0) | (first >= num_actions)).any():
        raise InputError(f"a plan begins with an action outside 0 to {num_actions - 1}")
    return np.asarray(np.bincount(first, counts / counts.sum(), num_actions), dtype=np.float64)


def teacher_cross_entropy(teacher: npt.ArrayLike, logits: npt.ArrayLike) -> FloatArray:
    """Return -sum_a teacher(a) log student(a) in nats, ``[..., A]`` to ``[...]``: KL(teacher || student) + a constant.

    Args:
        teacher: probabilities.
        logits: of the student.

    Source: derived: docs/theory.md §8
    """
    target, scores = np.asarray(teacher, dtype=np.float64), np.asarray(logits, dtype=np.float64)
    log_student = scores - np.logaddexp.reduce(scores, axis=-1, keepdims=True)
    return np.asarray(-np.where(target > 0, target * np.where(target > 0, log_student, 0.0), 0.0).sum(axis=-1))


def teacher_gradient(teacher: npt.ArrayLike, logits: npt.ArrayLike) -> FloatArray:
    """Return the gradient of :func:`teacher_cross_entropy` by the logits, ``[..., A]``: student - teacher.

    Source: derived: docs/theory.md §8
    """
    scores, target = np.asarray(logits, dtype=np.float64), np.asarray(teacher, dtype=np.float64)
    return np.asarray(np.exp(scores - np.logaddexp.reduce(scores, axis=-1, keepdims=True)) - target)


def _indexed(
    q: npt.ArrayLike, taken: npt.ArrayLike
) -> tuple[FloatArray, "np.ndarray[tuple[int, ...], np.dtype[np.intp]]"]:
    values, index = np.asarray(q, dtype=np.float64), np.asarray(taken, dtype=np.intp)[..., None]
    if index.shape[:-1] != values.shape[:-1] or ((index < 0) | (index >= values.shape[-1])).any():
        raise InputError(f"the action taken must be one of the {values.shape[-1]} that have a Q, one per state")
    return values, index
