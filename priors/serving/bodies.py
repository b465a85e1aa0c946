"""What clients may send. What is not known is refused, not ignored: an option without effect is a wrong answer."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from priors.serving.errors import Refused
from slinvit.errors import did_you_mean

MOST_LOGPROBS = 1_000_000
"""More than any vocabulary."""

Ids: TypeAlias = list[int]
Stop: TypeAlias = Annotated[list[Annotated[str, Field(min_length=1)]], Field(max_length=16)]


class Body(BaseModel):
    """What every request may have."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    model: str | None = None
    user: str | None = None


class Sampled(Body):
    """How text is drawn; see :class:`priors.sampling.Sampling`.

    Penalties, ``best_of`` and ``stream`` are known by name so that their refusal can say so.
    """

    n: Annotated[int, Field(ge=1, le=128)] = 1
    temperature: Annotated[float, Field(ge=0, le=10)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    seed: int | None = None
    stop: Annotated[str, Field(min_length=1)] | Stop | None = None
    logit_bias: dict[str, Annotated[float, Field(ge=-100, le=100)]] | None = None
    return_tokens_as_token_ids: bool | None = None
    logprob_token_ids: Annotated[Ids, Field(max_length=10_000)] | None = None
    stream: Literal[False] | None = None
    presence_penalty: Annotated[float, Field(ge=0, le=0)] | None = None
    frequency_penalty: Annotated[float, Field(ge=0, le=0)] | None = None

    @property
    def stops(self) -> list[str]:
        """Texts that end what is written."""
        return [self.stop] if isinstance(self.stop, str) else self.stop or []


class CompletionBody(Sampled):
    """Of ``/v1/completions``."""

    prompt: str | Ids | list[str] | list[Ids]
    max_tokens: Annotated[int, Field(ge=0)] = 16
    echo: bool = False
    logprobs: Annotated[int, Field(ge=0, le=MOST_LOGPROBS)] | None = None
    best_of: Literal[1] | None = None
    suffix: Literal[""] | None = None

    def prompts(self) -> list[str | Ids]:
        """Return all prompts."""
        prompt: Any = self.prompt
        return [prompt] if isinstance(prompt, str) or (prompt and isinstance(prompt[0], int)) else prompt


class Part(BaseModel):
    """A piece of a message."""

    model_config = ConfigDict(extra="forbid", strict=True)

    type: Literal["text"]
    text: str


class Message(BaseModel):
    """A turn of a conversation."""

    model_config = ConfigDict(extra="forbid", strict=True)

    role: str
    content: str | list[Part]
    name: str | None = None

    def plain(self) -> Mapping[str, str]:
        """Return role and text."""
        text = self.content if isinstance(self.content, str) else "".join(part.text for part in self.content)
        return {"role": self.role, "content": text}


class ChatBody(Sampled):
    """Of ``/v1/chat/completions``."""

    messages: Annotated[list[Message], Field(min_length=1)]
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Field(ge=0, le=MOST_LOGPROBS)] | None = None


class ScoreBody(Body):
    """Of ``/v1/score``."""

    prompt: str
    candidates: Annotated[list[str], Field(min_length=1)]
    terminator: str | None = None


class TokenizeBody(Body):
    """Of ``/tokenize``."""

    prompt: str
    add_special_tokens: bool = True


B = TypeVar("B", bound=Body)

_SAID = {
    "prompt": "must be a text, a list of texts, a list of token ids, or a list of lists of token ids",
    "stream": "streaming is not offered; leave it out",
    "presence_penalty": "penalties are not offered; leave it out or send 0",
    "frequency_penalty": "penalties are not offered; leave it out or send 0",
    "best_of": "is not offered; leave it out or send 1, and use n",
    "suffix": "is not offered; leave it out",
}


def parse(kind: type[B], body: bytes) -> B:
    """Return the request in ``body``; raises ``Refused`` naming the first field that is wrong."""
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        raise _refusal(kind, first["type"], first["loc"], first["msg"]) from None


def _refusal(kind: type[Body], problem: str, place: tuple[int | str, ...], said: str) -> Refused:
    if not place:
        return Refused(f"the body must be a JSON object: {said}")
    name = str(place[0])
    if problem == "extra_forbidden" and len(place) == 1:
        known = sorted(kind.model_fields)
        message = f"this server does not know the field {name!r}{did_you_mean(name, known)}; known: {', '.join(known)}"
        return Refused(message, param=name, code="unknown_parameter")
    if problem == "missing" and len(place) == 1:
        return Refused(f"the field {name!r} is missing", param=name)
    said = said[:1].lower() + said[1:]
    return Refused(f"{'.'.join(map(str, place))}: {_SAID.get(name, said)}", param=name)
