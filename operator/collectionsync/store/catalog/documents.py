"""Documents that are too large to come along, from PostgreSQL piece by piece.

PostgreSQL holds a document while it is read, and this process one piece of it. That takes a session and a transaction
until the last piece, so whoever reads is not to wait for a slow client meanwhile.
"""

from collections.abc import AsyncIterator

from collectionsync.store.catalog.details import StoredDocument
from collectionsync.store.database import Connection, StoreError


class DocumentChangedError(StoreError):
    """A document is not what it was when it was named: it has gone, or another has taken its place."""

    reason = "DocumentChanged"


async def pieces(connection: Connection, document: StoredDocument, piece_bytes: int) -> AsyncIterator[bytes]:
    """Yield the body of a document in pieces of `piece_bytes` bytes, inside of a transaction that the caller opened.

    Raises:
        DocumentChangedError: it has gone or changed; before the first piece, unless it was damaged.
    """
    where = (document.version_id, document.kind, document.sha256, document.bytes)
    left = document.bytes
    # One piece at a time: the driver would keep those that it fetches ahead.
    async for row in connection.cursor(_PIECES, *where, piece_bytes, prefetch=1):
        left -= len(row["piece"])
        yield row["piece"]
    if left:
        raise DocumentChangedError(
            f"the {document.kind} of version {document.version_id} with sha256 {document.sha256} is not there any more"
        )


# The body is one value of the outer side of the join, so it is read and decompressed once for all of its pieces.
_PIECES = """
    SELECT substring(whole.body FROM start FOR $5::integer) AS piece
    FROM (
        SELECT convert_to(CASE d.kind WHEN 'metadata' THEN complete_metadata(d.body, v.tags, v.dependencies)
                                    ELSE d.body::text END, 'UTF8') AS body, d.kind
        FROM collection_document d JOIN collection_version v ON v.id = d.version_id
        WHERE (d.version_id, d.kind) = ($1, $2) AND (d.kind = 'metadata' OR (d.sha256, d.bytes) = ($3, $4))
        OFFSET 0
    ) whole
    CROSS JOIN LATERAL generate_series(1, octet_length(whole.body), $5) start
    WHERE whole.kind <> 'metadata' OR encode(sha256(whole.body), 'hex') = $3
"""
