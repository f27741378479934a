"""A way for pods to a server that listens on loopback alone."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

_PIECE = 64 * 1024


@contextlib.asynccontextmanager
async def relayed(host: str, port: int) -> AsyncIterator[int]:
    """Pass what comes to `host` on to `port` of loopback, and back; the port to come to, for as long as the context."""
    going_on: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        going_on.add(task)
        task.add_done_callback(going_on.discard)
        with contextlib.suppress(OSError):
            onward = await asyncio.open_connection("127.0.0.1", port)
            try:
                await asyncio.gather(_pass_on(reader, onward[1]), _pass_on(onward[0], writer))
            finally:
                onward[1].close()
                writer.close()

    server = await asyncio.start_server(serve, host, 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in going_on:
            task.cancel()
        await asyncio.gather(*going_on, return_exceptions=True)


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while piece := await reader.read(_PIECE):
        writer.write(piece)
        await writer.drain()
    writer.write_eof()
