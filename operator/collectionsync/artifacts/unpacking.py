"""Gzip in bounded pieces: what a tarball unpacks to, read forwards, as little of it at a time as is asked for.

Exactly one member of RFC 1952 and nothing behind it. Others (pigz, `cat`) may write several; ansible-galaxy does not,
and a reader that stops at the first would see another collection than one that goes on.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from collectionsync.artifacts.errors import TarballError

PIECE_BYTES = 64 * 1024
"""The most that is unpacked at a time, and so about what is resident."""

_GZIP = 16 + zlib.MAX_WBITS
# zlib copies what it leaves of its input at every call: in small pieces that stays in proportion.
_PACKED_PIECE_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much an artifact may unpack to, in bytes: `always` whatever its size, then `ratio` times that, to `most`.

    Real collections unpack to 4 to 12 times their size. Deflate reaches 1,032 times.
    """

    always: int = 64 * 1024 * 1024
    ratio: int = 100
    most: int = 2 * 1024 * 1024 * 1024

    def of(self, size: int) -> int:
        """Return the bound for an artifact of `size` bytes."""
        return min(self.most, max(self.always, size * self.ratio))


class Unpacked:
    """What the first `size` bytes of `file` unpack to. Every method raises TarballError where it cannot go on."""

    def __init__(self, file: BinaryIO, *, size: int, bounds: Bounds) -> None:
        file.seek(0)
        self._file = file
        self._left = size
        self._bound = bounds.of(size)
        self._taken = 0
        self._inflate = zlib.decompressobj(_GZIP)
        self._packed = b""
        self._piece = memoryview(b"")

    def read(self, count: int) -> bytes:
        """Return the next `count` bytes, which must be there; meant for few."""
        found = b"".join(self.pieces(count))
        assert len(found) == count, "pieces() raises where there are fewer"
        return found

    def pieces(self, count: int) -> Iterator[memoryview]:
        """Yield the next `count` bytes, which must be there, in pieces of at most PIECE_BYTES."""
        while count:
            if not self._piece and not self._fill():
                raise TarballError("Truncated", "the artifact breaks off in the middle of its tar archive")
            piece = self._piece[:count]
            self._piece = self._piece[count:]
            count -= len(piece)
            yield piece

    def rest(self) -> Iterator[memoryview]:
        """Yield all that is left, up to the end of the artifact, where nothing but the gzip stream's end may be."""
        while self._piece or self._fill():
            piece, self._piece = self._piece, memoryview(b"")
            yield piece

    def _fill(self) -> bool:
        """Unpack the next piece, and say whether there was one."""
        while not self._inflate.eof:
            if not self._packed and not self._more():
                raise TarballError("Truncated", "the artifact breaks off in the middle of its gzip stream")
            try:
                data = self._inflate.decompress(self._packed, PIECE_BYTES)
            except zlib.error as error:
                begun = "is damaged" if self._taken else "does not begin as gzip, or is damaged there"
                raise TarballError("InvalidGzip", f"the artifact {begun} ({error})") from error
            self._packed = self._inflate.unconsumed_tail
            if data:
                self._take(data)
                return True
        self._end()
        return False

    def _take(self, data: bytes) -> None:
        self._taken += len(data)
        if self._taken > self._bound:
            raise TarballError(
                "TooLarge", f"the artifact unpacks to more than {self._bound} bytes, far more than a collection would"
            )
        self._piece = memoryview(data)

    def _more(self) -> bool:
        self._packed = self._file.read(min(self._left, _PACKED_PIECE_BYTES))
        self._left -= len(self._packed)
        return bool(self._packed)

    def _end(self) -> None:
        if self._inflate.unused_data or self._left:
            raise TarballError("TrailingData", "the artifact goes on behind the end of its gzip stream")
