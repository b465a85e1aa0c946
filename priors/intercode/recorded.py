"""What models really proposed for a question, as a prior: recorded trajectories, weighted by frequency."""

import math
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar, TypeAlias

import numpy as np

from priors.intercode.actions import SKIP, SUBMIT, Language, looks, same
from priors.intercode.trajectories import Source, Trajectory, files, read_file
from priors.simple import check_options
from slinvit.budget import Budget
from slinvit.errors import InputError, PriorError, did_you_mean
from slinvit.registry import Spec
from slinvit.types import Action, ActionDistribution, State, Usage

OPTIONS: Mapping[str, tuple[str, ...]] = {
    "context": ("pool", "prefix"),
    "turns": ("last", "first", "all"),
    "submit": ("yes", "no"),
    "peeks": ("drop", "keep"),
    "leaky": ("no", "yes"),
}
"""Options with their values, the default first; ``peeks`` is ``keep`` where the context is ``prefix``."""

LANGUAGES: Mapping[str, Language] = {"intercode-sql": "sql", "intercode-bash": "bash"}
"""By domain; recordings of the other language do not vote."""

Vote: TypeAlias = tuple[str, Action, float]
"""What makes spellings equal, the text, and how much it counts."""


@dataclass(frozen=True)
class RecordedActions:
    """The actions recorded for the question of a task, each weighted by the number of trajectories that vote for it.

    In the context ``pool`` every trajectory votes, wherever the episode is, for one of its commands (``turns`` last or
    first) or once for each different one (``all``); after a command has been executed ``submit`` is the only proposal.
    In the context ``prefix`` only trajectories that began with the commands of the episode vote, for what they did
    next; where none goes on ``submit`` is the only proposal. That a trajectory ends is a vote for ``submit`` only
    where no reward could end it. Commands that differ in blanks or a last semicolon only are one, in the spelling met
    first; turns without a command are passed over, and where there is no command at all ``submit`` is the only
    proposal too.

    Questions are the key: of two worlds of one language with the same question, each gets the votes of both.

    Attributes:
        trajectories: by language and question.
        sources: what provenance tells of each file.
        context: ``pool`` or ``prefix``.
        turns: ``last``, ``first`` or ``all``.
        submit: whether ``submit`` is ever proposed.
        peeks: whether commands that only look around are proposed.
        trust: what a vote from a file counts, by name of the file; 1 where it says nothing.
        leaky: whether actions and ends count that a reward may have steered. Episodes of try-again and of a plan with
            refinement stop at reward 1, so their length and last action tell it: such a prior is an oracle. Otherwise
            answers depend on nothing but :meth:`Trajectory.free` and the names of the files.
    """

    trajectories: Mapping[tuple[Language, str], tuple[Trajectory, ...]]
    sources: tuple[Mapping[str, Any], ...] = ()
    context: str = "pool"
    turns: str = "last"
    submit: bool = True
    peeks: bool = False
    leaky: bool = False
    trust: Mapping[str, float] = field(default_factory=dict)
    deterministic: ClassVar[bool] = True

    def propose(
        self, states: Sequence[State], *, k: int | None = None, budget: Budget, rng: np.random.Generator
    ) -> list[ActionDistribution]:
        """Return one distribution per state, over the ``k`` most frequent actions; spends one ``llm_calls`` each.

        Raises:
            PriorError: a task without recordings, or nothing to propose where ``submit`` is not allowed.
            BudgetExceeded: nothing was proposed.
        """
        budget.spend(llm_calls=len(states))
        return [self._answer(state, k) for state in states]

    def situation(self, state: State) -> Hashable:
        """Return what the answer depends on: the world, the question, and what was typed."""
        typed = tuple(action for action, _ in state.history)
        return state.task.domain, state.task.goal, (typed if self.context == "prefix" else bool(typed))

    def provenance(self) -> Mapping[str, Any]:
        """Return files with checksums, and what was chosen; ``oracle`` where a reward may have steered a proposal."""
        steered = self.leaky and any(source["reward_seen"] for source in self.sources)
        return {
            "prior": "recorded",
            "context": self.context,
            **({"turns": self.turns} if self.context == "pool" else {}),
            "submit": self.submit,
            "peeks": "keep" if self.peeks else "drop",
            "leaky": self.leaky,
            **({"trust": dict(self.trust)} if self.trust else {}),
            "oracle": steered,
            "files": list(self.sources),
        }

    def _answer(self, state: State, k: int | None) -> ActionDistribution:
        here = self._recorded(state)
        typed = [action for action, _ in state.history]
        votes = list(self._after(here, typed) if self.context == "prefix" else self._pool(here, typed))
        answer = self._counted(state, votes, k)
        turns = [action for trajectory in here for action in self._turns(trajectory)]
        return answer if typed or not turns else replace(answer, unmatched=turns.count(None) / len(turns))

    def _recorded(self, state: State) -> tuple[Trajectory, ...]:
        task = state.task
        if state.actions is not None or task.domain not in LANGUAGES:
            raise PriorError(
                f"task {task.id!r} of {task.domain}: recorded commands are for {', '.join(LANGUAGES)} only"
            )
        here = self.trajectories.get((LANGUAGES[task.domain], task.goal))
        if here is None:
            what = "no recording" if self.leaky else "no recording free of rewards"
            names = ", ".join(str(source["file"]) for source in self.sources) or "these files"
            raise PriorError(f"task {task.id!r} of {task.domain}: {what} of the question {task.goal!r} in {names}")
        return here

    def _pool(self, trajectories: Iterable[Trajectory], typed: Sequence[Action]) -> Iterator[Vote]:
        if typed and self.submit:
            yield SUBMIT, SUBMIT, 1.0
            return
        for trajectory in trajectories:
            weight = self._weight(trajectory)
            commands = [(key, action) for key, action in self._commands(trajectory) if action not in (SUBMIT, SKIP)]
            if self.turns == "all":
                spelling = dict(reversed(commands))
                yield from ((key, spelling[key], weight) for key in dict.fromkeys(key for key, _ in commands))
            elif commands:
                yield *commands[0 if self.turns == "first" else -1], weight

    def _after(self, trajectories: Iterable[Trajectory], typed: Sequence[Action]) -> Iterator[Vote]:
        for trajectory in trajectories:
            commands = list(self._commands(trajectory))
            language = trajectory.source.language
            if [key for key, _ in commands[: len(typed)]] != [same(action, language) for action in typed]:
                continue
            if len(commands) > len(typed):
                yield *commands[len(typed)], self._weight(trajectory)
            elif commands and (self.leaky or not trajectory.source.reward_seen):
                yield SUBMIT, SUBMIT, self._weight(trajectory)

    def _weight(self, trajectory: Trajectory) -> float:
        return self.trust.get(trajectory.source.file, 1.0)

    def _commands(self, trajectory: Trajectory) -> Iterator[tuple[str, Action]]:
        """Yield key and text of what may be proposed, in the order it was."""
        language = trajectory.source.language
        for action in self._turns(trajectory):
            if action is not None and (self.peeks or not looks(action, language)):
                yield same(action, language), action

    def _turns(self, trajectory: Trajectory) -> tuple[str | None, ...]:
        return trajectory.actions if self.leaky else trajectory.free()

    def _counted(self, state: State, votes: Sequence[Vote], k: int | None) -> ActionDistribution:
        allowed = [vote for vote in votes if self.submit or vote[1] != SUBMIT]
        if not allowed and not self.submit:
            raise PriorError(f"task {state.task.id!r}: the recorded models propose no further command (submit=no)")
        weights: dict[str, float] = {}
        spelling: dict[str, Action] = {}
        for key, action, weight in allowed or [(SUBMIT, SUBMIT, 1.0)]:
            weights[key] = weights.get(key, 0.0) + weight
            spelling.setdefault(key, action)
        kept = sorted(weights.items(), key=lambda item: -item[1])[:k]
        actions = [spelling[key] for key, _ in kept]
        scores = [math.log(weight) for _, weight in kept]
        return ActionDistribution.normalised(actions, scores, method="sampled", usage=Usage(llm_calls=1))


def recorded_actions(spec: Spec) -> RecordedActions:
    """Build the prior of ``recorded:PATH`` for files of trajectories; raises ``InputError``."""
    check_options(spec, ("files", "trust", *OPTIONS))
    chosen = {key: _choice(key, spec.options) for key in OPTIONS}
    prefix = chosen["context"] == "prefix"
    if prefix and "turns" in spec.options:
        raise InputError("turns= chooses votes of context=pool; context=prefix goes turn by turn, leave turns= out")
    listed = _chosen(files(Path(spec.argument).expanduser()), spec.options.get("files"))
    leaky = chosen["leaky"] == "yes"
    by_question: dict[tuple[Language, str], list[Trajectory]] = {}
    sources = []
    for file in listed:
        found = read_file(file)
        sources.append(_source(file, found))
        for trajectory in found if leaky or Source.of(file).free_turns != 0 else ():
            by_question.setdefault((trajectory.source.language, trajectory.query), []).append(trajectory)
    if not by_question:
        steered = any(source["trajectories"] for source in sources)
        reason = "steered by rewards throughout; leaky=yes takes them" if steered else "empty"
        raise InputError(f"{spec.argument} holds no trajectories: {', '.join(file.name for file in listed)} {reason}")
    return RecordedActions(
        {key: tuple(found) for key, found in by_question.items()},
        tuple(sources),
        context=chosen["context"],
        turns=chosen["turns"],
        submit=chosen["submit"] == "yes",
        peeks=(prefix if "peeks" not in spec.options else chosen["peeks"] == "keep"),
        leaky=leaky,
        trust=_trust(listed, spec.options.get("files"), spec.options.get("trust")),
    )


def _choice(key: str, options: Mapping[str, str]) -> str:
    allowed = OPTIONS[key]
    value = options.get(key, allowed[0])
    if value not in allowed:
        raise InputError(f"{key}={value}{did_you_mean(value, allowed)}; allowed: {', '.join(allowed)}")
    return value


def _chosen(listed: list[Path], patterns: str | None) -> list[Path]:
    """Return the files whose name fits one of the patterns, all where none is given."""
    if patterns is None:
        return listed
    for pattern in patterns.split("+"):
        if not any(fnmatchcase(file.name, pattern) for file in listed):
            names = [file.name for file in listed]
            raise InputError(f"files={pattern} fits none of: {', '.join(names)}{did_you_mean(pattern, names)}")
    return [file for file in listed if any(fnmatchcase(file.name, pattern) for pattern in patterns.split("+"))]


def _trust(listed: Sequence[Path], patterns: str | None, weights: str | None) -> dict[str, float]:
    """Return the weight of each file: that of the first pattern its name fits."""
    if weights is None:
        return {}
    given, globs = weights.split("+"), (patterns or "").split("+")
    try:
        numbers = [float(weight) for weight in given]
    except ValueError:
        numbers = []
    if len(numbers) != len(globs) or not all(0 < number < math.inf for number in numbers):
        raise InputError(f"trust={weights}: needs a number above 0 for each pattern of files=, {len(globs)} in all")
    pairs = list(zip(globs, numbers, strict=True))
    return {
        Source.of(file).file: next(number for glob, number in pairs if fnmatchcase(file.name, glob)) for file in listed
    }


def _source(file: Path, found: Sequence[Trajectory]) -> dict[str, Any]:
    source = Source.of(file)
    return {
        "file": source.file,
        "sha256": sha256(file.read_bytes()).hexdigest(),
        "trajectories": len(found),
        "model": source.model,
        "protocol": source.protocol,
        "reward_seen": source.reward_seen,
        "free_turns": source.free_turns,
        "aligned": source.aligned,
    }


__all__ = ["OPTIONS", "RecordedActions", "recorded_actions"]
