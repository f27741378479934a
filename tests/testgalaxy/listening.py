"""Whatever listens on loopback for tests: the sockets, latency, compression, faults, and a log of what was asked."""

import asyncio
import socket
from typing import Self

from aiohttp import web

from testgalaxy.catalog import Catalog
from testgalaxy.certificates import Certificates
from testgalaxy.documents import Document
from testgalaxy.faults import DropConnectionError, Exchange, Faults, suffer
from testgalaxy.layout import Layout
from testgalaxy.replies import GZIP, Reply, encoded, json_reply
from testgalaxy.requestlog import Request, RequestLog
from testgalaxy.sending import drop, send
from testgalaxy.views import Answer

# Bodies below this are not worth compressing, as web servers have it.
_GZIP_FROM = 1024


class Listening:
    """A server for as long as the context lasts. What it answers is for those that derive from it to say."""

    def __init__(
        self,
        catalog: Catalog,
        *,
        latency: float = 0.0,
        certificates: Certificates | None = None,
        gzip: bool = False,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self.catalog = catalog
        self.faults = Faults()
        self.requests = RequestLog()
        self.latency = latency
        self.gzip = gzip
        self.certificates = certificates
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

    def layout_at(self, origin: str) -> Layout:
        """The addresses, now that the port is known."""
        raise NotImplementedError

    def answer(self, entry: Request) -> Answer:
        """What is to be sent for GET."""
        raise NotImplementedError

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
        self._layout = self.layout_at(f"{scheme}://{self._address[0]}:{listener.getsockname()[1]}")
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
                reply = await self._reply(entry)
            except DropConnectionError:
                return await drop(request)
            return await send(request, reply, entry)
        finally:
            self.requests.end(entry)

    async def _reply(self, entry: Request) -> Reply:
        found = self.answer(entry)
        entry.kind = found.kind
        reply = found.reply
        if entry.method not in ("GET", "HEAD"):
            title = {"status": "405", "code": "method_not_allowed", "title": "Not allowed."}
            reply = json_reply({"errors": [title]}, 405)
        exchange = Exchange(entry.path, found.kind, entry.headers, self.catalog, self.layout)
        actions = self.faults.claim(exchange, reply)
        reply = await suffer(actions, exchange, reply, wire=False)
        if self.gzip and _is_worth_packing(reply) and "gzip" in entry.headers.get("Accept-Encoding", ""):
            reply = encoded(reply)
        return await suffer(actions, exchange, reply, wire=True)


def _is_worth_packing(reply: Reply) -> bool:
    return isinstance(reply.body, Document) and reply.body.size >= _GZIP_FROM and reply.headers["Content-Type"] != GZIP
