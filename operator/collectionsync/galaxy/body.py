"""Response bodies as a bounded stream of decoded chunks.

aiohttp's own decompression hands out as much as a chunk unpacks to; here no chunk is larger than CHUNK_BYTES and no
body larger than its limit, whatever a server sends, so that a gzip bomb costs time and never memory.
"""

import zlib
from collections.abc import AsyncIterator, Iterator

import aiohttp

from collectionsync.galaxy.errors import ContentError, TransientError

CHUNK_BYTES = 64 * 1024
_GZIP = 16 + zlib.MAX_WBITS


class Gunzip:
    """Decompresses a gzip stream (RFC 1952, members included) in chunks of at most CHUNK_BYTES bytes."""

    def __init__(self) -> None:
        self._inflate = zlib.decompressobj(_GZIP)
        self._begun = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what `data` adds to the stream.

        Raises:
            zlib.error: the data is not gzip.
        """
        while data:
            if self._inflate.eof:
                self._inflate = zlib.decompressobj(_GZIP)
            self._begun = True
            chunk = self._inflate.decompress(data, CHUNK_BYTES)
            data = self._inflate.unused_data if self._inflate.eof else self._inflate.unconsumed_tail
            if chunk:
                yield chunk

    @property
    def complete(self) -> bool:
        """Whether the stream ended where a member ends."""
        return self._inflate.eof or not self._begun


async def chunks(response: aiohttp.ClientResponse, *, limit: int) -> AsyncIterator[tuple[int, bytes]]:
    """Yield (bytes taken from the wire for it, decoded chunk); a decoded body of more than `limit` bytes is refused.

    Raises:
        ContentError: the body is too large, not gzip although it says so, or encoded in a way that nobody asked for.
        TransientError: the gzip stream breaks off.
    """
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip", "x-gzip", ""):
        raise ContentError("UnknownEncoding", f"{response.url} came with Content-Encoding {encoding!r}; gzip was asked")
    gunzip = Gunzip() if "gzip" in encoding else None
    size = 0
    while wire := await response.content.readany():
        taken = len(wire)
        try:
            for chunk in gunzip.feed(wire) if gunzip else (wire,):
                size += len(chunk)
                if size > limit:
                    raise ContentError("TooLarge", f"{response.url} is larger than {limit} bytes; it was not read on")
                yield taken, chunk
                taken = 0
        except zlib.error as error:
            raise ContentError("InvalidGzip", f"{response.url} is not gzip as it says: {error}") from error
        if taken:
            yield taken, b""
    if gunzip and not gunzip.complete:
        raise TransientError(f"{response.url} broke off inside its gzip stream after {size} bytes")
