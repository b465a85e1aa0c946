"""The requests of one transport, all in one event loop: store, limits, retries, concurrency."""

import asyncio
import json
import math
import time
from collections.abc import Mapping, Sequence

from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt

from priors.remote.checks import problem, usage_of
from priors.remote.client import Client
from priors.remote.manners import Manners, is_loopback
from priors.remote.messages import PATHS, Answer, Check, Request
from priors.remote.prices import FREE, Price, load_prices, price_of, worst_case
from priors.remote.replay import missing
from priors.remote.retry import RemoteError, pause
from priors.remote.store import Permit, Store, Stored, Wait
from slinvit.errors import InputError, PriorError
from slinvit.types import Usage

REFUSALS = frozenset({400, 404, 405, 413, 422, 501})
"""Statuses that say what a server cannot do; they are kept, so that a replay is refused likewise."""


class Session:
    """Answers requests; made, used and closed in one event loop.

    Args:
        base_url: of the server.
        manners: see there.

    Raises:
        InputError: no usable key, or prices that cannot be read.
        RecordError: the store cannot be used.
    """

    def __init__(self, base_url: str, manners: Manners) -> None:
        self._base_url, self._manners = base_url, manners
        self._offline = manners.replay is not None
        self._prices = load_prices(manners.prices)
        self._client = None if self._offline else Client(base_url, manners)
        self._store = Store(manners.replay or manners.record, read_only=self._offline)
        self._slots = asyncio.Semaphore(manners.concurrency)
        self._quiet_until = 0.0

    async def complete(self, requests: Sequence[Request], check: Check | None) -> list[Answer | Exception]:
        """Return an answer, or why there is none, for each of ``requests``, which are all different.

        What has not been sent when one has failed for good is not sent any more.
        """
        broken: list[Exception] = []
        return await asyncio.gather(*(self._settled(request, check, broken) for request in requests))

    async def close(self) -> None:
        """Let connections and the store go."""
        if self._client is not None:
            await self._client.close()
        self._store.close()

    async def _settled(self, request: Request, check: Check | None, broken: list[Exception]) -> Answer | Exception:
        try:
            if self._offline:
                return self._replayed(request)
            return await self._persistently(request, check, broken)
        except _Abandoned:
            return broken[0]
        except Exception as error:
            broken.append(error)
            return error

    def _replayed(self, request: Request) -> Answer:
        backends = self._store.backends()
        # A file with one server's answers may be replayed under another address; with several it must be said which.
        backend = backends[0] if len(backends) == 1 else self._base_url
        stored = self._store.find(backend, request.key)
        if stored is None:
            raise missing(self._store, request, str(self._manners.replay))
        return self._unpacked(stored)

    async def _persistently(self, request: Request, check: Check | None, broken: list[Exception]) -> Answer:
        attempts = 0
        try:
            async for attempt in AsyncRetrying(
                retry=retry_if_exception(lambda error: isinstance(error, RemoteError) and self._worth(error)),
                stop=stop_after_attempt(self._manners.attempts),
                wait=pause(self._manners.pause),
                reraise=True,
            ):
                attempts = attempt.retry_state.attempt_number
                with attempt:
                    return await self._attempt(request, check, broken)
        except RemoteError as error:
            if attempts == 1:
                raise
            raise RemoteError(
                f"gave up after {attempts} attempts: {error}", status=error.status, reason=error.reason
            ) from None
        raise AssertionError("tenacity returns or raises")

    def _worth(self, error: RemoteError) -> bool:
        return error.passing and (error.retry_after or 0.0) <= self._manners.patience

    async def _attempt(self, request: Request, check: Check | None, broken: Sequence[Exception]) -> Answer:
        async with self._slots:
            if broken:
                raise _Abandoned
            permit = await self._permit(request)
            if isinstance(permit, Stored):
                return self._unpacked(permit)
            try:
                return self._kept(request, permit, await self._sent(request), check)
            except RemoteError as error:
                self._failed(request, permit, error)
                raise
            except BaseException:
                self._store.end(permit, "lost", free=False)
                raise

    async def _permit(self, request: Request) -> Permit | Stored:
        most = worst_case(request.json()) if request.endpoint != "models" else Usage()
        usd = self._price(request).usd(most)
        while True:
            quiet = self._quiet_until - time.monotonic()
            if quiet > 0:
                await asyncio.sleep(quiet)
            tokens = most.prompt_tokens + most.completion_tokens
            reply = self._store.begin(self._base_url, request.key, self._manners, tokens=tokens, usd=usd)
            if not isinstance(reply, Wait):
                return reply
            await asyncio.sleep(reply.seconds)

    async def _sent(self, request: Request) -> object:
        assert self._client is not None
        body = None if request.endpoint == "models" else request.json()
        return await self._client.send(PATHS[request.endpoint], body, key=request.key)

    def _kept(self, request: Request, permit: Permit, body: object, check: Check | None) -> Answer:
        """Return the answer, kept before anybody sees it; raises ``RemoteError`` for one that cannot be right."""
        assert self._client is not None
        wrong = problem(request.endpoint, request.json(), body)
        if wrong is None and check is not None:
            try:
                check(request, body)
            except PriorError as error:
                wrong = str(error)
        if wrong is not None or not isinstance(body, Mapping):
            reason = self._client.clean(f"an answer that cannot be right: {wrong}")
            raise RemoteError(f"{self._base_url}{PATHS[request.endpoint]}: {reason}", reason=reason, passing=True)
        usage, usd = self._used(request, body)
        text = self._client.clean(json.dumps(body, separators=(",", ":"), ensure_ascii=False))
        stored = Stored(
            request.endpoint, request.body, request.draw, text, 200, usage.prompt_tokens, usage.completion_tokens, usd
        )
        self._store.save(self._base_url, request.key, permit, stored)
        return Answer(text, usage, usd)

    def _failed(self, request: Request, permit: Permit, error: RemoteError) -> None:
        if error.retry_after is not None and self._worth(error):
            self._quiet_until = max(self._quiet_until, time.monotonic() + error.retry_after)
        if error.status in REFUSALS:
            refusal = json.dumps({"message": str(error), "reason": error.reason}, ensure_ascii=False)
            stored = Stored(request.endpoint, request.body, request.draw, refusal, error.status)
            self._store.save(self._base_url, request.key, permit, stored)
        else:
            self._store.end(permit, str(error.status or error.reason), free=error.free)

    def _unpacked(self, stored: Stored) -> Answer:
        if stored.status != 200:
            said = json.loads(stored.answer)
            raise RemoteError(said["message"], status=stored.status, reason=said["reason"])
        usage = Usage(1, prompt_tokens=stored.prompt_tokens, completion_tokens=stored.completion_tokens)
        return Answer(stored.answer, usage, stored.usd, from_store=True)

    def _used(self, request: Request, body: Mapping[str, object]) -> tuple[Usage, float]:
        found = usage_of(body)
        if found is not None:
            return found[0], self._price(request).usd(*found)
        if request.endpoint != "models" and (self._price(request) != FREE or self._manners.max_tokens < math.inf):
            raise PriorError(
                f"{self._base_url} does not say how many tokens it used, so its cost is not known; "
                "leave --max-usd and --max-tokens out, and give its model the price 0"
            )
        return Usage(1), 0.0

    def _price(self, request: Request) -> Price:
        """Return the price of the model asked: servers on this machine are free, unless the price table says more."""
        if request.endpoint == "models":
            return FREE
        model = str(request.json().get("model", ""))
        price = price_of(model, self._prices)
        local = is_loopback(self._base_url) and self._manners.prices is None
        if price is None and not local and self._manners.max_usd < math.inf:
            raise InputError(
                f"--max-usd needs the price of the model {model!r}, which is not known; give --prices FILE, YAML with "
                f"{model}: {{input: USD, output: USD}} per million tokens"
            )
        return FREE if local or price is None else price


class _Abandoned(Exception):
    """Raised where a request is not sent any more, because another one of its batch failed for good."""
