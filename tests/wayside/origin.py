"""An origin of its own: a server that answers by a table, and notes what each request told it."""

import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Self

from aiohttp import web

Answer = Callable[["Request"], web.Response]


@dataclass(frozen=True)
class Request:
    """What a client sent; `certificate` is whether it showed one."""

    path: str
    headers: Mapping[str, str]
    certificate: bool

    @property
    def authorization(self) -> str | None:
        """The credentials that it carried."""
        return self.headers.get("Authorization")


class Origin:
    """A server for as long as the context lasts, at `host`, which has to be one of loopback.

    `answers` has what a path is answered with; any other is `{}`. With `accepts`, requests whose Authorization it does
    not hold for are answered 401, whatever they ask for.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        tls: ssl.SSLContext | None = None,
        accepts: Callable[[str | None], bool] | None = None,
    ) -> None:
        self._host = host
        self._tls = tls
        self._accepts = accepts
        self.answers: dict[str, Answer] = {}
        self.requests: list[Request] = []

    @property
    def url(self) -> str:
        """Its root."""
        return f"{'https' if self._tls else 'http'}://{self._host}:{self.port}/"

    async def __aenter__(self) -> Self:
        self._runner = web.ServerRunner(
            web.Server(self._handle, handler_cancellation=True, access_log=None), shutdown_timeout=0.1
        )
        await self._runner.setup()
        listener = socket.create_server((self._host, 0), backlog=512)
        self.port: int = listener.getsockname()[1]
        await web.SockSite(self._runner, listener, ssl_context=self._tls).start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    def redirects(self, path: str, location: str) -> None:
        """Answer a path with a redirect from now on."""
        self.answers[path] = lambda _: web.Response(status=302, headers={"Location": location})

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        shown = request.transport.get_extra_info("peercert") if request.transport else None
        entry = Request(request.raw_path, dict(request.headers), bool(shown))
        self.requests.append(entry)
        if self._accepts is not None and not self._accepts(entry.authorization):
            return web.Response(status=401)
        answer = self.answers.get(request.path)
        return web.json_response({}) if answer is None else answer(entry)
