"""Actions on how an answer travels: statuses, delays, broken connections, lengths that lie, and gzip gone wrong."""

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import replace

from testgalaxy.documents import Document, Part
from testgalaxy.faults import Action, DropConnectionError, Exchange, on_content, on_wire
from testgalaxy.replies import CLOSE, KEEP_OPEN, STALL, Reply, Source, encoded, json_reply, redirect

MEBIBYTE = 1 << 20


def status(code: int, body: bytes | None = None, **headers: str) -> Action:
    """Answer with a status; `retry_after="3"` and the like become headers. The body is an error envelope or `body`."""

    def effect(_: Exchange, __: Reply) -> Reply:
        reply = json_reply({"errors": [{"status": str(code), "code": "error", "title": f"Status {code}."}]}, code)
        if body is not None:
            reply = replace(reply, body=Document(body))
        return reply.with_headers(**headers)

    return on_wire(effect)


def redirect_to(location: str, code: int = 302) -> Action:
    """Redirect elsewhere: to another host, or to the same path for a loop. `{path}` stands for what was asked."""
    return on_wire(lambda exchange, _: redirect(location.replace("{path}", exchange.path), code))


def delay(seconds: float) -> Action:
    """Answer later."""

    async def apply(_: Exchange, reply: Reply) -> Reply:
        await asyncio.sleep(seconds)
        return reply

    return Action(apply)


def hold(released: asyncio.Event) -> Action:
    """Answer when the event is set: nothing is sent until then."""

    async def apply(_: Exchange, reply: Reply) -> Reply:
        await released.wait()
        return reply

    return Action(apply)


def drop() -> Action:
    """Close the connection before any header."""

    async def apply(_: Exchange, __: Reply) -> Reply:
        raise DropConnectionError

    return Action(apply)


def truncate(after: int) -> Action:
    """Claim the full Content-Length, send `after` bytes of the body, and close."""

    def effect(_: Exchange, reply: Reply) -> Reply:
        body = _whole(reply)
        return replace(reply, body=Document(body[:after]), length=len(body), ending=CLOSE)

    return on_wire(effect)


def truncate_chunked(after: int) -> Action:
    """Send `after` bytes in chunks without a Content-Length, and close without the last chunk."""

    def effect(_: Exchange, reply: Reply) -> Reply:
        return replace(reply, body=_stream(_whole(reply)[:after]), ending=CLOSE)

    return on_wire(effect)


def chunked() -> Action:
    """The whole body in chunks, without a Content-Length: unusual, and right."""
    return on_wire(lambda _, reply: replace(reply, body=_stream(_whole(reply))))


def claim_more(excess: int, *, stall: bool = False) -> Action:
    """Claim `excess` bytes more than are sent; then close, or keep the connection open and silent."""

    def effect(_: Exchange, reply: Reply) -> Reply:
        body = _whole(reply)
        return replace(reply, body=Document(body), length=len(body) + excess, ending=STALL if stall else CLOSE)

    return on_wire(effect)


def claim_less(missing: int) -> Action:
    """Claim `missing` bytes less than are sent: the rest follows where the next answer's head should begin."""

    def effect(_: Exchange, reply: Reply) -> Reply:
        body = _whole(reply)
        return replace(reply, body=Document(body[:-missing]), excess=body[-missing:], ending=KEEP_OPEN)

    return on_wire(effect)


def cut(missing: int) -> Action:
    """Leave off the last bytes under a Content-Length that agrees: good HTTP, and only half a document."""
    return on_wire(lambda _, reply: replace(reply, body=Document(_whole(reply)[:-missing])))


def stall(after: int, released: asyncio.Event | None = None) -> Action:
    """Send `after` bytes and then nothing more, until the event is set, the client leaves or the server stops."""

    def effect(_: Exchange, reply: Reply) -> Reply:
        body = _whole(reply)
        return replace(
            reply, body=Document(body[:after]), excess=body[after:], length=len(body), ending=STALL, released=released
        )

    return on_wire(effect)


def endless(start: bytes = b'{"docs_blob":{"x":"', filler: bytes = b"x" * 65536) -> Action:
    """A body without an end, in chunks, for as long as the client reads."""

    async def source() -> AsyncIterator[bytes]:
        yield start
        while True:
            yield filler

    return on_wire(lambda _, reply: replace(reply, body=source))


def oversized(size: int, start: bytes = b'{"docs_blob":{"x":"', end: bytes = b'"}}') -> Action:
    """Valid JSON of `size` bytes with an honest Content-Length, which takes no memory here."""

    def effect(_: Exchange, reply: Reply) -> Reply:
        whole, rest = divmod(size - len(start) - len(end), MEBIBYTE)
        filler = Part(b"x" * MEBIBYTE)
        return replace(reply, body=Document(start, *[filler] * whole, b"x" * rest, end))

    return on_wire(effect)


def gzipped() -> Action:
    """The body as valid gzip, whether it was asked for or not."""
    return on_wire(lambda _, reply: encoded(reply))


def gzip_truncated(missing: int = 20) -> Action:
    """Valid gzip without its last bytes, under a Content-Length that agrees: only the stream itself tells."""

    def effect(_: Exchange, reply: Reply) -> Reply:
        packed = encoded(reply)
        return replace(packed, body=Document(_whole(packed)[:-missing]))

    return on_wire(effect)


def gzip_garbage(size: int = 4096) -> Action:
    """Bytes that are no gzip, labelled as gzip."""
    return on_wire(
        lambda _, reply: replace(reply, body=Document(os.urandom(size))).with_headers(Content_Encoding="gzip")
    )


def gzip_bomb(unpacked: int = 4 << 30) -> Action:
    """Valid gzip of a thousandth of the size that it unpacks to. Made of one deflated MiB, over and over."""
    return oversized(unpacked).then(gzipped())


def body(data: bytes) -> Action:
    """Another body under the same headers: not JSON, bad UTF-8, a BOM, whatever."""
    return on_content(lambda _, reply: replace(reply, body=Document(data)))


def _whole(reply: Reply) -> bytes:
    assert isinstance(reply.body, Document), "this fault needs a body with a known size"
    return bytes(reply.body)


def _stream(data: bytes, size: int = 65536) -> Source:
    async def source() -> AsyncIterator[bytes]:
        for start in range(0, len(data), size):
            yield data[start : start + size]

    return source
