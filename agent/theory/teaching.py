"""Properties of the losses with which learners take over a prior."""

import numpy as np

from agent.theory.record import Finding, Property, Scale, worst
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

STEP = 1e-5
SCHEDULE = ((0, 10.0), (1, 9.995), (1980, 0.1), (2999, 0.1), (3000, 0.0))
"""The teacher's weight by iteration; off is 0."""


def penalty_sign(scale: Scale) -> Finding:
    """Measure how far log sum exp Q - Q(taken) falls below 0."""
    rng = scale.rng("penalty")
    q, taken = rng.normal(scale=5, size=(1000, 6)), rng.integers(6, size=1000)
    return worst(np.maximum(-conservative_penalty(q, taken), 0.0))


def penalty_gradient(scale: Scale) -> Finding:
    """Compare softmax - onehot with central differences."""
    rng = scale.rng("penalty gradient")
    q, taken = rng.normal(size=(200, 6)), rng.integers(6, size=200)
    repeated, moves = np.repeat(taken[:, None], 6, axis=1), STEP * np.eye(6)
    up, down = (conservative_penalty(q[:, None] + sign * moves, repeated) for sign in (1, -1))
    return worst(((up - down) / (2 * STEP) - conservative_gradient(q, taken)).ravel())


def penalty_weight_zero(scale: Scale) -> Finding:
    """Compare the conservative loss of weight 0 with the squared TD error."""
    rng = scale.rng("weight zero")
    q, taken, rewards = rng.normal(size=(200, 6)), rng.integers(6, size=200), rng.uniform(size=200)
    chosen = np.take_along_axis(q, taken[:, None], axis=1)[:, 0]
    error = td_error(chosen, rewards, rng.normal(size=(200, 6)), rng.uniform(size=200) < 0.3, 0.99)
    return worst(conservative_loss(error, q, taken, 0.0) - error**2)


def schedule(_: Scale) -> Finding:
    """Compare the teacher's weight with the released schedule."""
    return worst(teacher_weight(iteration) - weight for iteration, weight in SCHEDULE)


def teacher_is_a_policy(scale: Scale) -> Finding:
    """Measure how far the teacher's probabilities miss 1."""
    rng = scale.rng("teacher")
    plans = ((rng.integers(1, 10, size=8), rng.integers(5, size=8)) for _ in range(200))
    return worst(teacher_policy(counts, first, 5).sum() - 1 for counts, first in plans)


def teacher_slope(scale: Scale) -> Finding:
    """Compare student - teacher with central differences of the cross-entropy by the logits."""
    rng = scale.rng("teacher gradient")
    logits, teacher = rng.normal(size=(200, 5)), rng.dirichlet(np.ones(5), size=200)
    moves = STEP * np.eye(5)
    up, down = (teacher_cross_entropy(teacher[:, None], logits[:, None] + sign * moves) for sign in (1, -1))
    return worst(((up - down) / (2 * STEP) - teacher_gradient(teacher, logits)).ravel())


def teacher_direction(scale: Scale) -> Finding:
    """Compare the cross-entropy minus the teacher's entropy with KL(teacher || student)."""
    rng = scale.rng("teacher direction")
    logits, teacher = rng.normal(size=(200, 5)), rng.dirichlet(np.ones(5), size=200)
    student = logits - np.logaddexp.reduce(logits, axis=-1, keepdims=True)
    entropy = -(teacher * np.log(teacher)).sum(axis=-1)
    return worst(teacher_cross_entropy(teacher, logits) - entropy - kl_divergence(np.log(teacher), student))


PROPERTIES = (
    Property(28, "conservative, sign", "log sum_C exp Q - Q(a_data) >= 0", 0.0, penalty_sign),
    Property(28, "conservative, gradient", "softmax - onehot", 1e-6, penalty_gradient),
    Property(28, "conservative, weight 0", "loss = squared TD error", 0.0, penalty_weight_zero),
    Property(29, "teacher, schedule", "weight at 0, 1, 1980, 2999, 3000: 10, 9.995, .1, .1, off", 1e-6, schedule),
    Property(29, "teacher, a policy", "sum_a pi_T = 1", 1e-12, teacher_is_a_policy),
    Property(29, "teacher, gradient", "dCE/dlogits = pi_theta - pi_T", 1e-6, teacher_slope),
    Property(29, "teacher, direction", "CE - H(pi_T) = KL(pi_T||pi_theta)", 1e-9, teacher_direction),
)
