"""HTTP as bytes: what no client library would send, and what exactly comes back."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

import servingmirror
from syncing import PATIENCE_SECONDS

_CUT_OFF = (asyncio.IncompleteReadError, ConnectionError)


@dataclass(frozen=True)
class Reply(servingmirror.Reply):
    """An answer. It is not `whole` where the connection ended before the body that its head announces."""

    whole: bool


class Wire:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, *pieces: bytes) -> None:
        """Send bytes as they are. A server that has hung up already is no failure: its answer tells why."""
        with contextlib.suppress(ConnectionError):
            for piece in pieces:
                self.writer.write(piece)
                await self.writer.drain()

    async def reply(self, *, to_head: bool = False) -> Reply | None:
        """Read one answer; None where the connection ends without one."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            try:
                head = await self.reader.readuntil(b"\r\n\r\n")
            except _CUT_OFF:
                return None
            first, *lines = head.decode("latin-1").split("\r\n")[:-2]
            headers = {name.lower(): text.strip() for name, _, text in (line.partition(":") for line in lines)}
            body, whole = (b"", True) if to_head else await self._body(int(first.split()[1]), headers)
            return Reply(int(first.split()[1]), headers, body, whole)

    async def _body(self, status: int, headers: dict[str, str]) -> tuple[bytes, bool]:
        if status < 200 or status in (204, 304):
            return b"", True
        if headers.get("transfer-encoding") == "chunked":
            return await self._chunks()
        if "content-length" not in headers:
            return await self.rest(), True
        try:
            return await self.reader.readexactly(int(headers["content-length"])), True
        except asyncio.IncompleteReadError as error:
            return error.partial, False
        except ConnectionError:
            return b"", False

    async def _chunks(self) -> tuple[bytes, bool]:
        body = bytearray()
        try:
            while size := int(await self.reader.readuntil(b"\r\n"), 16):
                body += (await self.reader.readexactly(size + 2))[:-2]
            await self.reader.readexactly(2)
        except _CUT_OFF:
            return bytes(body), False
        return bytes(body), True

    async def rest(self) -> bytes:
        """Read all that comes until the server ends the connection."""
        read = bytearray()
        async with asyncio.timeout(PATIENCE_SECONDS):
            with contextlib.suppress(ConnectionError):
                while piece := await self.reader.read(65536):
                    read += piece
        return bytes(read)


@contextlib.asynccontextmanager
async def connected(port: int) -> AsyncIterator[Wire]:
    """Connect to a server on loopback."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Wire(reader, writer)
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


def request(target: str | bytes, *headers: str, method: str = "GET", host: str | None = "server") -> bytes:
    """Write a request's head; `target` goes out as it is."""
    lines = [f"Host: {host}"] if host is not None else []
    head = "".join(f"{line}\r\n" for line in (*lines, *headers)).encode("latin-1")
    raw = target if isinstance(target, bytes) else target.encode()
    return method.encode() + b" " + raw + b" HTTP/1.1\r\n" + head + b"\r\n"


async def ask(port: int, target: str | bytes, *headers: str, method: str = "GET") -> Reply:
    """Ask over a connection of its own; fails where no answer comes."""
    async with connected(port) as wire:
        await wire.send(request(target, *headers, method=method))
        found = await wire.reply(to_head=method == "HEAD")
    assert found is not None, f"no answer to {method} {target!r}"
    return found
