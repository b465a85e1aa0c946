"""A prior without a model: rules that turn the words of a question into SQL or shell commands.

It is the control beside language models, and what runs on a machine that has none. Its weights were chosen by eye; they
were not tuned on tasks.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from priors.intercode.guesses_bash import commands
from priors.intercode.guesses_schema import Schema, quoted, schema_of
from priors.intercode.guesses_sql import queries, table_scores
from priors.intercode.prompts import rewarded
from priors.simple import check_options
from slinvit.budget import Budget
from slinvit.errors import InputError, PriorError
from slinvit.registry import Spec
from slinvit.types import Action, ActionDistribution, State

SUBMIT = "submit"
KEEN = 3.0
"""Added to the score of submit behind a command that was executed: e^3 to 1 against an equally good further command."""

TABLES = 3
"""Most tables that are looked at before the first query."""

SHARPNESS = 2.0
"""Of the softmax over scores."""

_FAILED = ("Error executing query:", "Malformed command", "Command timed out")


@dataclass(frozen=True)
class Guesses:
    """Commands that rules make of the question and of what the episode has shown; deterministic, and free.

    SQL: the tables first, then the columns of those that the question seems to name, then queries. Bash: commands with
    the paths, patterns and numbers of the request. After a command that was executed, mostly ``submit``; where the
    world shows rewards, the next command, until one is 1.
    """

    deterministic: ClassVar[bool] = True

    def propose(
        self, states: Sequence[State], *, k: int | None = None, budget: Budget, rng: np.random.Generator
    ) -> list[ActionDistribution]:
        """Return up to ``k`` commands per state; raises ``PriorError`` for a state of another world."""
        return [_distribution(self._guesses(state), k) for state in states]

    def situation(self, state: State) -> Hashable:
        """Return what the answer depends on."""
        return state.task.domain, state.task.goal, state.task.metadata.get("start"), state.observation, state.history

    def provenance(self) -> Mapping[str, Any]:
        """Return that no model is behind this."""
        return {"model": None, "rules": "guesses"}

    def _guesses(self, state: State) -> dict[Action, float]:
        if state.actions is not None or state.task.domain not in _WORLDS:
            raise PriorError(f"task {state.task.id!r}: the prior guesses knows {', '.join(_WORLDS)} only")
        found = _WORLDS[state.task.domain](state)
        tried = {action for action, _ in state.history}
        fresh = {action: score for action, score in found.items() if action not in tried}
        if _answered(state) or not fresh:
            fresh[SUBMIT] = max(fresh.values(), default=0.0) + KEEN
        return fresh


def guesses(spec: Spec) -> Guesses:
    """Control without a model: rules from the words of a question to SQL and shell commands."""
    check_options(spec)
    if spec.argument:
        raise InputError(f"the prior guesses takes no argument, found {spec.argument!r}")
    return Guesses()


def _distribution(guesses: Mapping[Action, float], k: int | None) -> ActionDistribution:
    kept = sorted(guesses.items(), key=lambda pair: -pair[1])[:k]
    scores = [SHARPNESS * score for _, score in kept]
    return ActionDistribution.normalised([action for action, _ in kept], scores, method="scripted")


def _sql(state: State) -> dict[Action, float]:
    schema = schema_of(state)
    if not schema.listed:
        return {"SHOW TABLES": 0.0}
    if (looks := _looks(state.task.goal, schema)) and not _answered(state):
        return looks
    return {query.sql: query.score for query in queries(state.task.goal, schema)}


def _looks(question: str, schema: Schema) -> dict[Action, float]:
    """Return which tables to look at next: those that the question names, or any where it names none."""
    scores = dict(zip(schema.tables, table_scores(question, list(schema.tables)), strict=True))
    wanted = sorted(scores, key=lambda name: -scores[name])[:TABLES]
    named = [name for name in wanted if scores[name] > 0] or wanted
    unknown = [name for name in named if schema.tables[name] is None]
    return {f"DESCRIBE {quoted(name)}": scores[name] for name in unknown}


def _bash(state: State) -> dict[Action, float]:
    return dict(commands(state.task.goal))


def _answered(state: State) -> bool:
    """Say whether the newest command was executed, is more than a look at the tables, and got no low reward."""
    if not state.history:
        return False
    action, seen = state.history[-1]
    looked = state.task.domain == "intercode-sql" and action.upper().startswith(("SHOW", "DESC", "USE"))
    return not looked and not seen.startswith(_FAILED) and not rewarded(state)


_WORLDS: Mapping[str, Callable[[State], dict[Action, float]]] = {"intercode-sql": _sql, "intercode-bash": _bash}

__all__ = ["Guesses", "guesses"]
