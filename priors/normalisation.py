"""What a sum of log-probabilities is set against before candidates compete.

The sum itself is log p(candidate | prompt), and the only one that is the log pi(a | s) of the KL theory. The others
favour longer candidates (``token``, ``char``) or those that the prompt makes likelier than they are anyway (``pmi``):
heuristics, to be compared with, not the policy of a model.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar, get_args

import numpy as np
import numpy.typing as npt

from slinvit.budget import Budget
from slinvit.errors import InputError, did_you_mean

if TYPE_CHECKING:
    from priors.generation import Proposals
    from priors.scoring import CandidateScorer, Scores

S = TypeVar("S", "Scores", "Proposals")

Kind: TypeAlias = Literal["sum", "token", "char", "pmi"]
KINDS: tuple[str, ...] = get_args(Kind)


@dataclass(frozen=True)
class Normalisation:
    """How candidates of different length are compared.

    Attributes:
        kind: ``sum``: nats; ``token``: nats per scored token, terminator included; ``char``: nats per character of the
            candidate; ``pmi``: nats minus those of the same candidate behind ``null``.
        null: the prompt that says nothing about the situation.

    Raises:
        InputError: an unknown kind, or ``pmi`` without a null prompt.
    """

    kind: Kind = "sum"
    null: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            close = did_you_mean(self.kind, KINDS)
            raise InputError(f"normalise={self.kind}: must be one of {', '.join(KINDS)}{close}")
        if self.kind == "pmi" and not self.null:
            raise InputError("normalise=pmi needs a null prompt; give one with null=TEXT")

    def apply(
        self,
        scorer: "CandidateScorer",
        prompts: Sequence[str],
        candidates: Sequence[Sequence[str]],
        scored: Sequence[S],
        *,
        budget: Budget,
    ) -> list[S]:
        """Return ``scored``, the sums of ``candidates[i]`` behind ``prompts[i]``, normalised.

        For ``pmi`` the null prompt is scored by the same model. That counts as tokens forwarded, but not as a call or
        prompt tokens: it is the same for all states.

        Raises:
            InputError: a candidate without characters under ``char``.
        """
        match self.kind:
            case "sum":
                return list(scored)
            case "token":
                return _divided(scored, scorer.lengths(prompts, candidates))
            case "char":
                return _divided(scored, list(map(_characters, candidates)))
            case "pmi":
                nulls = scorer.score([self.null] * len(prompts), candidates)
                budget.charge(tokens_forwarded=sum(null.usage.tokens_forwarded for null in nulls))
                return [_minus(score, null) for score, null in zip(scored, nulls, strict=True)]

    def provenance(self) -> Mapping[str, Any]:
        """Return what a record must say; nothing for the sum."""
        if self.kind == "sum":
            return {}
        return {"normalise": self.kind} | ({"null": self.null} if self.kind == "pmi" else {})


def _divided(scored: Sequence[S], lengths: Sequence[npt.NDArray[np.int64]]) -> list[S]:
    return [replace(score, log_probs=score.log_probs / length) for score, length in zip(scored, lengths, strict=True)]


def _minus(score: S, null: "Scores") -> S:
    forwarded = score.usage.tokens_forwarded + null.usage.tokens_forwarded
    return replace(
        score, log_probs=score.log_probs - null.log_probs, usage=replace(score.usage, tokens_forwarded=forwarded)
    )


def _characters(candidates: Sequence[str]) -> npt.NDArray[np.int64]:
    if "" in candidates:
        raise InputError("normalise=char: a candidate has no characters to divide by")
    return np.array([len(candidate) for candidate in candidates], np.int64)
