"""Metadata of namespaces, as their source has it, with their avatars."""

from dataclasses import dataclass

from collectionsync.store.database import Connection, Database, RejectedDocumentError
from collectionsync.store.run import Run
from collectionsync.store.text import storable


@dataclass(frozen=True, slots=True)
class StaleNamespace:
    """A namespace whose metadata is to be read, since details announce another digest than when it was read last."""

    source_id: int
    name: str
    announced_sha256: str


@dataclass(frozen=True, slots=True)
class Avatar:
    """A picture, of a size that the caller has bounded; `sha256` is its digest."""

    sha256: str
    content_type: str
    body: bytes


async def stale_namespaces(connection: Connection, run: Run) -> list[StaleNamespace]:
    """Return the namespaces of what the run found whose metadata is not what was announced last."""
    rows = await connection.fetch(_STALE, run.id)
    return [StaleNamespace(**row) for row in rows]


# Of details that were read at different times the last one tells. Joined by whole keys, as claims are.
_STALE = """
    WITH found AS MATERIALIZED (
        SELECT source_id, namespace, name, version FROM sync_found WHERE run_id = $1
    ), announced AS MATERIALIZED (
        SELECT DISTINCT ON (source_id, namespace) source_id, namespace AS name, s.namespace_sha256 AS sha256
        FROM found JOIN source_version s USING (source_id, namespace, name, version)
        ORDER BY source_id, namespace, s.checked_at DESC, name, version
    )
    SELECT source_id, name, sha256 AS announced_sha256
    FROM announced LEFT JOIN source_namespace n USING (source_id, name)
    WHERE sha256 IS NOT NULL AND sha256 IS DISTINCT FROM n.announced_sha256
    ORDER BY source_id, name
"""


async def store_namespace(
    database: Database, source_id: int, name: str, *, announced_sha256: str | None, body: bytes, avatar: Avatar | None
) -> bool:
    """Keep the metadata of a namespace, a JSON text as it came, and return whether it is another than before.

    `announced_sha256` is what stale_namespaces() gave; None has it read again by the next run.

    Raises:
        RejectedDocumentError: it is no JSON, or no UTF-8.
        StoreError: as Database says.
    """
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise RejectedDocumentError(f"the metadata of namespace {name} is no UTF-8") from error
    async with database.transaction() as connection:
        # The avatar first, always: two that store the same namespace then wait for each other in one order.
        if avatar is not None:
            await connection.execute(
                "INSERT INTO avatar (sha256, content_type, body) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
                avatar.sha256,
                storable(avatar.content_type),
                avatar.body,
            )
        changed = await connection.fetchval(
            """
            INSERT INTO source_namespace AS n (source_id, name, announced_sha256, body, avatar_sha256)
            VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (source_id, name) DO UPDATE
            SET announced_sha256 = excluded.announced_sha256, body = excluded.body,
                avatar_sha256 = excluded.avatar_sha256, changes = n.changes + 1,
                checked_at = greatest(n.checked_at, clock_timestamp())
            WHERE (n.announced_sha256, n.body::text, n.avatar_sha256)
                  IS DISTINCT FROM (excluded.announced_sha256, excluded.body::text, excluded.avatar_sha256)
            RETURNING true
            """,
            source_id,
            name,
            None if announced_sha256 is None else storable(announced_sha256),
            text,
            None if avatar is None else avatar.sha256,
        )
    return bool(changed)
