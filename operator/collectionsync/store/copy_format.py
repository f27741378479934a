"""PostgreSQL's binary COPY format, for documents that are streamed and never held.

https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format": every field announces its length, so a body can
hold any bytes and there is nothing to escape. A body that is not as long as announced is stopped here, before it could
be taken for the next field.
"""

import struct
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Protocol

HEADER = b"PGCOPY\n\xff\r\n\x00" + struct.pack("!ii", 0, 0)
TRAILER = struct.pack("!h", -1)
MAX_BODY_BYTES = 0x3FFF_FFFF  # a field of PostgreSQL's ends below 1 GiB (docs: "PostgreSQL Limits")
COLUMNS = ("version_id", "kind", "body", "bytes", "sha256", "has_nul")


class Document(Protocol):
    """A JSON text of known length, as a source sent it."""

    @property
    def kind(self) -> str:
        """What of the version it is: a kind of collection_document."""

    @property
    def size(self) -> int:
        """Its length in bytes."""

    @property
    def sha256(self) -> str:
        """Its digest, as hexadecimal digits."""

    @property
    def has_nul(self) -> bool:
        r"""Whether it has a `\u0000` escape."""

    def chunks(self) -> Iterator[bytes]:
        """Yield the body, `size` bytes in all."""


class DocumentLengthError(ValueError):
    """A document's chunks are not as many bytes as it announced."""


async def document_rows(version_id: int, documents: Iterable[Document]) -> AsyncIterator[bytes]:
    """Yield rows of collection_document(COLUMNS).

    Raises:
        DocumentLengthError: before a byte too many, or in place of the field after a byte too few.
    """
    yield HEADER
    for document in documents:
        kind = document.kind.encode()
        yield struct.pack(f"!hiqi{len(kind)}si", len(COLUMNS), 8, version_id, len(kind), kind, document.size)
        left = document.size
        for chunk in document.chunks():
            left -= len(chunk)
            if left < 0:
                break
            yield chunk
        if left:
            raise DocumentLengthError(f"{document.kind}: {document.size - left} bytes came, {document.size} announced")
        digest = document.sha256.encode()
        yield struct.pack(f"!iqi{len(digest)}si?", 8, document.size, len(digest), digest, 1, document.has_nul)
    yield TRAILER
