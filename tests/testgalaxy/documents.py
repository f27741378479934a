"""Documents made of shared pieces, so that thousands of big ones fit in memory and cost nothing to send.

Two thousand versions of a few collections differ in a stamp of some bytes. Each is a `Document`: a row of `Part`s, of
which the big ones are the same objects in every version. Nothing here ever joins them, not even to compress: a part is
deflated once, and any row of deflated parts is one valid gzip stream.
"""

import json
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from testgalaxy import checksums

_GZIP_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
# An empty last block: the parts before it end on byte boundaries and refer to nothing outside themselves.
_LAST_BLOCK = b"\x03\x00"
_LEVEL = 6


class Part:
    """Immutable bytes, with their deflated form and checksum made once, when first asked for."""

    __slots__ = ("_crc", "_data", "_deflated", "_shift", "size")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.size = len(data)
        self._crc: int | None = None
        self._shift = 0
        self._deflated: bytes | None = None

    @property
    def data(self) -> bytes:
        """The bytes."""
        return self._data

    def deflated(self) -> bytes:
        """Raw deflate blocks that stand on their own: Z_FULL_FLUSH ends them on a byte and forgets the window."""
        if self._deflated is None:
            compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
            self._deflated = compressor.compress(self.data) + compressor.flush(zlib.Z_FULL_FLUSH)
        return self._deflated

    def crc_after(self, crc: int) -> int:
        """The CRC of something with `crc` and this part behind it."""
        if self._crc is None:
            self._crc = zlib.crc32(self.data)
            self._shift = checksums.shift_of(self.size)
        return checksums.append(crc, self._shift, self._crc)


class FilePart(Part):
    """A part that stays on disk: read when it is sent, so that a hundred real collections need no memory."""

    __slots__ = ("_path",)

    def __init__(self, path: Path) -> None:
        super().__init__(b"")
        self._path = path
        self.size = path.stat().st_size

    @property
    def data(self) -> bytes:
        """The bytes, out of the page cache most of the time."""
        return self._path.read_bytes()


class Document:
    """What one URL answers: pieces in a row. Pieces may be bytes, parts, or whole documents."""

    __slots__ = ("_parts", "size")

    def __init__(self, *pieces: "bytes | Part | Document") -> None:
        self._parts = tuple(_flattened(pieces))
        self.size = sum(part.size for part in self._parts)

    def parts(self) -> tuple[bytes, ...]:
        """The bytes in order. Big parts are shared with other documents: never join many of them."""
        return tuple(part.data for part in self._parts)

    def gzip_parts(self) -> tuple[bytes, ...]:
        """The same as one single-member gzip stream; only parts never seen before cost any compressing."""
        crc = 0
        for part in self._parts:
            crc = part.crc_after(crc)
        trailer = _LAST_BLOCK + struct.pack("<II", crc, self.size & 0xFFFFFFFF)
        return (_GZIP_HEADER, *(part.deflated() for part in self._parts), trailer)

    def shared_parts(self) -> tuple[Part, ...]:
        """The parts themselves, to put into other documents."""
        return self._parts

    def __bytes__(self) -> bytes:
        return b"".join(self.parts())

    def json(self) -> Any:
        """Parsed; for small documents in tests."""
        return json.loads(bytes(self))

    def __repr__(self) -> str:
        return f"<Document of {self.size} bytes in {len(self._parts)} parts>"


def _flattened(pieces: "tuple[bytes | Part | Document, ...]") -> Iterator[Part]:
    for piece in pieces:
        if isinstance(piece, Document):
            yield from piece.shared_parts()
        elif isinstance(piece, Part):
            yield piece
        elif piece:
            yield Part(piece)


def dumps(value: object) -> bytes:
    """Compact JSON in UTF-8, as a real Pulp sends it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def document(value: object) -> Document:
    """The JSON of a value as a document of one part."""
    return Document(dumps(value))


def as_stored(value: Any) -> Any:
    """The value with its keys in the order that PostgreSQL's jsonb gives back: by length, then by bytes.

    A real Pulp keeps manifest, files, contents and docs as jsonb, so this is the order in which they are sent.
    """
    if isinstance(value, dict):
        return {key: as_stored(value[key]) for key in sorted(value, key=lambda key: (len(key.encode()), key.encode()))}
    if isinstance(value, list):
        return [as_stored(item) for item in value]
    return value
