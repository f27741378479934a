"""All collections and all versions of a repository, batch by batch.

A batch says where the next one begins, and any later transaction can read on from there: no session is held while a
slow reader takes what it was given.
"""

# ruff: noqa: S608 - statements are joined of constants alone

from typing import TypeAlias

from collectionsync.store.catalog.elements import DETAIL, HELD, METADATA, SAID_IN_DETAIL, SPACE
from collectionsync.store.catalog.lists import COLLECTION, TOLD
from collectionsync.store.catalog.repositories import Repository
from collectionsync.store.database import Connection

BATCH_BYTES = 1024 * 1024
"""A batch of versions ends with the one whose metadata would make it larger; it has at least one, of whatever size."""

CollectionCursor: TypeAlias = tuple[str, str]
"""The namespace and the name of the collection that a batch ended with."""

VersionCursor: TypeAlias = int
"""The number of the version that a batch ended with."""


async def collections_after(
    connection: Connection, repository: Repository, *, base: str, after: CollectionCursor | None, limit: int
) -> tuple[list[bytes], CollectionCursor | None]:
    """Return the next `limit` collections as JSON, each as lists have it, and where to go on; None at the end."""
    where = (repository.id, repository.number, base)
    rows = await connection.fetch(_COLLECTIONS, *where, *(after or ("", "")), limit)
    last = (rows[-1]["namespace"], rows[-1]["name"]) if rows else None
    return [row["element"] for row in rows], last


async def versions_after(
    connection: Connection, repository: Repository, *, base: str, url: str, after: VersionCursor | None, limit: int
) -> tuple[list[bytes], VersionCursor | None]:
    """Return at most `limit` more versions as JSON, and where to go on; None at the end.

    Each is as its detail has it, without the manifest and the files.
    """
    where = (repository.id, repository.number, base, url)
    rows = await connection.fetch(_VERSIONS, *where, after or 0, limit, BATCH_BYTES)
    return [row["element"] for row in rows], rows[-1]["version_id"] if rows else None


_COLLECTIONS = f"""
    WITH page AS MATERIALIZED (
        SELECT k.namespace, k.name FROM repository_collection k
        WHERE k.repository_id = $1 AND k.added <= $2 AND (k.removed IS NULL OR k.removed > $2)
          AND (k.namespace, k.name) > ($4::text, $5::text)
        ORDER BY k.namespace, k.name LIMIT $6
    )
    SELECT v.namespace, v.name, convert_to({COLLECTION}::text, 'UTF8') AS element
    FROM page v {TOLD}
    ORDER BY v.namespace, v.name
"""
# What metadata weighs is known without reading it. Of a namespace, a batch asks once.
_VERSIONS = f"""
    WITH next AS MATERIALIZED (
        SELECT c.version_id, $1::bigint AS repository_id FROM repository_content c
        WHERE c.repository_id = $1 AND c.version_id > $5 AND c.added <= $2 AND (c.removed IS NULL OR c.removed > $2)
        ORDER BY c.version_id LIMIT $6
    ), weighed AS MATERIALIZED (
        SELECT next.*, row_number() OVER so_far AS place, sum(coalesce(d.bytes, 0)) OVER so_far AS bytes
        FROM next
        LEFT JOIN LATERAL (
            SELECT d.bytes FROM collection_document d
            WHERE (d.version_id, d.kind) = (next.version_id, 'metadata') LIMIT 1
        ) d ON true
        WINDOW so_far AS (ORDER BY next.version_id)
    ), page AS MATERIALIZED (
        SELECT v.*, weighed.repository_id
        FROM weighed
        CROSS JOIN LATERAL (SELECT * FROM collection_version v WHERE v.id = weighed.version_id LIMIT 1) v
        WHERE weighed.bytes <= $7 OR weighed.place = 1
    ), named AS MATERIALIZED (
        SELECT v.namespace, space.metadata_sha256
        FROM (SELECT DISTINCT namespace, repository_id FROM page) v {SPACE}
    )
    SELECT v.id AS version_id,
           convert_to(left({DETAIL}::text, -1) || ', "metadata": '
                      || complete_metadata(metadata.body, v.tags, v.dependencies)
                      || ', "git_url": null, "git_commit_sha": null}}', 'UTF8') AS element
    FROM page v {HELD} {SAID_IN_DETAIL} {METADATA} JOIN named space ON space.namespace = v.namespace
    ORDER BY v.id
"""
