"""What stands between clients and the server in earnest: a reverse proxy, which here keeps a log of what comes by."""

import socket
from collections import Counter
from dataclasses import dataclass
from typing import Self

import aiohttp
from aiohttp import web
from yarl import URL

# What concerns one connection alone (RFC 9110, section 7.6.1).
_OF_THE_CONNECTION = ("Connection", "Keep-Alive", "Transfer-Encoding")


@dataclass(frozen=True)
class Passed:
    """A request that came by, and what it was answered with."""

    path: str
    status: int


class Front:
    """A reverse proxy on loopback for as long as the context lasts.

    It serves what is below `prefix`, and strips it off what it passes on where `strips` is on. The Host is the
    client's own, as proxies pass it on that are set up well.
    """

    def __init__(self, prefix: str = "", *, strips: bool = False) -> None:
        self.passed: list[Passed] = []
        self.upstream = ""
        """The origin of the server; to be set before anybody asks."""
        self._prefix = prefix
        self._strips = strips
        self._listener = socket.create_server(("127.0.0.1", 0))

    @property
    def origin(self) -> str:
        """Where clients find it; known from the beginning, for a server has to be told."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    @property
    def url(self) -> str:
        """The same with the prefix."""
        return self.origin + self._prefix

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(auto_decompress=False)
        self._runner = web.ServerRunner(web.Server(self._pass_on, access_log=None), shutdown_timeout=0.1)
        await self._runner.setup()
        await web.SockSite(self._runner, self._listener).start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()
        await self._session.close()
        self._listener.close()

    def summary(self) -> Counter[str]:
        """How many requests of each kind came by; what was no plain success is told with its status."""
        return Counter(_kind(each.path) + ("" if each.status == 200 else f" {each.status}") for each in self.passed)

    async def _pass_on(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.raw_path
        if not path.startswith(self._prefix):
            answer = web.Response(status=404, text="nothing of ours")
        else:
            answer = await self._answer(request, path.removeprefix(self._prefix) if self._strips else path)
        self.passed.append(Passed(path, answer.status))
        return answer

    async def _answer(self, request: web.BaseRequest, path: str) -> web.Response:
        headers = request.headers.copy()
        for name in _OF_THE_CONNECTION:
            headers.popall(name, None)
        url = URL(self.upstream + path, encoded=True)
        async with self._session.request(request.method, url, headers=headers, allow_redirects=False) as answer:
            kept = answer.headers.copy()
            for name in _OF_THE_CONNECTION:
                kept.popall(name, None)
            return web.Response(status=answer.status, headers=kept, body=await answer.read())


def _kind(path: str) -> str:
    """What a request is for, as real-protocol tables of clients' requests name it."""
    path, _, query = path.partition("?")
    parts = path.rstrip("/").split("/")
    if "artifacts" in parts:
        return "artifact"
    if parts[-1] == "versions":
        return "versions" + (" further" if "offset" in query and "offset=0" not in query else "")
    if parts[-2] == "versions":
        return "detail"
    return "collection" if "collections" in parts else "root"
