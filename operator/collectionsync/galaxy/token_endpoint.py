"""The endpoint that gives access tokens for a refresh token (RFC 6749, section 6), as Keycloak has it.

The refresh token goes there and nowhere else: no redirect is followed, and plain HTTP is refused unless it was asked
for. Asked as ansible-galaxy and pulp_ansible ask it.
"""

import asyncio
import re
import time

import aiohttp
import msgspec

from collectionsync.galaxy.body import CHUNK_BYTES, Body
from collectionsync.galaxy.credentials import Grant
from collectionsync.galaxy.errors import (
    AuthenticationError,
    ContentError,
    GalaxyError,
    TokenUnavailableError,
    TransientError,
    shown,
)
from collectionsync.galaxy.observer import Observer
from collectionsync.galaxy.retry import RetryPolicy, parse_retry_after
from collectionsync.galaxy.route import Route
from collectionsync.galaxy.tokens import AccessToken, access_token

ANSWER_LIMIT_BYTES = 64 * 1024
# b64token (RFC 6750, section 2.1), and what some servers issue beyond it; nothing that could end a header.
_TOKEN = re.compile(r"[\x21-\x7e]+", re.ASCII)
# What a refusal may be named by (RFC 6749, section 5.2). Nothing else of it is shown: it may repeat the token.
_CLIENT = "it does not know who asks; check `client_id`"
_REQUEST = "it does not take the request; check `auth_url`, `token` and `client_id`"
_WHAT_TO_DO = {
    "invalid_grant": "the refresh token has expired or was revoked; get a new one, and put it into `token`",
    "invalid_client": _CLIENT,
    "unauthorized_client": _CLIENT,
    "invalid_request": _REQUEST,
    "unsupported_grant_type": _REQUEST,
    "invalid_scope": _REQUEST,
}


class _Answer(msgspec.Struct):
    access_token: str = ""
    token_type: str = "Bearer"  # noqa: S105 - a kind of token
    expires_in: object = None
    refresh_token: str | None = None


class _Refusal(msgspec.Struct):
    error: str = ""


class TokenEndpoint:
    """A token endpoint, and the refresh token that it takes."""

    def __init__(
        self, grant: Grant, *, route: Route, retry: RetryPolicy, observer: Observer, insecure: bool = False
    ) -> None:
        self._grant = grant
        self._refresh_token = grant.refresh_token
        self._route = route
        self._retry = retry
        self._observer = observer
        self._insecure = insecure

    async def ask(self) -> AccessToken:
        """Return a new access token.

        Raises:
            AuthenticationError: the endpoint refuses, or is none; asking again would bring the same.
            TokenUnavailableError: it did not answer as it should, after every retry.
            UntrustedError: its certificate does not verify.
        """
        url = self._grant.auth_url
        if url.scheme != "https" and not (url.scheme == "http" and self._insecure):
            raise self._unusable(f"{shown(url)} is not https, and a refresh token is sent to nothing else")
        attempt = 0
        while True:
            try:
                return await self._post()
            except ContentError as error:
                raise self._unusable(str(error)) from error
            except TransientError as error:
                attempt += 1
                if attempt >= self._retry.attempts:
                    raise TokenUnavailableError(f"no token for {self._route.origin}: {error}") from error
                pause = self._pause_after(error, attempt)
                self._observer.retried(error.reason)
                await asyncio.sleep(pause)

    def _pause_after(self, error: TransientError, attempt: int) -> float:
        try:
            return self._retry.pause_after(error, attempt)
        except TransientError as too_long:
            raise TokenUnavailableError(f"no token for {self._route.origin}: {too_long}") from error

    async def _post(self) -> AccessToken:
        grant, asked_at, code = self._grant, time.monotonic(), "error"
        form = {
            "grant_type": "refresh_token",
            "client_id": grant.client_id,
            "refresh_token": self._refresh_token,
        }
        options = self._route.options(grant.auth_url, {"Accept": "application/json"})
        self._observer.request_started()
        try:
            # A pool of its own, gone right after: there is no use for the connection in the next minutes.
            async with (
                self._route.session(1) as session,
                session.post(grant.auth_url, data=form, **options) as response,
            ):
                code = str(response.status)
                raw = await self._body(response)
        except (aiohttp.ClientError, OSError, UnicodeError) as error:
            raise self._route.failure(grant.auth_url, error) from error
        finally:
            self._observer.request_ended("token", code)
        if response.status != 200:
            raise self._refused(response, raw)
        return self._granted(raw, asked_at)

    async def _body(self, response: aiohttp.ClientResponse) -> bytes:
        body, data = Body(response, limit=ANSWER_LIMIT_BYTES), bytearray()
        while wire := await response.content.read(CHUNK_BYTES):
            self._observer.received(len(wire))
            for chunk in body.feed(wire):
                data += chunk
        body.end()
        return bytes(data)

    def _granted(self, raw: bytes, asked_at: float) -> AccessToken:
        said = shown(self._grant.auth_url)
        try:
            answer = msgspec.json.decode(raw, type=_Answer)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            # Not as the cause: it may hold a part of a token.
            raise self._unusable(f"{said} answered 200, but with no token") from None
        if answer.token_type.lower() != "bearer":
            raise self._unusable(f"{said} gives tokens of another type than Bearer")
        if not _TOKEN.fullmatch(answer.access_token):
            raise self._unusable(f"{said} answered 200, but with no token")
        # A server may replace the refresh token, and then takes the old one no more (RFC 6749, section 6).
        self._refresh_token = answer.refresh_token or self._refresh_token
        return access_token(answer.access_token, expires_in=answer.expires_in, asked_at=asked_at)

    def _refused(self, response: aiohttp.ClientResponse, raw: bytes) -> GalaxyError:
        status, proxy = response.status, self._route.proxy
        wait = parse_retry_after(response.headers.get("Retry-After"), now=time.time())
        if status == 407 and proxy is not None:
            return proxy.refusal(status, self._grant.auth_url, field=self._route.field)
        try:
            error = msgspec.json.decode(raw, type=_Refusal).error
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            error = ""
        said = f"{shown(self._grant.auth_url)} answered {status}{self._route.via}"
        if status in (400, 401, 403) and error in _WHAT_TO_DO:
            return AuthenticationError(
                f"{said} ({error}): {_WHAT_TO_DO[error]} in the Secret named in {self._route.field}.secretRef"
            )
        if status >= 500 or status in (403, 408, 425, 429):
            return TransientError(said, retry_after=wait)
        return self._unusable(f"{said}, and gave no token")

    def _unusable(self, problem: str) -> AuthenticationError:
        return AuthenticationError(
            f"{problem}; check `auth_url` and `token` in the Secret named in {self._route.field}.secretRef"
        )
