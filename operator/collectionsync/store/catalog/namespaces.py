"""Namespaces of a repository's collections: their metadata as a source has it, and their avatars."""

# ruff: noqa: S608 - statements are joined of constants alone

from dataclasses import dataclass

from collectionsync.store.catalog.asked import bounded, can_exist
from collectionsync.store.catalog.elements import SPACE
from collectionsync.store.catalog.lists import Page
from collectionsync.store.catalog.repositories import Repository
from collectionsync.store.database import Connection


@dataclass(frozen=True, slots=True)
class Avatar:
    """A picture, and its digest."""

    sha256: str
    content_type: str
    body: bytes


async def namespaces(
    connection: Connection, repository: Repository, *, base: str, url: str, limit: int, offset: int
) -> Page:
    """Return a page of the namespaces that the repository has collections of, in order of their names.

    `base` is the path of the repository's API, without a slash at its end, and `url` what a client puts in front of it.
    """
    where = (repository.id, repository.number, base, url)
    row = await connection.fetchrow(_NAMESPACES, *where, bounded(limit), bounded(offset))
    assert row is not None, "aggregates have a row"
    return Page(row["count"], row["items"])


async def namespace(connection: Connection, repository: Repository, *, base: str, url: str, name: str) -> bytes | None:
    """Return the metadata of a namespace as JSON; None where the repository has no collection of it.

    Without metadata of any source it has its name, and nothing else.
    """
    if not can_exist(name):
        return None
    found = await connection.fetchval(_NAMESPACE, repository.id, repository.number, base, url, name)
    return None if found is None else bytes(found)


async def avatar(connection: Connection, repository: Repository, name: str) -> Avatar | None:
    """Return the avatar of a namespace; None where there is none, or no collection of the namespace."""
    if not can_exist(name):
        return None
    row = await connection.fetchrow(_AVATAR, repository.id, repository.number, name)
    return None if row is None else Avatar(**row)


# The key `v` is a namespace that the repository has a collection of.
_HELD = """
    SELECT DISTINCT k.namespace, $1::bigint AS repository_id FROM repository_collection k
    WHERE k.repository_id = $1 AND k.added <= $2 AND (k.removed IS NULL OR k.removed > $2)
"""
_HREF = "$3::text || '/v3/namespaces/' || url_segment(v.namespace) || '/'"
_NAMESPACE_OF = f"""json_build_object(
    'pulp_href', {_HREF},
    'name', v.namespace,
    'company', coalesce(space.body -> 'company', '""'),
    'email', coalesce(space.body -> 'email', '""'),
    'description', coalesce(space.body -> 'description', '""'),
    'resources', coalesce(space.body -> 'resources', '""'),
    'links', coalesce(nullif((space.body -> 'links')::text, 'null'), '[]')::json,
    'avatar_sha256', space.avatar_sha256,
    'avatar_url', CASE WHEN space.avatar_sha256 IS NOT NULL THEN $4::text || {_HREF} || 'avatar/' END,
    'metadata_sha256', space.metadata_sha256
)"""
_NAMESPACES = f"""
    WITH held AS MATERIALIZED ({_HELD}), page AS MATERIALIZED (
        SELECT * FROM held ORDER BY namespace LIMIT $5 OFFSET $6
    )
    SELECT (SELECT count(*) FROM held) AS count,
           (SELECT convert_to(coalesce(json_agg({_NAMESPACE_OF} ORDER BY v.namespace), '[]')::text, 'UTF8')
            FROM page v {SPACE}) AS items
"""
_NAMESPACE = f"""
    SELECT convert_to({_NAMESPACE_OF}::text, 'UTF8') FROM ({_HELD} AND k.namespace = $5 OFFSET 0) v {SPACE}
"""
_AVATAR = f"""
    SELECT a.sha256, a.content_type, a.body
    FROM ({_HELD} AND k.namespace = $3 OFFSET 0) v {SPACE} JOIN avatar a ON a.sha256 = space.avatar_sha256
"""
