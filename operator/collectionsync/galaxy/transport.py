"""HTTP to one source: paced, retried, classed and bounded. What the bytes mean is the client's business."""

import asyncio
import socket
import ssl
import time
from typing import Protocol

import aiohttp
from yarl import URL

import collectionsync
from collectionsync.galaxy.body import chunks
from collectionsync.galaxy.credentials import Credentials
from collectionsync.galaxy.errors import (
    AuthenticationError,
    ContentError,
    GalaxyError,
    NotFoundError,
    RateLimitedError,
    TransientError,
    UntrustedError,
)
from collectionsync.galaxy.pace import Pace
from collectionsync.galaxy.retry import RetryPolicy, parse_retry_after
from collectionsync.galaxy.tls import shrink_read_buffers

MAX_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
# Autotuned receive buffers grow to megabytes per socket, and a memory cgroup is charged for them.
_RECEIVE_BUFFER_BYTES = 64 * 1024
_READ_BUFFER_BYTES = 16 * 1024


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

    `connections` bounds the open ones. `insecure` allows plain HTTP; without it a redirect to HTTP is refused too.
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
        self._retry = retry or RetryPolicy()
        self._timeout = aiohttp.ClientTimeout(
            total=total_seconds, sock_connect=min(10.0, stall_seconds), sock_read=stall_seconds
        )

    async def __aenter__(self) -> "Transport":
        if self._ssl is not None:
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
        pause = self._retry.pause(attempt, error.retry_after)
        if pause > self._retry.longest_wait_seconds:
            raise TransientError(
                f"{error} and asks to wait for {pause:.0f} s, which is longer than a run waits; run again later",
                reason=error.reason,
            ) from error
        self._observer.retried(error.reason)
        return pause

    async def _follow(self, endpoint: str, url: URL, sink: Sink, limit: int) -> URL:
        for _ in range(MAX_REDIRECTS + 1):
            target = await self._exchange(endpoint, url, sink, limit)
            if target is None:
                return url
            url = self._admissible(url, target)
        raise ContentError("TooManyRedirects", f"{url}: still redirected after {MAX_REDIRECTS} redirects")

    def _admissible(self, url: URL, target: str) -> URL:
        """Resolve a Location (RFC 9110, 10.2.2) as it was sent: presigned queries must not be quoted again."""
        try:
            resolved = url.join(URL(target, encoded=True))
        except ValueError as error:
            raise ContentError("InvalidRedirect", f"{url} redirects to {target!r}, which is no URL") from error
        if resolved.scheme == "https" or (resolved.scheme == "http" and self._insecure):
            return resolved
        raise ContentError(
            "InvalidRedirect", f"{url} redirects to {resolved}; set spec.source.insecure to follow to plain HTTP"
        )

    async def _exchange(self, endpoint: str, url: URL, sink: Sink, limit: int) -> str | None:
        """Make one request; return where it redirects to, or None when its body is in the sink."""
        await self._pace.turn()
        code = "error"
        self._observer.request_started()
        try:
            headers = self._credentials.headers(url)
            async with self._session.get(url, headers=headers, allow_redirects=False) as response:
                code = str(response.status)
                if response.status in _REDIRECTS and (target := response.headers.get("Location")):
                    return target
                if response.status != 200:
                    raise _refusal(response)
                await self._pour(response, sink, limit)
                return None
        except (aiohttp.ClientConnectorCertificateError, ssl.SSLCertVerificationError) as error:
            raise UntrustedError(
                f"the certificate of {url.origin()} does not verify ({error}); "
                "name a Secret with its authority as ca.crt in spec.source.certSecretRef"
            ) from error
        except TimeoutError as error:
            raise TransientError(f"{url} did not answer in time") from error
        except (aiohttp.ClientError, OSError) as error:
            raise TransientError(f"{url} broke off: {_said(error)}") from error
        finally:
            self._observer.request_ended(endpoint, code)

    async def _pour(self, response: aiohttp.ClientResponse, sink: Sink, limit: int) -> None:
        size = response.content_length if "Content-Encoding" not in response.headers else None
        if size is not None and size > limit:
            raise ContentError("TooLarge", f"{response.url} announces {size} bytes; {limit} are allowed")
        await sink.begin(size)
        async for taken, chunk in chunks(response, limit=limit):
            if taken:
                self._observer.received(taken)
            sink.write(chunk)


def _said(error: Exception) -> str:
    return str(error) or type(error).__name__


def _refusal(response: aiohttp.ClientResponse) -> GalaxyError:
    """Class a status that brings no body that was asked for."""
    status, url = response.status, response.url
    wait = parse_retry_after(response.headers.get("Retry-After"), now=time.time())
    if status == 401:
        return AuthenticationError(f"{url} answered 401; check the Secret named in spec.source.secretRef")
    if status in (404, 410):
        return NotFoundError(f"{url} answered {status}")
    if status == 429:
        return RateLimitedError(f"{url} answered 429", retry_after=wait)
    if status == 403:
        # cloud.redhat.com hides its rate limit behind 403 (ansible-core's api.py), so it is worth another try.
        return TransientError(f"{url} answered 403", reason="Forbidden", retry_after=wait)
    if status >= 500 or status in (408, 425):
        return TransientError(f"{url} answered {status}", retry_after=wait)
    return ContentError("UnexpectedStatus", f"{url} answered {status}")


def _small_socket(address: aiohttp.AddrInfoType) -> socket.socket:
    family, kind, protocol, _, _ = address
    made = socket.socket(family, kind, protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
    return made
