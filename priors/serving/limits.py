"""How much one server takes on."""

from dataclasses import dataclass, fields

from slinvit.errors import InputError


@dataclass(frozen=True)
class Limits:
    """Bounds that keep a server's memory and waiting times bounded, whoever asks.

    Attributes:
        body_bytes: largest request.
        held_bytes: most bytes of all requests waiting or under way.
        waiting: most requests waiting or under way; further ones are told to come back.
        batch_tokens: most tokens of different requests that are merged into one round, prompts included.
        request_tokens: most tokens of one request, prompts and candidates.
        new_tokens: most tokens written behind one prompt.
        sequences: most prompts times ``n`` of one request.
        top_entries: most entries of ``top_logprobs`` in one answer.
        logits_bytes: most bytes of logits held at once.

    Raises:
        InputError: a bound below 1.
    """

    body_bytes: int = 4 << 20
    held_bytes: int = 256 << 20
    waiting: int = 1024
    batch_tokens: int = 32_768
    request_tokens: int = 131_072
    new_tokens: int = 4096
    sequences: int = 256
    top_entries: int = 2_000_000
    logits_bytes: int = 512 << 20

    def __post_init__(self) -> None:
        for field in fields(self):
            if getattr(self, field.name) < 1:
                raise InputError(f"{field.name}={getattr(self, field.name)}: must be 1 or more")
