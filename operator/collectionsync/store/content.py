"""Versions and their documents: written once, in one transaction each, and never changed.

Every transaction inserts exactly one unique key before anything else and waits only there, so writers of the same
content neither race nor deadlock: the first wins, the others find its row.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

import asyncpg

from collectionsync.store.copy_format import COLUMNS, MAX_BODY_BYTES, Document, document_rows
from collectionsync.store.database import (
    Connection,
    Database,
    DatabaseUnavailableError,
    RejectedDocumentError,
    StoreError,
)
from collectionsync.store.plan import Item, Run, settle


class ConflictError(StoreError):
    """A source claims an artifact for a version that is known to be another's."""

    reason = "DigestConflict"


class Outcome(Enum):
    """What a version's transaction did; its values are states of sync_item."""

    CREATED = "Created"
    FILLED = "Filled"
    UNCHANGED = "Unchanged"


@dataclass(frozen=True, slots=True)
class Version:
    """The narrow row of a version. `size` is the artifact's, in bytes."""

    namespace: str
    name: str
    version: str
    sort_key: str
    sha256: str
    size: int
    requires_ansible: str | None
    dependencies: dict[str, str]
    tags: list[str]


_INSERT = """
    INSERT INTO collection_version
        (namespace, name, version, sort_key, sha256, size, requires_ansible, dependencies, tags)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
    ON CONFLICT (sha256) DO NOTHING RETURNING id
"""
_REMEMBER = """
    INSERT INTO source_version (source_id, namespace, name, version, version_id) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT DO NOTHING
"""


async def store_version(
    database: Database, run: Run, item: Item, version: Version, documents: Sequence[Document]
) -> tuple[Outcome, list[Document]]:
    """Store a version that came from the run's source, and return the documents that were new.

    Raises:
        ConflictError: the digest is known as another version's.
        RejectedDocumentError: PostgreSQL refuses a document.
        DocumentLengthError: a document is not as long as it announces.
        StoreError: as Database says.
    """
    async with database.transaction() as connection:
        version_id = await connection.fetchval(
            _INSERT,
            version.namespace,
            version.name,
            version.version,
            version.sort_key,
            version.sha256,
            version.size,
            version.requires_ansible,
            json.dumps(version.dependencies),
            version.tags,
        )
        if version_id is not None:
            await _copy(connection, version_id, documents)
            outcome, new = Outcome.CREATED, list(documents)
        else:
            version_id = await _known(connection, version)
            outcome, new = await _fill(connection, version_id, documents)
        key = (version.namespace, version.name, version.version)
        await connection.execute(_REMEMBER, run.source_id, *key, version_id)
        await settle(connection, run, item, state=outcome.value, version_id=version_id)
    return outcome, new


async def fill_version(
    database: Database, run: Run, item: Item, version_id: int, documents: Sequence[Document]
) -> tuple[Outcome, list[Document]]:
    """Add documents that a known version lacked, and return those that were new.

    Raises:
        RejectedDocumentError, DocumentLengthError, StoreError: as for store_version().
    """
    async with database.transaction() as connection:
        outcome, new = await _fill(connection, version_id, documents)
        await settle(connection, run, item, state=outcome.value, version_id=version_id)
    return outcome, new


async def _known(connection: Connection, version: Version) -> int:
    row = await connection.fetchrow(
        "SELECT id, namespace, name, version FROM collection_version WHERE sha256 = $1", version.sha256
    )
    assert row is not None, "a conflicting row is committed, and content is never deleted under a run"
    known = (row["namespace"], row["name"], row["version"])
    if known != (version.namespace, version.name, version.version):
        raise ConflictError(f"sha256 {version.sha256} is known as {known[0]}.{known[1]} {known[2]}")
    return int(row["id"])


async def _fill(
    connection: Connection, version_id: int, documents: Iterable[Document]
) -> tuple[Outcome, list[Document]]:
    rows = await connection.fetch("SELECT kind FROM collection_document WHERE version_id = $1", version_id)
    kinds = {row["kind"] for row in rows}
    new = []
    # In one order for all: workers that fill the same version wait for each other, and never in a circle.
    for document in sorted(documents, key=lambda each: each.kind):
        if document.kind in kinds:
            continue
        try:
            async with connection.transaction():
                await _copy(connection, version_id, [document])
        except asyncpg.UniqueViolationError:
            # Another worker filled it between the look and the COPY; its bytes are as good.
            continue
        new.append(document)
    return (Outcome.FILLED if new else Outcome.UNCHANGED), new


async def _copy(connection: Connection, version_id: int, documents: Sequence[Document]) -> None:
    for document in documents:
        if document.size > MAX_BODY_BYTES:
            raise RejectedDocumentError(f"{document.kind} of {document.size} bytes is larger than a row can hold")
    if documents:
        async with _ended_with(connection):
            await connection.copy_to_table(
                "collection_document", source=document_rows(version_id, documents), columns=COLUMNS, format="binary"
            )


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
