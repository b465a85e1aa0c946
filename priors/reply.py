"""What a model writes where any text may be typed, and the actions in it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from slinvit.errors import PriorError
from slinvit.types import Action, FloatArray


@dataclass(frozen=True)
class Reply:
    """The form of a reply that is more than an action in one line.

    Attributes:
        read: the action in a reply, ``None`` where there is none.
        same: spellings of one action have one such text; the spelling that came first stands for all.
        terminator: what ends it where a model continues the prompt.
        longest: most tokens that it takes.
        thoughts: the model thinks aloud in front of the action. Then log p(reply) is the joint one of thought and
            action, which favours short thoughts; actions are weighed by how often they were drawn instead, an estimate
            of p(action | prompt), the sum over all thoughts.
    """

    read: Callable[[str], Action | None]
    same: Callable[[Action], str] = str
    terminator: str = "\n"
    longest: int = 256
    thoughts: bool = False

    def key(self, text: str) -> str | None:
        """Return what replies with the same action have in common, ``None`` for a reply without one."""
        action = self.read(text)
        return None if action is None else self.same(action)


@dataclass(frozen=True, eq=False)
class Actions:
    """The actions in several replies.

    Attributes:
        actions: ``[A]`` distinct, at least one; at most as many as asked for.
        log_weights: ``[A]`` in nats, of all replies that hold the action together; not normalised.
        unmatched: share of the replies that hold none, 0 to 1.
    """

    actions: tuple[Action, ...]
    log_weights: FloatArray
    unmatched: float


def read_actions(
    reply: Reply,
    texts: Sequence[str],
    log_weights: FloatArray,
    counts: npt.NDArray[np.float64] | npt.NDArray[np.int64],
    k: int | None = None,
) -> Actions:
    """Return what ``texts`` hold: replies with the same action add up.

    Args:
        reply: their form.
        texts: ``[N]`` distinct replies.
        log_weights: ``[N]`` in nats.
        counts: ``[N]`` how often each was written; or shares.
        k: keep the heaviest only.

    Raises:
        PriorError: no reply holds an action.
    """
    keys = [reply.key(text) for text in texts]
    places = {key: [i for i, each in enumerate(keys) if each == key] for key in keys if key is not None}
    if not places:
        shown = " ".join(texts[0].split())[:80]
        raise PriorError(f"none of {len(texts)} different replies holds a command; the model wrote {shown!r}")
    actions = [str(reply.read(texts[at[0]])) for at in places.values()]
    nats = np.array([np.logaddexp.reduce(log_weights[at]) for at in places.values()])
    kept = sorted(np.argsort(-nats, kind="stable")[:k].tolist())
    without = sum(float(count) for key, count in zip(keys, counts, strict=True) if key is None)
    return Actions(tuple(actions[i] for i in kept), nats[kept], without / float(np.sum(counts)))


__all__ = ["Actions", "Reply", "read_actions"]
