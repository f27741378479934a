"""HTTP to one source: paced, retried, classed and bounded. What the bytes mean is the client's business."""

import asyncio
import string
import time
from collections.abc import Mapping
from typing import NamedTuple, Protocol
from urllib.parse import quote

import aiohttp
from yarl import URL

from collectionsync.galaxy.body import CHUNK_BYTES, Body
from collectionsync.galaxy.credentials import Credentials
from collectionsync.galaxy.errors import (
    AuthenticationError,
    ContentError,
    GalaxyError,
    RateLimitedError,
    TokenUnavailableError,
    TransientError,
    refused,
    shown,
)
from collectionsync.galaxy.observer import Observer
from collectionsync.galaxy.pace import Pace
from collectionsync.galaxy.proxy import Proxy
from collectionsync.galaxy.retry import RetryPolicy, parse_retry_after
from collectionsync.galaxy.route import Route
from collectionsync.galaxy.tls import Trust, shrink_read_buffers
from collectionsync.galaxy.tokens import AccessTokens, StaleTokenError

MAX_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class Sink(Protocol):
    """Where a body goes. A body that breaks off starts again from `begin`."""

    async def begin(self, size: int | None) -> None:
        """Forget what came before; `size` is the announced number of decoded bytes, None if nobody knows."""

    def write(self, chunk: bytes) -> None:
        """Take the next bytes of the body."""


class Buffer:
    """A sink for bodies that are small by their limit."""

    def __init__(self) -> None:
        self.data = bytearray()

    async def begin(self, size: int | None) -> None:
        """Forget what came before."""
        self.data = bytearray()

    def write(self, chunk: bytes) -> None:
        """Take the next bytes."""
        self.data += chunk


class Got(NamedTuple):
    """Where a body came from, redirects followed, and the Content-Type that it came with, empty where it had none."""

    url: URL
    content_type: str


class _Wanted(NamedTuple):
    endpoint: str
    sink: Sink
    limit: int
    accept: str


class Transport:
    """A pool of connections to one source, for `async with`.

    `connections` bounds the open ones, each of which lasts until its body is in its sink: where sinks wait for each
    other, there have to be as many connections as callers. `insecure` allows plain HTTP; without it a redirect to HTTP
    is refused too. A try may take `total_seconds`, of which the source may be silent for `stall_seconds` at a time; a
    connection to it, TLS and a proxy's tunnel included, may take `connect_seconds`.

    `credentials`, `headers` and the client certificate of `ssl_context` are for the source's own origin: the one that
    the credentials are for, even where they are nobody's. `proxy` is for whatever is asked, wherever redirects lead,
    and its credentials are for it alone; one that is spoken to over TLS would be shown a client certificate, so the
    two exclude each other. `field` names the source in the manifest, for messages.
    """

    def __init__(
        self,
        *,
        credentials: Credentials,
        observer: Observer,
        ssl_context: Trust | None = None,
        insecure: bool = False,
        rate: float | None = None,
        connections: int = 20,
        retry: RetryPolicy | None = None,
        connect_seconds: float = 10.0,
        stall_seconds: float = 30.0,
        total_seconds: float = 900.0,
        headers: Mapping[str, str] | None = None,
        proxy: Proxy | None = None,
        field: str = "spec.source",
    ) -> None:
        self._credentials = credentials
        self._observer = observer
        self._insecure = insecure
        self._pace = Pace(rate)
        self._connections = connections
        # Not left to the pool: whoever waits there has had its turn, and a source that says 429 could not hold it back.
        self._free = asyncio.Semaphore(connections)
        self._retry = retry or RetryPolicy()
        self._route = Route(
            origin=credentials.origin,
            timeout=aiohttp.ClientTimeout(total=total_seconds, connect=connect_seconds, sock_read=stall_seconds),
            trust=ssl_context or Trust(),
            proxy=proxy,
            headers=headers or {},
            field=field,
        )
        self._tokens: AccessTokens | None = None

    async def __aenter__(self) -> "Transport":
        shrink_read_buffers()
        if (grant := self._credentials.grant) is not None:
            from collectionsync.galaxy.token_endpoint import TokenEndpoint

            endpoint = TokenEndpoint(
                grant, route=self._route, retry=self._retry, observer=self._observer, insecure=self._insecure
            )
            self._tokens = AccessTokens(endpoint.ask)
        self._session = self._route.session(self._connections)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._tokens is not None:
            await self._tokens.close()
        await self._session.close()

    async def get(self, endpoint: str, url: URL, sink: Sink, *, limit: int, accept: str = "application/json") -> Got:
        """Bring the body of `url` into `sink` and say where it came from, redirects followed.

        `endpoint` names the kind of request for metrics. A body of more than `limit` decoded bytes is refused. `accept`
        says which kinds of content are wanted (RFC 9110, section 12.5.1). The URL may be of any origin; a user name in
        it is left out.

        Raises:
            GalaxyError: by its class, what to do next; transient errors only after every retry.
        """
        url = url.with_user(None)
        self._admit(url)
        wanted = _Wanted(endpoint, sink, limit, accept)
        failed = throttled = renewed = 0
        while True:
            try:
                return await self._follow(url, wanted)
            except StaleTokenError:
                renewed += 1
                if renewed > 1:
                    raise
                self._observer.retried("TokenExpired")
            except RateLimitedError as error:
                throttled += 1
                if throttled >= self._retry.throttled_attempts:
                    raise
                self._pace.hold(self._pause_after(error, throttled))
            except TokenUnavailableError:
                raise
            except TransientError as error:
                failed += 1
                if failed >= self._retry.attempts:
                    raise
                await asyncio.sleep(self._pause_after(error, failed))

    def _pause_after(self, error: TransientError, attempt: int) -> float:
        pause = self._retry.pause_after(error, attempt)
        self._observer.retried(error.reason)
        return pause

    async def _follow(self, url: URL, wanted: _Wanted) -> Got:
        asked = url
        for _ in range(MAX_REDIRECTS + 1):
            answer = await self._exchange(url, wanted)
            if isinstance(answer, Got):
                return answer
            url = resolve(url, answer, reason="InvalidRedirect")
            self._admit(url)
        raise ContentError("TooManyRedirects", f"{shown(asked)} is still redirected after {MAX_REDIRECTS} redirects")

    def _admit(self, url: URL) -> None:
        if url.scheme == "https" or (url.scheme == "http" and self._insecure):
            return
        raise ContentError(
            "InsecureURL", f"{shown(url)} is not https; set {self._route.field}.insecure to allow plain HTTP"
        )

    async def _exchange(self, url: URL, wanted: _Wanted) -> Got | str:
        """Make one request; return where it redirects to, or what its body in the sink is."""
        async with self._free:
            # Not only after the turn: those who wait for the first token would all be let go in the moment it comes.
            await self._token_for(url)
            await self._pace.turn()
            token = await self._token_for(url)
            headers = {"Accept": wanted.accept, **self._credentials.headers(url)}
            if token is not None:
                headers["Authorization"] = f"Bearer {token}"
            code = "error"
            self._observer.request_started()
            try:
                async with self._session.get(url, **self._route.options(url, headers)) as response:
                    code = str(response.status)
                    self._settle(token, response)
                    if response.status in _REDIRECTS and (location := response.headers.get("Location")):
                        return location
                    if response.status != 200:
                        raise self._refusal(response)
                    await self._pour(response, wanted)
                    return Got(url, response.headers.get("Content-Type", ""))
            except (aiohttp.ClientError, OSError, UnicodeError) as error:
                raise self._route.failure(url, error) from error
            finally:
                self._observer.request_ended(wanted.endpoint, code)

    async def _token_for(self, url: URL) -> str | None:
        """Return the token that a request to `url` carries, if it carries one that has to be asked for."""
        if self._tokens is None or not self._credentials.are_for(url):
            return None
        return await self._tokens.current()

    def _settle(self, token: str | None, response: aiohttp.ClientResponse) -> None:
        """Take note of how the source took the token that the request carried."""
        if self._tokens is None or token is None:
            return
        if response.status != 401:
            self._tokens.accepted(token)
        elif self._tokens.rejected(token):
            raise StaleTokenError(str(self._refusal(response)))

    async def _pour(self, response: aiohttp.ClientResponse, wanted: _Wanted) -> None:
        body = Body(response, limit=wanted.limit)
        await wanted.sink.begin(body.size)
        while wire := await response.content.read(CHUNK_BYTES):
            self._observer.received(len(wire))
            for chunk in body.feed(wire):
                wanted.sink.write(chunk)
        body.end()

    def _refusal(self, response: aiohttp.ClientResponse) -> GalaxyError:
        wait = parse_retry_after(response.headers.get("Retry-After"), now=time.time())
        route, url = self._route, response.url
        if response.status == 407 and route.proxy is not None and url.scheme == "http":
            return route.proxy.refusal(407, url, field=route.field)
        # Whatever comes out of a tunnel is the source's own word.
        via = route.via if url.scheme == "http" else ""
        error = refused(response.status, url, retry_after=wait, field=route.field, via=via)
        if isinstance(error, AuthenticationError) and not self._credentials.are_for(url):
            # Other credentials would not be sent there either, so this one item fails and not the run.
            return TransientError(
                f"{shown(url)} answered 401, and credentials are only sent to {self._credentials.origin}; "
                f"if the source has moved, change {route.field}.url",
                reason="Forbidden",
            )
        if isinstance(error, AuthenticationError) and self._credentials.grant is not None:
            issuer = shown(self._credentials.grant.auth_url)
            return AuthenticationError(
                f"{shown(url)} answered 401 to a new token of {issuer}; check that the account may read there, and "
                f"`auth_url` and `token` in the Secret named in {route.field}.secretRef"
            )
        return error


def resolve(base: URL, reference: str, *, reason: str) -> URL:
    """Return where a reference on `base` leads (RFC 3986, section 5), every character as it was sent.

    Presigned queries must not be quoted again, so only what no URL can hold is. User names in it are left out, since
    whom credentials go to is not the source's to say.

    Raises:
        ContentError: it is no URL; with `reason`.
    """
    try:
        quoted = quote(reference, safe=string.punctuation, errors="surrogateescape")
        resolved = base.join(URL(quoted, encoded=True)).with_user(None)
        resolved.origin()
    except ValueError as error:
        raise ContentError(reason, f"{shown(base)} leads to {shown(reference)}, which is no URL") from error
    return resolved
