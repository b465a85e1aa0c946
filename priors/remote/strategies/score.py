"""``score``: prompt and candidates in one request, as `slinvit serve` answers it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from priors.remote.asking import Asking, Reading
from priors.remote.transport import Request
from slinvit.errors import PriorError
from slinvit.types import Action, FloatArray, Method


@dataclass(frozen=True)
class Score:
    """Exact log p(action | prompt), computed by the server over its own token tree.

    Attributes:
        model: name at the server.
    """

    model: str
    name: ClassVar[str] = "score"
    method: ClassVar[Method] = "exact"
    deterministic: ClassVar[bool] = True
    open_ended: ClassVar[bool] = False

    def read(self, request: Request, body: Any) -> FloatArray:
        """Return ``[K]`` log-probabilities in nats."""
        found = np.array(body["log_probs"], dtype=np.float64)
        if found.shape != (len(request.json()["candidates"]),) or not np.isfinite(found).all():
            raise PriorError("the scores are not one finite number per candidate")
        return found

    def ask(self, prompt: str, actions: Sequence[Action] | None, *, k: int | None, rng: np.random.Generator) -> Asking:
        """Return the conversation: one request."""
        assert actions is not None
        body = {"model": self.model, "prompt": prompt, "candidates": list(actions)}
        (scores,) = yield [Request.of("score", body)]
        return Reading(actions, scores)
