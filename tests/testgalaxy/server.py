"""The server: one catalog over HTTP on loopback, with faults and a log of what was asked.

    async with TestGalaxy(small_catalog({"acme.tools": ["1.0.0", "1.1.0"]})) as galaxy:
        galaxy.url, galaxy.faults, galaxy.requests, galaxy.catalog

What to answer is decided in `views`, without sockets; here are the sockets, credentials, latency and compression.
"""

import asyncio
import base64
import hmac
import socket
from typing import Self

from aiohttp import web

from testgalaxy import views
from testgalaxy.catalog import Catalog
from testgalaxy.certificates import Certificates, make_certificates
from testgalaxy.documents import Document
from testgalaxy.faults import DropConnectionError, Exchange, Faults, suffer
from testgalaxy.layout import Layout, direct_layout, pulp_layout
from testgalaxy.replies import Reply, encoded, json_reply
from testgalaxy.requestlog import Request, RequestLog
from testgalaxy.sending import drop, send

# Bodies below this are not worth compressing, as web servers have it.
_GZIP_FROM = 1024


class TestGalaxy:
    """A Galaxy v3 server for as long as the context lasts.

    `redirects` chooses the layout of a real Pulp (legacy paths answer 302); without it every path answers directly.
    With `gzip`, clients that accept it get documents compressed. `token`, or `username` and `password`, ask for
    credentials. `tls` is True for a certificate of a CA of its own (`ca_pem`, `certificates`), or certificates made
    elsewhere.
    """

    __test__ = False

    def __init__(
        self,
        catalog: Catalog | None = None,
        *,
        redirects: bool = True,
        latency: float = 0.0,
        tls: bool | Certificates = False,
        gzip: bool = False,
        token: str | None = None,
        username: str | None = None,
        password: str | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self.catalog = catalog if catalog is not None else Catalog()
        self.faults = Faults()
        self.requests = RequestLog()
        self.latency = latency
        self.gzip = gzip
        self.certificates = tls if isinstance(tls, Certificates) else make_certificates() if tls else None
        self._redirects = redirects
        self._token = token
        self._basic = f"{username}:{password}" if username is not None else None
        self._address = (host, port)
        self._layout: Layout | None = None
        self._runner: web.ServerRunner | None = None

    @property
    def layout(self) -> Layout:
        """The addresses of this server; only while it runs."""
        assert self._layout is not None, "the server has not started"
        return self._layout

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        return self.layout.origin

    @property
    def url(self) -> str:
        """What a person writes down as the server's URL: where discovery begins."""
        return self.layout.url

    @property
    def ca_pem(self) -> bytes:
        """The CA that a client must trust, with `tls`."""
        assert self.certificates is not None, "the server does not speak TLS"
        return self.certificates.ca_pem

    async def __aenter__(self) -> Self:
        self._runner = web.ServerRunner(
            # An abandoned answer must not go on: a stalled one would hold up the end of the test.
            web.Server(self._handle, handler_cancellation=True, access_log=None),
            shutdown_timeout=0.1,
        )
        await self._runner.setup()
        listener = socket.create_server(self._address, backlog=512)
        site = web.SockSite(self._runner, listener, ssl_context=self.certificates.server if self.certificates else None)
        await site.start()
        scheme = "https" if self.certificates else "http"
        origin = f"{scheme}://{self._address[0]}:{listener.getsockname()[1]}"
        self._layout = (pulp_layout if self._redirects else direct_layout)(origin)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        peer = request.transport.get_extra_info("peername")[1] if request.transport else 0
        entry = self.requests.begin(request.method, request.raw_path, request.headers, peer)
        try:
            if self.latency:
                await asyncio.sleep(self.latency)
            try:
                reply = await self._answer(request, entry)
            except DropConnectionError:
                return await drop(request)
            return await send(request, reply, entry)
        finally:
            self.requests.end(entry)

    async def _answer(self, request: web.BaseRequest, entry: Request) -> Reply:
        found = views.answer(self.catalog, self.layout, request.raw_path)
        entry.kind = found.kind
        reply = found.reply
        if request.method not in ("GET", "HEAD"):
            reply = json_reply(
                {"errors": [{"status": "405", "code": "method_not_allowed", "title": "Not allowed."}]}, 405
            )
        elif not self._is_allowed(entry):
            reply = _unauthenticated()
        exchange = Exchange(request.raw_path, found.kind, entry.headers, self.catalog, self.layout)
        actions = self.faults.claim(exchange, reply)
        reply = await suffer(actions, exchange, reply, wire=False)
        if self.gzip and _is_worth_packing(reply) and "gzip" in entry.headers.get("Accept-Encoding", ""):
            reply = encoded(reply)
        return await suffer(actions, exchange, reply, wire=True)

    def _is_allowed(self, entry: Request) -> bool:
        """Credentials are asked for everywhere but at the root and in the content app, as a real Pulp has it."""
        if (self._token is None and self._basic is None) or entry.kind == "root":
            return True
        if entry.path.startswith(self.layout.artifacts + "/"):
            return True
        given = entry.headers.get("Authorization", "")
        expected = [f"Token {self._token}"] if self._token is not None else []
        if self._basic is not None:
            expected.append("Basic " + base64.b64encode(self._basic.encode()).decode())
        return any(hmac.compare_digest(given.encode(), right.encode()) for right in expected)


def _unauthenticated() -> Reply:
    title = "Authentication credentials were not provided."
    reply = json_reply({"errors": [{"status": "401", "code": "not_authenticated", "title": title}]}, 401)
    return reply.with_headers(WWW_Authenticate='Basic realm="api"')


def _is_worth_packing(reply: Reply) -> bool:
    return (
        isinstance(reply.body, Document)
        and reply.body.size >= _GZIP_FROM
        and reply.headers["Content-Type"] != "application/gzip"
    )
