"""Publication: a repository changes in one transaction, so readers see the old mirror until the new one is whole."""

from dataclasses import dataclass

from collectionsync.store.database import Connection
from collectionsync.store.plan import Run, affected


@dataclass(frozen=True, slots=True)
class Content:
    """What a repository holds: versions, the collections that they are of, and the bytes of their documents."""

    versions: int
    collections: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Publication:
    """What a publication changed, and what the repository holds since.

    `revision` is the sha256 of its content, as hexadecimal digits.
    """

    added: int
    removed: int
    revision: str
    content: Content


_REPLACE = """
    UPDATE repository_content c SET removed = $3
    FROM collection_version old, sync_item i
    WHERE c.repository_id = $1 AND c.removed IS NULL AND old.id = c.version_id
      AND i.run_id = $2 AND i.version_id <> old.id
      AND (i.namespace, i.name, i.version) = (old.namespace, old.name, old.version)
"""
_ADD = """
    INSERT INTO repository_content (repository_id, version_id, added)
    SELECT DISTINCT $1::bigint, i.version_id, $3::integer FROM sync_item i
    WHERE i.run_id = $2 AND i.version_id IS NOT NULL
      AND NOT EXISTS (SELECT FROM repository_content c
                      WHERE c.repository_id = $1 AND c.version_id = i.version_id AND c.removed IS NULL)
"""
_REVISION = """
    SELECT encode(sha256(convert_to(coalesce(string_agg(
               v.namespace || '.' || v.name || ' ' || v.version || ' ' || v.sha256 || E'\n', ''
               ORDER BY (v.namespace || '.' || v.name) COLLATE "C", v.version COLLATE "C", v.sha256 COLLATE "C"
           ), ''), 'UTF8')), 'hex')
    FROM repository_content c JOIN collection_version v ON v.id = c.version_id
    WHERE c.repository_id = $1 AND c.removed IS NULL
"""
_CONTENT = """
    SELECT count(*) AS versions, count(DISTINCT (v.namespace, v.name)) AS collections,
           coalesce(sum((SELECT sum(d.bytes) FROM collection_document d WHERE d.version_id = v.id)), 0)::bigint AS bytes
    FROM repository_content c JOIN collection_version v ON v.id = c.version_id
    WHERE c.repository_id = $1 AND c.removed IS NULL
"""


async def publish(connection: Connection, run: Run) -> Publication:
    """Make the versions that the run brought or found the repository's, and return what that changed.

    A version that the repository has with another digest is replaced; everything else that it has stays.
    """
    async with connection.transaction():
        # Two runs of one repository publish one after the other; a third may begin meanwhile.
        await connection.execute("SELECT FROM repository WHERE id = $1 FOR NO KEY UPDATE", run.repository_id)
        number = await connection.fetchval(
            "SELECT coalesce(max(number), 0) + 1 FROM repository_version WHERE repository_id = $1", run.repository_id
        )
        removed = affected(await connection.execute(_REPLACE, run.repository_id, run.id, number))
        added = affected(await connection.execute(_ADD, run.repository_id, run.id, number))
        revision = await connection.fetchval(_REVISION, run.repository_id)
        if added or removed:
            await connection.execute(
                "INSERT INTO repository_version (repository_id, number, revision) VALUES ($1, $2, $3)",
                run.repository_id,
                number,
                revision,
            )
        (held,) = await connection.fetch(_CONTENT, run.repository_id)
    return Publication(added, removed, revision, Content(**held))
