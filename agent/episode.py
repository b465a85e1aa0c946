"""What an episode leaves behind, and its form on disk: one JSON object per line.

Numbers that JSON cannot hold are written as the texts ``inf``, ``-inf`` and ``nan``. The nodes of a tree are written
column by column, which halves the size of a record.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, TypeAlias

from slinvit.budget import Ledger
from slinvit.errors import RecordError
from slinvit.tree import Node, SearchTree, StoppedBy
from slinvit.types import Action, ActionDistribution, Method

SCHEMA = 1
"""Version of the record; a reader refuses any other."""

EpisodeStop: TypeAlias = Literal["solved", "terminal", "horizon", "budget", "no-plan"]
"""Why an episode ended.

``solved``: the goal holds; ``terminal``: the world ended the episode otherwise; ``horizon``: no steps are left;
``budget``: a limit was reached and all plans made so far were executed; ``no-plan``: the planner had nothing to offer.
"""


@dataclass(frozen=True, slots=True)
class Proposals:
    """What the prior said in one state.

    Attributes:
        actions: ``[A]``.
        log_probs: ``[A]`` in nats.
        method: how they were obtained.
        unmatched: share of the model's answers that named none of the actions.
    """

    actions: tuple[Action, ...]
    log_probs: tuple[float, ...]
    method: Method
    unmatched: float = 0.0

    @classmethod
    def of(cls, distribution: ActionDistribution) -> "Proposals":
        """Return the record of ``distribution``."""
        log_probs = tuple(map(float, distribution.log_probs))
        return cls(distribution.actions, log_probs, distribution.method, distribution.unmatched)


@dataclass(frozen=True, slots=True)
class Step:
    """One executed action with what the live world answered.

    Attributes:
        reward: in units of undiscounted return.
        valid: whether the world accepted the action.
        details: what the world says to records only; JSON values.
    """

    action: Action
    observation: str
    reward: float
    valid: bool
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Decision:
    """One call of the planner and what became of it.

    Attributes:
        observation: the state that was planned from, in words.
        prior: the prior in that state, where the planner asked it.
        path: all actions towards the chosen node.
        target: index of that node in ``tree``.
        score: its score, in units of return.
        stopped_by: why the search ended.
        tree: everything that was looked at.
        steps: what was executed, at most ``path``.
        surprised: the world answered otherwise than the simulator had, and the rest of the path was dropped.
        ledger: spent on this decision.
    """

    observation: str
    prior: Proposals | None
    path: tuple[Action, ...]
    target: int
    score: float
    stopped_by: StoppedBy
    tree: SearchTree
    steps: tuple[Step, ...]
    surprised: bool
    ledger: Ledger


@dataclass(frozen=True, slots=True)
class Episode:
    """One task, attempted once.

    Attributes:
        task: id of the task.
        domain: name of the environment.
        goal: in words.
        horizon: most steps allowed.
        seed: of the run.
        start: the first observation.
        decisions: in order.
        stopped_by: why it ended.
        ledger: spent on the whole episode.
        report: what only reports may know about the task, for example the optimal length; JSON values.
    """

    task: str
    domain: str
    goal: str
    horizon: int
    seed: int
    start: str
    decisions: tuple[Decision, ...]
    stopped_by: EpisodeStop
    ledger: Ledger
    report: Mapping[str, Any] = field(default_factory=dict)

    @property
    def solved(self) -> bool:
        """Whether the goal held at the end."""
        return self.stopped_by == "solved"

    @property
    def steps(self) -> tuple[Step, ...]:
        """All executed steps."""
        return tuple(step for decision in self.decisions for step in decision.steps)

    @property
    def reward(self) -> float:
        """Undiscounted return."""
        return math.fsum(step.reward for step in self.steps)


@dataclass(frozen=True, slots=True)
class Failure:
    """An episode that failed to run: it has no score, and is tried again when the run is resumed."""

    task: str
    error: str


Record: TypeAlias = Episode | Failure


def encode(record: Record) -> str:
    """Return ``record`` as one line of JSON, without the line end."""
    if isinstance(record, Failure):
        return json.dumps({"schema": SCHEMA, "task": record.task, "error": record.error}, ensure_ascii=False)
    content = {"schema": SCHEMA, **_shallow(record), "ledger": asdict(record.ledger), "report": dict(record.report)}
    content["decisions"] = [_encode_decision(decision) for decision in record.decisions]
    return json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def decode(line: str) -> Record:
    """Return the record that :func:`encode` wrote.

    Raises:
        RecordError: not a record, or one of another schema.
    """
    try:
        content = json.loads(line)
        check_schema(content)
        if "error" in content:
            return Failure(content["task"], content["error"])
        content["decisions"] = tuple(map(_decode_decision, content["decisions"]))
        content["ledger"] = Ledger(**content["ledger"])
        return Episode(**content)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RecordError(f"not an episode record: {type(error).__name__}: {error}") from error


def json_number(value: Any) -> Any:
    """Return ``value``, or its text where it is a number that JSON cannot hold; ``float`` reads both."""
    return str(float(value)) if isinstance(value, float) and not math.isfinite(value) else value


def check_schema(content: dict[str, Any]) -> None:
    """Take ``schema`` out of ``content``; raises ``RecordError`` where it is not the one this version writes."""
    schema = content.pop("schema", None)
    if schema != SCHEMA:
        raise RecordError(f"the record has schema {schema}, this version reads {SCHEMA}; choose another --out folder")


def _encode_decision(decision: Decision) -> dict[str, Any]:
    prior = decision.prior
    return {
        **_shallow(decision),
        "prior": prior and {**_shallow(prior), "log_probs": [json_number(value) for value in prior.log_probs]},
        "score": json_number(decision.score),
        "tree": {
            each.name: [json_number(getattr(node, each.name)) for node in decision.tree.nodes] for each in fields(Node)
        },
        "steps": [_encode_step(step) for step in decision.steps],
        "ledger": asdict(decision.ledger),
    }


def _encode_step(step: Step) -> dict[str, Any]:
    content = {**_shallow(step), "reward": json_number(step.reward)}
    details = content.pop("details")
    return {**content, "details": dict(details)} if details else content


def _decode_decision(content: dict[str, Any]) -> Decision:
    prior, columns = content["prior"], content["tree"]
    for name in ("log_prob", "reward", "value", "score"):
        columns[name] = [None if value is None else float(value) for value in columns[name]]
    rows = zip(*(columns[each.name] for each in fields(Node)), strict=True)
    return Decision(
        **{
            **content,
            "prior": prior
            and Proposals(
                tuple(prior["actions"]),
                tuple(map(float, prior["log_probs"])),
                prior["method"],
                prior.get("unmatched", 0.0),  # records of the first version have none
            ),
            "path": tuple(content["path"]),
            "score": float(content["score"]),
            "tree": SearchTree(tuple(Node(*row) for row in rows)),
            "steps": tuple(Step(**{**step, "reward": float(step["reward"])}) for step in content["steps"]),
            "ledger": Ledger(**content["ledger"]),
        }
    )


def _shallow(record: Any) -> dict[str, Any]:
    return {each.name: getattr(record, each.name) for each in fields(record)}
