"""What a run would change in its repository: the changes of a publication, made, looked at and rolled back."""

from dataclasses import dataclass

import asyncpg

from collectionsync.store import changes
from collectionsync.store.database import Connection
from collectionsync.store.run import Run


@dataclass(frozen=True, slots=True)
class Change:
    """A version that would come or go, or be downloaded, and how many bytes that is."""

    namespace: str
    name: str
    version: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Changes:
    """How many versions, of how many bytes in all, and the first of them by name and version."""

    count: int
    bytes: int
    first: list[Change]


@dataclass(frozen=True, slots=True)
class Difference:
    """What a publication would add to the repository and remove from it, and what would be downloaded for it.

    The bytes of what is there are those of its documents; of what is not, what its download takes.
    `kept_reason` is as in Publication, and `conflicts` too.
    """

    added: Changes
    removed: Changes
    downloads: Changes
    conflicts: tuple[str, ...]
    kept_reason: str | None


# Each with the totals in every row. By its number, which no other publication has, a publication's changes are known.
_ADDED = """
    SELECT namespace, name, version, bytes, count(*) OVER () AS count, (sum(bytes) OVER ())::bigint AS total
    FROM (
        SELECT v.namespace, v.name, v.version, v.sort_key,
               (SELECT sum(d.bytes) FROM collection_document d WHERE d.version_id = v.id) AS bytes
        FROM repository_content c JOIN collection_version v ON v.id = c.version_id
        WHERE c.repository_id = $1 AND c.added = $2
        UNION ALL
        SELECT namespace, name, version, version, bytes FROM sync_item
        WHERE run_id = $3 AND state = 'Planned' AND version_id IS NULL
    ) added
    ORDER BY namespace COLLATE "C", name COLLATE "C", sort_key COLLATE "C" LIMIT $4
"""
_REMOVED = """
    SELECT namespace, name, version, bytes, count(*) OVER () AS count, (sum(bytes) OVER ())::bigint AS total
    FROM repository_content c
    JOIN collection_version v ON v.id = c.version_id
    CROSS JOIN LATERAL (SELECT sum(d.bytes) AS bytes FROM collection_document d WHERE d.version_id = v.id) held
    WHERE c.repository_id = $1 AND c.removed = $2
    ORDER BY namespace COLLATE "C", name COLLATE "C", sort_key LIMIT $3
"""
_DOWNLOADS = """
    SELECT namespace, name, version, bytes, count(*) OVER () AS count, (sum(bytes) OVER ())::bigint AS total
    FROM sync_item WHERE run_id = $1 AND state = 'Planned'
    ORDER BY namespace COLLATE "C", name COLLATE "C", version COLLATE "C" LIMIT $2
"""


async def difference(connection: Connection, run: Run, *, mirror: bool, limit: int) -> Difference:
    """Return what publish() would change once what is planned was brought; at most `limit` versions of each kind."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        number = await changes.next_number(connection, run)
        changed = await changes.apply(connection, run, number, mirror=mirror)
        added = _changes(await connection.fetch(_ADDED, run.repository_id, number, run.id, limit))
        removed = _changes(await connection.fetch(_REMOVED, run.repository_id, number, limit))
        downloads = _changes(await connection.fetch(_DOWNLOADS, run.id, limit))
    finally:
        await transaction.rollback()
    return Difference(added, removed, downloads, changed.conflicts, changed.kept_reason)


def _changes(rows: list[asyncpg.Record]) -> Changes:
    if not rows:
        return Changes(0, 0, [])
    first = [Change(row["namespace"], row["name"], row["version"], row["bytes"] or 0) for row in rows]
    return Changes(rows[0]["count"], rows[0]["total"] or 0, first)
