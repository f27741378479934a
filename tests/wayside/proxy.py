"""A real proxy: tunnels by CONNECT, and requests in absolute form that it forwards (RFC 9112, section 3.2)."""

import asyncio
import base64
import contextlib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

OK_TUNNEL = b"HTTP/1.1 200 Connection established\r\n\r\n"
_HEAD_LIMIT = 64 * 1024


@dataclass(frozen=True)
class Asked:
    """What a client asked the proxy itself for: what is inside of a tunnel, it does not see."""

    method: str
    target: str
    headers: dict[str, str]


class WaysideProxy:
    """A proxy for as long as the context lasts.

    With `username` it wants Basic credentials. `hosts` says which port of 127.0.0.1 a host is at, by its name as it is
    asked for; any other host is looked up. With `tls` the proxy itself is spoken to over TLS. `fault`, bytes, is what
    each request is answered with instead; an event holds them until it is set.
    """

    def __init__(
        self,
        *,
        username: str | None = None,
        password: str = "",
        hosts: Mapping[str, int] | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        pair = base64.b64encode(f"{username}:{password}".encode()).decode()
        self._wanted = None if username is None else f"Basic {pair}"
        self._hosts = dict(hosts or {})
        self._tls = tls
        self.fault: bytes | asyncio.Event | None = None
        self.asked: list[Asked] = []
        self.connections = 0
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """The address of the proxy."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self._tls, limit=_HEAD_LIMIT)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await self._serve(reader, writer)
        except asyncio.CancelledError:
            pass  # the end of the test
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
        method, target, _ = first.split(" ", 2)
        headers = {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
        self.asked.append(Asked(method, target, headers))
        if isinstance(self.fault, asyncio.Event):
            await self.fault.wait()
        elif self.fault is not None:
            writer.write(self.fault)
            await writer.drain()
            return
        if self._wanted is not None and headers.get("Proxy-Authorization") != self._wanted:
            writer.write(
                b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=wayside\r\n"
                b"Content-Length: 0\r\nConnection: close\r\n\r\n"
            )
            await writer.drain()
            return
        if method == "CONNECT":
            host, _, port = target.rpartition(":")
            there, to_there = await self._reach(host.strip("[]"), int(port))
            writer.write(OK_TUNNEL)
        else:
            parts = urlsplit(target)
            there, to_there = await self._reach(parts.hostname or "", parts.port or 80)
            path = target[target.index(parts.netloc) + len(parts.netloc) :] or "/"
            kept = [line for line in lines if not line.lower().startswith(("proxy-", "connection:"))]
            head = "\r\n".join([f"{method} {path} HTTP/1.1", *kept, "Connection: close"])
            to_there.write(head.encode("latin-1") + b"\r\n\r\n")
        try:
            await asyncio.gather(_pipe(reader, to_there), _pipe(there, writer, last=True))
        except ConnectionError:
            pass  # one of the two has gone, and with it the tunnel
        finally:
            to_there.close()

    async def _reach(self, host: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if host in self._hosts:
            host, port = "127.0.0.1", self._hosts[host]
        return await asyncio.open_connection(host, port)


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, last: bool = False) -> None:
    """Pass on what comes; where the `last` of two ends, so does the other."""
    while data := await reader.read(64 * 1024):
        writer.write(data)
        await writer.drain()
    if last:
        raise ConnectionResetError
