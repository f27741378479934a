"""Response bodies as bounded, decoded chunks.

aiohttp's own decompression hands out as much as a chunk unpacks to; here no chunk is larger than CHUNK_BYTES and no
body larger than its limit, whatever a server sends, so that a gzip bomb costs time and never memory.
"""

import zlib
from collections.abc import Iterator

import aiohttp

from collectionsync.galaxy.errors import ContentError, TransientError, shown

CHUNK_BYTES = 64 * 1024
_GZIP = 16 + zlib.MAX_WBITS
# zlib copies what it leaves of its input at every chunk and member: in small pieces that stays in proportion.
_PIECE_BYTES = 16 * 1024


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
        for start in range(0, len(data), _PIECE_BYTES):
            yield from self._feed(data[start : start + _PIECE_BYTES])

    def _feed(self, piece: bytes) -> Iterator[bytes]:
        self._begun = True
        while piece:
            if self._inflate.eof:
                self._inflate = zlib.decompressobj(_GZIP)
            chunk = self._inflate.decompress(piece, CHUNK_BYTES)
            piece = self._inflate.unused_data if self._inflate.eof else self._inflate.unconsumed_tail
            if chunk:
                yield chunk

    @property
    def complete(self) -> bool:
        """Whether the stream ended where a member ends."""
        return self._inflate.eof or not self._begun


class Body:
    """What a response says of its body, and the body as it comes: feed() what was read, and end() where it ends.

    A decoded body of more than `limit` bytes is refused. `size` is the announced number of decoded bytes, or None.

    Raises:
        ContentError: the body is announced as too large, or encoded in a way that nobody asked for.
    """

    def __init__(self, response: aiohttp.ClientResponse, *, limit: int) -> None:
        self._name = shown(response.url)
        self._limit = limit
        # Gzip adds little to what it cannot compress. Without a bound, members that hold nothing could come for ever.
        self._wire_limit = limit + limit // 1024 + CHUNK_BYTES
        self._taken = self._decoded = 0
        encoding = ", ".join(response.headers.getall("Content-Encoding", [])).strip().lower()
        if encoding not in ("identity", "gzip", "x-gzip", ""):
            raise ContentError(
                "UnknownEncoding", f"{self._name} came with Content-Encoding {shown(encoding)}; gzip was asked"
            )
        self._gunzip = Gunzip() if "gzip" in encoding else None
        announced = response.content_length
        self.size = None if self._gunzip else announced
        if announced is not None and announced > (self._wire_limit if self._gunzip else limit):
            raise ContentError("TooLarge", f"{self._name} announces {announced} bytes; {limit} are allowed")

    def feed(self, wire: bytes) -> Iterator[bytes]:
        """Yield the decoded chunks that these bytes bring.

        Raises:
            ContentError: the body is too large, or not gzip although it says so.
        """
        self._taken += len(wire)
        try:
            for chunk in self._gunzip.feed(wire) if self._gunzip else (wire,):
                self._decoded += len(chunk)
                self._check()
                yield chunk
        except zlib.error as error:
            raise ContentError("InvalidGzip", f"{self._name} is not gzip as it says: {error}") from error
        self._check()

    def _check(self) -> None:
        if self._decoded > self._limit or self._taken > self._wire_limit:
            raise ContentError("TooLarge", f"{self._name} is larger than {self._limit} bytes; it was not read on")

    def end(self) -> None:
        """Say that nothing more comes.

        Raises:
            TransientError: the gzip stream breaks off here.
        """
        if self._gunzip and not self._gunzip.complete:
            raise TransientError(f"{self._name} broke off inside its gzip stream after {self._decoded} bytes")
