"""Documents of a version, streamed into the database by COPY."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection, Iterable, Sequence

import asyncpg

from collectionsync.store.copy_format import COLUMNS, MAX_BODY_BYTES, Document, document_rows
from collectionsync.store.database import Connection, DatabaseUnavailableError, RejectedDocumentError


async def copy(connection: Connection, version_id: int, documents: Sequence[Document]) -> None:
    """Write documents that the version does not have.

    Raises:
        RejectedDocumentError: a document is too large for a row; or PostgreSQL refuses it, once translated.
        DocumentLengthError: a document is not as long as it announces.
        DatabaseUnavailableError: the connection was lost meanwhile.
    """
    for document in documents:
        if document.size > MAX_BODY_BYTES:
            raise RejectedDocumentError(f"{document.kind} of {document.size} bytes is larger than a row can hold")
    if documents:
        async with _ended_with(connection):
            await connection.copy_to_table(
                "collection_document", source=document_rows(version_id, documents), columns=COLUMNS, format="binary"
            )


async def fill(
    connection: Connection, version_id: int, documents: Iterable[Document], *, replacing: Collection[str] = ()
) -> list[Document]:
    """Write those documents that the version lacks, and return them.

    Those of the kinds `replacing` take the place of others with another digest.

    Raises:
        RejectedDocumentError, DocumentLengthError, DatabaseUnavailableError: as for copy().
    """
    rows = await connection.fetch("SELECT kind, sha256 FROM collection_document WHERE version_id = $1", version_id)
    held = {row["kind"]: row["sha256"] for row in rows}
    new = []
    # In one order for all: whoever fills the same version waits for each other, and never in a circle.
    for document in sorted(documents, key=lambda each: each.kind):
        if document.kind in held and (document.kind not in replacing or held[document.kind] == document.sha256):
            continue
        try:
            async with connection.transaction():
                await connection.execute(
                    "DELETE FROM collection_document WHERE version_id = $1 AND kind = $2 AND sha256 = $3",
                    version_id,
                    document.kind,
                    held.get(document.kind),
                )
                await copy(connection, version_id, [document])
        except asyncpg.UniqueViolationError:
            # An older release, which does not lock the version, filled it between the look and the COPY.
            continue
        new.append(document)
    return new


@contextlib.asynccontextmanager
async def _ended_with(connection: Connection) -> AsyncIterator[None]:
    """End the block when the connection is lost: asyncpg's COPY would wait for ever to go on writing to it.

    Raises:
        DatabaseUnavailableError: it was lost.
    """
    try:
        async with asyncio.timeout(None) as ending:
            loop = asyncio.get_running_loop()

            def lost(_: object) -> None:
                ending.reschedule(loop.time())

            connection.add_termination_listener(lost)
            try:
                yield
            finally:
                with contextlib.suppress(asyncpg.InterfaceError):  # the pool has taken it back already
                    connection.remove_termination_listener(lost)
    except TimeoutError as error:
        if not ending.expired():
            raise
        raise DatabaseUnavailableError("PostgreSQL is not available: the connection was lost in a COPY") from error
