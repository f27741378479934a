"""HTTP to one source: paced, retried, classed and bounded. What the bytes mean is the client's business."""

import asyncio
import socket
import ssl
import string
import time
from typing import Protocol
from urllib.parse import quote

import aiohttp
from yarl import URL

import collectionsync
from collectionsync.galaxy.body import CHUNK_BYTES, Body
from collectionsync.galaxy.credentials import Credentials
from collectionsync.galaxy.errors import (
    AuthenticationError,
    ContentError,
    GalaxyError,
    RateLimitedError,
    TransientError,
    UntrustedError,
    refused,
    shown,
)
from collectionsync.galaxy.pace import Pace
from collectionsync.galaxy.retry import RetryPolicy, parse_retry_after
from collectionsync.galaxy.tls import shrink_read_buffers

MAX_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
# Autotuned receive buffers grow to megabytes per socket, and a memory cgroup is charged for them.
_RECEIVE_BUFFER_BYTES = 64 * 1024
_READ_BUFFER_BYTES = 16 * 1024
_CONNECT_SECONDS = 10.0


class Sink(Protocol):
    """Where a body goes. A body that breaks off starts again from `begin`."""

    async def begin(self, size: int | None) -> None:
        """Forget what came before; `size` is the announced number of decoded bytes, None if nobody knows."""

    def write(self, chunk: bytes) -> None:
        """Take the next bytes of the body."""


class Observer(Protocol):
    """Who is told what happens on the wire."""

    def request_started(self) -> None:
        """One more request is under way."""

    def request_ended(self, endpoint: str, code: str) -> None:
        """A request ended with this HTTP status, or with `error` where there was none."""

    def received(self, size: int) -> None:
        """So many bytes came over the wire."""

    def retried(self, reason: str) -> None:
        """A request will be repeated."""


class Transport:
    """A pool of connections to one source, for `async with`.

    `connections` bounds the open ones, each of which lasts until its body is in its sink: where sinks wait for each
    other, there have to be as many connections as callers. `insecure` allows plain HTTP; without it a redirect to HTTP
    is refused too. A try may take `total_seconds`, of which the source may be silent for `stall_seconds` at a time.
    """

    def __init__(
        self,
        *,
        credentials: Credentials,
        observer: Observer,
        ssl_context: ssl.SSLContext | None,
        insecure: bool = False,
        rate: float | None = None,
        connections: int = 20,
        retry: RetryPolicy | None = None,
        stall_seconds: float = 30.0,
        total_seconds: float = 900.0,
    ) -> None:
        self._credentials = credentials
        self._observer = observer
        self._ssl = ssl_context
        self._insecure = insecure
        self._pace = Pace(rate)
        self._connections = connections
        # Not left to the pool: whoever waits there has had its turn, and a source that says 429 could not hold it back.
        self._free = asyncio.Semaphore(connections)
        self._retry = retry or RetryPolicy()
        self._timeout = aiohttp.ClientTimeout(
            total=total_seconds, sock_connect=min(_CONNECT_SECONDS, stall_seconds), sock_read=stall_seconds
        )

    async def __aenter__(self) -> "Transport":
        shrink_read_buffers()
        connector = aiohttp.TCPConnector(
            limit=self._connections, ssl=self._ssl or True, socket_factory=_small_socket, keepalive_timeout=60
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            timeout=self._timeout,
            read_bufsize=_READ_BUFFER_BYTES,
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={
                "User-Agent": f"collectionsync/{collectionsync.__version__}",
                "Accept": "application/json",
                "Accept-Encoding": "gzip",
            },
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def get(self, endpoint: str, url: URL, sink: Sink, *, limit: int) -> URL:
        """Bring the body of `url` into `sink` and return the URL that it came from, redirects followed.

        `endpoint` names the kind of request for metrics. A body of more than `limit` decoded bytes is refused.

        Raises:
            GalaxyError: by its class, what to do next; transient errors only after every retry.
        """
        self._admit(url)
        failed = throttled = 0
        while True:
            try:
                return await self._follow(endpoint, url, sink, limit)
            except RateLimitedError as error:
                throttled += 1
                if throttled >= self._retry.throttled_attempts:
                    raise
                pause = self._pause_for(throttled, error)
                self._pace.hold(pause)
            except TransientError as error:
                failed += 1
                if failed >= self._retry.attempts:
                    raise
                await asyncio.sleep(self._pause_for(failed, error))

    def _pause_for(self, attempt: int, error: TransientError) -> float:
        if self._retry.is_too_long(error.retry_after):
            raise TransientError(
                f"{error} and asks to wait for {error.retry_after:.0f} s, which is longer than a run waits; "
                "run again later",
                reason=error.reason,
            ) from error
        self._observer.retried(error.reason)
        return self._retry.pause(attempt, error.retry_after)

    async def _follow(self, endpoint: str, url: URL, sink: Sink, limit: int) -> URL:
        asked = url
        for _ in range(MAX_REDIRECTS + 1):
            location = await self._exchange(endpoint, url, sink, limit)
            if location is None:
                return url
            url = resolve(url, location, reason="InvalidRedirect")
            self._admit(url)
        raise ContentError("TooManyRedirects", f"{shown(asked)} is still redirected after {MAX_REDIRECTS} redirects")

    def _admit(self, url: URL) -> None:
        if url.scheme == "https" or (url.scheme == "http" and self._insecure):
            return
        raise ContentError("InsecureURL", f"{shown(url)} is not https; set spec.source.insecure to allow plain HTTP")

    async def _exchange(self, endpoint: str, url: URL, sink: Sink, limit: int) -> str | None:
        """Make one request; return where it redirects to, or None when its body is in the sink."""
        async with self._free:
            await self._pace.turn()
            code = "error"
            self._observer.request_started()
            try:
                headers = self._credentials.headers(url)
                async with self._session.get(url, headers=headers, allow_redirects=False) as response:
                    code = str(response.status)
                    if response.status in _REDIRECTS and (location := response.headers.get("Location")):
                        return location
                    if response.status != 200:
                        raise self._refusal(response)
                    await self._pour(response, sink, limit)
                    return None
            except (aiohttp.ClientError, OSError, UnicodeError) as error:
                raise _failure(url, error) from error
            finally:
                self._observer.request_ended(endpoint, code)

    async def _pour(self, response: aiohttp.ClientResponse, sink: Sink, limit: int) -> None:
        body = Body(response, limit=limit)
        await sink.begin(body.size)
        while wire := await response.content.read(CHUNK_BYTES):
            self._observer.received(len(wire))
            for chunk in body.feed(wire):
                sink.write(chunk)
        body.end()

    def _refusal(self, response: aiohttp.ClientResponse) -> GalaxyError:
        wait = parse_retry_after(response.headers.get("Retry-After"), now=time.time())
        error = refused(response.status, response.url, retry_after=wait)
        if isinstance(error, AuthenticationError) and not self._credentials.are_for(response.url):
            # Other credentials would not be sent there either, so this one item fails and not the run.
            return TransientError(
                f"{shown(response.url)} answered 401, and credentials are only sent to {self._credentials.origin}; "
                "if the source has moved, change spec.source.url",
                reason="Forbidden",
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


def _failure(url: URL, error: Exception) -> GalaxyError:
    """Class a request that brought no answer, or only part of one."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError | ssl.SSLCertVerificationError):
        return UntrustedError(
            f"the certificate of {url.origin()} does not verify ({error}); "
            "name a Secret with its authority as ca.crt in spec.source.certSecretRef"
        )
    if isinstance(error, aiohttp.InvalidURL | UnicodeError):
        return ContentError("InvalidURL", f"{shown(url)} names no host that can be asked")
    if isinstance(error, TimeoutError):
        return TransientError(f"{shown(url)} did not answer in time")
    # The text of some of these repeats the URL with its query.
    said = error.message if isinstance(error, aiohttp.ClientResponseError) else str(error)
    return TransientError(f"{shown(url)} broke off: {shown(said) if said else type(error).__name__}")


def _small_socket(address: aiohttp.AddrInfoType) -> socket.socket:
    family, kind, protocol, _, _ = address
    made = socket.socket(family, kind, protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
    return made
