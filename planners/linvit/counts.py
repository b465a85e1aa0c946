"""What a learner has seen, in the form from which a run can go on."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from envs.tabular import TabularMDP
from slinvit.errors import InputError
from slinvit.types import FloatArray

IntArray: TypeAlias = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Counts:
    """How often each transition was seen, now and at the last planning round; arrays cannot be written to.

    Attributes:
        transitions: ``[H, S, A, S]``, times that action led from state to successor at that step.
        planned: the same as of the last scheduled planning round, so that a resumed run plays the policy that an
            unbroken one would play. ``None``: plan with ``transitions``.
        guess: which guess of eps_llm was in use, where it is unknown.
        q: ``[H, S, A]``, the values of a learner that keeps values instead of a model.

    Raises:
        InputError: arrays that are not counts, or do not fit together.
    """

    transitions: IntArray
    planned: IntArray | None = None
    guess: int = 0
    q: FloatArray | None = None

    def __post_init__(self) -> None:
        planned = self.transitions if self.planned is None else self.planned
        for name, table in (("transitions", self.transitions), ("planned", planned)):
            object.__setattr__(self, name, _fixed(table, name))
        if planned.shape != self.transitions.shape or (planned > self.transitions).any():
            raise InputError("counts: more was planned with than was seen")
        if self.q is not None:
            object.__setattr__(self, "q", np.array(self.q, dtype=np.float64))

    @classmethod
    def empty(cls, env: TabularMDP) -> "Counts":
        """Return the counts before the first episode."""
        return cls(np.zeros((*env.r.shape, env.num_states), dtype=np.int64))

    @property
    def visits(self) -> IntArray:
        """``[H, S, A]``, how often each action was taken."""
        return np.asarray(self.transitions.sum(axis=-1))

    @property
    def episodes(self) -> int:
        """Episodes played."""
        return int(self.transitions[0].sum())

    @property
    def env_steps(self) -> int:
        """Steps taken in the environment."""
        return int(self.transitions.sum())

    def model(self) -> FloatArray:
        """Return ``[H, S, A, S]``, the share of visits that led to each successor; rows without a visit are 0."""
        return np.asarray(self.transitions / np.maximum(self.visits, 1)[..., None])

    def at_last_planning(self) -> "Counts":
        """Return the counts that the last scheduled planning round saw."""
        assert self.planned is not None  # filled in at construction
        return Counts(self.planned, None, self.guess, self.q)


def resumed(env: TabularMDP, counts: Counts | None) -> Counts:
    """Return ``counts``, or empty ones.

    Raises:
        InputError: counts of an MDP of other sizes.
    """
    if counts is None:
        return Counts.empty(env)
    if not isinstance(counts, Counts):
        hint = "; pass resume=result.counts" if hasattr(counts, "counts") else ""
        raise InputError(f"{env.name}: cannot resume from a {type(counts).__name__}{hint}")
    wanted = (*env.r.shape, env.num_states)
    if counts.transitions.shape != wanted:
        raise InputError(
            f"{env.name}: cannot resume from counts of shape {list(counts.transitions.shape)}; this MDP needs "
            f"[H, S, A, S] = {list(wanted)}"
        )
    return counts


def _fixed(table: IntArray, name: str) -> IntArray:
    given = np.asarray(table)
    if given.ndim != 4 or not np.issubdtype(given.dtype, np.integer) or (given < 0).any():
        raise InputError(f"counts: {name} must be whole numbers from 0 on, [H, S, A, S]")
    view = given.astype(np.int64, copy=False).view()
    view.flags.writeable = False
    return view
