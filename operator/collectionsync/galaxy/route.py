"""The way to a source: sockets, TLS, the proxy, how long each step may take, and what it means that one fails.

What must not leave the source's own origin is decided here, once for every request: its client certificate and its
further headers.
"""

import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypedDict

import aiohttp
from yarl import URL

import collectionsync
from collectionsync.galaxy.credentials import origin_of
from collectionsync.galaxy.errors import ContentError, GalaxyError, TransientError, UntrustedError, shown
from collectionsync.galaxy.proxy import Proxy
from collectionsync.galaxy.retry import parse_retry_after
from collectionsync.galaxy.tls import Trust

# Autotuned receive buffers grow to megabytes per socket, and a memory cgroup is charged for them.
RECEIVE_BUFFER_BYTES = 64 * 1024
_READ_BUFFER_BYTES = 16 * 1024


class Options(TypedDict, total=False):
    """What a request is given of its way, as aiohttp's sessions take it."""

    headers: dict[str, str]
    allow_redirects: bool
    ssl: ssl.SSLContext | Literal[True]
    proxy: URL
    proxy_headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Route:
    """How requests for one source travel. `field` names the source in the manifest, for messages.

    `headers` are the further ones of each request to `origin`.
    """

    origin: URL
    timeout: aiohttp.ClientTimeout
    trust: Trust
    proxy: Proxy | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    field: str = "spec.source"

    def session(self, connections: int) -> aiohttp.ClientSession:
        """Return a new pool of so many connections at most; it knows no cookies and nothing of its surroundings."""
        connector = aiohttp.TCPConnector(limit=connections, socket_factory=_small_socket, keepalive_timeout=60)
        return aiohttp.ClientSession(
            connector=connector,
            timeout=self.timeout,
            read_bufsize=_READ_BUFFER_BYTES,
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": f"collectionsync/{collectionsync.__version__}", "Accept-Encoding": "gzip"},
        )

    def options(self, url: URL, headers: Mapping[str, str]) -> Options:
        """Return how a request to `url` with these headers travels; redirects are left to the caller."""
        own = origin_of(url) == origin_of(self.origin)
        sent = {**self.headers, **headers} if own else dict(headers)
        options = Options(headers=sent, allow_redirects=False, ssl=self.trust.own if own else self.trust.others)
        if self.proxy is not None:
            options["proxy"] = self.proxy.url
            if self.proxy.authorization is not None:
                # To the proxy either way: in a request that it forwards, or before the tunnel that hides all others.
                to_proxy = {"Proxy-Authorization": self.proxy.authorization}
                if url.scheme == "https":
                    options["proxy_headers"] = to_proxy
                else:
                    sent.update(to_proxy)
        return options

    @property
    def via(self) -> str:
        """The end of a sentence that says by which way something was asked; empty for the straight one."""
        return "" if self.proxy is None else f" through the proxy {self.proxy}"

    def failure(self, url: URL, error: Exception) -> GalaxyError:
        """Class what aiohttp raised where `url` brought no answer, or only part of one."""
        if isinstance(error, aiohttp.ClientHttpProxyError) and self.proxy is not None:
            wait = parse_retry_after(error.headers.get("Retry-After") if error.headers else None, now=time.time())
            return self.proxy.refusal(error.status, url, field=self.field, retry_after=wait)
        if isinstance(error, aiohttp.ClientConnectorCertificateError | ssl.SSLCertVerificationError):
            return self._untrusted(url, error)
        if isinstance(error, aiohttp.InvalidURL | UnicodeError):
            return ContentError("InvalidURL", f"{shown(url)} names no host that can be asked")
        if isinstance(error, TimeoutError):
            return TransientError(f"{shown(url)} did not answer in time{self.via}")
        if isinstance(error, aiohttp.ClientConnectorError):
            said = error.strerror or str(error.os_error) or type(error.os_error).__name__
            if self._is_of_proxy(error):
                return TransientError(
                    f"the proxy {self.proxy} cannot be reached: {shown(said)}; "
                    f"check the Secret named in {self.field}.proxySecretRef"
                )
            said = f"Cannot connect to {error.host}:{error.port} ({said})"
        else:
            # The text of some of these repeats the URL with its query.
            said = error.message if isinstance(error, aiohttp.ClientResponseError) else str(error)
        return TransientError(f"{shown(url)} broke off{self.via}: {shown(said) if said else type(error).__name__}")

    def _untrusted(self, url: URL, error: Exception) -> UntrustedError:
        cause = getattr(error, "certificate_error", error)
        why = getattr(cause, "verify_message", None) or str(cause)
        whose = f"the proxy {self.proxy}" if self._is_of_proxy(error) else str(url.origin())
        return UntrustedError(
            f"the certificate of {whose} does not verify ({shown(why)}); "
            f"name a Secret with its authority as ca.crt in {self.field}.certSecretRef"
        )

    def _is_of_proxy(self, error: Exception) -> bool:
        """Say whether it is the connection to the proxy that failed."""
        host, port = getattr(error, "host", None), getattr(error, "port", None)
        return self.proxy is not None and host is not None and self.proxy.is_at(host, port)


def _small_socket(address: aiohttp.AddrInfoType) -> socket.socket:
    family, kind, protocol, _, _ = address
    made = socket.socket(family, kind, protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
    return made
