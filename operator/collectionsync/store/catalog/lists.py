"""Collections and their versions, page by page."""

# ruff: noqa: S608 - statements are joined of constants alone

from dataclasses import dataclass

from collectionsync.store.catalog.asked import bounded, can_exist
from collectionsync.store.catalog.elements import HELD, HREF, ITEM, SAID, VERSION
from collectionsync.store.catalog.repositories import Repository
from collectionsync.store.database import Connection

NOTHING = b"[]"


@dataclass(frozen=True, slots=True)
class Page:
    """Some items of a list as a JSON array, and how many the whole list has."""

    count: int
    items: bytes


async def collections(
    connection: Connection,
    repository: Repository,
    *,
    base: str,
    limit: int,
    offset: int,
    namespace: str | None = None,
    name: str | None = None,
    deprecated: bool | None = None,
) -> Page:
    """Return a page of the collections, in order of their names; None leaves all through.

    `base` is the path of the repository's API, without a slash at its end.
    """
    if not can_exist(namespace, name):
        return Page(0, NOTHING)
    where = (repository.id, repository.number, base)
    row = await connection.fetchrow(_COLLECTIONS, *where, namespace, name, deprecated, bounded(limit), bounded(offset))
    assert row is not None, "aggregates have a row"
    return Page(row["count"], row["items"])


async def collection(
    connection: Connection, repository: Repository, *, base: str, namespace: str, name: str
) -> bytes | None:
    """Return a collection as JSON; None where the repository has no version of it."""
    if not can_exist(namespace, name):
        return None
    found = await connection.fetchval(_COLLECTION, repository.id, repository.number, base, namespace, name)
    return None if found is None else bytes(found)


async def versions(
    connection: Connection, repository: Repository, *, base: str, namespace: str, name: str, limit: int, offset: int
) -> Page | None:
    """Return a page of a collection's versions, the newest first; None where the repository has none."""
    if not can_exist(namespace, name):
        return None
    where = (repository.id, repository.number, base)
    row = await connection.fetchrow(_VERSIONS, *where, namespace, name, bounded(limit), bounded(offset))
    assert row is not None, "aggregates have a row"
    return Page(row["count"], row["items"]) if row["count"] else None


# What publications up to this one say of a collection, the key `v`.
TOLD = f"""
    CROSS JOIN LATERAL (
        SELECT min(c.added) AS first,
               max(greatest(c.added, CASE WHEN c.removed <= $2 THEN c.removed END)) AS last,
               (array_agg(o.version ORDER BY strpos(split_part(o.version, '+', 1), '-') > 0, o.sort_key DESC)
                FILTER (WHERE c.removed IS NULL OR c.removed > $2))[1] AS highest
        FROM ({VERSION} o WHERE (o.namespace, o.name) = (v.namespace, v.name) OFFSET 0) o
        CROSS JOIN LATERAL (
            SELECT * FROM repository_content c
            WHERE (c.repository_id, c.version_id) = (o.repository_id, o.id) AND c.added <= $2
            OFFSET 0
        ) c
    ) told
"""
_DEPRECATED = """
    EXISTS (SELECT FROM repository_deprecation d WHERE (d.repository_id, d.namespace, d.name)
                                                     = ($1, v.namespace, v.name))
"""
# A client keeps the list of versions until updated_at moves, so that is when the list last changed, removals included.
COLLECTION = f"""json_build_object(
    'href', {HREF},
    'namespace', v.namespace,
    'name', v.name,
    'deprecated', {_DEPRECATED},
    'versions_url', {HREF} || 'versions/',
    'highest_version', json_build_object(
        'href', {HREF} || 'versions/' || url_segment(told.highest) || '/', 'version', told.highest),
    'created_at', (SELECT utc_text(p.created_at) FROM repository_version p
                   WHERE (p.repository_id, p.number) = ($1, told.first)),
    'updated_at', (SELECT utc_text(p.created_at) FROM repository_version p
                   WHERE (p.repository_id, p.number) = ($1, told.last)),
    'download_count', 0
)"""
_COLLECTIONS = f"""
    WITH kept AS MATERIALIZED (
        SELECT v.namespace, v.name FROM repository_collection v
        WHERE v.repository_id = $1 AND v.added <= $2 AND (v.removed IS NULL OR v.removed > $2)
          AND ($4::text IS NULL OR v.namespace = $4) AND ($5::text IS NULL OR v.name = $5)
          AND ($6::boolean IS NULL OR $6 = {_DEPRECATED})
    ), page AS MATERIALIZED (
        SELECT namespace, name FROM kept ORDER BY namespace, name LIMIT $7 OFFSET $8
    )
    SELECT (SELECT count(*) FROM kept) AS count,
           (SELECT convert_to(coalesce(json_agg({COLLECTION} ORDER BY v.namespace, v.name), '[]')::text, 'UTF8')
            FROM page v {TOLD}) AS items
"""
_COLLECTION = f"""
    SELECT convert_to({COLLECTION}::text, 'UTF8')
    FROM (VALUES ($4::text, $5::text)) v (namespace, name) {TOLD}
    WHERE told.highest IS NOT NULL
"""
_VERSIONS = f"""
    WITH listed AS MATERIALIZED (
        SELECT v.*, c.added, c.changes, c.changed_at
        FROM ({VERSION} WHERE (namespace, name) = ($4, $5) OFFSET 0) v {HELD}
    ), page AS MATERIALIZED (
        SELECT * FROM listed ORDER BY sort_key DESC LIMIT $6 OFFSET $7
    )
    SELECT (SELECT count(*) FROM listed) AS count,
           (SELECT convert_to(coalesce(json_agg({ITEM} ORDER BY v.sort_key DESC), '[]')::text, 'UTF8')
            FROM page v CROSS JOIN LATERAL (SELECT v.added, v.changes, v.changed_at OFFSET 0) c {SAID}) AS items
"""
