"""Many clients at once that take little: slow readers of large documents, and connections with nothing to do.

Both are of our server alone, in a process of its own. What is told of its resident set is the kernel's high-water mark,
and a curve of samples.
"""

import asyncio
import contextlib
import hashlib
import resource
import socket
import time
import urllib.request
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from bench.curve import Curve, Point
from bench.proc import rss_bytes
from bench.serving_process import Memory, OurServer
from bench.workers import MeasuringError

READERS = 100
IDLE = 5000
_READ_SECONDS = 40.0
"""How long a reader takes for a document."""
_PIECE_BYTES = 64 * 1024
_RECEIVE_BYTES = 32 * 1024
"""Of a reader's socket, so that what it has not read waits at the server."""
_AFTER_SECONDS = 3.0
_IDLE_SECONDS = 10.0
_CONNECTING = 200
_EVERY_SECONDS = 0.1
_PATIENCE_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Crowd:
    """What many clients at once made of the server's resident set. `base_bytes` are those before the first came.

    Of slow readers `served` have read a whole document of `document_bytes` with the right digest. Of idle connections
    `served` were still open after a while. `answer_seconds` is what another client waited for a small answer meanwhile,
    at most.
    """

    clients: int
    served: int
    document_bytes: int
    seconds: float
    base_bytes: int
    peak_bytes: int
    answer_seconds: float
    curve: Curve


@dataclass(frozen=True, slots=True)
class Document:
    """A document to read: its path, and what it is."""

    path: str
    size: int
    sha256: str


def slow_readers(process: OurServer, documents: Sequence[Document], probe: str) -> Crowd:
    """Read large documents slowly; `probe` is the path of a small answer."""
    return asyncio.run(_slow_readers(process, documents, probe))


def idle_connections(process: OurServer, probe: str) -> Crowd:
    """Hold connections that have had one answer each and ask for nothing more; `probe` is the path of that.

    Raises:
        MeasuringError: this machine lets a process have too few files open.
    """
    _raise_files(IDLE + 1000)
    return asyncio.run(_idle_connections(process, probe))


async def _slow_readers(process: OurServer, documents: Sequence[Document], probe: str) -> Crowd:
    async with _watched(process, probe) as watch:
        chosen = [documents[number % len(documents)] for number in range(READERS)]
        async with asyncio.timeout(_PATIENCE_SECONDS + _READ_SECONDS):
            whole = await asyncio.gather(*(_read(process, document) for document in chosen), return_exceptions=True)
        await asyncio.sleep(_AFTER_SECONDS)
    return watch.crowd(READERS, sum(each is True for each in whole), max(each.size for each in documents))


async def _read(process: OurServer, document: Document) -> bool:
    """Read a document at a steady pace, and say whether it was whole and right."""
    reader, writer = await _connected(process)
    try:
        size = await _asked(reader, writer, document.path)
        if size != document.size:
            return False
        digest = hashlib.sha256()
        began, taken = time.monotonic(), 0
        while taken < size:
            piece = await reader.readexactly(min(_PIECE_BYTES, size - taken))
            digest.update(piece)
            taken += len(piece)
            await asyncio.sleep(began + _READ_SECONDS * taken / size - time.monotonic())
        return digest.hexdigest() == document.sha256
    finally:
        writer.close()


async def _idle_connections(process: OurServer, probe: str) -> Crowd:
    held: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
    try:
        async with _watched(process, probe) as watch:
            while len(held) < IDLE:
                few = [_greeted(process, probe) for _ in range(min(_CONNECTING, IDLE - len(held)))]
                async with asyncio.timeout(_PATIENCE_SECONDS):
                    held += await asyncio.gather(*few)
            await asyncio.sleep(_IDLE_SECONDS)
            still = sum(not reader.at_eof() for reader, _ in held)
        return watch.crowd(IDLE, still, 0)
    finally:
        for _, writer in held:
            writer.transport.abort()


async def _greeted(process: OurServer, path: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await _connected(process)
    await reader.readexactly(await _asked(reader, writer, path))
    return reader, writer


async def _connected(process: OurServer) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, _, port = urlsplit(process.origin).netloc.partition(":")
    link = socket.socket()
    link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BYTES)
    link.setblocking(False)
    await asyncio.get_running_loop().sock_connect(link, (host, int(port)))
    return await asyncio.open_connection(sock=link, limit=_PIECE_BYTES)


async def _asked(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str) -> int:
    """Ask for a path, and return the length of the body that comes, which is not read."""
    writer.write(f"GET {path} HTTP/1.1\r\nHost: bench\r\nAccept-Encoding: identity\r\n\r\n".encode())
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    status, *lines = head.splitlines()
    fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if " 200 " not in f"{status} ":
        raise MeasuringError(f"our server answered {path} with {status}")
    return int(fields["content-length"])


class _Watch:
    """The server's resident set while a crowd is there, and how long another client waits for a small answer."""

    def __init__(self, process: OurServer) -> None:
        self._process = process
        self._memory = Memory()
        self._memory.begin([process.pid])
        self._base_bytes = rss_bytes(process.pid)
        self._began = time.monotonic()
        self.curve: list[Point] = []
        self.longest = 0.0

    async def sample(self, probe: str) -> None:
        """Look again and again, until cancelled."""
        while True:
            self.curve.append(Point(time.monotonic() - self._began, rss_bytes(self._process.pid)))
            if len(self.curve) % 10 == 0:
                asked = time.monotonic()
                await asyncio.to_thread(_get, f"{self._process.origin}{probe}")
                self.longest = max(self.longest, time.monotonic() - asked)
            await asyncio.sleep(_EVERY_SECONDS)

    def crowd(self, clients: int, served: int, document_bytes: int) -> Crowd:
        """Return what was seen."""
        self._process.check()
        self._memory.look([self._process.pid])
        return Crowd(
            clients=clients,
            served=served,
            document_bytes=document_bytes,
            seconds=self.curve[-1].seconds,
            base_bytes=self._base_bytes,
            peak_bytes=self._memory.peak_bytes,
            answer_seconds=self.longest,
            curve=self.curve,
        )


@contextlib.asynccontextmanager
async def _watched(process: OurServer, probe: str) -> AsyncIterator[_Watch]:
    watch = _Watch(process)
    task = asyncio.create_task(watch.sample(probe))
    try:
        yield watch
    finally:
        task.cancel()
        (ended,) = await asyncio.gather(task, return_exceptions=True)
    if isinstance(ended, Exception):
        raise MeasuringError(f"our server did not answer another client meanwhile: {ended}")


def _get(url: str) -> None:
    with urllib.request.urlopen(url, timeout=_PATIENCE_SECONDS) as answer:
        answer.read()


def _raise_files(needed: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= needed:
        return
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise MeasuringError(f"{IDLE} connections need {needed} open files, and `ulimit -Hn` says {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
