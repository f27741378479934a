"""Answers on their way: what a slow client does not take lies on disk, and holds neither memory nor a session."""

import asyncio
import contextlib
import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from aiohttp import web
from aiohttp.http import StreamWriter

from collectionsync.byte_budget import ByteBudget
from collectionsync.server.answers import JSON, Answer, Array, Body, digest, head, is_known, not_modified
from collectionsync.server.call import Call
from collectionsync.server.compression import STATE_BYTES, Gzip, accepts_gzip
from collectionsync.server.documents import DocumentCache
from collectionsync.server.spill import Spill
from collectionsync.store.catalog.details import Answer as Parts

PIECE_BYTES = 32 * 1024
"""What is written, read from disk or compressed at once: others wait no longer than that takes."""

# Below this, gzip's own head and the time are not worth it.
_SMALLEST_COMPRESSED_BYTES = 1024


@dataclass(frozen=True, slots=True)
class Sender:
    """Sends answers; `compression` is the memory that compressors may take, and `folder` is for what clients leave."""

    documents: DocumentCache
    compression: ByteBudget
    folder: Path

    async def send(self, call: Call, answer: Answer, sent: Callable[[], None]) -> web.StreamResponse:
        """Send an answer, or return what is left to be written; `sent` is called once it is in memory no more.

        Raises:
            StoreError, SpoolFullError: what it is made of cannot be had. Where something was sent already, the caller
                has to break the connection.
            ConnectionError: the client has gone.
        """
        if isinstance(answer, Body):
            return await self._send_body(call, answer, sent)
        if isinstance(answer, Array):
            sent()
            return await self._send_array(call, answer)
        if isinstance(answer, Parts):
            inline = [part for part in answer.parts if isinstance(part, bytes)]
            if len(inline) == len(answer.parts):
                return await self._send_body(call, Body(b"".join(inline), etag=answer.etag), sent)
            sent()
            return await self._send_parts(call, answer)
        return answer

    async def _send_body(self, call: Call, answer: Body, sent: Callable[[], None]) -> web.StreamResponse:
        body, etag = answer.body, answer.etag
        if etag is None and answer.status == 200:
            etag = digest(body)
        gzip = len(body) >= _SMALLEST_COMPRESSED_BYTES and accepts_gzip(call.accept_encoding)
        headers = head(call, answer.content_type, etag=etag, gzip=gzip)
        if etag is not None and is_known(call.if_none_match, etag):
            return not_modified(headers)
        if gzip:
            body = _compressed(body)
        if len(body) <= PIECE_BYTES or call.request.method == "HEAD":
            return web.Response(body=body, status=answer.status, headers=headers)
        response = web.StreamResponse(status=answer.status, headers=headers)
        response.content_length = len(body)
        await response.prepare(call.request)
        outlet = _Outlet(call, response, None)
        answer.body = b""
        pieces = _cut(body)
        del body
        await outlet.flow(pieces, self.folder, sent)
        return response

    async def _send_parts(self, call: Call, answer: Parts) -> web.StreamResponse:
        with _compression(self.compression, accepts_gzip(call.accept_encoding)) as compressor:
            headers = head(call, JSON, etag=answer.etag, gzip=compressor is not None)
            if is_known(call.if_none_match, answer.etag):
                return not_modified(headers)
            response = web.StreamResponse(headers=headers)
            if compressor is None:
                response.content_length = answer.size
            if call.request.method == "HEAD":
                return response
            large = [part for part in answer.parts if not isinstance(part, bytes)]
            async with self.documents.opened(large) as files:
                await response.prepare(call.request)
                outlet = _Outlet(call, response, compressor)
                await outlet.pour(_pieces(answer, files))
                await outlet.finish()
        return response

    async def _send_array(self, call: Call, answer: Array) -> web.StreamResponse:
        with _compression(self.compression, accepts_gzip(call.accept_encoding)) as compressor:
            headers = head(call, JSON, etag=answer.etag, gzip=compressor is not None, weak=True)
            if is_known(call.if_none_match, answer.etag):
                return not_modified(headers)
            response = web.StreamResponse(headers=headers)
            if call.request.method == "HEAD":
                return response
            async with contextlib.aclosing(_array(answer.batches)) as texts:
                first = await anext(texts)
                await response.prepare(call.request)
                outlet = _Outlet(call, response, compressor)
                await outlet.flow(first, self.folder)
                async for pieces in texts:
                    await outlet.flow(pieces, self.folder)
            await outlet.finish()
        return response


@contextlib.contextmanager
def _compression(budget: ByteBudget, wanted: bool) -> Iterator[Gzip | None]:
    """Yield a compressor; None where none is wanted, or memory is short: it is a favour, and nobody waits for it."""
    held = budget.acquire_now(STATE_BYTES) if wanted else 0
    try:
        yield Gzip() if held else None
    finally:
        if held:
            budget.release(held)


class _Outlet:
    """Where the pieces of an answer go."""

    def __init__(self, call: Call, response: web.StreamResponse, compressor: Gzip | None) -> None:
        self._request = call.request
        self._response = response
        self._writer = cast("StreamWriter", call.request.writer)
        self._compressor = compressor

    async def pour(self, pieces: Iterator[bytes]) -> None:
        """Write pieces, each when the client has taken the one before."""
        for piece in pieces:
            await self._put(piece)
            del piece  # who reads slowly would hold it for as long
            await self._request.writer.drain()
            # A client that takes all at once would have this to itself.
            await asyncio.sleep(0)

    async def finish(self) -> None:
        """Write what the compressor has kept."""
        if self._compressor is not None:
            await self._response.write(self._compressor.finish())

    async def flow(self, pieces: list[bytes], folder: Path, sent: Callable[[], None] = lambda: None) -> None:
        """Write pieces, which are forgotten; those that the client does not take at once wait on disk for it."""
        pieces.reverse()
        while pieces:
            await self._put(pieces.pop())
            await asyncio.sleep(0)
            if pieces and self._request.protocol.writing_paused:
                break
        if not pieces:
            sent()
            await self._request.writer.drain()
            return
        with Spill(folder) as rest:
            while pieces:
                rest.write(pieces.pop())
            sent()
            await self._request.writer.drain()
            await self.pour(rest.pieces(PIECE_BYTES))

    async def _put(self, piece: bytes) -> None:
        if self._compressor is not None:
            piece = self._compressor.feed(piece)
        if piece:
            # Not the response's own write(), which waits for the client where flow() has to let go of the memory.
            await self._writer.write(piece, drain=False)


def _compressed(body: bytes) -> bytes:
    compressor = Gzip()
    return compressor.feed(body) + compressor.finish()


def _pieces(answer: Parts, files: list[int]) -> Iterator[bytes]:
    remaining = iter(files)
    for part in answer.parts:
        if isinstance(part, bytes):
            yield part
            continue
        file = next(remaining)
        for offset in range(0, part.bytes, PIECE_BYTES):
            yield os.pread(file, min(PIECE_BYTES, part.bytes - offset), offset)


def _cut(body: bytes) -> list[bytes]:
    return [body[offset : offset + PIECE_BYTES] for offset in range(0, len(body), PIECE_BYTES)]


async def _array(batches: AsyncIterator[list[bytes]]) -> AsyncGenerator[list[bytes], None]:
    """Yield the pieces of an array whose items come in batches."""
    opening = b"["
    async for batch in batches:
        if batch:
            batch[0] = opening + batch[0]
            opening = b","
            text = b",".join(batch)
            batch.clear()
            yield _cut(text)
    yield [b"]" if opening == b"," else b"[]"]
