"""What is stored, for whoever looks at it again: a repository's versions, and whether documents are as they came."""

from dataclasses import dataclass

from collectionsync.store.content import note_change
from collectionsync.store.database import Connection

_PAGE = 100


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """A version (`namespace.name`) of a repository, and whether the resource that looks has claimed it.

    `artifact_bytes` is None where the store has no artifact of it.
    """

    version_id: int
    name: str
    version: str
    sha256: str
    artifact_bytes: int | None
    claimed: bool


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """A document, and whether its bytes are those that came, as PostgreSQL computes it."""

    kind: str
    bytes: int
    intact: bool


async def stored_versions(
    connection: Connection, namespace: str, repository: str, owner: str, *, store_id: int | None, after: int
) -> list[StoredVersion]:
    """Return the next versions of a repository, those whose id comes after `after`; none at its end."""
    rows = await connection.fetch(
        """
        SELECT c.version_id, c.namespace || '.' || c.name AS name, c.version, c.sha256, a.bytes AS artifact_bytes,
               EXISTS (SELECT FROM repository_claim k JOIN repository r ON r.id = k.repository_id
                       WHERE (r.namespace, r.name, k.owner, k.version_id) = ($1, $2, $6, c.version_id)) AS claimed
        FROM repository_current c LEFT JOIN artifact a ON a.version_id = c.version_id AND a.store_id = $3
        WHERE c.repository_namespace = $1 AND c.repository = $2 AND c.version_id > $4
        ORDER BY c.version_id LIMIT $5
        """,
        namespace,
        repository,
        store_id,
        after,
        _PAGE,
        owner,
    )
    return [StoredVersion(**row) for row in rows]


async def documents(connection: Connection, version_id: int) -> list[StoredDocument]:
    """Return the documents of a version; each is read whole, by PostgreSQL and not by this process."""
    rows = await connection.fetch(
        """
        SELECT kind, bytes, octet_length(text) = bytes AND encode(sha256(text), 'hex') = sha256 AS intact
        FROM collection_document, LATERAL (SELECT convert_to(body::text, 'UTF8') AS text) AS as_it_came
        WHERE version_id = $1 ORDER BY kind
        """,
        version_id,
    )
    return [StoredDocument(**row) for row in rows]


async def forget_artifact(connection: Connection, store_id: int, version_id: int) -> None:
    """Forget that a store has the artifact of a version: the next sync that wants it brings it again."""
    await _lock(connection, version_id)
    await connection.execute("DELETE FROM artifact WHERE store_id = $1 AND version_id = $2", store_id, version_id)
    await note_change(connection, version_id)
    await _look_again(connection, version_id)


async def forget_document(connection: Connection, version_id: int, kind: str) -> None:
    """Forget a document of a version, and that the version was looked at: the next sync of any source fills it in."""
    await _lock(connection, version_id)
    await connection.execute("DELETE FROM collection_document WHERE version_id = $1 AND kind = $2", version_id, kind)
    await note_change(connection, version_id)
    await connection.execute("UPDATE source_version SET checked_at = '-infinity' WHERE version_id = $1", version_id)
    await _look_again(connection, version_id)


async def _lock(connection: Connection, version_id: int) -> None:
    """Wait for whoever writes what hangs on the version, as all of them wait for each other."""
    await connection.execute("SELECT FROM collection_version WHERE id = $1 FOR NO KEY UPDATE", version_id)


async def _look_again(connection: Connection, version_id: int) -> None:
    """Have the next run of every repository with this version look at its lists, whatever the source says of itself."""
    await connection.execute(
        "DELETE FROM repository_sync s USING repository_content c"
        " WHERE c.repository_id = s.repository_id AND c.version_id = $1 AND c.removed IS NULL",
        version_id,
    )
