"""One request over HTTP, by the openai client; every way in which it can fail becomes a :class:`RemoteError`."""

import json
from typing import TYPE_CHECKING, Any

from priors.remote.manners import OPENAI, Manners, is_loopback, key_name
from priors.remote.retry import RemoteError, is_passing, retry_after
from slinvit.errors import InputError

if TYPE_CHECKING:
    from openai import APIStatusError

SECRET_LENGTH = 6
"""A shorter key is no secret: people type `none` or `x` for servers without keys."""


class Client:
    """Sends JSON to one server.

    Args:
        base_url: as :func:`priors.remote.manners.backend` returns it.
        manners: timeout, and where the key is.

    Raises:
        InputError: OpenAI without a key, or a key that would travel unencrypted.
    """

    def __init__(self, base_url: str, manners: Manners) -> None:
        import os

        from openai import AsyncOpenAI

        name = key_name(manners, base_url)
        self._base_url, self._key = base_url, os.environ.get(name, "").strip()
        if not self._key and (base_url == OPENAI or manners.key_env):
            raise InputError(f"{base_url} needs an API key: set the environment variable {name}")
        if self._key and base_url.startswith("http:") and not is_loopback(base_url):
            raise InputError(f"{base_url} would get the key in {name} unencrypted; use https, or unset {name}")
        key = self._key or "none"
        self._client = AsyncOpenAI(
            base_url=base_url,
            api_key=key,
            default_headers={"Authorization": f"Bearer {key}"},
            max_retries=0,
            timeout=manners.timeout,
        )
        if base_url != OPENAI:
            # The client reads these from OPENAI_ORG_ID and OPENAI_PROJECT_ID; they are nobody else's business.
            self._client.organization = self._client.project = None

    async def send(self, path: str, body: dict[str, Any] | None, *, key: str) -> Any:
        """Return the JSON that came back; without ``body`` a GET.

        Args:
            path: below the base URL.
            body: JSON values.
            key: names the request, for servers that charge equal ones once.

        Raises:
            RemoteError: anything else came back, or nothing.
        """
        import openai

        try:
            if body is None:
                return await self._client.get(path, cast_to=object)
            headers = {"Idempotency-Key": key}
            return await self._client.post(path, cast_to=object, body=body, options={"headers": headers})
        except openai.APIStatusError as error:
            raise self._refused(error) from None
        except openai.APITimeoutError:
            raise RemoteError(f"{self._base_url}{path}: no answer in time", reason="timeout", passing=True) from None
        except openai.APIConnectionError as error:
            reason = self._clean(f"{type(error.__cause__ or error).__name__}: {error.__cause__ or error}")
            # Where no connection came about nothing was computed.
            free = "ConnectError" in reason
            raise RemoteError(
                f"{self._base_url}{path}: no connection: {reason}", reason=reason, passing=True, free=free
            ) from None
        except (json.JSONDecodeError, UnicodeDecodeError, openai.APIError) as error:
            reason = self._clean(f"an answer that is not JSON: {error}")
            raise RemoteError(f"{self._base_url}{path}: {reason}", reason=reason, passing=True) from None

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()

    def clean(self, text: str) -> str:
        """Return ``text`` without the key, whoever wrote it there."""
        return text.replace(self._key, "[key]") if len(self._key) >= SECRET_LENGTH else text

    def _clean(self, text: str) -> str:
        return " ".join(self.clean(text).split())[:300]

    def _refused(self, error: "APIStatusError") -> RemoteError:
        status, said = error.status_code, error.body
        message = said.get("message") if isinstance(said, dict) else None
        reason = self._clean(str(message or error.response.text or "no reason given"))
        return RemoteError(
            f"{self._base_url}: HTTP {status}: {reason}",
            status=status,
            reason=reason,
            passing=is_passing(status, said),
            free=status < 500,
            retry_after=retry_after(error.response.headers),
        )
