"""The data that travels between the packages; all of it frozen."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from slinvit.errors import PriorError

FloatArray: TypeAlias = npt.NDArray[np.float64]

Action: TypeAlias = str
"""An action is the text an agent would type; two actions are equal when their texts are."""

Method: TypeAlias = Literal["exact", "labelled", "sampled", "ranked", "uniform", "scripted"]
"""How a distribution over actions was obtained."""


@dataclass(frozen=True, slots=True)
class Task:
    """What an episode is about; everything in it is public to the planner.

    Attributes:
        id: unique within a run.
        domain: name of the environment, for example ``blocksworld``.
        goal: the goal in words.
        horizon: largest number of environment steps in an episode.
        metadata: facts about the task for reports (JSON values); never part of equality.
    """

    id: str
    domain: str
    goal: str
    horizon: int
    metadata: Mapping[str, Any] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A point from which an environment can continue.

    Attributes:
        key: equal states have equal keys.
        payload: whatever the environment needs to restore; opaque to everybody else.
    """

    key: Hashable
    payload: Any = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class State:
    """What an agent knows after some steps.

    Attributes:
        task: what the episode is about.
        observation: the newest observation in words.
        history: (action, observation that followed) pairs so far, oldest first.
        actions: admissible actions, or ``None`` where any text may be typed.
        snapshot: where to continue from, or ``None`` where the environment has none.
        terminal: the episode is over because the world says so.
        truncated: the episode is over because the horizon was reached.
        solved: the goal, as stated in the task, holds here. Never set from what only a grader knows.
        visited: snapshot keys of the earlier states of the episode, oldest first, without this one.
    """

    task: Task
    observation: str
    history: tuple[tuple[Action, str], ...] = ()
    actions: tuple[Action, ...] | None = None
    snapshot: Snapshot | None = None
    terminal: bool = False
    truncated: bool = False
    solved: bool = False
    visited: tuple[Hashable, ...] = field(default=(), repr=False)

    @property
    def key(self) -> Hashable:
        """Equal for equal states: the snapshot's key or, without a snapshot, everything seen and done so far."""
        return (self.observation, self.history) if self.snapshot is None else self.snapshot.key

    @property
    def over(self) -> bool:
        """Whether no further step is possible."""
        return self.terminal or self.truncated


def taken_before(state: State) -> frozenset[Action]:
    """Return the actions taken earlier in the episode where everything was as it is in ``state``.

    Without snapshots the observation stands for the situation; the very first one is then not known any more.
    """
    actions = [action for action, _ in state.history]
    earlier: tuple[Hashable, ...]
    if len(state.visited) == len(actions):
        earlier, now = state.visited, state.key
    else:
        earlier, now = (None, *(seen for _, seen in state.history[:-1])), state.observation
    return frozenset(action for action, before in zip(actions, earlier, strict=True) if before == now)


@dataclass(frozen=True, slots=True)
class Transition:
    """What one action did.

    Attributes:
        state: the state after it; the unchanged situation where the action was refused.
        reward: in units of undiscounted return.
        valid: whether the world accepted the action.
        details: what only records may know, for example the parts of a grader's reward; JSON values. A simulator gives
            none.
    """

    state: State
    reward: float
    valid: bool = True
    details: Mapping[str, Any] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class Usage:
    """What one answer of a model cost: prompts scored by the model, and tokens."""

    llm_calls: int = 0
    prompt_tokens: int = 0
    tokens_forwarded: int = 0
    completion_tokens: int = 0


@dataclass(frozen=True, eq=False)
class ActionDistribution:
    """A distribution over a finite list of actions.

    Attributes:
        actions: ``[A]`` distinct actions.
        log_probs: ``[A]`` in nats, log-sum-exp 0; ``-inf`` excludes an action.
        method: how it was obtained.
        usage: what it cost.
        unmatched: share of what the model proposed that is no admissible action, 0 to 1; 0 where nothing was proposed.

    Raises:
        PriorError: empty, repeated actions, wrong shape, NaN, or not normalised to 1e-6 nats.
    """

    actions: tuple[Action, ...]
    log_probs: FloatArray
    method: Method = "exact"
    usage: Usage = Usage()
    unmatched: float = 0.0

    def __post_init__(self) -> None:
        log_probs = np.array(self.log_probs, dtype=np.float64)
        if not self.actions:
            raise PriorError("a distribution needs at least one action")
        if len(set(self.actions)) != len(self.actions):
            twice = next(a for a in self.actions if self.actions.count(a) > 1)
            raise PriorError(f"the action {twice!r} is listed twice")
        if log_probs.shape != (len(self.actions),):
            raise PriorError(f"{len(self.actions)} actions but log-probabilities of shape {log_probs.shape}")
        if np.isnan(log_probs).any() or abs(total := float(np.logaddexp.reduce(log_probs))) > 1e-6:
            found = "NaN" if np.isnan(log_probs).any() else f"log-sum-exp {total:.3g}"
            raise PriorError(f"log-probabilities over {len(self.actions)} actions are not normalised ({found})")
        log_probs.setflags(write=False)
        object.__setattr__(self, "log_probs", log_probs)

    @classmethod
    def normalised(
        cls, actions: Sequence[Action], scores: npt.ArrayLike, *, method: Method = "exact", usage: Usage | None = None
    ) -> "ActionDistribution":
        """Return softmax(``scores``) over ``actions``; scores are in nats, ``[A]``, at least one of them finite.

        Raises:
            PriorError: no finite score, NaN, or +inf.
        """
        values = np.asarray(scores, dtype=np.float64)
        with np.errstate(invalid="ignore"):
            total = np.logaddexp.reduce(values) if values.size else -np.inf
        if not np.isfinite(total):
            raise PriorError(f"scores of {len(actions)} actions cannot be normalised: {values.tolist()[:5]}")
        return cls(tuple(actions), values - total, method, usage or Usage())

    @property
    def probs(self) -> FloatArray:
        """``[A]`` probabilities."""
        return np.exp(self.log_probs)

    @property
    def entropy(self) -> float:
        """In nats."""
        probs = self.probs
        return float(-(probs[probs > 0] * self.log_probs[probs > 0]).sum())

    def log_prob(self, action: Action) -> float:
        """Return log p(``action``) in nats, ``-inf`` for an action outside the list."""
        return float(self.log_probs[self.actions.index(action)]) if action in self.actions else -np.inf

    def ranked(self, rng: np.random.Generator | None = None) -> tuple[tuple[Action, float], ...]:
        """Return (action, log-probability) pairs, most probable first.

        Excluded actions are left out. Ties keep the order of ``actions``, or are broken at random by ``rng``.
        """
        order = np.arange(len(self.actions)) if rng is None else rng.permutation(len(self.actions))
        order = order[np.argsort(-self.log_probs[order], kind="stable")]
        return tuple((self.actions[i], float(self.log_probs[i])) for i in order if self.log_probs[i] > -np.inf)

    def sample(self, rng: np.random.Generator) -> Action:
        """Return one action, drawn with its probability."""
        probs = self.probs
        return self.actions[int(rng.choice(len(self.actions), p=probs / probs.sum()))]
