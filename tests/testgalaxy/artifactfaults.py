"""Actions on artifacts: bytes that are not those that the detail announces, in every way that HTTP cannot tell.

Those that HTTP can tell (truncated, stalled, too long) are in `wirefaults`, and do for artifacts as well.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

from testgalaxy.documents import Document
from testgalaxy.faults import Action, Exchange, on_content, on_wire
from testgalaxy.replies import Reply, xml_reply


def flipped(at: int = -1) -> Action:
    """One byte is another: the length is right, and the digest is not."""

    def change(data: bytes) -> bytes:
        changed = bytearray(data)
        changed[at] ^= 0xFF
        return bytes(changed)

    return _changed(change)


def lengthened(by: int = 512) -> Action:
    """Zeros follow, under a Content-Length that agrees."""
    return _changed(lambda data: data + bytes(by))


def shortened(by: int = 512) -> Action:
    """The end is missing, under a Content-Length that agrees."""
    return _changed(lambda data: data[:-by])


def other(data: bytes) -> Action:
    """Another artifact altogether."""
    return _changed(lambda _: data)


def error_document(code: str = "InternalError") -> Action:
    """The XML of object storage that is out of order, under status 200."""
    return on_content(lambda _, __: xml_reply(200, code, "We encountered an internal error. Please try again."))


def trickled(size: int, pause: float) -> Action:
    """The right bytes in pieces of `size`, with a pause (in seconds) after each, under the right Content-Length."""

    def effect(_: Exchange, reply: Reply) -> Reply:
        assert isinstance(reply.body, Document)
        data = bytes(reply.body)

        async def source() -> AsyncIterator[bytes]:
            for start in range(0, len(data), size):
                yield data[start : start + size]
                await asyncio.sleep(pause)

        return replace(reply, body=source, length=len(data))

    return on_wire(effect)


def _changed(change: Callable[[bytes], bytes]) -> Action:
    def effect(_: Exchange, reply: Reply) -> Reply:
        assert isinstance(reply.body, Document), "this fault needs a body with a known size"
        return replace(reply, body=Document(change(bytes(reply.body))))

    return on_content(effect)
