"""Requests to a remote model, and answers: batch in, batch out, synchronous outside, concurrent inside.

Everything that is bad manners or bad luck stays behind this: retries, rate limits, timeouts, prices, hard limits, the
store that keeps every answer. Whoever asks builds :class:`Request` and reads :class:`Answer`, both plain data.
"""

import weakref
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from priors.remote.loop import Loop
from priors.remote.manners import Manners
from priors.remote.messages import PATHS, Answer, Check, Completer, Endpoint, Request, canonical
from priors.remote.retry import RemoteError
from slinvit.budget import Budget

if TYPE_CHECKING:
    from priors.remote.session import Session


class Transport:
    """A :class:`Completer` over HTTP. It opens when it is first asked, and pickles closed.

    Args:
        base_url: of the server, as :func:`priors.remote.manners.backend` returns it.
        manners: how it is asked.
    """

    def __init__(self, base_url: str, manners: Manners | None = None) -> None:
        self.base_url, self.manners = base_url, manners or Manners()
        self._opened: tuple[Loop, Session] | None = None
        self._close: weakref.finalize[..., Any] | None = None

    def complete(self, requests: Sequence[Request], *, budget: Budget, check: Check | None = None) -> list[Answer]:
        """Return one answer per request; see :meth:`Completer.complete`."""
        if not requests:
            return []
        loop, session = self._open()
        different = list(dict.fromkeys(requests))
        replies = dict(zip(different, loop.run(session.complete(different, check)), strict=True))
        answers = [replies[request] for request in requests]
        arrived = [answer for answer in answers if isinstance(answer, Answer)]
        budget.charge(
            prompt_tokens=sum(answer.usage.prompt_tokens for answer in arrived),
            completion_tokens=sum(answer.usage.completion_tokens for answer in arrived),
            usd=sum(answer.usd for answer in arrived),
        )
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
        return arrived

    def close(self) -> None:
        """Close connections and store; asked again, it opens again."""
        if self._close is not None:
            self._close()
        self._opened = self._close = None

    def __enter__(self) -> "Transport":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __getstate__(self) -> tuple[str, Manners]:
        return self.base_url, self.manners

    def __setstate__(self, state: tuple[str, Manners]) -> None:
        self.__init__(*state)  # type: ignore[misc]

    def _open(self) -> "tuple[Loop, Session]":
        if self._opened is None:
            loop = Loop()
            try:
                session = loop.run(_made(self.base_url, self.manners))
            except BaseException:
                loop.close()
                raise
            self._opened = loop, session
            self._close = weakref.finalize(self, _closed, loop, session)
        return self._opened


async def _made(base_url: str, manners: Manners) -> "Session":
    # Imported late: the openai client takes a second that `slinvit --help` does not have.
    from priors.remote.session import Session

    return Session(base_url, manners)


def _closed(loop: Loop, session: "Session") -> None:
    loop.run(session.close())
    loop.close()


__all__ = [
    "PATHS",
    "Answer",
    "Check",
    "Completer",
    "Endpoint",
    "RemoteError",
    "Request",
    "Transport",
    "canonical",
]
