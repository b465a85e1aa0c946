"""What a learner reports: what it saw, what it certifies, and how it did where the truth is known."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Literal, NamedTuple, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from envs.tabular import TabularMDP
from planners.linvit.bounds import Bounds
from planners.linvit.counts import Counts
from slinvit.types import FloatArray

StoppedBy: TypeAlias = Literal["certificate", "gap", "episodes"]
"""``certificate``: the fast one; ``gap``: upper minus lower bound; ``episodes``: neither, the episodes were used up."""


class Record(NamedTuple):
    """One planning round; ``nan`` where the truth was not looked at."""

    episode: int
    certificate: float
    gap: float
    certified: bool
    lam: float
    oracle_gap: float
    oracle_gap_optimistic: float
    violation: float
    regret: float
    kl_regret: float


@dataclass(frozen=True, eq=False, repr=False)
class Trace:
    """One entry per planning round, the last made with everything seen.

    Attributes:
        episode: ``[R]``, episodes played before the round.
        certificate: ``[R]``, the fast certificate, in units of return; ``inf`` where there is none.
        gap: ``[R]``, upper minus lower bound at the start; ``inf`` where there is none.
        certified: ``[R]``, whether the learner might have stopped here.
        lam: ``[R]``, units of return per nat; ``nan`` for a learner that does not regularise.
        oracle_gap: ``[R]``, V* - V^pi of the policy that a run ending here returns; ``nan``: not looked at, as in all
            that follows.
        oracle_gap_optimistic: ``[R]``, V* - V^pi of the optimistic policy, the one that is played and that
            ``certificate`` speaks of.
        violation: ``[R]``, by how much the true regularised values lie outside the bounds at the worst place; also
            ``nan`` for a learner without bounds.
        regret: ``[R]``, V* minus what an episode played after this round earns in the mean, exploration included.
        kl_regret: ``[R]``, the same for the regularised values, at the learner's ``lam``.
    """

    episode: npt.NDArray[np.int64]
    certificate: FloatArray
    gap: FloatArray
    certified: npt.NDArray[np.bool_]
    lam: FloatArray
    oracle_gap: FloatArray
    oracle_gap_optimistic: FloatArray
    violation: FloatArray
    regret: FloatArray
    kl_regret: FloatArray

    @classmethod
    def of(cls, records: Sequence[Record]) -> "Trace":
        """Return the records as columns."""
        return cls(*(np.array(column) for column in zip(*records, strict=True)))

    def __len__(self) -> int:
        return len(self.episode)

    def __repr__(self) -> str:
        return f"Trace({len(self)} rounds)"

    def rows(self) -> list[Record]:
        """Return the trace as one record per round."""
        columns = [getattr(self, field.name).tolist() for field in fields(self)]
        return [Record(*row) for row in zip(*columns, strict=True)]

    @property
    def cumulative_regret(self) -> FloatArray:
        """``[R]``, mean regret summed over the episodes since the first round."""
        return self._summed(self.regret)

    @property
    def cumulative_kl_regret(self) -> FloatArray:
        """``[R]``, mean regularised regret summed over the episodes since the first round."""
        return self._summed(self.kl_regret)

    def episodes_to_certificate(self) -> int | None:
        """Return the episodes before the first certified round; ``None`` if there is none."""
        found = np.flatnonzero(self.certified)
        return int(self.episode[found[0]]) if len(found) else None

    def episodes_to_optimal(self, epsilon: float) -> int | None:
        """Return the episodes before the first round from which on every optimistic policy is within ``epsilon`` of V*.

        ``None`` if the last round's is not, or the truth was not looked at.
        """
        outside = np.flatnonzero(~(self.oracle_gap_optimistic <= epsilon))
        first = int(outside[-1]) + 1 if len(outside) else 0
        return int(self.episode[first]) if first < len(self) else None

    def _summed(self, per_episode: FloatArray) -> FloatArray:
        return np.append(0.0, np.cumsum(per_episode[:-1] * np.diff(self.episode)))


@dataclass(frozen=True, eq=False, repr=False)
class LinvitResult:
    """A finished run.

    Attributes:
        counts: what was seen; ``run(..., resume=counts)`` goes on from here.
        policy: ``[H, S, A]`` probabilities, the policy to deploy. With certificates it is the one the smaller of them
            speaks of: the optimistic policy for ``certificate``, the pessimistic one for ``gap``.
        epsilon: the accuracy that was asked for, in units of return.
        lam: units of return per nat in use at the end; ``nan`` for a learner that does not regularise.
        bounds: from everything seen; ``None`` for a learner without bounds.
        certificate: bound on the regularised shortfall of the optimistic policy; ``inf`` where there is none.
        gap: bound on the regularised shortfall of the pessimistic policy; ``inf`` where there is none.
        stopped_by: why the run ended.
        trace: one entry per planning round of this run, not of the ones it resumed.
        bias: bound on V* - V*_lam, in units of return: what the certificates, which are about V*_lam, leave out.
            ``None``: nothing is known about it, as where ``lam`` was chosen without ``eps_llm``.
    """

    counts: Counts
    policy: FloatArray
    epsilon: float
    lam: float
    bounds: Bounds | None
    certificate: float
    gap: float
    stopped_by: StoppedBy
    trace: Trace
    bias: float | None = None

    def __repr__(self) -> str:
        return (
            f"LinvitResult({self.episodes} episodes, stopped by {self.stopped_by}, lam {self.lam:g}, certificate "
            f"{self.certificate:.4g}, gap {self.gap:.4g}, bias {self.bias}, oracle gap {self.oracle_gap:.4g})"
        )

    @property
    def episodes(self) -> int:
        """Episodes played, those of resumed runs included."""
        return self.counts.episodes

    @property
    def env_steps(self) -> int:
        """Environment steps taken, those of resumed runs included."""
        return self.counts.env_steps

    @property
    def episodes_to_certificate(self) -> int | None:
        """Episodes before the first certified round of this run."""
        return self.trace.episodes_to_certificate()

    @property
    def episodes_to_optimal(self) -> int | None:
        """Episodes before the first round from which on every optimistic policy was ``epsilon``-optimal."""
        return self.trace.episodes_to_optimal(self.epsilon)

    @property
    def oracle_gap(self) -> float:
        """V* - V^pi of ``policy``; ``nan`` if not looked at."""
        return float(self.trace.oracle_gap[-1]) if len(self.trace) else math.nan

    @property
    def oracle_gap_optimistic(self) -> float:
        """V* - V^pi of the optimistic policy at the end; ``nan`` if not looked at."""
        return float(self.trace.oracle_gap_optimistic[-1]) if len(self.trace) else math.nan


class Learner(Protocol):
    """What LINVIT and everything it is compared with can do."""

    def run(
        self,
        env: TabularMDP,
        episodes: int,
        rng: np.random.Generator,
        *,
        log_prior: npt.ArrayLike | None = None,
        resume: Counts | None = None,
    ) -> LinvitResult:
        """Return what at most ``episodes`` further episodes in ``env`` teach, given a prior; ``None``: uniform."""
        ...
