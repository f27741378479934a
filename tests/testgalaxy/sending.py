"""From an answer to bytes on a socket: with little CPU, and with lies about lengths where a fault wants them."""

import asyncio
from collections.abc import Iterable

from aiohttp import web

from testgalaxy.documents import Document
from testgalaxy.replies import CLOSE, KEEP_OPEN, STALL, Reply
from testgalaxy.requestlog import Request

# Big enough to make Python's share small, small enough to leave most of it to the kernel in one go.
SLICE = 256 * 1024
# Small neighbours are joined up to this: a write of 20 bytes costs as much as one of 20,000.
_JOIN_BELOW = 16 * 1024


async def send(request: web.BaseRequest, reply: Reply, entry: Request) -> web.StreamResponse:
    """Send an answer. What was sent is noted in `entry`."""
    response = web.StreamResponse(status=reply.status, headers=reply.headers)
    if isinstance(reply.body, Document):
        response.content_length = reply.body.size if reply.length is None else reply.length
    elif reply.length is not None:
        response.content_length = reply.length
    else:
        response.enable_chunked_encoding()
    entry.status = reply.status
    await response.prepare(request)
    if request.method == "HEAD":
        return response
    if isinstance(reply.body, Document):
        await _write_document(response, reply.body, entry)
    else:
        async for piece in reply.body():
            await response.write(piece)
            entry.bytes += len(piece)
    await _end(request, response, reply)
    return response


async def _write_document(response: web.StreamResponse, body: Document, entry: Request) -> None:
    for piece in joined(body.parts()):
        if len(piece) <= SLICE:
            await response.write(piece)
        else:
            view = memoryview(piece)
            for start in range(0, len(piece), SLICE):
                await response.write(view[start : start + SLICE])
        entry.bytes += len(piece)


def joined(parts: Iterable[bytes]) -> Iterable[bytes]:
    """The same bytes with small neighbours put together; big parts stay the objects that they are."""
    small: list[bytes] = []
    for part in parts:
        if len(part) < _JOIN_BELOW:
            small.append(part)
            continue
        if small:
            yield b"".join(small)
            small = []
        yield part
    if small:
        yield b"".join(small)


async def _end(request: web.BaseRequest, response: web.StreamResponse, reply: Reply) -> None:
    transport = request.transport
    if reply.ending != KEEP_OPEN:
        # Headers wait for the first write: send them even if there is no body at all.
        await response.write(b"")
    if reply.ending == STALL:
        await (reply.released or asyncio.Event()).wait()
    if transport is None:
        return
    if reply.excess:
        transport.write(reply.excess)
    if reply.ending == CLOSE:
        response.force_close()
        transport.close()


async def drop(request: web.BaseRequest) -> web.StreamResponse:
    """Close the connection without a word."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
