"""The HTTP side: paths, bodies, errors, clients that leave."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from concurrent.futures import Future
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from priors.serving import metrics
from priors.serving.bodies import Body, ChatBody, CompletionBody, ScoreBody, TokenizeBody, parse
from priors.serving.errors import Refused, error_body
from priors.serving.forwarding import Forwarder
from priors.serving.guard import Guard
from priors.serving.jobs import Jobs
from priors.serving.limits import Limits
from priors.serving.metrics import Metric
from priors.serving.served import Served
from priors.serving.worker import Job, Worker
from slinvit.errors import InputError, SlinvitError

logger = logging.getLogger(__name__)

B = TypeVar("B", bound=Body)

LEFT = 499
"""Status for a client that left; nobody reads it."""


class Server:
    """Answers requests about one model.

    Args:
        served: the model.
        limits: how much is taken on.
    """

    def __init__(self, served: Served, limits: Limits) -> None:
        self.served, self.limits = served, limits
        self.traffic = metrics.Traffic()
        self._forwarder = Forwarder(served, limits)
        self._worker = Worker(self._forwarder.answer, limits, time.perf_counter)
        self._held = 0

    def app(self, *, token: str | None = None, hosts: Collection[str] | None = None) -> Starlette:
        """Return the ASGI application; see :class:`Guard` for the arguments."""
        jobs = Jobs(self.served, self.limits)
        return Starlette(
            routes=[
                Route("/v1/score", self._post(ScoreBody, jobs.score), methods=["POST"]),
                Route("/v1/completions", self._post(CompletionBody, jobs.completions), methods=["POST"]),
                Route("/v1/chat/completions", self._post(ChatBody, jobs.chat), methods=["POST"]),
                Route("/tokenize", self._post(TokenizeBody, jobs.tokenize), methods=["POST"]),
                Route("/v1/models", self._models),
                Route("/v1/models/{name:path}", self._model),
                Route("/health", self._health),
                Route("/metrics", self._metrics),
            ],
            middleware=[Middleware(Guard, token=token, hosts=hosts)],
            exception_handlers={HTTPException: _http_error},  # type: ignore[dict-item]
            lifespan=self._lifespan,
        )

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        yield
        await asyncio.to_thread(self._worker.close)

    def _post(self, kind: type[B], job: Callable[[B], Job]) -> Callable[[Request], Any]:
        async def endpoint(request: Request) -> Response:
            start = time.perf_counter()
            status, content = await self._answered(request, kind, job)
            self.traffic.count(request.url.path, status, time.perf_counter() - start, content.get("usage"))
            headers = {"Retry-After": "1"} if status in (429, 503) else {}
            return JSONResponse(content, status, headers)

        return endpoint

    async def _answered(self, request: Request, kind: type[B], job: Callable[[B], Job]) -> tuple[int, dict[str, Any]]:
        """Return status and JSON values, whatever happens."""
        size = 0
        try:
            size = self._hold(request)
            body = await self._read(request)
            return 200, await _unless_left(request, self._worker.submit(job(parse(kind, body))))
        except Refused as error:
            return error.status, error_body(str(error), status=error.status, param=error.param, code=error.code)
        except InputError as error:
            return 400, error_body(str(error), status=400)
        except SlinvitError as error:
            # Asked again the model would answer the same, so it must not look like a failure that may pass.
            return 422, error_body(str(error), status=422)
        except ClientDisconnect:
            return LEFT, error_body("the client left", status=LEFT)
        except Exception:
            logger.exception("a request to %s failed", request.url.path)
            return 500, error_body("the server failed; its log says why", status=500)
        finally:
            self._held -= size

    def _hold(self, request: Request) -> int:
        """Reserve the memory of a body, and return how much; raises ``Refused`` for too much."""
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            # Web pages may send other types anywhere without asking first.
            raise Refused("send JSON, with the header Content-Type: application/json", status=415)
        stated = request.headers.get("content-length", "")
        size = int(stated) if stated.isdecimal() else self.limits.body_bytes
        if size > self.limits.body_bytes:
            raise Refused(f"the body has {size} bytes, at most {self.limits.body_bytes} are taken", status=413)
        if self._held + size > self.limits.held_bytes:
            raise Refused("too many bytes of requests are waiting; come back later", status=429)
        self._held += size
        return size

    async def _read(self, request: Request) -> bytes:
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > self.limits.body_bytes:
                raise Refused(f"the body has more than {self.limits.body_bytes} bytes", status=413)
        return bytes(body)

    async def _models(self, _: Request) -> Response:
        return JSONResponse({"object": "list", "data": [self._card()]})

    async def _model(self, request: Request) -> Response:
        try:
            self.served.check_model(request.path_params["name"])
        except Refused as error:
            return JSONResponse(error_body(str(error), status=404, param="model", code=error.code), 404)
        return JSONResponse(self._card())

    def _card(self) -> Mapping[str, Any]:
        served = self.served
        return {
            "id": served.name,
            "object": "model",
            "created": served.created,
            "owned_by": "slinvit",
            "max_model_len": served.longest,
            "vocabulary": served.vocabulary,
            "terminator": served.scorer.terminator,
            "chat": served.has_chat,
            "scored_as_chat": served.scorer.chat,
            "method": served.scorer.recipe.method,
            "origin": dict(served.origin),
        }

    async def _health(self, _: Request) -> Response:
        return JSONResponse({"status": "ok", "model": self.served.name, "waiting": self._worker.unfinished})

    async def _metrics(self, _: Request) -> Response:
        tally = self._worker.tally
        found = [
            *metrics.traffic_metrics(self.traffic),
            Metric("tokens_forwarded_total", "counter", "Tokens computed.", {"": self._forwarder.forwarded}),
            Metric("rounds_total", "counter", "Times the model was used.", {"": tally.rounds}),
            Metric("asks_total", "counter", "Asks answered in these rounds.", {"": tally.merged}),
            Metric("round_asks_max", "gauge", "Most asks in one round.", {"": tally.largest}),
            Metric("model_seconds_total", "counter", "Time in these rounds.", {"": tally.seconds}),
            Metric("dropped_total", "counter", "Requests whose clients left.", {"": tally.dropped}),
            Metric("waiting", "gauge", "Requests waiting or under way.", {"": self._worker.unfinished}),
            Metric("process_resident_memory_bytes", "gauge", "Memory held.", {"": metrics.resident_bytes()}),
        ]
        return PlainTextResponse(metrics.text(found), media_type="text/plain; version=0.0.4")


async def _unless_left(request: Request, future: "Future[dict[str, Any]]") -> dict[str, Any]:
    """Return the answer; where the client leaves first, drop its job and raise ``ClientDisconnect``."""
    answer = asyncio.wrap_future(future)
    leaving = asyncio.create_task(_left(request))
    both: set[asyncio.Future[Any]] = {answer, leaving}
    try:
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        if not answer.done():
            raise ClientDisconnect
        return answer.result()
    finally:
        leaving.cancel()
        answer.cancel()


async def _left(request: Request) -> None:
    # The body has been read, so the next thing that can come is the end of the connection.
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _http_error(_: Request, error: HTTPException) -> Response:
    message = {404: "there is no such path", 405: "this path takes another method"}.get(error.status_code)
    return JSONResponse(
        error_body(message or str(error.detail), status=error.status_code), error.status_code, error.headers
    )
