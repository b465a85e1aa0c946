"""The learned value of an answer: logistic regression on :mod:`features`, cross-fitted, as a JSON file."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from slinvit.budget import Budget
from slinvit.errors import InputError
from slinvit.protocols import Prior, Simulator
from slinvit.registry import Spec
from slinvit.types import FloatArray, State
from value_estimators.intercode.agreement import Agreement
from value_estimators.intercode.features import Features, features, names
from value_estimators.intercode.turn import Turn, turns
from value_estimators.options import check_spec


@dataclass(frozen=True)
class Weights:
    """P(reward is 1) = sigmoid(bias + weights . features), in units of the features.

    Attributes:
        bias: of the log-odds, in nats.
        weights: by feature.
    """

    bias: float
    weights: Mapping[str, float]

    def probability(self, found: Features) -> float:
        """Return it, in [0, 1]."""
        log_odds = self.bias + sum(weight * found[name] for name, weight in self.weights.items())
        return float(1 / (1 + np.exp(-log_odds)))


@dataclass(frozen=True)
class AnswerValue:
    """Weights for everywhere, and for each place those that were learned without it.

    Attributes:
        domain: name of the world that it was trained in.
        everywhere: learned from all places; for a place that is not in ``folds``.
        without: learned without the places of a fold.
        folds: number of its fold by place (database, file system).
        card: how it was trained; JSON values.
    """

    domain: str
    everywhere: Weights
    without: tuple[Weights, ...]
    folds: Mapping[str, int]
    card: Mapping[str, Any]

    def weights(self, place: str) -> Weights:
        """Return the weights that have not seen ``place``."""
        return self.without[self.folds[place]] if place in self.folds else self.everywhere


@dataclass(frozen=True)
class LearnedAnswer:
    """Estimated probability that the last answer earns a reward of 1; in [0, 1].

    On tasks of a place that it was trained on it uses the weights learned without that place.
    """

    value: AnswerValue
    votes: Agreement
    name: ClassVar[str] = "learned-answer"
    oracle: ClassVar[bool] = False

    def estimate(self, states: Sequence[State], *, budget: Budget, rng: np.random.Generator) -> FloatArray:
        """Return ``[B]`` probabilities, 0 before the first command and for errors of SQL.

        Raises:
            InputError: a state of another world than the weights were learned in.
        """
        for state in states:
            if state.task.domain != self.value.domain:
                raise InputError(
                    f"task {state.task.id!r}: these weights were learned in {self.value.domain}, "
                    f"not in {state.task.domain}; train others with: slinvit train-answer-value {state.task.domain}"
                )
        found = turns(states, self.name)
        agreed = self.votes.shares([state.task for state in states], found).tolist()
        return np.array(
            [
                self.value.weights(str(state.task.metadata.get("place", ""))).probability(
                    features(turn, self.votes.mass(state.task, turn), share)
                )
                if judged(turn)
                else 0.0
                for state, turn, share in zip(states, found, agreed, strict=True)
            ],
            dtype=np.float64,
        )

    def provenance(self) -> Mapping[str, Any]:
        """Return what decides the values; JSON values."""
        digest = sha256(json.dumps(asdict(self.value), sort_keys=True).encode()).hexdigest()
        return {"weights_sha256": digest, "folds": len(self.value.without)}


def judged(turn: Turn) -> bool:
    """Say whether there is an answer to judge: an error of SQL never earns anything, one of Bash may."""
    return turn.answer is not None and (turn.answer.ok or not turn.sql)


def save(value: AnswerValue, path: Path) -> None:
    """Write ``value`` as JSON; raises ``InputError`` where that is not possible."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(value), indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror or error}") from error


def load(path: Path) -> AnswerValue:
    """Return the weights in ``path``.

    Raises:
        InputError: no weights there, or of other features.
    """
    hint = f"train them with: slinvit train-answer-value intercode-sql --out {path}"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        every, without = _weights(content["everywhere"]), tuple(map(_weights, content["without"]))
        folds = {str(place): int(number) for place, number in content["folds"].items()}
        value = AnswerValue(str(content["domain"]), every, without, folds, dict(content["card"]))
        if any(not 0 <= number < len(without) for number in folds.values()):
            raise ValueError("a place belongs to a fold that is not there")
        if any(set(each.weights) != set(names(value.domain)) for each in (every, *without)):
            raise ValueError(f"the features are not those of this version for {value.domain}")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path} holds no weights of a learned answer value: {error}; {hint}") from error
    return value


def _weights(content: Mapping[str, Any]) -> Weights:
    return Weights(float(content["bias"]), {str(name): float(weight) for name, weight in content["weights"].items()})


def learned_answer(spec: Spec, *, prior: Prior, simulator: Simulator) -> LearnedAnswer:
    """InterCode: learned from rewards on other databases or file systems; the argument is the file of weights."""
    check_spec(spec, argument=True)
    if not spec.argument:
        raise InputError("the value 'learned-answer' needs the file of its weights: learned-answer:FILE.json")
    return LearnedAnswer(load(Path(spec.argument)), Agreement(prior))
