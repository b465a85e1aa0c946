"""The model that a server offers: a local prior, seen as tokens and text."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from priors.local import LocalPrior
from priors.scoring import CandidateScorer
from priors.serving.errors import Refused
from slinvit.errors import InputError, did_you_mean
from slinvit.protocols import Prior


@dataclass(frozen=True, eq=False)
class Served:
    """A model with a name.

    Attributes:
        name: what clients call it.
        scorer: scores candidates as the prior does: its chat template, its terminator.
        origin: what identifies the model.
        created: seconds since 1970.
    """

    name: str
    scorer: CandidateScorer
    origin: Mapping[str, Any] = field(default_factory=dict)
    created: int = field(default_factory=lambda: int(time.time()))

    @cached_property
    def raw(self) -> CandidateScorer:
        """Takes texts as they are: no chat template, no terminator."""
        if not self.scorer.chat and not self.scorer.terminator:
            return self.scorer
        return _with_same_memory(self.scorer, chat=False, terminator="")

    @property
    def tokenizer(self) -> Any:
        """Of the model."""
        return self.scorer.tokenizer

    @property
    def has_chat(self) -> bool:
        """Whether there is a chat template."""
        return bool(self.tokenizer.chat_template)

    @cached_property
    def vocabulary(self) -> int:
        """Number of logits."""
        return int(self.scorer.model.config.get_text_config().vocab_size)

    @cached_property
    def longest(self) -> int | None:
        """Most tokens of a text, ``None`` where the model does not say."""
        return self.scorer.longest

    @cached_property
    def front(self) -> int:
        """Number of special tokens that stand in front of every text."""
        return len(self.raw.encode("", [])[0])

    @cached_property
    def ends(self) -> frozenset[int]:
        """Tokens that end what the model writes."""
        known = getattr(self.scorer.model.generation_config, "eos_token_id", None)
        listed = [self.tokenizer.eos_token_id, *(known if isinstance(known, list) else [known])]
        if self.scorer.chat:
            listed += self.tokenizer(self.scorer.terminator, add_special_tokens=False)["input_ids"][:1]
        return frozenset(token for token in listed if token is not None)

    def ending(self, terminator: str | None) -> CandidateScorer:
        """Return the scorer with another terminator; ``None``: its own."""
        if terminator is None or terminator == self.scorer.terminator:
            return self.scorer
        return _with_same_memory(self.scorer, terminator=terminator)

    def chat_ids(self, messages: Sequence[Mapping[str, str]]) -> list[int]:
        """Return the tokens of a conversation up to where the answer begins; raises ``Refused``."""
        from jinja2 import TemplateError

        if not self.has_chat:
            raise Refused(
                f"the model {self.name!r} has no chat template; use /v1/completions, or start the server with "
                "--chat-template FILE"
            )
        try:
            text = self.tokenizer.apply_chat_template(
                [dict(message) for message in messages],
                add_generation_prompt=True,
                tokenize=False,
                enable_thinking=False,
            )
        except TemplateError as error:
            raise Refused(f"the chat template refuses these messages: {error}", param="messages") from error
        ids: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    def check_model(self, name: str | None) -> None:
        """Raise ``Refused`` for the name of another model; ``None`` means ours."""
        if name is not None and name != self.name:
            close = did_you_mean(name, [self.name])
            message = f"there is no model {name!r}{close}; this server has {self.name!r}"
            raise Refused(message, status=404, param="model", code="model_not_found")

    def check_ids(self, ids: Sequence[int], room: int) -> None:
        """Raise ``Refused`` for an empty or too long text, or ids that are no tokens, with ``room`` more to follow."""
        if not ids:
            raise Refused("the prompt has no tokens; this model needs at least one", param="prompt")
        wrong = next((token for token in ids if not 0 <= token < self.vocabulary), None)
        if wrong is not None:
            raise Refused(f"{wrong} is no token id, they are 0 to {self.vocabulary - 1}", param="prompt")
        if self.longest is not None and len(ids) + room > self.longest:
            message = (
                f"the model {self.name!r} reads at most {self.longest} tokens; {len(ids)} of the prompt and {room} "
                "to be written are more"
            )
            raise Refused(message, param="prompt", code="context_length_exceeded")


def served(prior: Prior, name: str | None = None) -> Served:
    """Return the model of ``prior``, ready to answer; its cache is its own, so ``prior`` may be used meanwhile.

    Args:
        prior: a local model with plain sums as scores.
        name: what clients call it; by default the prior's model, of a folder the last part.

    Raises:
        InputError: another kind of prior.
    """
    if not isinstance(prior, LocalPrior):
        raise InputError(
            f"a server offers a local model, bundled or hf:PATH_OR_ID; this prior is {type(prior).__name__}: what "
            "shapes a distribution (temperature, uniform, mask, ...) belongs to the prior of whoever asks"
        )
    if prior.normalisation.kind != "sum":
        raise InputError(
            f"a server gives plain sums of nats; normalise={prior.normalisation.kind} belongs to the prior of whoever "
            "asks"
        )
    origin = dict(prior.provenance())
    found = str(origin.get("model", prior.scorer.name))
    chosen = name or found.rstrip("/").rpartition("/")[2]
    offered = Served(chosen, prior.scorer.fresh(), {**origin, "model": chosen})
    _ = (
        offered.scorer.engine,
        offered.raw.encoder,
        offered.scorer.encoder,
    )  # what takes time is done before anybody asks
    return offered


def _with_same_memory(scorer: CandidateScorer, **changes: Any) -> CandidateScorer:
    other = replace(scorer, **changes)
    shared = {"recipe": scorer.recipe, "engine": scorer.engine}
    vars(other).update(shared if "chat" in changes else {**shared, "encoder": scorer.encoder})
    return other
