"""Finite-horizon Markov decision processes as arrays.

Axes: ``H`` steps, ``S`` states, ``A`` actions. Steps count from 0 here, from 1 in the papers.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import sparse

from envs.tabular.checks import check_arrays, check_room, check_shapes, check_whole
from slinvit.errors import InputError
from slinvit.types import FloatArray

BoolArray: TypeAlias = npt.NDArray[np.bool_]

SPARSE_BELOW, SPARSE_STATES = 0.1, 300
"""Share of possible successors below which, and number of states from which on, CSR is faster than a dense array."""


@dataclass(frozen=True, eq=False, repr=False)
class TabularMDP:
    """Transitions, rewards, horizon and start; arrays are copied, and the copies cannot be written to.

    Attributes:
        p: probabilities of successors: ``[H, S, A, S]``, or ``[S, A, S]`` where they are the same at every step; or a
            ``scipy.sparse`` array of the same rows, ``[H * S * A, S]`` or ``[S * A, S]``, kept as CSR.
        r: rewards in [0, 1], ``[H, S, A]``; known and deterministic.
        initial_state: where every episode starts.
        legal: ``[S, A]`` or ``[H, S, A]``, which actions exist; each state has one. ``None``: all. What ``p`` and ``r``
            say of an illegal action is ignored.
        name: for messages and records.
        state_names: how states are written in text, ``S`` of them.
        action_names: how actions are written in text, ``A`` of them.
        observations: what an agent reads in each state, ``S`` texts. Empty: the names of the states.
        goal: what an agent is told to do. Empty: to collect reward.
        goal_states: states in which the task is solved and the episode over.
        reward_scale, reward_offset: original reward = ``r * reward_scale + reward_offset``.

    Raises:
        InputError: arrays that do not fit together, a horizon of 0, probabilities that are no distribution (state,
            action and deviation are named), rewards outside [0, 1], a state without a legal action.
    """

    p: Any
    r: FloatArray
    initial_state: int = 0
    legal: BoolArray | None = None
    name: str = "mdp"
    state_names: tuple[str, ...] = ()
    action_names: tuple[str, ...] = ()
    observations: tuple[str, ...] = ()
    goal: str = ""
    goal_states: tuple[int, ...] = ()
    reward_scale: float = 1.0
    reward_offset: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "r", _fixed(self.r, np.float64))
        if self.r.ndim != 3 or not self.r.size:
            raise InputError(
                f"{self.name}: rewards must be [H, S, A] with at least one step, state and action, not "
                f"{list(self.r.shape)}; for one table [S, A] at every step use TabularMDP.stationary"
            )
        object.__setattr__(self, "p", _csr(self.p) if sparse.issparse(self.p) else _fixed(self.p, np.float64))
        check_shapes(self)
        legal = np.ones(self.r.shape[1:], dtype=bool) if self.legal is None else self.legal
        object.__setattr__(self, "legal", self._broadcast(legal))
        check_arrays(self)

    @classmethod
    def stationary(cls, p: Any, r: npt.ArrayLike, horizon: int, **rest: Any) -> "TabularMDP":
        """Return an MDP with the same ``p`` and the same rewards ``r`` ``[S, A]`` at each of ``horizon`` steps.

        Raises:
            InputError: as the class, and for a horizon that is no whole number of 1 or more.
        """
        name, table = rest.get("name", "mdp"), np.asarray(r, dtype=np.float64)
        check_whole(name, "the horizon", horizon, 1)
        check_room(name, f"the horizon {horizon}", horizon, table.size)
        return cls(p, np.broadcast_to(table, (horizon, *table.shape)), **rest)

    def __repr__(self) -> str:
        kind = "CSR" if self.is_sparse else "dense"
        return f"TabularMDP({self.name!r}, H={self.horizon}, S={self.num_states}, A={self.num_actions}, {kind})"

    @property
    def horizon(self) -> int:
        """Steps per episode."""
        return int(self.r.shape[0])

    @property
    def num_states(self) -> int:
        """Number of states."""
        return int(self.r.shape[1])

    @property
    def num_actions(self) -> int:
        """Number of actions, legal or not."""
        return int(self.r.shape[2])

    @property
    def is_stationary(self) -> bool:
        """Whether transitions are the same at every step."""
        return bool(self._rows.shape[0] == self.num_states * self.num_actions)

    @cached_property
    def is_timeless(self) -> bool:
        """Whether transitions, rewards and legal actions are the same at every step."""
        same = bool((self.r == self.r[0]).all() and (self.legal_actions == self.legal_actions[0]).all())
        return same and self.is_stationary

    @cached_property
    def is_deterministic(self) -> bool:
        """Whether every legal action has one successor."""
        filled = np.asarray((self._rows > 0).sum(axis=1)).reshape(-1, *self.r.shape[1:])
        return bool((~self.legal_actions | (filled == 1)).all())

    @property
    def is_sparse(self) -> bool:
        """Whether transitions are kept as CSR."""
        return bool(sparse.issparse(self.p))

    @property
    def legal_actions(self) -> BoolArray:
        """``[H, S, A]``, which actions exist."""
        assert self.legal is not None  # filled in at construction
        return self.legal

    def expected(self, step: int, values: FloatArray) -> FloatArray:
        """Return ``[S, A]``: the mean of ``values`` ``[S]`` over the successors of each action at ``step``."""
        return np.asarray(self._steps[step] @ values).reshape(self.num_states, self.num_actions)

    def successors(self, step: int, state: int, action: int) -> tuple[npt.NDArray[np.intp], FloatArray]:
        """Return the possible successors ``[B]`` and their probabilities ``[B]``."""
        row = self._steps[step][[state * self.num_actions + action]]
        if self.is_sparse:
            return row.indices.astype(np.intp), row.data
        found = np.flatnonzero(row[0])
        return found, row[0][found]

    def sample(self, step: int, state: int, action: int, rng: np.random.Generator) -> int:
        """Return a successor drawn with one uniform number from ``rng``."""
        found, probabilities = self.successors(step, state, action)
        drawn = int(np.searchsorted(np.cumsum(probabilities), rng.random(), side="right"))
        return int(found[min(drawn, len(found) - 1)])

    def dense(self) -> FloatArray:
        """Return the transitions as a dense array, ``[H, S, A, S]`` or ``[S, A, S]``."""
        lead = () if self.is_stationary else (self.horizon,)
        rows = self._rows.toarray() if self.is_sparse else self._rows
        return np.asarray(rows).reshape(*lead, self.num_states, self.num_actions, self.num_states)

    def compact(self) -> "TabularMDP":
        """Return the same MDP in the form that is faster to plan in: CSR where it is large and thin, else dense."""
        rows = self._rows
        filled = rows.nnz if self.is_sparse else np.count_nonzero(rows)
        thin = self.num_states >= SPARSE_STATES and filled < SPARSE_BELOW * rows.shape[0] * rows.shape[1]
        if thin == self.is_sparse:
            return self
        return replace(self, p=sparse.csr_array(rows) if thin else self.dense())

    def state_name(self, state: int) -> str:
        """Return how ``state`` is written."""
        return self.state_names[state] if self.state_names else f"state {state}"

    def action_name(self, action: int) -> str:
        """Return how ``action`` is written."""
        return self.action_names[action] if self.action_names else f"action {action}"

    def observation(self, state: int) -> str:
        """Return what an agent reads in ``state``."""
        return self.observations[state] if self.observations else f"You are in {self.state_name(state)}."

    @cached_property
    def terminal_states(self) -> BoolArray:
        """``[S]``, where nothing more happens: goal states, and states that no action leaves and that pay nothing."""
        found = np.ones(self.num_states, dtype=bool)
        for step in range(self.horizon):
            stays = self._steps[step][self._loops].reshape(found.size, -1) == 1
            found &= (~self.legal_actions[step] | (stays & (self.r[step] == 0))).all(axis=-1)
        found[list(self.goal_states)] = True
        found.flags.writeable = False
        return found

    def original_return(self, value: npt.ArrayLike) -> FloatArray:
        """Return what ``value``, a return from the first step on, is in the rewards before they were scaled."""
        return np.asarray(value) * self.reward_scale + self.horizon * self.reward_offset

    @cached_property
    def _loops(self) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
        """Rows and columns of the transitions from each state to itself."""
        rows = np.arange(self.num_states * self.num_actions)
        return rows, rows // self.num_actions

    @cached_property
    def _rows(self) -> Any:
        return self.p if self.is_sparse else self.p.reshape(-1, self.num_states)

    @cached_property
    def _steps(self) -> Sequence[Any]:
        """Transitions per step, ``[S * A, S]`` each."""
        if self.is_stationary:
            return [self._rows] * self.horizon
        width = self.num_states * self.num_actions
        return [self._rows[step * width : (step + 1) * width] for step in range(self.horizon)]

    def _broadcast(self, legal: npt.ArrayLike) -> BoolArray:
        table = np.asarray(legal, dtype=bool)
        if table.shape not in (self.r.shape, self.r.shape[1:]):
            raise InputError(f"{self.name}: legal actions must be [S, A] or [H, S, A], not {list(table.shape)}")
        fixed: BoolArray = _fixed(np.broadcast_to(table, self.r.shape), np.bool_)
        return fixed


@dataclass(frozen=True, eq=False)
class UnitRewards:
    """Rewards scaled to [0, 1]: ``original = r * scale + offset``; returns over H steps: ``V * scale + H * offset``.

    Attributes:
        r: the scaled rewards.
        scale: positive.
        offset: the smallest original reward.
    """

    r: FloatArray
    scale: float
    offset: float


def unit_rewards(rewards: npt.ArrayLike) -> UnitRewards:
    """Return ``rewards`` shifted and scaled to [0, 1]; where all are equal, all become 0.

    Raises:
        InputError: a reward that is not finite.
    """
    given = np.asarray(rewards, dtype=np.float64)
    if not given.size or not np.isfinite(given).all():
        raise InputError("rewards must be finite numbers, at least one")
    low, high = float(given.min()), float(given.max())
    scale = high - low or 1.0
    if not math.isfinite(scale):
        raise InputError(f"rewards between {low:g} and {high:g} span too much to be scaled")
    return UnitRewards((given - low) / scale, scale, low)


def _fixed(values: npt.ArrayLike, kind: Any) -> Any:
    """Return a copy that cannot be written to, or the array itself where it is one."""
    given = np.asarray(values, dtype=kind)
    if given.flags.owndata and not given.flags.writeable:
        return given
    table = np.array(given, order="C")
    table.flags.writeable = False
    return table


def _csr(rows: Any) -> Any:
    table = sparse.csr_array(rows, dtype=np.float64, copy=True)
    table.sum_duplicates()
    for array in (table.data, table.indices, table.indptr):
        array.flags.writeable = False
    return table
