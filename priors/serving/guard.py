"""Who may ask: a token, and for servers on this machine only names of this machine."""

import hashlib
import hmac
from collections.abc import Collection

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from priors.serving.errors import error_body

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
OPEN = frozenset({"/health"})


class Guard:
    """Middleware that lets through who may ask.

    Args:
        app: what is guarded.
        token: that requests must bear; ``None``: nobody needs one.
        hosts: names under which the server may be called; ``None``: any. On a loopback address this keeps out web
            pages that have their own name resolve to it.
    """

    def __init__(self, app: ASGIApp, token: str | None = None, hosts: Collection[str] | None = None) -> None:
        self._app, self._hosts = app, hosts
        self._digest = None if token is None else _digest(token)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with 401 or 421, or pass the request on."""
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            if self._hosts is not None and _host(headers.get("host", "")) not in self._hosts:
                message = "this server answers only to names of this machine: " + ", ".join(sorted(self._hosts))
                return await _refuse(message, 421, scope, receive, send)
            if self._digest is not None and scope["path"] not in OPEN and not self._may(headers):
                return await _refuse("a valid bearer token is needed", 401, scope, receive, send)
        return await self._app(scope, receive, send)

    def _may(self, headers: Headers) -> bool:
        kind, _, given = headers.get("authorization", "").partition(" ")
        assert self._digest is not None
        # Digests have one length, so that the time of the comparison tells nothing about the token.
        return hmac.compare_digest(self._digest, _digest(given.strip())) and kind.lower() == "bearer"


async def _refuse(message: str, status: int, scope: Scope, receive: Receive, send: Send) -> None:
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    await JSONResponse(error_body(message, status=status), status, headers)(scope, receive, send)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _host(header: str) -> str:
    if header.startswith("["):
        return header[1:].partition("]")[0]
    return header.partition(":")[0].lower()
