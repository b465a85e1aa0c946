"""A model that is spoken to: requests for text from either endpoint, and the text in the answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from priors.remote.text import Way
from priors.remote.transport import PATHS, Request
from slinvit.errors import PriorError


@dataclass(frozen=True)
class Speaker:
    """A model at one of the two endpoints that write.

    Attributes:
        model: name at the server.
        way: ``chat``, or ``completions`` for models without chat.
        limit_name: what the server calls the most tokens it may write.
    """

    model: str
    way: Way = "chat"
    limit_name: str = "max_tokens"

    @property
    def path(self) -> str:
        """Where the model is asked."""
        return f"/v1{PATHS[self.way]}"

    def request(self, text: str, tokens: int, *, draw: int = 0, **fields: Any) -> Request:
        """Return the request to go on from ``text`` in at most ``tokens``; fields of ``None`` are left out."""
        said: dict[str, Any] = {"prompt": text}
        if self.way == "chat":
            said = {"messages": [{"role": "user", "content": text}]}
        given = {key: value for key, value in fields.items() if value is not None}
        return Request.of(self.way, {"model": self.model, self.limit_name: tokens, **said, **given}, draw=draw)

    def logprobs(self, top: int) -> Mapping[str, Any]:
        """Return the fields that ask for the ``top`` most probable tokens."""
        return {"logprobs": top} if self.way == "completions" else {"logprobs": True, "top_logprobs": top}

    def texts(self, body: Any) -> list[str]:
        """Return what was written, without the thoughts of models that think; may be empty."""
        if self.way == "completions":
            return [str(choice["text"]) for choice in body["choices"]]
        written = [choice["message"].get("content") for choice in body["choices"]]
        if not all(each is None or isinstance(each, str) for each in written):
            raise PriorError("a message whose content is not text")
        return [(each or "").rpartition("</think>")[2].strip() for each in written]


__all__ = ["Speaker"]
