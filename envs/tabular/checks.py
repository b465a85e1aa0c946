"""What must hold of the arrays of an MDP."""

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from slinvit.errors import InputError

if TYPE_CHECKING:
    from envs.tabular.mdp import TabularMDP

MOST_OFF = 1e-9
"""Most that the probabilities of an action's successors may miss 1 by."""

MOST_BYTES = 2 << 30
"""Largest table that is made."""


def check_whole(world: str, name: str, value: int, least: int) -> None:
    """Raise ``InputError`` where ``value`` is no whole number of ``least`` or more."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise InputError(f"{world}: {name} must be a whole number, not {value!r}")
    if value < least:
        raise InputError(f"{world}: {name} must be {least} or more, not {value}")


def check_room(world: str, option: str, *shape: int) -> None:
    """Raise ``InputError`` where a table of floats of this ``shape`` is too large; ``option`` is what makes it so."""
    needed = 8 * math.prod(shape)
    if needed > MOST_BYTES:
        raise InputError(
            f"{world}: {option} needs a table of {needed / 2**30:.3g} GiB, more than {MOST_BYTES / 2**30:g} GiB; "
            "take less of it"
        )


def check_shapes(mdp: "TabularMDP") -> None:
    """Raise ``InputError`` where transitions and rewards do not fit together."""
    steps, states, actions = mdp.r.shape
    width = states * actions
    allowed: tuple[tuple[int, ...], ...]
    if sparse.issparse(mdp.p):
        allowed = ((width, states), (steps * width, states))
    else:
        allowed = ((states, actions, states), (steps, states, actions, states))
    if mdp.p.shape not in allowed:
        shown = " or ".join(str(list(shape)) for shape in allowed)
        raise InputError(
            f"{mdp.name}: with rewards [H, S, A] = {list(mdp.r.shape)}, transitions must be {shown}, "
            f"not {list(mdp.p.shape)}"
        )


def check_arrays(mdp: "TabularMDP") -> None:
    """Raise ``InputError`` for the first thing in arrays of the right shapes that cannot be."""
    for kind, index in (("initial state", mdp.initial_state), *(("goal state", goal) for goal in mdp.goal_states)):
        if not 0 <= index < mdp.num_states:
            raise InputError(f"{mdp.name}: {kind} {index} is not one of {mdp.num_states} states, counted from 0")
    _check_texts(mdp)
    _check_legal(mdp)
    _check_transitions(mdp)
    _check_rewards(mdp)


def _check_texts(mdp: "TabularMDP") -> None:
    for kind, names, count in (
        ("state names", mdp.state_names, mdp.num_states),
        ("action names", mdp.action_names, mdp.num_actions),
    ):
        if names and (len(names) != count or len(set(names)) != count):
            raise InputError(f"{mdp.name}: needs {count} different {kind}, found {len(set(names))}")
    if mdp.observations and len(mdp.observations) != mdp.num_states:
        raise InputError(f"{mdp.name}: needs {mdp.num_states} observations, found {len(mdp.observations)}")


def _check_legal(mdp: "TabularMDP") -> None:
    stuck = np.argwhere(~mdp.legal_actions.any(axis=-1))
    if len(stuck):
        step, state = stuck[0]
        raise InputError(f"{mdp.name}: {mdp.state_name(state)} has no legal action at step {step}")


def _check_transitions(mdp: "TabularMDP") -> None:
    rows = mdp.p if mdp.is_sparse else mdp.p.reshape(-1, mdp.num_states)
    if not np.isfinite(rows.data if mdp.is_sparse else rows).all():
        raise InputError(f"{mdp.name}: a transition probability is not finite")
    lowest = np.asarray(rows.min(axis=1).toarray() if mdp.is_sparse else rows.min(axis=1)).ravel()
    sums = np.asarray(rows.sum(axis=1)).ravel()
    legal = mdp.legal_actions.any(axis=0).ravel() if mdp.is_stationary else mdp.legal_actions.ravel()
    wrong = np.flatnonzero(legal & ((lowest < 0) | (np.abs(sums - 1) > MOST_OFF)))
    if not len(wrong):
        return
    where = _row_name(mdp, int(wrong[0]))
    if lowest[wrong[0]] < 0:
        raise InputError(f"{mdp.name}: {where} has a negative probability {lowest[wrong[0]]:g}")
    raise InputError(
        f"{mdp.name}: the successors of {where} have probabilities that sum to {sums[wrong[0]]:.12g}, "
        f"{sums[wrong[0]] - 1:+.3g} off 1 (allowed: {MOST_OFF:g}); rows like this: {len(wrong)}"
    )


def _row_name(mdp: "TabularMDP", row: int) -> str:
    step, rest = divmod(row, mdp.num_states * mdp.num_actions)
    state, action = divmod(rest, mdp.num_actions)
    at = "" if mdp.is_stationary else f" at step {step}"
    return f"({mdp.state_name(state)}, {mdp.action_name(action)}){at}"


def _check_rewards(mdp: "TabularMDP") -> None:
    inside = (mdp.r >= 0) & (mdp.r <= 1)  # false for NaN
    wrong = np.argwhere(mdp.legal_actions & ~inside)
    if len(wrong):
        step, state, action = wrong[0]
        raise InputError(
            f"{mdp.name}: rewards must be between 0 and 1; ({mdp.state_name(state)}, {mdp.action_name(action)}) at "
            f"step {step} has {mdp.r[step, state, action]:g}; unit_rewards(r) scales them"
        )
