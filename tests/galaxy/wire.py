"""Both ends of the wire for the tests here: clients that are quick to give up, and servers that say anything at all."""

import asyncio
import contextlib
import os
import socket
import ssl
import stat
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from yarl import URL

from collectionsync.galaxy.client import GalaxyClient
from collectionsync.galaxy.credentials import Credentials
from collectionsync.galaxy.proxy import Proxy
from collectionsync.galaxy.retry import RetryPolicy
from collectionsync.galaxy.tls import Trust
from collectionsync.galaxy.transport import Transport

QUICK = RetryPolicy(attempts=3, throttled_attempts=4, base_seconds=0.002, cap_seconds=0.01)
LIMIT = 1 << 20
JSON_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


class Recorder:
    """An observer that remembers."""

    def __init__(self) -> None:
        self.started = 0
        self.ended: list[tuple[str, str]] = []
        self.bytes = 0
        self.retries: list[str] = []

    def request_started(self) -> None:
        self.started += 1

    def request_ended(self, endpoint: str, code: str) -> None:
        self.ended.append((endpoint, code))

    def received(self, size: int) -> None:
        self.bytes += size

    def retried(self, reason: str) -> None:
        self.retries.append(reason)

    @property
    def codes(self) -> list[str]:
        return [code for _, code in self.ended]


class Collected:
    """A sink that keeps everything, and the size of the largest chunk."""

    def __init__(self) -> None:
        self.sizes: list[int | None] = []
        self.data = bytearray()
        self.largest = 0

    async def begin(self, size: int | None) -> None:
        self.sizes.append(size)
        self.data.clear()

    def write(self, chunk: bytes) -> None:
        self.largest = max(self.largest, len(chunk))
        self.data += chunk


@contextlib.asynccontextmanager
async def transport_to(
    url: str,
    *,
    observer: Recorder | None = None,
    credentials: Credentials | None = None,
    tls: ssl.SSLContext | Trust | None = None,
    insecure: bool = True,
    connections: int = 20,
    rate: float | None = None,
    retry: RetryPolicy = QUICK,
    connect_seconds: float = 10.0,
    stall_seconds: float = 10.0,
    total_seconds: float = 900.0,
    headers: Mapping[str, str] | None = None,
    proxy: Proxy | None = None,
    field: str = "spec.source",
) -> AsyncIterator[Transport]:
    transport = Transport(
        credentials=credentials or Credentials(URL(url).origin()),
        observer=observer or Recorder(),
        ssl_context=trusting(tls) if isinstance(tls, ssl.SSLContext) else tls,
        insecure=insecure,
        rate=rate,
        connections=connections,
        retry=retry,
        connect_seconds=connect_seconds,
        stall_seconds=stall_seconds,
        total_seconds=total_seconds,
        headers=headers,
        proxy=proxy,
        field=field,
    )
    async with transport:
        yield transport


def trusting(context: ssl.SSLContext) -> Trust:
    """The same context for every origin."""
    trust = Trust()
    trust.own = context
    return trust


async def body_of(transport: Transport, url: str | URL) -> bytes:
    """What a URL has, small as it is."""
    sink = Collected()
    await transport.get("root", URL(url), sink, limit=LIMIT)
    return bytes(sink.data)


@contextlib.asynccontextmanager
async def connected(
    url: str, *, observer: Recorder | None = None, credentials: Credentials | None = None
) -> AsyncIterator[GalaxyClient]:
    async with transport_to(url, observer=observer, credentials=credentials) as transport:
        client = GalaxyClient(transport, url)
        await client.connect()
        yield client


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.002)


@dataclass
class Scripted:
    """A server that answers with the bytes it was given, one after the other and the last for ever, and hangs up."""

    answers: list[bytes]
    url: str = ""
    heads: list[str] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            answer = self.answers[min(len(self.heads), len(self.answers) - 1)]
            self.heads.append(head.decode("latin-1"))
            writer.write(answer)
            await writer.drain()
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


@contextlib.asynccontextmanager
async def scripted(*answers: bytes) -> AsyncIterator[Scripted]:
    script = Scripted(list(answers))
    server = await asyncio.start_server(script.serve, "127.0.0.1", 0)
    async with server:
        script.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        yield script


def answered(body: bytes, *headers: str) -> bytes:
    lines = "".join(f"{header}\r\n" for header in (*headers, f"Content-Length: {len(body)}"))
    return JSON_HEAD + lines.encode("utf-8", "surrogateescape") + b"\r\n" + body


def redirected(location: str) -> bytes:
    return f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode("utf-8", "surrogateescape")


def sockets_to(url: str) -> Iterator[socket.socket]:
    """Yield this process's own sockets that are connected to the port of `url`."""
    port = URL(url).port
    for entry in list(Path("/proc/self/fd").iterdir()):
        with contextlib.suppress(OSError):
            if not stat.S_ISSOCK(entry.stat().st_mode):
                continue
            with socket.socket(fileno=os.dup(int(entry.name))) as found:
                if found.family == socket.AF_INET and found.getpeername()[1] == port:
                    yield found
