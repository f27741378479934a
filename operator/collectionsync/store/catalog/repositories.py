"""Which repositories there are, and of which publication an answer is made."""

from dataclasses import dataclass, field
from enum import Enum

from collectionsync.store.catalog.asked import can_exist
from collectionsync.store.database import Connection
from collectionsync.store.migrate import migrations


class Schema(Enum):
    """What this release can make of a database: only CURRENT can be read. A later migration may change that."""

    MISSING = "Missing"
    OLD = "Old"
    CURRENT = "Current"
    NEWER = "Newer"


async def schema(connection: Connection) -> Schema:
    """Compare the migrations that the database has with those that this release knows."""
    if await connection.fetchval("SELECT to_regclass('schema_migration')") is None:
        return Schema.MISSING
    applied = {row["number"] for row in await connection.fetch("SELECT number FROM schema_migration")}
    known = migrations().keys()
    if not applied:
        return Schema.MISSING
    if applied - known:
        return Schema.NEWER
    return Schema.CURRENT if applied == known else Schema.OLD


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository of the Kubernetes namespace `namespace`, as its publication `number` has it.

    `state` is what the database as a whole is known by: as long as it is the same, so is every row in it. None where
    that cannot be told, as on a standby.
    """

    id: int
    namespace: str
    name: str
    number: int
    state: str | None = field(default=None, compare=False)


async def find_repository(connection: Connection, namespace: str, name: str) -> Repository | None:
    """Return the repository as it was published last; None where there is none, or nothing was published yet."""
    # Of the state: a snapshot names the transactions whose rows it does not see, and every change of a row is made by
    # one (https://www.postgresql.org/docs/current/functions-info.html). A standby does not name them all, and another
    # server that takes its place may use the numbers of transactions again.
    if not can_exist(namespace, name):
        return None
    row = await connection.fetchrow(
        """
        SELECT r.id, r.namespace, r.name, p.number,
               CASE WHEN NOT pg_is_in_recovery()
                    THEN pg_current_snapshot() || ' ' || pg_postmaster_start_time() END AS state
        FROM repository r
        CROSS JOIN LATERAL (SELECT number FROM repository_version v WHERE v.repository_id = r.id
                            ORDER BY number DESC LIMIT 1) p
        WHERE r.namespace = $1 AND r.name = $2
        """,
        namespace,
        name,
    )
    return None if row is None else Repository(**row)


async def published(connection: Connection, repository: Repository) -> str:
    """Return when anything last changed that a client of the repository can see, as a time that never goes back.

    It is later by a microsecond for each change that was counted: two that are noted by clocks in another order than
    they are committed in both move it.
    """
    return str(await connection.fetchval(_PUBLISHED, repository.id, repository.number))


# Counted over all that the repository ever had, since a count must not go down when a version goes.
_PUBLISHED = """
    WITH content AS (
        SELECT max(greatest(c.changed_at, x.changed_at)) AS changed_at,
               sum(c.changes + coalesce(x.changes, 0)) AS changes
        FROM repository_content c LEFT JOIN version_change x USING (version_id)
        WHERE c.repository_id = $1
    ), spaces AS (
        SELECT max(n.checked_at) AS changed_at, sum(n.changes) AS changes
        FROM source_namespace n
        WHERE EXISTS (SELECT FROM repository_collection k WHERE (k.repository_id, k.namespace) = ($1, n.name))
    ), publications AS (
        SELECT max(created_at) AS changed_at FROM repository_version WHERE repository_id = $1 AND number <= $2
    )
    SELECT utc_text(greatest(publications.changed_at, content.changed_at, spaces.changed_at)
                    + ($2 + coalesce(content.changes, 0) + coalesce(spaces.changes, 0)) * interval '1 microsecond')
    FROM publications, content, spaces
"""
