"""Publication: a repository changes in one transaction, so readers see the old mirror until the new one is whole."""

from dataclasses import dataclass

from collectionsync.store import changes
from collectionsync.store.database import Connection
from collectionsync.store.run import Run


@dataclass(frozen=True, slots=True)
class Content:
    """What a repository holds: versions, the collections that they are of, and the bytes of their documents."""

    versions: int
    collections: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Publication:
    """What a publication changed, and what the repository holds since.

    `revision` is the sha256 of its content, as hexadecimal digits. `conflicts` are sentences on versions about which
    sources disagree. `kept_reason` says why nothing was removed that is no longer asked for, if that was wanted.
    """

    added: int
    removed: int
    revision: str
    content: Content
    conflicts: tuple[str, ...] = ()
    deprecations_changed: bool = False
    kept_reason: str | None = None


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
# Readers keep what they read until a later time, so a publication is later than the one before it, whatever the clock.
_NOTE = """
    INSERT INTO repository_version (repository_id, number, revision, created_at)
    SELECT $1, $2, $3, greatest(clock_timestamp(), max(created_at) + interval '1 microsecond')
    FROM repository_version WHERE repository_id = $1
"""


async def publish(connection: Connection, run: Run, *, mirror: bool) -> Publication:
    """Make the versions that the run brought or found the repository's, and return what that changed.

    A version that the repository has with another digest is replaced. With `mirror`, what the run's resource once
    claimed and no resource claims now is removed, unless the run does not know all that is wanted. Everything else
    that the repository has stays, and so does what failed.
    """
    async with connection.transaction():
        number = await changes.next_number(connection, run)
        changed = await changes.apply(connection, run, number, mirror=mirror)
        revision = await connection.fetchval(_REVISION, run.repository_id)
        if changed.added or changed.removed or changed.deprecations_changed:
            await connection.execute(
                _NOTE,
                run.repository_id,
                number,
                revision,
            )
        content = await _content(connection, run)
    return Publication(
        added=changed.added,
        removed=changed.removed,
        revision=revision,
        content=content,
        conflicts=changed.conflicts,
        deprecations_changed=changed.deprecations_changed,
        kept_reason=changed.kept_reason,
    )


async def current(connection: Connection, run: Run) -> Publication:
    """Return what the run's repository holds, as a publication that changes nothing."""
    revision = await connection.fetchval(_REVISION, run.repository_id)
    return Publication(added=0, removed=0, revision=revision, content=await _content(connection, run))


async def _content(connection: Connection, run: Run) -> Content:
    (held,) = await connection.fetch(_CONTENT, run.repository_id)
    return Content(**held)
