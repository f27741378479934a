"""Which artifacts lie in which object store, by the digest that names them there, and how far each was verified."""

from dataclasses import dataclass

from collectionsync.store.database import Connection, DatabaseConfigurationError

_URL_BYTES = 2600  # as of a source


@dataclass(frozen=True, slots=True)
class StoredArtifact:
    """An artifact that is in an object store, of `bytes` bytes; `verified` is "Chain" or "Members"."""

    store_id: int
    bytes: int
    verified: str


async def store_id(connection: Connection, url: str) -> int:
    """Return the number of the object store with this URL, which has one spelling; a new one's the first time.

    Raises:
        DatabaseConfigurationError: no index can hold the URL.
    """
    if len(url.encode(errors="replace")) > _URL_BYTES:
        raise DatabaseConfigurationError(f"a store's URL has at most {_URL_BYTES} bytes; this one is longer")
    select = "SELECT id FROM artifact_store WHERE url = $1"
    if (found := await connection.fetchval(select, url)) is None:
        await connection.execute("INSERT INTO artifact_store (url) VALUES ($1) ON CONFLICT DO NOTHING", url)
        found = await connection.fetchval(select, url)
    return int(found)


async def note(connection: Connection, version_id: int, artifact: StoredArtifact) -> bool:
    """Note that a version's artifact is in a store, and return whether that, or how far it was verified, is news."""
    news = await connection.fetchval(
        """
        INSERT INTO artifact AS a (store_id, version_id, bytes, verified) VALUES ($1, $2, $3, $4)
        ON CONFLICT (store_id, version_id) DO UPDATE
        SET bytes = excluded.bytes, verified = excluded.verified, stored_at = now()
        WHERE a.verified = 'Chain' AND excluded.verified = 'Members'
        RETURNING true
        """,
        artifact.store_id,
        version_id,
        artifact.bytes,
        artifact.verified,
    )
    return bool(news)
